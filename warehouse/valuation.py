"""What stock is worth: layers (first in first out, last in first out, dearest first) and the moving average. Pure.

Value is an amount, never a rate: a unit cost is only displayed. What is left keeps its rounded share and the issue
takes the rest, so nothing is lost on the way and at quantity 0 the value is exactly 0. Lot- or serial-tracked items are
valued per lot or serial, so that picks and layers cannot disagree. Quantities below zero are refused, not valued.

A `Pool` is what is valued together. What a movement is worth is what it changes the pool's value by, and that is always
a whole number of cents. Where a receipt cost something else than it is carried at, the rest is its `difference`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction

ZERO = Decimal(0)
CENT = Decimal("0.01")


class Valuation(StrEnum):
    """How an item is valued; `none` keeps no value."""

    NONE = "none"
    AVERAGE = "average"
    STANDARD = "standard"
    FIFO = "fifo"
    LIFO = "lifo"


class Method(StrEnum):
    """Which layer an issue takes first."""

    FIFO = "fifo"
    LIFO = "lifo"
    DEAREST = "dearest"


class ValuationRefusal(StrEnum):
    """Why an issue cannot be valued."""

    NOT_ENOUGH = "not_enough"
    NO_SUCH_LAYER = "no_such_layer"


@dataclass(frozen=True, slots=True)
class Layer:
    """A quantity that came at one unit cost."""

    quantity: Decimal
    unit_cost: Decimal

    @property
    def value(self) -> Decimal:
        return self.quantity * self.unit_cost


@dataclass(frozen=True, slots=True)
class Issued:
    """What an issue took, and what is left, oldest first."""

    taken: tuple[Layer, ...]
    left: tuple[Layer, ...]

    @property
    def value(self) -> Decimal:
        return value_of(self.taken)


def value_of(layers: Iterable[Layer]) -> Decimal:
    return sum((layer.value for layer in layers), ZERO)


def receive(layers: Sequence[Layer], *received: Layer) -> tuple[Layer, ...]:
    """Add what came last; the same cost as the last layer joins it. A return comes back as the layers it left as."""
    result = list(layers)
    for layer in received:
        if result and result[-1].unit_cost == layer.unit_cost:
            result[-1] = Layer(result[-1].quantity + layer.quantity, layer.unit_cost)
        else:
            result.append(layer)
    return tuple(result)


def issue(
    layers: Sequence[Layer],
    quantity: Decimal,
    method: Method = Method.FIFO,
    *,
    prefer_cost: Decimal | None = None,
    only_cost: Decimal | None = None,
) -> Issued | ValuationRefusal:
    """Take a quantity. `prefer_cost` names a cost to take first, `only_cost` one to take alone."""
    places = sorted(range(len(layers)), key=lambda n: (layers[n].unit_cost != prefer_cost, _rank(layers, n, method)))
    if only_cost is not None:
        places = [n for n in places if layers[n].unit_cost == only_cost]
        if not places:
            return ValuationRefusal.NO_SUCH_LAYER
    left = list(layers)
    taken: list[Layer] = []
    need = quantity
    for n in places:
        part = min(need, left[n].quantity)
        if part > 0:
            taken.append(Layer(part, left[n].unit_cost))
            left[n] = Layer(left[n].quantity - part, left[n].unit_cost)
            need -= part
    if need > 0:
        return ValuationRefusal.NOT_ENOUGH
    return Issued(tuple(taken), tuple(layer for layer in left if layer.quantity > 0))


def _rank(layers: Sequence[Layer], place: int, method: Method) -> tuple[Decimal, int]:
    match method:
        case Method.FIFO:
            return ZERO, place
        case Method.LIFO:
            return ZERO, -place
        case _:
            return -layers[place].unit_cost, place


def cost_in_base(unit_cost: Decimal, factor: Fraction) -> Decimal:
    """The cost of one base unit, to 9 decimals, from that of a unit of `factor` of them: a pallet's price, a piece."""
    exact = Fraction(unit_cost) / factor
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("1e-9"), ROUND_HALF_UP).normalize()


def rounded(amount: Decimal, unit: Decimal = CENT) -> Decimal:
    return amount.quantize(unit, ROUND_HALF_UP)


