"""The passage operator on a small analytic door: windows, ids, revisions, late reads, snapshots."""

import json
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.model import Passage, TagVerdict
from stream.operators.passage_model import parse_model, shipped_model
from stream.operators.passages import PassageOperator, PassageParams, PassageState
from stream.operators.slices import PlaceSlice
from tests.stream.operators.analytic_door import NEXT_DOOR, OWN, SIDES, T0_US, Door, plain_model, portal
from warehouse.site import Direction

LOAD = [f"BB{i:02X}" for i in range(12)]


SEEN = PassageParams(model=plain_model())
UNSEEN = replace(SEEN, provisional_every_s=None)


def operator(eyes: bool, state: PassageState | None = None, params: PassageParams = SEEN) -> PassageOperator:
    return PassageOperator(portal(eyes), frozenset(OWN), SIDES, params, state)


def run(
    eyes: bool, calls: list[tuple[int, list[PlaceSlice]]], params: PassageParams = SEEN
) -> list[tuple[int, Passage]]:
    op = operator(eyes, params=params)
    return [(now_us, passage) for now_us, items in calls for passage in op.on_batch(now_us, items)]


def belonging(passage: Passage) -> list[str]:
    return [tag.epc for tag in passage.tags if tag.verdict is TagVerdict.BELONGS]


def comparable(passages: list[Passage]) -> list[tuple[object, ...]]:
    return [
        (p.passage_id, p.opened_us, p.closed_us, p.direction, p.direction_score, p.tags, p.final, p.revision)
        for p in passages
    ]


@pytest.mark.parametrize("eyes", [True, False])
@pytest.mark.parametrize(("way", "direction"), [(1, Direction.IN), (-1, Direction.OUT)])
def test_a_load_alone_is_one_final_passage_with_its_tags(eyes: bool, way: int, direction: Direction) -> None:
    door = Door()
    door.walk(LOAD, 5.0, way)
    final = [p for _, p in run(eyes, door.slices()) if p.final]
    assert [(belonging(p), p.direction) for p in final] == [(LOAD, direction)]


@pytest.mark.parametrize("eyes", [True, False])
def test_provisional_revisions_come_first_and_the_final_one_within_two_seconds_of_the_close(eyes: bool) -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    said = run(eyes, door.slices())
    assert [p.final for _, p in said] == [False] * (len(said) - 1) + [True]
    assert [p.revision for _, p in said] == [*range(len(said) - 1), 0]
    assert len(said) > 1
    assert len({p.passage_id for _, p in said}) == 1
    now_us, last = said[-1]
    assert now_us - last.closed_us <= 2_000_000


def test_provisional_revisions_are_at_least_a_tick_apart() -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    times = [now_us for now_us, p in run(True, door.slices(0.05)) if not p.final]
    assert all(later - earlier >= 250_000 for earlier, later in pairwise(times))


@pytest.mark.parametrize("eyes", [True, False])
def test_a_tick_is_judged_with_the_batch_that_promises_its_last_microsecond(eyes: bool) -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    promised = [(now_us - 1, items) for now_us, items in door.slices()]
    early, late = run(eyes, promised), run(eyes, door.slices())
    assert [now_us + 1 for now_us, _ in early] == [now_us for now_us, _ in late]
    assert comparable([p for _, p in early]) == comparable([p for _, p in late])
    op = operator(eyes)
    op.on_batch(*promised[0])
    # Until the load was told of; after it, only a second look is waited for.
    there = [call for call in promised[1:] if call[0] < early[-1][0]]
    woken = [(op.next_wakeup(), now_us) for now_us, items in there if not op.on_batch(now_us, items)]
    assert {due_us - now_us for due_us, now_us in woken if due_us is not None} == {250_000}


@pytest.mark.parametrize("eyes", [True, False])
def test_a_tag_that_becomes_certain_is_told_though_no_verdict_changes(eyes: bool) -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    by_and_by = {"features": ["window_s"], "weights": [0.4], "bias": 1.3}
    model = parse_model(json.dumps({"passes": [by_and_by], "direction": {}}))
    said = [p for _, p in run(eyes, door.slices(), replace(SEEN, model=model)) if not p.final]
    assert [belonging(p) for p in said] == [LOAD, LOAD]
    certain_score = portal(eyes).signal.certain_score
    assert [{tag.score >= certain_score for tag in p.tags} for p in said] == [{False}, {True}]


@pytest.mark.parametrize("eyes", [True, False])
def test_final_revisions_are_the_same_when_no_provisional_ones_are_made(eyes: bool) -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    door.walk([f"CC{i:02X}" for i in range(6)], 14.0, -1)
    final = [p for _, p in run(eyes, door.slices()) if p.final]
    assert len(final) == 2
    assert comparable([p for _, p in run(eyes, door.slices(), UNSEEN)]) == comparable(final)


