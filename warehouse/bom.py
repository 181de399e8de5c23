"""Bills of material: what an order of some quantity takes, through phantoms or through every level. Pure.

Quantities are exact fractions until the end, where each component is rounded up once to the scale of its unit: enough
is there, and rounding does not add up over levels. `scrap_percent` raises what is taken: 5 % of 100 pieces is 105. A
phantom is never stocked; whoever takes it takes its components. A substitute stands in for a component at a ratio.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil

# Deeper than any product; what is deeper is a cycle that no check caught.
LEVELS_MAX = 50


class BomError(ValueError):
    """A bill that contains itself, with the way round."""


@dataclass(frozen=True, slots=True)
class Substitute:
    """May stand in for a component: `ratio` of it for one, the lowest priority number first."""

    item_id: int
    priority: int
    ratio: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Component:
    """One line of a bill: `quantity` for `Bom.output_quantity` of the product."""

    line_no: int
    item_id: int
    quantity: Decimal
    scrap_percent: Decimal = Decimal(0)
    substitutes: tuple[Substitute, ...] = ()


@dataclass(frozen=True, slots=True)
class Bom:
    """One version of an item's bill."""

    bom_id: int
    item_id: int
    components: tuple[Component, ...]
    output_quantity: Decimal = Decimal(1)
    phantom: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """A component and how much of it; `bom_id` and `line_no` say which line of which bill asked first.

    `level` counts from 1; `made` says that it has a bill of its own.
    """

    item_id: int
    quantity: Decimal
    bom_id: int
    line_no: int
    level: int = 1
    made: bool = False


BomOf = Callable[[int], Bom | None]


def order_needs(bom: Bom, quantity: Decimal, bom_of: BomOf, decimals: Mapping[int, int]) -> tuple[Need, ...]:
    """What a work order takes from stock: its components, those of phantoms in their place; one need an item.

    `decimals`: the scale of each item's unit. Raises BomError.
    """
    return _walk(bom, quantity, bom_of, decimals, through=lambda below: below.phantom, keep=False)


def all_needs(bom: Bom, quantity: Decimal, bom_of: BomOf, decimals: Mapping[int, int]) -> tuple[Need, ...]:
    """Every level down to what is bought, made components too; an item's deepest level counts. Raises BomError."""
    return _walk(bom, quantity, bom_of, decimals, through=lambda below: True, keep=True)


def _walk(
    bom: Bom, quantity: Decimal, bom_of: BomOf, decimals: Mapping[int, int], through: Callable[[Bom], bool], keep: bool
) -> tuple[Need, ...]:
    exact: dict[int, Fraction] = {}
    first: dict[int, Need] = {}

    def visit(bill: Bom, times: Fraction, level: int, path: tuple[int, ...]) -> None:
        if bill.item_id in path or level > LEVELS_MAX:
            raise BomError(" → ".join(map(str, (*path, bill.item_id))))
        for line in bill.components:
            amount = times * per_output(bill, line)
            below = bom_of(line.item_id)
            opened = below is not None and through(below)
            if not opened or (keep and below is not None and not below.phantom):
                exact[line.item_id] = exact.get(line.item_id, Fraction(0)) + amount
                seen = first.get(line.item_id)
                deepest = max(level, seen.level) if seen is not None else level
                owner, line_no = (seen.bom_id, seen.line_no) if seen is not None else (bill.bom_id, line.line_no)
                first[line.item_id] = Need(line.item_id, Decimal(0), owner, line_no, deepest, below is not None)
            if opened and below is not None:
                visit(below, amount, level + (not below.phantom), (*path, bill.item_id))

    visit(bom, Fraction(quantity), 1, ())
    return tuple(
        Need(n.item_id, rounded_up(exact[n.item_id], decimals[n.item_id]), n.bom_id, n.line_no, n.level, n.made)
        for n in first.values()
    )


def per_output(bom: Bom, line: Component) -> Fraction:
    """Of the component for one of the product, scrap included."""
    return Fraction(line.quantity) / Fraction(bom.output_quantity) * (1 + Fraction(line.scrap_percent) / 100)


def rounded_up(quantity: Fraction, decimals: int) -> Decimal:
    return Decimal(ceil(quantity * 10**decimals)).scaleb(-decimals)
