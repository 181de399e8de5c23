"""Where goods are put: cases F of the other systems' test suites, by their ids."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.putaway import Goods, Plan, PutawayRefusal, Shelf, filled, place_for_unit, plan, room, unit_refusal


def shelf(code: str, capacity: int | None = None, priority: int = 0, held: int = 0, **limits: object) -> Shelf:
    return replace(
        Shelf(code, priority, None if capacity is None else Decimal(capacity), Decimal(held)),
        **limits,  # type: ignore[arg-type]
    )


def goods(quantity: int, **facts: object) -> Goods:
    return replace(Goods("A", Decimal(quantity)), **facts)  # type: ignore[arg-type]


def parts(done: Plan) -> list[tuple[str, int]]:
    return [(code, int(quantity)) for code, quantity in done.parts]


BAGS = {"per_unit": Decimal(1000)}
ONE_PASS = {
    "F1": ([shelf("rack1", 200, 1), shelf("rack2", 300, 2)], goods(300), [("rack1", 200), ("rack2", 100)], 0),
    "F2": ([shelf("rack1", 500, held=100), shelf("rack2", 500)], goods(700), [("rack2", 500), ("rack1", 200)], 0),
    "F4": (
        [shelf("rack1", 3000, held=1000, **BAGS), shelf("rack2", 4000, **BAGS)],
        goods(6000),
        [("rack2", 4000), ("rack1", 2000)],
        0,
    ),
    "F9": ([shelf("rack1", 3, 1), shelf("rack2", 2, 2)], goods(5), [("rack1", 3), ("rack2", 2)], 0),
}


@pytest.mark.parametrize("case", ONE_PASS)
def test_case(case: str) -> None:
    shelves, what, expected, unassigned = ONE_PASS[case]
    done = plan(shelves, what)
    assert (parts(done), done.unassigned) == (expected, unassigned)


# Two receipts one after the other; the second counts the first, executed or only planned.
TWO_PASSES = {
    "F6": ([shelf("rack", 200)], goods(100), goods(200), ([("rack", 100)], 0), ([("rack", 100)], 100)),
    "F11": ([shelf("shelf1", 100)], *[goods(100, whole=True)] * 2, ([("shelf1", 100)], 0), ([], 100)),
    "F12": ([shelf("shelf", only_when_empty=True)], *[goods(10)] * 2, ([("shelf", 10)], 0), ([], 10)),
    "F14": (
        [shelf("shelf", weight_max_kg=Decimal(100))],
        *[goods(100, weight_kg=Decimal(1))] * 2,
        ([("shelf", 100)], 0),
        ([], 100),
    ),
    "F16": ([shelf("shelf", 5)], goods(2), goods(200), ([("shelf", 2)], 0), ([("shelf", 3)], 197)),
}


@pytest.mark.parametrize("case", TWO_PASSES)
def test_case_of_two_receipts(case: str) -> None:
    shelves, first, second, expected_first, expected_second = TWO_PASSES[case]
    one = plan(shelves, first)
    two = plan(filled(shelves, first, one), second)
    assert [(parts(p), p.unassigned) for p in (one, two)] == [expected_first, expected_second]


def test_f7_forcing_more_than_fits_is_refused() -> None:
    assert room(shelf("rack", 200), goods(300, whole=True)) is PutawayRefusal.NO_ROOM


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (shelf("s", 10, held=10), PutawayRefusal.NO_ROOM),
        (shelf("s", weight_max_kg=Decimal(1), weight_kg=Decimal(1)), PutawayRefusal.TOO_HEAVY),
        (shelf("s", volume_max_m3=Decimal("0.1")), PutawayRefusal.TOO_LARGE),
        (shelf("s", only_when_empty=True, items=frozenset("A")), PutawayRefusal.NOT_EMPTY),
        (shelf("s", single_item=True, items=frozenset("B")), PutawayRefusal.OTHER_ITEM),
    ],
)
def test_a_refusal_says_why(place: Shelf, why: PutawayRefusal) -> None:
    assert room(place, goods(1, weight_kg=Decimal(1), volume_m3=Decimal(1))) is why


def test_the_nearest_place_of_equal_priority_goes_first() -> None:
    shelves = [shelf("far", 10, distance=9), shelf("near", 5, distance=1)]
    assert parts(plan(shelves, goods(8))) == [("near", 5), ("far", 3)]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6), st.integers(1, 100))
def test_no_place_is_ever_overfilled(limits: list[tuple[int, int]], quantity: int) -> None:
    shelves = [shelf(str(n), capacity, held=min(held, capacity)) for n, (capacity, held) in enumerate(limits)]
    what = goods(quantity)
    done = plan(shelves, what)
    assert sum(q for _, q in done.parts) + done.unassigned == quantity
    assert all(s.capacity is None or s.held <= s.capacity for s in filled(shelves, what, done))


def test_quantities_are_as_fine_as_the_item_is_counted() -> None:
    sand = replace(goods(0), quantity=Decimal("7.5"), step=Decimal("0.001"), weight_kg=Decimal(1))
    assert room(shelf("s", 10), replace(sand, whole=True)) == Decimal("7.5")
    assert place_for_unit([shelf("s", 10)], [sand]) == "s"
    assert room(shelf("s", weight_max_kg=Decimal("5.25")), sand) == Decimal("5.25")
    assert room(shelf("s", 10, held=0, **BAGS), sand) is PutawayRefusal.NO_ROOM
    assert room(replace(shelf("s", 10), held=Decimal("7.5")), goods(9)) == 2


def test_a_handling_unit_goes_where_all_of_it_fits() -> None:
    contents = (goods(3, weight_kg=Decimal(100)), replace(goods(2), item="B", weight_kg=Decimal(50)))
    light, single = shelf("light", weight_max_kg=Decimal(350)), shelf("single", 1, single_item=True)
    full = shelf("full", units_max=1, units=1)
    fits = shelf("fits", 5, 9, only_when_empty=True, weight_max_kg=Decimal(400))
    assert unit_refusal(light, contents) is PutawayRefusal.NO_ROOM
    assert unit_refusal(replace(light, weight_kg=Decimal(350)), contents) is PutawayRefusal.TOO_HEAVY
    assert unit_refusal(replace(single, capacity=None), contents) is PutawayRefusal.OTHER_ITEM
    assert unit_refusal(full, contents) is PutawayRefusal.UNITS_FULL
    assert unit_refusal(replace(fits, held=Decimal(1)), contents) is PutawayRefusal.NOT_EMPTY
    assert place_for_unit([light, single, full, fits], contents) == "fits"
    assert place_for_unit([light, single, full], contents) is None


def test_of_places_that_take_it_the_nearest_is_chosen() -> None:
    near, far = shelf("z", distance=10), shelf("a", distance=20)
    assert place_for_unit([far, near], (goods(1),)) == "z"
    assert place_for_unit([replace(far, priority=-1), near], (goods(1),)) == "a"
