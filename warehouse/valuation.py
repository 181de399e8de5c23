"""What stock is worth: layers (first in first out, last in first out, dearest first) and the moving average. Pure.

Value is an amount, never a rate: a unit cost is only displayed. What is left keeps its rounded share and the issue
takes the rest, so nothing is lost on the way and at quantity 0 the value is exactly 0. Lot- or serial-tracked items are
valued per lot or serial, so that picks and layers cannot disagree. Quantities below zero are refused, not valued.
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


def quantity_of(layers: Iterable[Layer]) -> Decimal:
    return sum((layer.quantity for layer in layers), ZERO)


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


def issue_lines(
    layers: Sequence[Layer], quantities: Sequence[Decimal], method: Method = Method.FIFO
) -> tuple[Issued, ...] | ValuationRefusal:
    """All lines of a document, or none."""
    done: list[Issued] = []
    left = tuple(layers)
    for quantity in quantities:
        outcome = issue(left, quantity, method)
        if isinstance(outcome, ValuationRefusal):
            return outcome
        done.append(outcome)
        left = outcome.left
    return tuple(done)


@dataclass(frozen=True, slots=True)
class Average:
    """Stock at moving average: quantity and value, the value always a whole number of cents."""

    quantity: Decimal = ZERO
    value: Decimal = ZERO

    @property
    def unit_cost_shown(self) -> Decimal:
        """Rounded, for people; never used to calculate."""
        return rounded(self.value / self.quantity) if self.quantity else ZERO

    def receive(self, quantity: Decimal, value: Decimal) -> "Average":
        return Average(self.quantity + quantity, self.value + rounded(value))

    def issue(self, quantity: Decimal) -> "tuple[Decimal, Average] | ValuationRefusal":
        """The value that leaves, and what stays."""
        if quantity > self.quantity:
            return ValuationRefusal.NOT_ENOUGH
        left = self.quantity - quantity
        value_left = rounded(self.value * left / self.quantity) if left else ZERO
        return self.value - value_left, Average(left, value_left)


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
