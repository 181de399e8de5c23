"""Recordings as others make them: no strength, a strength of no known unit, one antenna, or nothing but the load."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from simulators.physics.recording import Recording, Truth
from simulators.scenarios.run import simulate
from simulators.scenarios.spec import named
from stream.recorded import parse_csv
from stream.recorded_truth import RecordedTruth, TrueLoad
from tagledger.recorded_site import site_of
from tagledger.score import Scored, score_recording
from warehouse.site import Direction

Row = tuple[int, str, int, float]
"""Time in microseconds, tag, antenna of the one door, dBm."""


@pytest.fixture(scope="module")
def door() -> tuple[list[Row], Truth]:
    """What one conveyor's reader read of three totes, and of whatever else is there."""
    scenario = named("conveyor")
    recording, truth = simulate(
        replace(scenario, traffic=tuple(replace(item, count=3) for item in scenario.traffic)), 1
    )
    return list(rows_of(recording, truth.loads[0].portal)), truth


def rows_of(recording: Recording, reader: str) -> list[Row]:
    mine = [index for index, name in enumerate(recording.readers) if name == reader]
    return [
        (at, recording.epcs[tag], port, float(dbm))
        for at, tag, of, port, dbm in zip(
            recording.time_us.tolist(),
            recording.tag.tolist(),
            recording.reader.tolist(),
            recording.antenna.tolist(),
            recording.rssi_dbm.tolist(),
            strict=True,
        )
        if of in mine
    ]


def scored(rows: list[Row], truth: Truth, strength: Callable[[float], str], antennas: bool = True) -> Scored:
    """The score of rows written as CSV, the strength as `strength` writes it, without sides."""
    lines = ["time_us,epc,rssi" + (",antenna" if antennas else "")]
    lines += [f"{at},{epc},{strength(dbm)}" + (f",{port}" if antennas else "") for at, epc, port, dbm in rows]
    reads = parse_csv("\n".join(lines) + "\n")
    first, last = rows[0][0], rows[-1][0]
    loads = tuple(
        TrueLoad(load.load_id, "", Direction.UNSURE, load.start_us, load.end_us, load.epcs)
        for load in truth.loads
        if first <= load.start_us and load.end_us <= last
    )
    known = RecordedTruth(loads)
    return score_recording(site_of(reads, known), reads, known)


def share(score: Scored, name: str) -> float:
    assert score.passages is not None
    return score.passages.shares()[name].value


@pytest.mark.parametrize(
    "strength",
    [str, lambda dbm: f"{-dbm}", lambda dbm: f"{dbm + 110}", lambda dbm: f"{round(2 * (dbm + 110))}"],
    ids=["dBm", "no sign", "index", "index of 0 to 255"],
)
def test_loads_are_found_whatever_strength_is_written_as(
    door: tuple[list[Row], Truth], strength: Callable[[float], str]
) -> None:
    score = scored(*door, strength)
    assert share(score, "recall") > 0.8
    assert share(score, "precision") > 0.9


def test_without_strength_most_is_found_by_when_and_how_often_tags_are_read(door: tuple[list[Row], Truth]) -> None:
    score = scored(*door, lambda dbm: "")
    assert share(score, "recall") > 0.5
    assert share(score, "precision") > 0.5


def test_one_antenna_finds_most_of_what_it_hears(door: tuple[list[Row], Truth]) -> None:
    rows, truth = door
    busiest = max({row[2] for row in rows}, key=[row[2] for row in rows].count)
    score = scored([row for row in rows if row[2] == busiest], truth, str, antennas=False)
    assert share(score, "recall") > 0.6
    assert share(score, "precision") > 0.9


def test_a_recording_cut_to_its_load_begins_in_silence(door: tuple[list[Row], Truth]) -> None:
    rows, truth = door
    load = truth.loads[0]
    cut = [row for row in rows if row[1] in load.epcs and load.start_us - 300_000 <= row[0] <= load.end_us + 300_000]
    one = replace(truth, loads=(replace(load, start_us=cut[0][0], end_us=cut[-1][0]),))
    score = scored(cut, one, str)
    assert share(score, "recall") == share(score, "precision") == 1.0
    assert any("taken for arriving" in note for note in score.notes)


def test_loads_in_whose_windows_nothing_was_seen_are_named(door: tuple[list[Row], Truth]) -> None:
    rows, truth = door
    gone = truth.loads[1]
    kept = [row for row in rows if not gone.start_us - 6_000_000 <= row[0] <= gone.end_us + 6_000_000]
    score = scored(kept, replace(truth, loads=(gone,)), str)
    assert any(gone.load_id in note and "no passage" in note for note in score.notes)
