"""Recorded reads from CSV: columns found or mapped, units assumed and said, errors that name row and column."""

from pathlib import Path

import numpy as np
import pytest

from stream.model import DeviceEventKind
from stream.recorded import RecordedError, parse_csv, read_csv

OURS = """time_us,epc,reader,antenna,rssi_dbm,channel,phase_rad,doppler_hz,gpi,state
1000300,e200aa,r1,2,-61.5,7,1.5,-2.0,,
1000100,E200BB,r1,1,-50.0,3,,,,
1000200,,r1,,,,,,1,1
1000400,,r1,,,,,,1,0
"""


def test_our_own_columns() -> None:
    reads = parse_csv(OURS)
    assert reads.time_us.tolist() == [1000100, 1000300]
    assert [reads.tags[tag] for tag in reads.tag] == ["E200BB", "E200AA"]
    assert reads.antenna.tolist() == [1, 2]
    assert reads.channel.tolist() == [3, 7]
    assert np.isnan(reads.phase_rad[0])
    assert reads.phase_rad[1] == 1.5
    assert [(e.kind, e.device, e.port, e.state, e.at_us) for e in reads.events] == [
        (DeviceEventKind.GPI, "r1", 1, True, 1000200),
        (DeviceEventKind.GPI, "r1", 1, False, 1000400),
    ]


def test_other_headers_delimiters_and_units() -> None:
    text = (
        "Timestamp;EPC;Antenna;PeakRssiInDbm;Phase Angle (deg);Frequency (MHz)\n"
        "2026-01-05T08:00:00.100Z;E1;Ant 2;-5850;90;902.75\n"
        "2026-01-05T08:00:00.200Z;E1;Ant 1;-6000;180;903.25\n"
    )
    reads = parse_csv(text)
    assert reads.readers == ("reader",)
    assert reads.antenna.tolist() == [2, 1]
    assert reads.rssi_dbm.tolist() == [-58.5, -60.0]
    assert reads.phase_rad.tolist() == pytest.approx([np.pi / 2, np.pi])
    assert reads.channel.tolist() == [1, 2]
    assert set(reads.notes) >= {"time as date and time", "rssi in hundredths of a dBm", "phase in degrees"}


def test_twelve_bit_phase() -> None:
    reads = parse_csv("time,epc,antenna,phase\n1.5,E1,1,2048\n2.5,E1,1,4095\n")
    assert reads.phase_rad[0] == pytest.approx(np.pi)


def test_antennas_named_by_words_are_numbered() -> None:
    reads = parse_csv("time,epc,antenna\n1.5,E1,left\n2.5,E1,right\n")
    assert reads.antenna.tolist() == [1, 2]
    assert "antennas numbered: left=1, right=2" in reads.notes


def test_places_of_antennas_are_kept() -> None:
    reads = parse_csv("time,epc,antenna,zone\n1.5,E1,1,a\n2.5,E1,2,b\n")
    assert reads.places == (("reader", 1, "a"), ("reader", 2, "b"))


def test_a_mapping_says_which_column_is_which() -> None:
    reads = parse_csv("when,what,where,other\n1.5,E1,1,-50\n", {"time": "when", "epc": "what", "antenna": "where"})
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("text", "mapping", "message"),
    [
        ("", {}, "header row"),
        ("time,antenna\n1,1\n", {}, "no column for epc"),
        ("time,epc,antenna\n", {}, "no row has an epc"),
        ("time,epc,antenna\n1.5,E1\n", {}, "row 2: 2 fields"),
        ("time,epc,antenna\n1.5,E1,1\nnoon,E1,1\n", {}, "row 3, column time: 'noon'"),
        ("time,epc,antenna,rssi\n1.5,E1,1,loud\n", {}, "row 2, column rssi: 'loud' is not a number"),
        ("time,epc,antenna\n1.5,E1,1\n1.6,,\n", {}, "row 3: neither an epc in column epc nor a gpi"),
        ("time,epc,antenna,gpi,state\n1.5,E1,1,,\n1.6,,,1,maybe\n", {}, "row 3, column state"),
        ("time,epc,antenna\n1.5,E1,1\n", {"epc": "tag"}, "epc=tag"),
        ("time,epc,antenna\n1.5,E1,1\n", {"colour": "epc"}, "no field 'colour'"),
    ],
)
def test_errors_name_row_and_column(text: str, mapping: dict[str, str], message: str) -> None:
    with pytest.raises(RecordedError, match=message):
        parse_csv(text, mapping)


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_bytes(b"\xef\xbb\xbf" + OURS.encode())
    assert len(read_csv(file)) == 2
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordedError, match="UTF-8"):
        read_csv(file)


