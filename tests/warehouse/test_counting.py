"""Counting: cases I of the other systems' test suites, by their ids."""

from dataclasses import replace
from decimal import Decimal

import pytest

from warehouse.counting import (
    Counted,
    CountProblem,
    CountState,
    Importance,
    LineState,
    Tolerance,
    classify,
    difference,
    nearest_tolerance,
    spread,
    state_of,
    whole_item,
)

ANY = Tolerance(percent=Decimal(1000))


def line(book: int, counted: int | str | None, now: int | None = None) -> Counted:
    quantity = None if counted is None else Decimal(counted)
    return Counted(Decimal(book), quantity, Decimal(book if now is None else now), now is not None)


def test_i1_movements_after_the_count_stop_the_approval_and_keeping_the_count_gives_it() -> None:
    moved = line(7, 5, now=4)
    assert difference(moved, ANY) is CountProblem.MOVED_SINCE
    assert difference(moved, ANY, keep_count=True) == 1  # 4 + 1 = 5


def test_i2_a_recount_after_the_movements_has_no_difference() -> None:
    assert difference(line(7, 7), ANY) == 0
    assert difference(line(3, 3), ANY) == 0


def test_i6_beyond_the_tolerance_a_manager_decides() -> None:
    ten = Tolerance(percent=Decimal(10))
    assert difference(line(2, 3), ten) is CountProblem.BEYOND_TOLERANCE
    assert difference(line(4, "4.1"), ten) == Decimal("0.1")
    assert difference(line(2, 3), ten, approver=True) == 1


def test_i7_the_nearest_tolerance_counts() -> None:
    location, warehouse = Tolerance(percent=Decimal(10)), Tolerance(percent=Decimal(20))
    assert nearest_tolerance([location, warehouse]) == location
    assert nearest_tolerance([None, warehouse]) == warehouse
    assert nearest_tolerance([None, None]) == Tolerance()


def test_i9_differences_are_posted_line_by_line() -> None:
    lines = [line(20, 19), line(30, 33), line(10, 10)]
    changes = [difference(one, ANY, approver=True) for one in lines]
    assert [change for change in changes if change != 0] == [-1, 3]


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ("ready", "requested"),
        ("ready counting", "counting"),
        ("counted counting", "counting"),
        ("counted", "counted"),
        ("counted approved", "counted"),
        ("approved", "completed"),
        ("approved recount", "investigating"),
    ],
)
def test_i12_the_state_of_a_count_follows_from_its_lines(lines: str, state: str) -> None:
    assert state_of([LineState(word) for word in lines.split()]) is CountState(state)


def test_i14_counting_a_whole_item_counts_the_unnamed_lots_as_none() -> None:
    book = {"lot1": Decimal(25 - 15), "lot2": Decimal(30)}
    one_lot = {"lot1": Decimal(30) - book["lot1"]}
    assert {lot: book[lot] + one_lot.get(lot, 0) + (15 if lot == "lot2" else 0) for lot in book} == {
        "lot1": 30,
        "lot2": 45,
    }
    whole = whole_item(book, {"lot1": Decimal(30)})
    assert whole == {"lot1": 30, "lot2": 0}
    assert {lot: quantity + (15 if lot == "lot2" else 0) for lot, quantity in whole.items()} == {"lot1": 30, "lot2": 15}
    assert whole_item([None], {}) == {None: 0}


def test_a_line_nobody_counted_is_not_posted() -> None:
    assert difference(line(7, None), ANY, keep_count=True, approver=True) is CountProblem.NOT_COUNTED


def test_few_items_make_up_most_of_the_use() -> None:
    used = {1: Decimal(700), 2: Decimal(150), 3: Decimal(90), 4: Decimal(40), 5: Decimal(20), 6: Decimal(0)}
    assert [importance.value for _, importance in sorted(classify(used).items())] == ["a", "a", "b", "b", "c", "c"]
    assert set(classify({1: Decimal(0)}).values()) == {Importance.C}


def test_what_was_seen_is_spread_as_the_books_have_it() -> None:
    assert spread(Decimal(9), [Decimal(5), Decimal(3)]) == [5, 4]
    assert spread(Decimal(6), [Decimal(5), Decimal(3)]) == [5, 1]
    assert spread(Decimal(0), [Decimal(5), Decimal(3)]) == [0, 0]


def test_a_recount_comes_before_an_approval_and_value_limits_what_quantity_allows() -> None:
    wide = Tolerance(quantity=Decimal(3), value=Decimal(50))
    assert wide.allows(Decimal(10), Decimal(8), Decimal(25))
    assert not wide.allows(Decimal(10), Decimal(7), Decimal(25))
    line = Counted(Decimal(10), Decimal(5), Decimal(10), False, counts=1, recounts=1)
    assert difference(line, Tolerance(), approver=True) is CountProblem.RECOUNT_NEEDED
    again = replace(line, counts=2)
    assert difference(again, Tolerance()) is CountProblem.BEYOND_TOLERANCE
    assert difference(again, Tolerance(), approver=True) == -5