def split(amount: Decimal, weights: Sequence[Decimal], unit: Decimal = CENT) -> tuple[Decimal, ...]:
    """An amount over lines by weight, exact in sum: each line gets the rounded running total less what went before."""
    total = sum(weights, ZERO)
    parts: list[Decimal] = []
    given = running = ZERO
    for weight in weights:
        running += weight
        upto = rounded(amount * running / total, unit)
        parts.append(upto - given)
        given = upto
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class Pool:
    """What is valued together. `layers` are kept only where their order matters."""

    quantity: Decimal = ZERO
    value: Decimal = ZERO
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True, slots=True)
class Booked:
    """A movement's worth: what the pool gained (negative when it gave), what is not in the pool, and why so much."""

    pool: Pool
    amount: Decimal
    difference: Decimal
    basis: str


def gain(
    pool: Pool,
    quantity: Decimal,
    valuation: Valuation,
    *,
    unit_cost: Decimal | None = None,
    amount: Decimal | None = None,
    standard_cost: Decimal | None = None,
    basis: str = "document",
) -> Booked:
    """Goods come in, worth `amount`, else `unit_cost` each, else what such goods cost now, else the standard cost."""
    here = pool.quantity + quantity
    cost: Decimal | None = None
    if amount is not None:
        cost = rounded(amount)
    elif unit_cost is not None:
        cost = rounded(unit_cost * quantity)
    if valuation is Valuation.STANDARD:
        value = rounded((standard_cost or ZERO) * here)
        carried = value - pool.value
        difference = ZERO if cost is None else cost - carried
        return Booked(Pool(here, value), carried, difference, "standard" if cost is None else basis)
    if cost is None:
        if pool.quantity > 0:
            cost, basis = rounded(pool.value * quantity / pool.quantity), "average"
        elif standard_cost is not None:
            cost, basis = rounded(standard_cost * quantity), "standard"
        else:
            cost, basis = ZERO, "none"
    if valuation is Valuation.AVERAGE:
        return Booked(Pool(here, pool.value + cost), cost, ZERO, basis)
    layers = receive(pool.layers, Layer(quantity, unit_cost if amount is None and unit_cost else cost / quantity))
    value = rounded(value_of(layers))
    return Booked(Pool(here, value, layers), value - pool.value, cost - (value - pool.value), basis)


def give(
    pool: Pool,
    quantity: Decimal,
    valuation: Valuation,
    *,
    standard_cost: Decimal | None = None,
    amount: Decimal | None = None,
) -> Booked | ValuationRefusal:
    """Goods leave, by the item's method; a reversed receipt gives back its `amount` as far as it is still there."""
    if quantity > pool.quantity:
        return ValuationRefusal.NOT_ENOUGH
    left = pool.quantity - quantity
    basis = "reversal" if amount is not None else str(valuation)
    layers: tuple[Layer, ...] = ()
    if valuation is Valuation.STANDARD:
        value = rounded((standard_cost or ZERO) * left)
    elif valuation is Valuation.AVERAGE:
        value = rounded(pool.value * left / pool.quantity) if left else ZERO
        if amount is not None and left and amount <= pool.value:
            value = pool.value - amount
    else:
        prefer = amount / quantity if amount is not None else None
        issued = issue(pool.layers, quantity, Method(valuation), prefer_cost=prefer)
        if isinstance(issued, ValuationRefusal):
            return issued
        layers, value = issued.left, rounded(value_of(issued.left)) if left else ZERO
    given = value - pool.value
    difference = ZERO if amount is None else -amount - given
    return Booked(Pool(left, value, layers), given, difference, basis)


def revalue(pool: Pool, value: Decimal, valuation: Valuation, note: str = "given") -> Booked:
    """The same goods at another value; nothing is worth nothing."""
    worth = rounded(value) if pool.quantity else ZERO
    layered = valuation in (Valuation.FIFO, Valuation.LIFO) and pool.quantity > 0
    layers = (Layer(pool.quantity, worth / pool.quantity),) if layered else ()
    return Booked(Pool(pool.quantity, worth, layers), worth - pool.value, ZERO, note)
