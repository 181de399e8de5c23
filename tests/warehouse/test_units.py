"""Units: cases H and D9 of the other systems' test suites, by their ids."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.units import STANDARD, UnitError, convert, package, ratio

PC = STANDARD["pc"]


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [("carat", "g", "0.2"), ("kg", "g", "1000"), ("lb", "g", "453.592"), ("m", "m", "1")],
)
def test_h1_standard_conversions(source: str, target: str, expected: str) -> None:
    assert convert(Decimal(1), STANDARD[source], STANDARD[target], 3) == Decimal(expected)


def test_h2_a_request_in_boxes_is_open_in_pieces() -> None:
    box = package("box", PC, 12)
    requested = convert(Decimal(10), box, PC, 0)
    orders = [Decimal(0), Decimal(50), Decimal(0)]  # none, ordered, cancelled
    assert [requested - ordered for ordered in orders] == [120, 70, 120]


def test_d9_a_dozen_of_pieces_is_twelve() -> None:
    assert convert(Decimal(1), STANDARD["dozen"], PC, 0) == 12


def test_other_dimensions_and_broken_pieces_are_refused() -> None:
    with pytest.raises(UnitError, match="mass"):
        ratio(STANDARD["kg"], STANDARD["m"])
    with pytest.raises(UnitError, match="not a whole number"):
        convert(Decimal(7), PC, STANDARD["dozen"], 2)


@given(st.decimals(-1000, 1000, places=3), st.integers(1, 500))
def test_there_and_back_is_the_same(quantity: Decimal, count: int) -> None:
    box = package("box", PC, count)
    assert convert(convert(quantity, box, PC, 3), PC, box, 3) == quantity
