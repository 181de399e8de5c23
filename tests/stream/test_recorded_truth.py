"""Truth files: loads and stays, as CSV and as JSON."""

import pytest

from stream.recorded import RecordedError
from stream.recorded_truth import WHOLE, TrueLoad, TrueStay, parse_csv, parse_json
from warehouse.site import Direction

CSV = """kind,id,place,direction,start_us,end_us,epc
load,L1,door-1,in,1000000000000000,1000000002000000,e1
load,L1,door-1,in,1000000000000000,1000000002000000,e2
stay,,zone-1,,1000000000000000,1000000009000000,e3
"""
JSON = """{"loads": [{"id": "L1", "portal": "door-1", "direction": "in", "start_us": 1000000000000000,
 "end_us": 1000000002000000, "epcs": ["e1", "e2"]}],
 "stays": [{"epc": "e3", "zone": "zone-1", "start_us": 1000000000000000, "end_us": 1000000009000000}]}"""
LOAD = TrueLoad("L1", "door-1", Direction.IN, 10**15, 10**15 + 2_000_000, ("E1", "E2"))
STAY = TrueStay("E3", "zone-1", 10**15, 10**15 + 9_000_000)


def test_csv_and_json_say_the_same() -> None:
    truth = parse_csv(CSV)
    assert truth == parse_json(JSON)
    assert truth.loads == (LOAD,)
    assert truth.stays == (STAY,)


def test_the_kind_follows_from_what_is_there() -> None:
    truth = parse_csv("tag,pallet,door\nE1,P1,d\nE2,P1,d\n")
    assert truth.loads == (TrueLoad("P1", "d", Direction.UNSURE, *WHOLE, ("E1", "E2")),)
    assert parse_csv("tag,zone,start,end\nE1,z,2026-01-05 08:00,2026-01-05 09:00\n").stays[0].zone == "z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("place,start\na,1\n", "no column for epc"),
        ("epc,direction\nE1,sideways\n", "row 2, column direction: 'sideways'"),
        ("epc,kind\nE1,visit\n", "row 2, column kind"),
        ("epc,start\nE1,5\nE2,later\n", "row 3, column start|row 2, column start"),
        ("epc,start,end\nE1,5,6\nE2,9,8\n", "row 3, column end: 8 lies before the start, 9 in column start; swap them"),
    ],
)
def test_csv_errors_name_row_and_column(text: str, message: str) -> None:
    with pytest.raises(RecordedError, match=message):
        parse_csv(text)


@pytest.mark.parametrize("text", ["{", '{"loads": [{"id": 1}]}', '{"loads": [{"epcs": ["E1"], "direction": "up"}]}'])
def test_json_that_is_no_truth_is_refused(text: str) -> None:
    with pytest.raises(RecordedError, match="truth"):
        parse_json(text)


def test_json_whose_end_lies_before_its_start_is_refused() -> None:
    with pytest.raises(RecordedError, match=r"^truth: the end of L7 lies before its start"):
        parse_json('{"loads": [{"id": "L7", "epcs": ["E1"], "start": 9, "end": 8}]}')


def test_a_list_of_tags_and_a_list_of_windows() -> None:
    windows = "pallet,door,direction,start,end\nP1,d1,in,10.5,12.5\nP2,d1,out,20.5,22.5\n"
    truth = parse_csv("tag,pallet\nE1,P1\nE2,P1\nE3,P2\n", windows=windows)
    assert [(load.load_id, load.portal, load.direction.value, load.epcs) for load in truth.loads] == [
        ("P1", "d1", "in", ("E1", "E2")),
        ("P2", "d1", "out", ("E3",)),
    ]
    assert truth.loads[1].start_us == 20_500_000


def test_windows_of_tags_alone_make_loads_of_those_that_overlap() -> None:
    truth = parse_csv("epc,start,end\nE1,10.0,12.5\nE2,11.0,13.0\nE3,30.0,31.5\n")
    assert [(load.epcs, load.start_us, load.end_us) for load in truth.loads] == [
        (("E1", "E2"), 10_000_000, 13_000_000),
        (("E3",), 30_000_000, 31_500_000),
    ]


def test_a_stay_lasts_until_the_tags_next() -> None:
    truth = parse_csv("tag,zone,time\nE1,a,1.5\nE2,b,1.5\nE1,b,9.5\n")
    assert [(stay.epc, stay.zone, stay.start_us) for stay in truth.stays] == [
        ("E1", "a", 1_500_000),
        ("E1", "b", 9_500_000),
        ("E2", "b", 1_500_000),
    ]
    assert truth.stays[0].end_us == 9_500_000


def test_the_unit_of_times_follows_from_when_the_reads_are() -> None:
    truth = parse_csv("tag,load,start,end\nE1,a,12,15\n", span_us=(0, 60_000_000))
    assert truth.loads[0].start_us == 12_000_000


def test_a_tag_is_found_however_it_is_written() -> None:
    truth = parse_csv("epc,load\ne280 1160-6000,a\n0xE28011606001,a\n")
    assert truth.loads[0].epcs == ("E28011606000", "E28011606001")


def test_a_load_that_passes_several_times() -> None:
    windows = "reflist,start,end\nP1,10.5,12.5\nP2,20.5,22.5\nP1,30.5,32.5\n"
    truth = parse_csv("Epc,refList\nE1,P1\nE2,P1\nE3,P2\n", windows=windows)
    assert [(load.load_id, load.start_us, load.epcs) for load in truth.loads] == [
        ("P1", 10_500_000, ("E1", "E2")),
        ("P2", 20_500_000, ("E3",)),
        ("P1 (2)", 30_500_000, ("E1", "E2")),
    ]


def test_a_mapping_is_for_the_file_that_has_the_column() -> None:
    mapping = {"id": "what", "start": "opened by:s", "epc": "who"}
    truth = parse_csv("who,what\nE1,P1\n", mapping, windows="what,opened by,end\nP1,10,12\n")
    assert (truth.loads[0].start_us, truth.loads[0].epcs) == (10_000_000, ("E1",))


def test_windows_of_other_loads_are_refused() -> None:
    with pytest.raises(RecordedError, match=r"none of the loads of the tags \(P1, \.\.\.\) is among the windows \(Q7"):
        parse_csv("epc,load\nE1,P1\n", windows="load,start,end\nQ7,10.5,12.5\n")