def test_a_load_that_was_none_after_all_is_withdrawn_before_who_saw_it_and_never_was_for_who_did_not() -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    until_1_s = {"features": ["window_s"], "weights": [-20.0], "bias": 20.0}
    model = parse_model(json.dumps({"passes": [until_1_s], "direction": {}}))
    *shown, last = [p for _, p in run(False, door.slices(), replace(SEEN, model=model))]
    assert belonging(shown[0]) == LOAD
    assert not any(p.final or p.withdrawn for p in shown)
    assert (last.final, last.withdrawn, belonging(last)) == (True, True, [])
    assert run(False, door.slices(), replace(UNSEEN, model=model)) == []


def with_truck(door: Door, clear_s: float) -> Door:
    """The same, but what carried the first load breaks the inner beam until then."""
    at_us = T0_US + int(clear_s * 1e6)
    door.events = [
        replace(event, at_us=at_us) if event.port == 2 and not event.state else event for event in door.events
    ]
    return door


def test_a_load_that_has_left_for_sure_is_told_of_while_its_truck_still_breaks_a_beam() -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    (close_us, closed), *more = [each for each in run(True, door.slices()) if each[1].final]
    assert not more
    said = run(True, with_truck(door, 16.0).slices())
    (now_us, told), *amended = [each for each in said if each[1].final]
    assert (belonging(told), told.direction, told.revision, amended) == (LOAD, closed.direction, 0, [])
    assert now_us < T0_US + 13_000_000
    assert not any(p.passage_id == told.passage_id and not p.final for at_us, p in said if at_us > now_us)
    assert close_us - now_us < 3_000_000


def test_what_comes_behind_before_the_beam_is_clear_is_told_at_the_close() -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    behind = [f"CC{i:02X}" for i in range(12)]
    door.walk(behind, 12.0, 1)
    door.events = door.events[:4]
    final = [p for _, p in run(True, with_truck(door, 20.0).slices()) if p.final]
    assert [(p.revision, belonging(p)) for p in final] == [(0, LOAD), (1, [*LOAD, *behind])]
    assert len({p.passage_id for p in final}) == 1


def test_a_load_that_stays_in_the_door_is_not_told_of_before_the_close() -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    door.rows = [row for row in door.rows if row[0] < T0_US + 9_000_000]
    door.park(LOAD, 9.0, 20.0, 0.2, 0.0)
    said = [each for each in run(True, with_truck(door, 16.0).slices()) if each[1].final]
    assert all(now_us > T0_US + 16_000_000 for now_us, _ in said)
    assert said


def test_a_door_with_a_blind_eye_goes_by_what_it_reads() -> None:
    door = Door()
    loads = [[f"B{n}{i:02X}" for i in range(12)] for n in range(4)]
    for n, epcs in enumerate(loads):
        door.walk(epcs, 5.0 + 25.0 * n, 1)
    door.events = [event for event in door.events if event.port == 1]
    final = [p for _, p in run(True, door.slices()) if p.final]
    assert [(belonging(p), p.direction) for p in final[1:]] == [(epcs, Direction.IN) for epcs in loads[1:]]


@pytest.mark.parametrize(("way", "direction"), [(1, Direction.IN), (-1, Direction.OUT)])
def test_two_eyes_alone_say_which_way_where_no_antenna_has_a_side(way: int, direction: Direction) -> None:
    door = Door()
    door.walk(LOAD, 5.0, way)
    params = replace(SEEN, model=replace(plain_model(), direction=shipped_model().direction))
    op = PassageOperator(portal(True), frozenset(OWN), dict.fromkeys(OWN), params)
    said = [passage for now_us, items in door.slices() for passage in op.on_batch(now_us, items)]
    assert [p.direction for p in said if p.final] == [direction]


def test_a_parked_pallet_and_the_load_next_door_do_not_belong() -> None:
    door = Door()
    door.park([f"AA{i:02X}" for i in range(8)], 0.0, 60.0, 1.5, 3.0)
    door.walk(LOAD, 40.0, 1)
    door.walk([f"DD{i:02X}" for i in range(8)], 40.0, 1, lane_m=8.0)
    final = [p for _, p in run(True, door.slices()) if p.final]
    assert belonging(final[0]) == LOAD


def test_a_broken_beam_without_tags_is_a_passage_without_tags() -> None:
    door = Door()
    door.walk([], 5.0, 1)
    final = [p for _, p in run(True, door.slices()) if p.final]
    assert [p.tags for p in final] == [()]


def test_ids_do_not_depend_on_how_often_the_host_asks() -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    calls = door.slices()
    asked = operator(True)
    out = []
    for now_us, items in calls:
        out += list(asked.on_batch(now_us, items))
        out += list(asked.on_wakeup(now_us))
    assert comparable(out) == comparable([p for _, p in run(True, calls)])


