"""Which stock is taken for a demand: order, zones, whole packages. Pure; the caller has dropped what may not be issued.

A `Source` is one balance (or one package of it). Orders say which source goes first; zone rules go through zones in
their order and say how each is taken from; least packages and single source choose sets. What cannot be taken is short.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

ZERO = Decimal(0)


class Order(StrEnum):
    """Which source goes first."""

    FIFO = "fifo"
    LIFO = "lifo"
    FEFO = "fefo"
    CLOSEST = "closest"
    SMALLEST = "smallest"
    LARGEST = "largest"
    LEAST_UNITS = "least_units"  # not an order but a set: the fewest handling units


class Taking(StrEnum):
    """How a zone is taken from."""

    ANY = "any"
    EMPTY_BIN = "empty_bin"  # a bin only when it becomes empty
    WHOLE_PACKAGES = "whole_packages"  # only multiples of the zone's package size


@dataclass(frozen=True, slots=True)
class Source:
    """Available quantity in one place. `distance` orders CLOSEST; `package` marks a whole handling unit; `zone` is what
    zone rules know it by, `place` what people do.
    """

    key: Any
    quantity: Decimal
    in_at: datetime
    zone: str = ""
    lot: str | None = None
    expires_on: date | None = None
    distance: int = 0
    package: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """Zones are tried in the order of the rules. `package` is the size for WHOLE_PACKAGES."""

    zone: str
    taking: Taking = Taking.ANY
    package: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Taken:
    """What to take from which source, in order, and what is missing."""

    lines: tuple[tuple[Source, Decimal], ...]
    short: Decimal


_NEVER = date.max
_SORT: dict[Order, Callable[[Source], Any]] = {
    Order.FIFO: lambda s: s.in_at,
    Order.LIFO: lambda s: -s.in_at.timestamp(),
    Order.FEFO: lambda s: (s.expires_on or _NEVER, s.in_at),
    Order.CLOSEST: lambda s: (s.distance, s.in_at),
    Order.SMALLEST: lambda s: (s.quantity, s.in_at),
    Order.LARGEST: lambda s: (-s.quantity, s.in_at),
}


def usable(sources: Iterable[Source], today: date, remaining_days_min: int = 0) -> list[Source]:
    """Those with at least this much shelf life left; what expired yesterday is out."""
    return [s for s in sources if s.expires_on is None or (s.expires_on - today).days >= remaining_days_min]


def take(sources: Iterable[Source], demand: Decimal, order: Order = Order.FIFO) -> Taken:
    """From the first source on, until the demand is met."""
    return _draw(sorted(sources, key=_SORT[order]), demand, lambda source, need: min(source.quantity, need))


def take_by_zone(
    sources: Sequence[Source], demand: Decimal, rules: Sequence[ZoneRule], order: Order = Order.FIFO
) -> Taken:
    """Zone after zone; zones without a rule are not taken from."""
    lines: list[tuple[Source, Decimal]] = []
    need = demand
    for rule in rules:
        ordered = sorted((s for s in sources if s.zone == rule.zone), key=_SORT[order])
        part = _draw(ordered, need, lambda source, left, rule=rule: _portion(rule, source, left))  # type: ignore[misc]
        lines += part.lines
        need = part.short
    return Taken(tuple(lines), need)


def take_least_packages(sources: Iterable[Source], demand: Decimal) -> Taken:
    """The fewest sources, the last one opened if it must be; a package before loose stock of the same size.

    The fewest that can cover a demand are the largest; of the last one the smallest that suffices is opened.
    """
    left = sorted((s for s in sources if s.quantity > 0), key=lambda s: (-s.quantity, not s.package, s.in_at))
    if sum((s.quantity for s in left), ZERO) <= demand:
        return _draw(left, demand, lambda source, need: source.quantity)
    lines: list[tuple[Source, Decimal]] = []
    need = demand
    while need > 0:
        enough = [s for s in left if s.quantity >= need]
        chosen = min(enough, key=lambda s: (s.quantity, not s.package, s.in_at)) if enough else left[0]
        left.remove(chosen)
        amount = min(chosen.quantity, need)
        lines.append((chosen, amount))
        need -= amount
    return Taken(tuple(lines), ZERO)


def choose(sources: Iterable[Source], demand: Decimal, order: Order = Order.FIFO, single_lot: bool = False) -> Taken:
    """By an order or the fewest units; with `single_lot` from the first lot that suffices alone, or nothing."""
    take_by: Callable[[Iterable[Source], Decimal], Taken] = (
        take_least_packages if order is Order.LEAST_UNITS else lambda some, need: take(some, need, order)
    )
    if not single_lot:
        return take_by(sources, demand)
    by_lot: dict[str | None, list[Source]] = {}
    sort = _SORT[Order.FIFO if order is Order.LEAST_UNITS else order]
    for source in sorted(sources, key=sort):
        by_lot.setdefault(source.lot, []).append(source)
    for lot in by_lot.values():
        if sum((s.quantity for s in lot), ZERO) >= demand:
            return take_by(lot, demand)
    return Taken((), demand)


def promisable(orders: Sequence[Decimal], stock: Decimal) -> list[tuple[Decimal, Decimal]]:
    """Per order, first come first served: (promised to earlier ones, what this one can be promised)."""
    result = []
    before = ZERO
    for quantity in orders:
        result.append((before, max(ZERO, min(quantity, stock - before))))
        before += quantity
    return result


def _portion(rule: ZoneRule, source: Source, need: Decimal) -> Decimal:
    match rule.taking:
        case Taking.EMPTY_BIN:
            return source.quantity if source.quantity <= need else ZERO
        case Taking.WHOLE_PACKAGES:
            return min(source.quantity, need) // rule.package * rule.package
        case _:
            return min(source.quantity, need)


def _draw(ordered: Sequence[Source], demand: Decimal, portion: Callable[[Source, Decimal], Decimal]) -> Taken:
    lines = []
    need = demand
    for source in ordered:
        if need <= 0:
            break
        amount = portion(source, need)
        if amount > 0:
            lines.append((source, amount))
            need -= amount
    return Taken(tuple(lines), need)
