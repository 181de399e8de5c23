"""What a score says of truth in another time than the reads, and of sides that were not told."""

from dataclasses import replace

import pytest

from stream.recorded import RecordedError, RecordedReads, parse_csv
from stream.recorded_truth import RecordedTruth, TrueLoad
from tagledger.decide import decide
from tagledger.recorded_site import assumptions, site_of, with_true_windows
from tagledger.score import score_recording
from tagledger.score_notes import in_one_time, sides_by_truth
from warehouse.site import Direction

S = 1_000_000
BEGIN_US = 1_767_600_000 * S  # 2026-01-05T08:00:00Z
HOUR_US = 3_600 * S
LOADS = 8


@pytest.fixture(scope="module")
def door() -> tuple[RecordedReads, RecordedTruth]:
    """Loads of three tags, a minute apart, in and out in turn; going in, antenna 2 hears them later than antenna 1."""
    lines, loads = ["time,epc,antenna"], []
    for number in range(LOADS):
        way = Direction.IN if number % 2 else Direction.OUT
        start = BEGIN_US + 60 * S * number
        epcs = tuple(f"L{number}T{tag}" for tag in range(3))
        for tag, epc in enumerate(epcs):
            later = 500_000 if way is Direction.IN else -500_000
            at = start + S + 70_000 * tag + 11_000 * number
            lines += [f"{at},{epc},1", f"{at + later},{epc},2"]
        loads.append(TrueLoad(f"L{number}", "", way, start, start + 2 * S, epcs))
    return parse_csv("\n".join(lines) + "\n"), RecordedTruth(tuple(loads))


def moved(truth: RecordedTruth, by_us: int) -> RecordedTruth:
    return RecordedTruth(
        tuple(replace(load, start_us=load.start_us + by_us, end_us=load.end_us + by_us) for load in truth.loads)
    )