@pytest.mark.parametrize("eyes", [True, False])
def test_what_is_decided_does_not_depend_on_how_reads_are_cut_into_batches(eyes: bool) -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    door.walk([f"CC{i:02X}" for i in range(6)], 12.0, -1)
    fine, coarse = ([p for _, p in run(eyes, door.slices(every_s))] for every_s in (0.25, 1.0))
    assert [p[1:] for p in comparable(fine)] == [p[1:] for p in comparable(coarse)]


def test_late_reads_amend_with_a_further_final_revision() -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    whole = door.slices()
    late_tag = LOAD[-1]
    door.rows = [row for row in door.rows if row[1] != late_tag]
    calls = door.slices()
    withheld = Door()
    withheld.walk(LOAD, 5.0, 1)
    withheld.rows = [row for row in withheld.rows if row[1] == late_tag]
    late = [piece for _, items in withheld.slices() for piece in items]
    said = run(True, [*calls, (calls[-1][0], late)])
    first, amended = [p for _, p in said if p.final]
    assert late_tag not in belonging(first)
    assert belonging(amended) == LOAD
    assert (amended.passage_id, first.revision, amended.revision) == (first.passage_id, 0, 1)
    assert belonging(next(p for _, p in run(True, whole) if p.final)) == LOAD
    unseen = run(True, [*calls, (calls[-1][0], late)], UNSEEN)
    assert comparable([p for _, p in unseen]) == comparable([first, amended])


def test_reads_of_long_before_that_come_while_a_load_is_in_the_door_count_at_once() -> None:
    door, parked = Door(), [f"AA{i:02X}" for i in range(8)]
    door.park(parked, 0.0, 60.0, 1.5, 3.0)
    door.walk(LOAD, 40.0, 1)
    early = [row for row in door.rows if row[1] in parked and row[0] < door.rows[0][0] + 30_000_000]
    withheld = frozenset(early)
    door.rows = [row for row in door.rows if row not in withheld]
    calls = door.slices()
    door.rows = early
    late = [piece for _, items in door.slices() for piece in items]
    kept, restored = operator(True), operator(True)
    said: list[tuple[list[Passage], list[Passage]]] = []
    came = False
    for now_us, items in calls:
        given, record = items, kept.snapshot().open
        if not came and record is not None and record.by_eyes and record.judged_us > record.opened_us + 500_000:
            given, came = [*items, *late], True
        said.append((kept.on_batch(now_us, given), restored.on_batch(now_us, given)))
        restored = operator(True, restored.snapshot())
    assert came
    assert [comparable(ours) for ours, _ in said] == [comparable(theirs) for _, theirs in said]


def test_reads_later_than_the_bound_are_counted_and_change_nothing() -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    calls = door.slices()
    op = operator(True)
    for now_us, items in calls:
        op.on_batch(now_us, items)
    op.on_wakeup(calls[-1][0] + 60_000_000)
    assert op.on_batch(calls[-1][0] + 60_000_000, calls[24][1]) == []
    assert op.late_dropped > 0


def test_evidence_holds_the_sightings_of_own_and_neighbouring_antennas() -> None:
    door = Door()
    door.walk(LOAD, 5.0, 1)
    door.walk([f"DD{i:02X}" for i in range(8)], 5.0, 1, lane_m=7.0)
    evidence = next(p for _, p in run(True, door.slices()) if p.final).evidence
    assert evidence is not None
    assert set(LOAD) <= set(evidence.tags)
    assert set(OWN) <= set(evidence.antennas)
    assert set(evidence.antennas) & set(NEXT_DOOR)
    assert (evidence.first_us[1:] >= evidence.first_us[:-1]).all()


BUSY = Door(seed=3)
BUSY.park([f"AA{i:02X}" for i in range(4)], 0.0, 30.0, 1.5, 3.0)
BUSY.walk(LOAD, 3.0, 1)
BUSY.walk([f"CC{i:02X}" for i in range(6)], 13.0, -1)
BUSY.walk([f"EE{i:02X}" for i in range(6)], 17.0, 1)
CALLS = BUSY.slices()
UNCUT = {eyes: comparable([p for _, p in run(eyes, CALLS)]) for eyes in (True, False)}


@settings(max_examples=25, deadline=None)
@given(eyes=st.booleans(), cuts=st.sets(st.integers(0, len(CALLS) - 1), min_size=1, max_size=6))
def test_cut_anywhere_and_restored_the_outputs_are_the_same(eyes: bool, cuts: set[int]) -> None:
    op = operator(eyes)
    out: list[Passage] = []
    for index, (now_us, items) in enumerate(CALLS):
        if index in cuts:
            kept = msgspec.msgpack.encode(op.snapshot())
            op = operator(eyes, msgspec.msgpack.decode(kept, type=PassageState))
        out += op.on_batch(now_us, items)
    assert comparable(out) == UNCUT[eyes]
