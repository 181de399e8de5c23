"""Numbers no command can be about are found wherever they are in it."""

from decimal import Decimal

import pytest

from warehouse import commands as c
from warehouse.commands.numbers import unusable_number


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("NaN", "no number"),
        ("sNaN", "no number"),
        ("-Infinity", "no number"),
        ("1e15", "before the point"),
        ("-1e999999", "before the point"),
        ("1e-13", "after the point"),
    ],
)
def test_what_is_wrong_and_where(number: str, says: str) -> None:
    lines = (c.LineSpec("A", Decimal(1)), c.LineSpec("B", Decimal(number)))
    found = unusable_number(c.CreateDocument("delivery", "DN", lines))
    assert found is not None
    assert found[0] == "lines.1.quantity"
    assert says in found[1]


@pytest.mark.parametrize("number", ["0", "-1.5", "999999999999999", "1e-12", "1.500000000000000000", "0e-40", "1e3"])
def test_what_can_be_used(number: str) -> None:
    assert unusable_number(c.AdjustStock("A", Decimal(number), "STAGE", "x")) is None