@pytest.mark.parametrize(
    ("by_us", "said"),
    [
        (8 * HOUR_US, "8:00 hours ahead of the reads'"),
        (-19 * HOUR_US // 4, "4:45 hours behind the reads'"),
        (-BEGIN_US - 989_000, "to count from the first read"),
        (8 * HOUR_US - BEGIN_US, "for times of the day of the first read"),
    ],
)
def test_truth_in_another_time_is_moved_to_the_reads(
    door: tuple[RecordedReads, RecordedTruth], by_us: int, said: str
) -> None:
    reads, truth = door
    found, notes = in_one_time(reads, moved(truth, by_us))
    assert abs(found.loads[0].start_us - truth.loads[0].start_us) < S
    (note,) = notes
    assert said in note


@pytest.mark.parametrize("by_us", [0, 400_000 * S, 7 * 60 * S])
def test_truth_that_fits_or_never_will_stays(door: tuple[RecordedReads, RecordedTruth], by_us: int) -> None:
    reads, truth = door
    assert in_one_time(reads, moved(truth, by_us)) == (moved(truth, by_us), [])


def test_the_truths_directions_tell_which_sides_to_say(door: tuple[RecordedReads, RecordedTruth]) -> None:
    reads, truth = door
    (note,) = sides_by_truth(site_of(reads, truth), reads, truth)
    assert "--side reader:1=outside --side reader:2=inside" in note
    assert sides_by_truth(site_of(reads, truth, sides=["1=inside", "2=outside"]), reads, truth) == []
    few = RecordedTruth(truth.loads[:2])
    assert sides_by_truth(site_of(reads, few), reads, few) == []


def test_two_photo_eyes_that_agree_say_a_direction_where_nothing_else_does() -> None:
    rows = [f"{at},,,{gpi},{level}" for at, gpi, level in ((9.0, 1, 1), (10.0, 1, 0), (9.6, 2, 1), (10.6, 2, 0))]
    for number in range(12):
        rows += [
            f"{8.0 + 0.25 * step + 0.01 * number},E{number},-{60 - min(step, 14 - step) * 2},," for step in range(15)
        ]
    reads = parse_csv("time,epc,rssi,gpi,state\n" + "\n".join(rows) + "\n")
    eyes = ["1=outside", "2=inside"]
    (told,) = decide(site_of(reads, None, eyes=eyes), reads, lead_s=5.0).final
    assert told.direction is Direction.IN
    (other,) = decide(site_of(reads, None, eyes=["2=outside", "1=inside"]), reads, lead_s=5.0).final
    assert other.direction is Direction.OUT
    (unwired,) = decide(site_of(reads, None), reads, lead_s=5.0).final
    assert unwired.direction is Direction.UNSURE


def test_the_truths_windows_stand_in_for_a_photo_eye(door: tuple[RecordedReads, RecordedTruth]) -> None:
    reads, truth = door
    late = replace(truth.loads[0], start_us=truth.loads[0].end_us - S, end_us=truth.loads[0].end_us + S)
    site, seen, notes = with_true_windows(site_of(reads, truth), reads, RecordedTruth((*truth.loads, late)))
    (eye,) = site.portals[0].photo_eyes
    assert {(event.device, event.port) for event in seen.events} == {(eye.reader, eye.gpi)}
    spans = [(load.start_us, load.end_us) for load in truth.loads]
    told = [(a.at_us, b.at_us) for a, b in zip(seen.events[::2], seen.events[1::2], strict=True)]
    assert told == [(spans[0][0], late.end_us), *spans[1:]]  # what overlaps cannot be parted
    assert "no finding" in notes[0]
    with pytest.raises(RecordedError, match="photo-eyes already"):
        with_true_windows(site, reads, truth)


def test_what_an_option_names_and_the_recording_lacks_is_said() -> None:
    reads = parse_csv("time,epc,antenna,gpi,state\n9.0,,,1,1\n9.1,E1,1,,\n9.2,E1,2,,\n10.0,,,1,0\n")
    sides = ["1=inside", "9=outside"]
    said = assumptions(site_of(reads, None, sides=sides, eyes=["2=outside"]), reads, None, sides)
    assert any("nothing was read by reader:9" in note for note in said)
    assert any("no direction can be told" in note for note in said)
    assert "the recording has no event of the photo-eye at reader:2" in said
    assert any("events of reader:1 are not used: --eye reader:1=outside" in note for note in said)
    sides = ["1=inside", "2=outside"]
    assert len(assumptions(site_of(reads, None, sides=sides, eyes=["1=outside"]), reads, None, sides)) == 1


def test_one_antenna_is_not_told_to_have_two_sides() -> None:
    reads = parse_csv("time,epc,antenna,gpi,state\n9.0,,,1,1\n9.1,E1,1,,\n10.0,,,1,0\n")
    said = assumptions(site_of(reads, None, eyes=["1=outside"]), reads, None)
    assert any("by one antenna without photo-eyes on two sides" in note for note in said)


def test_loads_that_share_a_passage_are_said_to_need_a_photo_eye() -> None:
    """Two boxes of four tags, half a second apart under one antenna."""
    lines, loads = ["time,epc,antenna,rssi"], []
    for box in range(2):
        epcs = tuple(f"B{box}T{tag}" for tag in range(4))
        start = BEGIN_US + box * S // 2
        lines += [
            f"{start + step * 100_000 + 7_000 * tag},{epc},1,{-50 - abs(step - 10)}"
            for tag, epc in enumerate(epcs)
            for step in range(20)
        ]
        loads.append(TrueLoad(f"B{box}", "", Direction.UNSURE, start + S * 3 // 4, start + S * 5 // 4, epcs))
    reads, truth = parse_csv("\n".join(lines) + "\n"), RecordedTruth(tuple(loads))
    hint = "a photo-eye parts loads"
    assert any(hint in note for note in score_recording(site_of(reads, truth), reads, truth).notes)
    site, seen, _ = with_true_windows(site_of(reads, truth), reads, truth)
    assert not any(hint in note for note in score_recording(site, seen, truth).notes)
