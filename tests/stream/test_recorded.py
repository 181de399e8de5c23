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
