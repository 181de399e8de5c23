"""The digest of a command: what was said, so that a repeat after an upgrade is still the same command."""

from dataclasses import dataclass, replace
from decimal import Decimal

from warehouse import commands as c
from warehouse.commands import digest


def of(**more: object) -> type:
    """A command of that name as a version with `more` optional fields has it."""
    base = {"__annotations__": {"code": str, "lines": tuple, **dict.fromkeys(more, object)}, **more}
    return dataclass(frozen=True)(type("Order", (), base))


def test_a_field_added_later_and_not_used_changes_nothing() -> None:
    line = c.LineSpec("A", Decimal(5))
    before, after = of()("1", (line,)), of(priority=0)("1", (line,))
    assert digest(before) == digest(after)
    assert digest(after) != digest(replace(after, priority=1))


def test_the_same_quantity_written_otherwise_is_the_same_command() -> None:
    assert digest(c.AdjustStock("A", Decimal("5.0"), "L", "why")) == digest(
        c.AdjustStock("A", Decimal(5), "L", "why", force=False)
    )


def test_another_value_anywhere_is_another_command() -> None:
    one = c.CreateDocument("delivery", "1", (c.LineSpec("A", Decimal(5)),))
    others = [
        replace(one, number="2"),
        replace(one, lines=(c.LineSpec("A", Decimal(6)),)),
        replace(one, lines=(c.LineSpec("A", Decimal(5), lot="L"),)),
        replace(one, lines=one.lines * 2),
        replace(one, partner="ACME"),
    ]
    assert len({digest(command) for command in (one, *others)}) == 6
    assert digest(c.CancelCount("1")) != digest(c.CloseDocument("count", "1"))
