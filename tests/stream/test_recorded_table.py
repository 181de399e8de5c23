"""CSV as people bring it: encodings, comments, delimiters, headers of many makes."""

import gzip
from pathlib import Path

import pytest

from stream.recorded import parse_csv, read_csv
from stream.recorded_table import RecordedError, parse_table, read_text, unit_in

ROW = "2026-01-05T08:00:00.250Z"


def test_comments_and_excels_separator_line_are_skipped() -> None:
    table = parse_table("sep=;\n# walked by Kim\n\ntime;epc\n1,5;E1\n")
    assert table.header == ("time", "epc")
    assert table.rows == ((5, ("1,5", "E1")),)
    assert table.decimal_comma


def test_a_header_may_be_the_last_comment() -> None:
    reads = parse_csv(
        "// ItemTest\n// Timestamp, EPC, TID, Antenna, RSSI, Frequency, Hostname, PhaseAngle, DopplerFrequency\n"
        "2026-01-05T08:00:00.2500000Z,E280 1160 6000,,3,-58.5,865.7,speedway-1,1.25,0.5\n"
    )
    assert reads.time_us.tolist() == [1_767_600_000_250_000]
    assert reads.tags == ("E28011606000",)
    assert reads.readers == ("speedway-1",)
    assert (reads.antenna[0], reads.rssi_dbm[0], reads.channel[0]) == (3, -58.5, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_encoding(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "reads.csv"
    file.write_bytes("time;epc;antenna;Ort\n1,5;E1;1;Tür\n".encode(encoding))
    assert "Tür" in read_text(file)
    assert len(read_csv(file)) == 1


@pytest.mark.parametrize(
    "header",
    [
        "time,epc,antenna,rssi",
        "Timestamp,EPC,Antenna,RSSI",
        "TimeStamp (UTC),Tag ID,Antenna Port,Peak RSSI (dBm)",
        "first_seen,epc_hex,antenna_port,peak_rssi_dbm",
        "FirstSeenTime,EPC,AntennaID,PeakRSSI",
        "read_time,tag,ant,rssi_dbm",
        "DateTime,idHex,Antenna Number,RSSI[dBm]",
        "timestampUtc,epcHex,antennaPort,peakRssi",
    ],
)
def test_headers_of_many_makes(header: str) -> None:
    reads = parse_csv(f"{header}\n{ROW},E2801160,2,-61.5\n")
    assert reads.tags == ("E2801160",)
    assert reads.time_us.tolist() == [1_767_600_000_250_000]
    assert (reads.antenna[0], reads.rssi_dbm[0]) == (2, -61.5)


@pytest.mark.parametrize(
    ("column", "unit"),
    [("time_us", "us"), ("Time (ms)", "ms"), ("timestampNs", "ns"), ("time [s]", "s"), ("times", None), ("ts", None)],
)
def test_the_unit_of_a_header(column: str, unit: str | None) -> None:
    assert unit_in(column) == unit


def test_decimal_commas_where_another_delimiter_is() -> None:
    reads = parse_csv("Zeit;epc;antenna;rssi\n1767600000,25;E1;1;-61,5\n", {"time": "Zeit"})
    assert reads.time_us.tolist() == [1_767_600_000_250_000]
    assert reads.rssi_dbm[0] == -61.5


def test_a_delimiter_at_the_end_is_no_field() -> None:
    assert len(parse_csv("time,epc,antenna,\n1.5,E1,1,\n2.5,E1,1,\n")) == 2


def test_a_binary_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "reads.xlsx"
    file.write_bytes(b"PK\x03\x04\0\0\0")
    with pytest.raises(RecordedError, match="save it as CSV"):
        read_csv(file)


def test_a_date_in_a_column_of_its_own() -> None:
    reads = parse_csv("date,time,epc,antenna\n05.01.2026,08:00:00.250,E1,1\n")
    assert reads.time_us.tolist() == [1_767_600_000_250_000]


def test_times_of_day_go_on_past_midnight() -> None:
    reads = parse_csv("time,epc,antenna\n23:59:59.5,E1,1\n00:00:00.5,E1,1\n")
    assert (reads.time_us[1] - reads.time_us[0]) == 1_000_000


def test_a_unit_may_be_said_with_the_column() -> None:
    reads = parse_csv("stamp,epc,antenna\n1500,E1,1\n", {"time": "stamp:ms"})
    assert reads.time_us.tolist() == [1_500_000]


def test_rows_that_stand_for_several_reads_and_recordings_without_antenna_or_rssi() -> None:
    reads = parse_csv("first_seen,last_seen,epc,read count\n1.5,1.9,E1,7\n2.5,2.5,E2,1\n")
    assert reads.count is not None
    assert reads.last_us is not None
    assert reads.count.tolist() == [7, 1]
    assert reads.last_us.tolist() == [1_900_000, 2_500_000]
    assert reads.antenna.tolist() == [1, 1]
    assert "no antenna column: all reads are of antenna 1" in reads.notes
    assert any("no rssi" in note for note in reads.notes)


@pytest.mark.parametrize(("rssi", "dbm"), [("-5850", -58.5), ("58.5", -58.5), ("-58.5", -58.5), ("", None)])
def test_rssi_as_readers_write_it(rssi: str, dbm: float | None) -> None:
    reads = parse_csv(f"time,epc,antenna,rssi\n1.5,E1,1,{rssi}\n")
    assert reads.rssi_dbm[0] == dbm or (dbm is None and reads.rssi_dbm[0] != reads.rssi_dbm[0])


def test_unused_columns_are_told() -> None:
    assert "columns not used: colour" in parse_csv("time,epc,antenna,colour\n1.5,E1,1,red\n").notes


def test_gzipped_files_are_unpacked_and_damaged_ones_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"time,epc\n1.5,E1\n")
    (tmp_path / "reads.csv.gz").write_bytes(packed)
    assert read_text(tmp_path / "reads.csv.gz") == "time,epc\n1.5,E1\n"
    (tmp_path / "reads.csv.gz").write_bytes(packed[:-9])
    with pytest.raises(RecordedError, match="gzipped and damaged"):
        read_text(tmp_path / "reads.csv.gz")


@pytest.mark.parametrize("line", ["{", '{"epc": ["E1"]}', "[1]", '{"epc": "E1"} x'])
def test_json_lines_that_are_none_are_refused_by_row(line: str) -> None:
    with pytest.raises(RecordedError, match="row 2"):
        parse_table('{"epc": "E1", "time": 1}\n' + line + "\n")
