"""How old stock is: cases J of the other systems' test suites, by their ids."""

from datetime import date
from decimal import Decimal

import pytest

from warehouse.ageing import Change, layers


def change(day: int, quantity: int, document: str = "", counted: bool = False) -> Change:
    return Change(date(2026, 1, day), Decimal(quantity), document, counted)


CASES = {
    "J1": ([change(1, 30), change(2, 20), change(3, -10)], [(1, 20), (2, 20)]),
    "J2": ([change(1, -30), change(2, 20), change(3, 20), change(4, 10)], [(3, 10), (4, 10)]),
    "J4": ([change(1, 1000, counted=True), change(2, 400, counted=True), change(3, -10)], [(1, 390)]),
    "J6": (
        [change(1, 500), change(2, -50, "R"), change(2, -50, "R"), change(2, 100, "R")],
        [(1, 50), (1, 50), (1, 400)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    changes, expected = CASES[case]
    assert [(layer.day.day, layer.quantity) for layer in layers(changes)] == expected
