"""Which load stood on the scale: the one that came through last, told once it is decided, the same in every replay."""

import json
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from stream.model import EMPTY, BatchId, DeviceEvent, DeviceEventKind, Passage, PassageTag, TagVerdict
from stream.operators.slices import PlaceSlice
from stream.operators.weighing import PENDING_MAX, WeighingOperator, WeighingState
from stream.snapshots import decode_state, encode_state
from warehouse.loads import Weighing
from warehouse.site import Direction, Scale

S = 1_000_000
T0 = 1_000 * S
SCALES = {name: Scale(name, "h", "tuna-id551", place="door-1", tie_within_s=60.0) for name in ("scale-1", "scale-2")}


def passage(
    number: int, opened_s: float, closed_s: float, *, final: bool = True, epcs: tuple[str, ...] = ()
) -> Passage:
    tags = tuple(PassageTag(epc, TagVerdict.BELONGS, 0.99, T0, T0, 5) for epc in epcs or (f"E{number}",))
    stray = PassageTag("EE", TagVerdict.STRAY, 0.01, T0, T0, 1)
    opened_us, closed_us = T0 + int(opened_s * S), T0 + int(closed_s * S)
    return Passage(UUID(int=number), "door-1", opened_us, closed_us, Direction.IN, 0.99, (*tags, stray), final, 0)


def weight(
    at_s: float, kg: str = "812.5", *, on_s: float | None = None, scale: str = "scale-1", counter: int = 1
) -> PlaceSlice:
    at_us = T0 + int(at_s * S)
    on_us = at_us - S if on_s is None else T0 + int(on_s * S)
    detail = json.dumps({"kg": kg, "on_since_us": on_us})
    event = DeviceEvent(scale, DeviceEventKind.WEIGHT, at_us, value=float(kg), detail=detail)
    return PlaceSlice(BatchId("dock", "e", counter), EMPTY, (event,))


def operator(state: WeighingState | None = None, *, portal: bool = True) -> WeighingOperator:
    return WeighingOperator("door-1" if portal else "rack", "RACK-1", portal, SCALES, state)


def told(to: WeighingOperator, *items: tuple[float, PlaceSlice | Passage], until_s: float = 100.0) -> list[Weighing]:
    """Give items at their seconds, wake it when it asks, and run time to the end."""
    out: list[Weighing] = []
    for at_s, item in items:
        while (due := to.next_wakeup()) is not None and due <= T0 + int(at_s * S):
            out += to.on_wakeup(due)
        out += to.on_batch(T0 + int(at_s * S), [item])
    while (due := to.next_wakeup()) is not None and due <= T0 + int(until_s * S):
        out += to.on_wakeup(due)
    return out


def test_the_load_that_came_through_last_is_on_the_scale() -> None:
    (found,) = told(operator(), (10, passage(1, 5, 9)), (20, passage(2, 15, 19)), (26, weight(26)))
    assert (found.passage_id, found.epcs) == (UUID(int=2), ("E2",))
    assert (found.weight_kg, found.scale, found.place, found.location) == (Decimal("812.5"), "scale-1", "door-1", "")


def test_a_load_is_weighed_once_a_scale_and_moved_on_it_stays_the_same_load() -> None:
    found = told(
        operator(),
        (10, passage(1, 5, 9)),
        (14, weight(14, on_s=12)),
        (16, weight(16, "700", on_s=12, counter=2)),
        (18, weight(18, scale="scale-2", counter=3)),
        (30, weight(30, counter=4)),
    )
    assert [each.passage_id for each in found] == [UUID(int=1), UUID(int=1), UUID(int=1), None]
    assert len({each.weighing_id for each in found}) == 4


def test_what_passed_long_before_or_only_afterwards_is_not_on_it() -> None:
    (early,) = told(operator(), (10, passage(1, 5, 9)), (71, weight(71, on_s=70)))
    assert early.passage_id is None
    (late,) = told(operator(), (10, weight(10)), (12.5, passage(1, 11, 12.5)))
    assert late.passage_id is None


def test_a_passage_that_closes_shortly_after_the_weight_is_waited_for() -> None:
    (found,) = told(operator(), (10, weight(10)), (12, passage(1, 6, 9.9)))
    assert found.passage_id == UUID(int=1)


def test_a_load_that_stands_in_the_door_is_waited_for_but_not_for_ever() -> None:
    (found,) = told(operator(), (6, passage(1, 5, 6, final=False)), (10, weight(10)), (40, passage(1, 5, 39)))
    assert found.passage_id == UUID(int=1)
    (given_up,) = told(operator(), (6, passage(1, 5, 6, final=False)), (10, weight(10)))
    assert given_up.passage_id is None


def test_an_amended_passage_has_its_newest_tags() -> None:
    amended = replace(passage(1, 5, 9, epcs=("A", "B")), revision=1)
    (found,) = told(operator(), (10, passage(1, 5, 9)), (11, amended), (12, weight(12)))
    assert found.epcs == ("A", "B")


def test_a_scale_in_a_zone_names_the_place_in_the_books() -> None:
    (found,) = told(operator(portal=False), (10, weight(10)))
    assert (found.location, found.passage_id, found.place) == ("RACK-1", None, "rack")


def test_state_restored_at_any_point_ends_the_same() -> None:
    items = [(10.0, passage(1, 5, 9)), (14.0, weight(14)), (15.0, passage(2, 12, 14.5)), (30.0, weight(30, counter=2))]
    undisturbed = told(operator(), *items)
    for cut in range(len(items)):
        first = operator()
        before = told(first, *items[:cut], until_s=items[cut][0])
        again = operator(decode_state(encode_state(first.snapshot()), WeighingState))
        assert before + told(again, *items[cut:]) == undisturbed
    assert [each.passage_id for each in undisturbed] == [UUID(int=1), UUID(int=2)]


NO_NUMBERS = ('{"kg": "much", "on_since_us": 1}', '{"kg": "NaN", "on_since_us": 1}')


@pytest.mark.parametrize("detail", ["", "812.5 kg", "{}", "[]", *NO_NUMBERS])
def test_a_detail_of_another_version_is_taken_by_its_value(detail: str) -> None:
    event = DeviceEvent("scale-1", DeviceEventKind.WEIGHT, T0 + 10 * S, value=300.25, detail=detail)
    (found,) = told(operator(), (10, PlaceSlice(BatchId("dock", "e", 1), EMPTY, (event,))))
    assert (found.weight_kg, found.on_since_us) == (Decimal("300.25"), T0 + 10 * S)


def test_too_many_weights_at_once_go_untied_oldest_first() -> None:
    to = operator()
    found = [one for n in range(PENDING_MAX + 2) for one in to.on_batch(T0 + S, [weight(1, counter=n)])]
    assert len(found) == 2
    assert all(one.passage_id is None for one in found)
