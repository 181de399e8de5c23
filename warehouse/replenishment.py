"""When and how much to order again, from projected stock; and each suggestion once. Pure.

projected = available + expected - promised. Two rules: minimum and maximum (order up to the maximum, in whole multiples
that do not exceed it) and reorder point (order the fixed quantity, or what is missing to the level when that is more).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

ZERO = Decimal(0)
RuleT = TypeVar("RuleT")


class RuleError(ValueError):
    """A rule that cannot be meant, such as a maximum below the minimum."""


@dataclass(frozen=True, slots=True)
class MinMax:
    minimum: Decimal
    maximum: Decimal
    multiple: Decimal | None = None

    def quantity(self, projected: Decimal, *, to_maximum: bool = False) -> Decimal:
        """What to order; `to_maximum` even when the minimum is not undercut. Raises RuleError."""
        if self.maximum < self.minimum or (self.multiple is not None and self.multiple <= 0):
            raise RuleError(f"minimum {self.minimum}, maximum {self.maximum}, multiple {self.multiple}")
        if projected >= self.minimum and not to_maximum:
            return ZERO
        missing = max(ZERO, self.maximum - projected)
        return missing if self.multiple is None else missing // self.multiple * self.multiple


@dataclass(frozen=True, slots=True)
class ReorderPoint:
    level: Decimal
    order_quantity: Decimal

    def quantity(self, projected: Decimal) -> Decimal:
        return max(self.order_quantity, self.level - projected) if projected <= self.level else ZERO


def needed_by(today: date, lead_time_days: int) -> date:
    return today + timedelta(days=lead_time_days)


@dataclass(frozen=True, slots=True)
class Run:
    """One run over all rules: quantities to order by rule, and the rules that could not be run with the reason."""

    orders: tuple[tuple[str, Decimal], ...]
    broken: tuple[tuple[str, str], ...]


def run(rules: Iterable[tuple[str, RuleT]], quantity: Callable[[RuleT], Decimal]) -> Run:
    """A misconfigured rule is reported and stops no other."""
    orders = []
    broken = []
    for name, rule in rules:
        try:
            wanted = quantity(rule)
        except RuleError as error:
            broken.append((name, str(error)))
            continue
        orders.append((name, wanted))
    return Run(tuple(orders), tuple(broken))


@dataclass(frozen=True, slots=True)
class Watched:
    """What a check was last made for: the same state is not reported twice."""

    reported: frozenset[tuple[str, Decimal]] = frozenset()

    def check(self, states: Sequence[tuple[str, Decimal, Decimal]]) -> "tuple[tuple[str, ...], Watched]":
        """For (item, quantity, minimum): items to report now, and what to remember."""
        low = frozenset((item, quantity) for item, quantity, minimum in states if quantity < minimum)
        return tuple(sorted(item for item, _ in low - self.reported)), Watched(low)
