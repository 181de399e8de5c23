"""Boxes that follow one another closely past one photo-eye: each has its own tags, whoever else is heard meanwhile."""

from dataclasses import replace

import msgspec
import pytest

from stream.model import Passage, TagVerdict
from stream.operators.passage_belt import BELT_FEATURES
from stream.operators.passages import PassageOperator, PassageParams, PassageState
from tests.stream.operators.analytic_door import EYES, OWN, SIDES, Door, plain_model, portal
from tests.stream.operators.doubting_model import by_hand, nothing_belongs

BELT = replace(portal(eyes=False), photo_eyes=EYES[1:], beams_clear_s=0.2)
PARAMS = PassageParams(model=plain_model(), provisional_every_s=None)
BOXES = [[f"{box:02X}{tag:02X}" for tag in range(5)] for box in range(8)]


def belt(pitch_s: float) -> Door:
    """Boxes at walking pace, `pitch_s` apart; a pallet stands beside the belt."""
    door = Door(seed=5)
    door.park([f"EE{tag:02X}" for tag in range(4)], 0.0, 80.0, 1.5, 3.0)
    for number, epcs in enumerate(BOXES):
        door.walk(epcs, 30.0 + number * pitch_s, 1, speed_m_s=1.0)
    return door


def decided(door: Door, cut_at: int | None = None, params: PassageParams = PARAMS) -> list[Passage]:
    """Every revision; with `cut_at` the operator ends there, and another goes on from what it knew."""
    op = PassageOperator(BELT, frozenset(OWN), SIDES, params)
    out: list[Passage] = []
    for number, (now_us, items) in enumerate(door.slices()):
        if number == cut_at:
            kept = msgspec.msgpack.encode(op.snapshot())
            op = PassageOperator(BELT, frozenset(OWN), SIDES, params, msgspec.msgpack.decode(kept, type=PassageState))
        out += op.on_batch(now_us, items)
    return out


def last_word(said: list[Passage]) -> list[list[str]]:
    """The tags of each passage by its last final revision, in the order they opened."""
    last = {passage.passage_id: passage for passage in said if passage.final}
    return [
        sorted(tag.epc for tag in passage.tags if tag.verdict is TagVerdict.BELONGS)
        for passage in sorted(last.values(), key=lambda passage: passage.opened_us)
    ]


def comparable(said: list[Passage]) -> list[Passage]:
    return [replace(passage, evidence=None) for passage in said]


@pytest.mark.parametrize("pitch_s", [3.0, 4.0, 8.0])
def test_every_box_has_its_tags_and_no_others(pitch_s: float) -> None:
    assert last_word(decided(belt(pitch_s))) == BOXES


def test_no_tag_is_in_two_boxes_at_the_end() -> None:
    claimed = [epc for box in last_word(decided(belt(3.0))) for epc in box]
    assert len(claimed) == len(set(claimed))


def test_a_window_is_final_before_the_next_box_came_and_amended_once_it_has() -> None:
    said = [passage for passage in decided(belt(3.0)) if passage.final]
    first = min(said, key=lambda passage: passage.opened_us).passage_id
    revisions = [passage.revision for passage in said if passage.passage_id == first]
    assert revisions[0] == 0
    assert revisions == sorted(revisions)


def test_without_a_next_box_its_tags_are_waited_for() -> None:
    door = Door(seed=5)
    door.walk(BOXES[0], 4.0, 1, speed_m_s=1.0)
    said = decided(door)
    assert [passage.revision for passage in said] == [0]
    assert last_word(said) == [BOXES[0]]


def test_what_comes_round_again_is_a_load_again() -> None:
    door = Door(seed=5)
    for lap in range(6):
        door.walk(BOXES[0], 4.0 + 12.0 * lap, 1, speed_m_s=1.0)
    assert last_word(decided(door)) == [BOXES[0]] * 6


def test_what_is_heard_as_long_as_the_belt_runs_is_told_by_its_course_and_what_comes_with_a_box_by_its() -> None:
    door = Door(seed=5)
    beside = [f"EE{tag:02X}" for tag in range(4)]
    door.park(beside, 28.0, 70.0, 0.6, 1.0)  # as loud as a box, and not there before the first
    for number, epcs in enumerate(BOXES):
        door.walk(epcs, 30.0 + number * 4.0, 1, speed_m_s=1.0)
    course = by_hand({"belt_spread_s": -20.0}, 42.0, BELT_FEATURES)
    params = replace(PARAMS, model=replace(plain_model(), belts=course))
    assert last_word(decided(door, params=params)) == BOXES


def test_belts_weights_have_the_say_when_a_window_closed_and_not_before() -> None:
    nobody = replace(plain_model(), belts=nothing_belongs(BELT_FEATURES))
    said = decided(belt(4.0), params=replace(PARAMS, model=nobody, provisional_every_s=0.25))
    assert not any(last_word(said))
    shown = [tag for passage in said if not passage.final for tag in passage.tags]
    assert any(tag.verdict is TagVerdict.BELONGS for tag in shown)


@pytest.mark.parametrize("cut_at", [130, 145, 160])
def test_cut_anywhere_the_outputs_are_the_same(cut_at: int) -> None:
    door = belt(3.0)
    assert comparable(decided(door, cut_at)) == comparable(decided(door))
