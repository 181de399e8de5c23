"""The second look: what stood down beside the door as a load went through answers on, and is no part of it then."""

import math
from dataclasses import replace

import msgspec
import pytest

from stream.model import Passage, TagVerdict
from stream.operators.passages import PassageOperator, PassageParams, PassageState
from tests.stream.operators.analytic_door import OWN, SIDES, Door, portal
from tests.stream.operators.doubting_model import by_hand, doubting, parked_is_heard_for_long

LOAD = [f"BB{tag:02X}" for tag in range(12)]
BROUGHT = [f"AA{tag:02X}" for tag in range(4)]
LOOK_S = PassageParams().hindsight_s


PARAMS = PassageParams(model=replace(doubting(), hindsight=parked_is_heard_for_long()), provisional_every_s=None)


def story(stays_s: float = 14.0) -> Door:
    """A load goes through, and beside it a pallet is set down that stays for so long."""
    door = Door(seed=4)
    door.walk(LOAD, 20.0, 1)
    door.park(BROUGHT, 22.5, 22.5 + stays_s, 0.6, 1.0)
    return door


def decided(
    door: Door, every_s: float = 0.25, cut_at: int | None = None, eyes: bool = True, params: PassageParams = PARAMS
) -> list[tuple[int, Passage]]:
    """Final revisions with the watermark, until half a minute after; with `cut_at` restored there from a snapshot."""
    calls = door.slices(every_s)
    calls += [(calls[-1][0] + second * 1_000_000, []) for second in range(1, 30)]
    op = PassageOperator(portal(eyes), frozenset(OWN), SIDES, params)
    out: list[tuple[int, Passage]] = []
    for number, (now_us, items) in enumerate(calls):
        if number == cut_at:
            kept = msgspec.msgpack.encode(op.snapshot())
            state = msgspec.msgpack.decode(kept, type=PassageState)
            op = PassageOperator(portal(eyes), frozenset(OWN), SIDES, params, state)
        out += [(now_us, passage) for passage in op.on_batch(now_us, items)]
    return out


def said(passage: Passage, verdict: TagVerdict) -> set[str]:
    return {tag.epc for tag in passage.tags if tag.verdict is verdict}


@pytest.mark.parametrize("eyes", [True, False])
def test_what_stays_beside_the_door_is_taken_back_once_the_load_is_gone(eyes: bool) -> None:
    (at_us, first), (again_us, last) = decided(story(), eyes=eyes)
    assert said(first, TagVerdict.BELONGS) >= set(LOAD)
    assert not set(BROUGHT) <= said(first, TagVerdict.STRAY)
    assert at_us - first.closed_us <= 2_000_000
    assert 0 <= again_us - (last.closed_us + LOOK_S * 1e6) <= 500_000
    assert said(last, TagVerdict.BELONGS) == set(LOAD)
    assert said(last, TagVerdict.STRAY) == set(BROUGHT)
    assert (last.passage_id, first.revision, last.revision) == (first.passage_id, 0, 1)
    assert (last.opened_us, last.closed_us, last.direction) == (first.opened_us, first.closed_us, first.direction)
    assert not first.is_amendment
    assert last.is_amendment


def test_a_second_look_that_finds_the_same_says_nothing() -> None:
    door = Door(seed=4)
    door.walk(LOAD, 20.0, 1)
    assert len(decided(door)) == 1


@pytest.mark.parametrize(("score", "stands"), [(0.65, True), (0.5, False)])
def test_a_second_look_in_doubt_leaves_in_the_load_what_it_leans_to(score: float, stands: bool) -> None:
    """What belonged is posted by then."""
    in_doubt = by_hand({}, math.log(score / (1.0 - score)))
    params = replace(PARAMS, model=replace(doubting(), hindsight=in_doubt))
    (_, first), *amended = decided(story(), params=params)
    last = amended[-1][1] if amended else first
    belonged = said(first, TagVerdict.BELONGS)
    assert belonged
    assert belonged <= said(last, TagVerdict.BELONGS if stands else TagVerdict.UNSURE)


def test_the_evidence_reaches_to_the_second_look() -> None:
    *_, (_, last) = decided(story())
    assert last.evidence is not None
    assert last.closed_us + (LOOK_S - 1.0) * 1e6 < last.evidence.first_us.max() <= last.closed_us + LOOK_S * 1e6


@pytest.mark.parametrize("eyes", [True, False])
def test_looks_do_not_depend_on_batches_or_restarts(eyes: bool) -> None:
    whole = decided(story(), eyes=eyes)
    finals = [replace(passage, evidence=None) for _, passage in whole]
    closed = next(number for number, (now_us, _) in enumerate(story().slices()) if now_us == whole[0][0])
    for cut_at in (closed, closed + 1, closed + 20, closed + 36, closed + 40):
        cut = decided(story(), cut_at=cut_at, eyes=eyes)
        assert [replace(passage, evidence=None) for _, passage in cut] == finals
    coarse = decided(story(), every_s=1.0, eyes=eyes)
    # Ids are of the batch that opened the window.
    same = [replace(passage, evidence=None, passage_id=finals[0].passage_id) for _, passage in coarse]
    assert same == finals


def test_the_operator_asks_to_be_woken_for_it() -> None:
    calls = story(stays_s=4.0).slices()
    op = PassageOperator(portal(eyes=True), frozenset(OWN), SIDES, PARAMS)
    finals = [passage for now_us, items in calls for passage in op.on_batch(now_us, items)]
    woken = 0
    while (due_us := op.next_wakeup()) is not None:
        finals += op.on_wakeup(due_us)
        woken += 1
    assert 1 <= woken <= 60
    assert op.snapshot().settled[0].until_us is not None
    assert len({passage.passage_id for passage in finals}) == 1


def test_late_reads_after_the_second_look_leave_its_word_standing() -> None:
    door = story()
    calls = door.slices()
    op = PassageOperator(portal(eyes=True), frozenset(OWN), SIDES, PARAMS)
    finals = [passage for now_us, items in calls for passage in op.on_batch(now_us, items)]
    late = [piece for _, items in calls[88:100] for piece in items]
    finals += op.on_batch(calls[-1][0], late)
    assert said(finals[-1], TagVerdict.BELONGS) == set(LOAD)
    assert said(finals[-1], TagVerdict.STRAY) == set(BROUGHT)
