"""Units of measure: conversion by integer ratios, exact; documents keep what was entered. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


class UnitError(ValueError):
    """Two units that measure different things, or a quantity that the target's scale cannot hold."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`factor` is how many of the dimension's base unit it is: a kilogram is 1000 grams."""

    code: str
    dimension: str
    factor: Fraction = Fraction(1)


# The international yard and pound agreement of 1959 makes the pound 453.59237 g; 453.592 is what the trade data use.
STANDARD = {
    unit.code: unit
    for unit in (
        Unit("g", "mass"),
        Unit("kg", "mass", Fraction(1000)),
        Unit("t", "mass", Fraction(1_000_000)),
        Unit("carat", "mass", Fraction(1, 5)),
        Unit("lb", "mass", Fraction(453_592, 1000)),
        Unit("m", "length"),
        Unit("mm", "length", Fraction(1, 1000)),
        Unit("cm", "length", Fraction(1, 100)),
        Unit("km", "length", Fraction(1000)),
        Unit("l", "volume"),
        Unit("ml", "volume", Fraction(1, 1000)),
        Unit("m3", "volume", Fraction(1000)),
        Unit("m2", "area"),
        Unit("pc", "count"),
        Unit("dozen", "count", Fraction(12)),
    )
}


def package(code: str, of: Unit, count: int) -> Unit:
    """A box of 12 pieces is `package("box", pc, 12)`."""
    return Unit(code, of.dimension, of.factor * count)


def ratio(source: Unit, target: Unit) -> Fraction:
    """How many of the target one of the source is."""
    if source.dimension != target.dimension:
        raise UnitError(f"{source.code} is {source.dimension}, {target.code} is {target.dimension}")
    return source.factor / target.factor


def factor_of(code: str, base: str, own: Mapping[str, Fraction]) -> Fraction:
    """How many of an item's base unit one of a unit is: the item's own units first, then the standard ones.

    Raises UnitError for a unit that the item does not have and the standard cannot convert.
    """
    if code == base:
        return Fraction(1)
    if code in own:
        return own[code]
    if code in STANDARD and base in STANDARD:
        return ratio(STANDARD[code], STANDARD[base])
    known = ", ".join(sorted({base, *own}))
    raise UnitError(f"no unit {code!r}: the item has {known}")


def in_base(quantity: Decimal, factor: Fraction, decimals: int) -> Decimal:
    """Exact, or UnitError when the result needs more decimals than the base unit has: nothing is rounded silently."""
    scaled = Fraction(quantity) * factor * 10**decimals
    if scaled.denominator != 1:
        raise UnitError(f"{quantity} × {factor} has more than {decimals} decimals")
    return Decimal(scaled.numerator).scaleb(-decimals)


def convert(quantity: Decimal, source: Unit, target: Unit, decimals: int) -> Decimal:
    """A quantity of one unit in another, exact as `in_base`."""
    try:
        return in_base(quantity, ratio(source, target), decimals)
    except UnitError:
        if source.dimension != target.dimension:
            raise
        message = f"{quantity} {source.code} is not a whole number of 10^-{decimals} {target.code}"
        raise UnitError(message) from None