def test_a_tag_number_that_a_spreadsheet_rounded_is_refused() -> None:
    with pytest.raises(RecordedError, match=r"row 2, column epc: '3.00833E\+23' is not a tag's number.* as text"):
        parse_csv("time,epc,antenna\n1.5,3.00833E+23,1\n")


def test_values_said_to_be_absent_are() -> None:
    reads = parse_csv("time,epc,antenna,rssi\n1.5,E1,1,n/a\n2.5,='E1',1,-50\n")
    assert reads.tags == ("E1",)
    assert np.isnan(reads.rssi_dbm[0])
    assert reads.rssi_dbm[1] == -50.0


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        ("serial,milliseconds,rssi\n7,1000,-50\n7,1250,-51\n", {}),
        ("Reference List 4;reader;7;1000;-50\nReference List 4;reader;7;1250;-51\n", {"epc": "3", "time": "4:ms"}),
        ('{"tag": {"epc": "7"}, "t_ms": 1000, "rssi": -50}\n{"tag": {"epc": "7"}, "t_ms": 1250}\n', {"time": "t_ms"}),
    ],
    ids=["serial numbers and milliseconds", "no header", "JSON lines"],
)
def test_what_readers_write_beside_csv_with_a_header(text: str, mapping: dict[str, str]) -> None:
    reads = parse_csv(text, mapping)
    assert reads.tags == ("7",)
    assert (reads.time_us - reads.time_us[0]).tolist() == [0, 250_000]


def test_without_a_header_the_columns_are_asked_for_by_number() -> None:
    with pytest.raises(RecordedError, match=r"no header row.*--column time=1 --column epc=2"):
        parse_csv("2019-01-22 10:07:14;E2801160;4;-52\n2019-01-22 10:07:15;E2801160;4;-52\n")


EYES = [(1, True, 10_000_000), (1, False, 11_000_000), (2, True, 11_500_000), (2, False, 12_000_000)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("time,gpi,state\n10.0,1,1\n11.0,1,0\n11.5,2,1\n12.0,2,0\n", EYES),
        ("t;sensor;blocked\n10,0;eye1;true\n11,0;eye1;false\n11,5;eye2;on\n12,0;eye2;off\n", EYES),
        ("time,state\n10.0,blocked\n11.0,clear\n", EYES[:2]),
    ],
    ids=["as ours", "in words", "one eye"],
)
def test_photo_eyes_from_a_file_of_their_own(
    events: str, expected: list[tuple[int, bool, int]], tmp_path: Path
) -> None:
    (tmp_path / "reads.csv").write_text("time,epc\n9.5,E1\n12.5,E1\n")
    (tmp_path / "eyes.csv").write_text(events)
    reads = read_csv(tmp_path / "reads.csv", events=tmp_path / "eyes.csv")
    assert [(event.port, event.state, event.at_us) for event in reads.events] == expected


def test_photo_eyes_of_another_day_are_refused(tmp_path: Path) -> None:
    (tmp_path / "reads.csv").write_text("time,epc\n2026-01-05T08:00:00Z,E1\n2026-01-05T08:01:00Z,E1\n")
    (tmp_path / "eyes.csv").write_text("time,gpi,state\n2026-01-06T08:00:00Z,1,1\n")
    with pytest.raises(RecordedError, match=r"eyes\.csv: its times and those of the reads do not meet"):
        read_csv(tmp_path / "reads.csv", events=tmp_path / "eyes.csv")


def test_reads_that_say_how_the_photo_eye_stood() -> None:
    reads = parse_csv("time,epc,photo_eye,blocked\n1.0,E1,1,0\n1.2,E1,1,1\n1.4,E2,1,1\n1.6,E2,1,0\n1.8,E2,1,0\n")
    assert [(event.state, event.at_us) for event in reads.events] == [(True, 1_200_000), (False, 1_600_000)]
