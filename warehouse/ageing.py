"""How old stock is: what is on hand as layers by the day it came, first in first out. Pure.

What leaves takes the oldest layers. What a document puts back while it takes (repacking) keeps the age of what it took.
Receipts after a shortage first fill the shortage.

Stock is dead when nothing of it was used for so long, and slow when what lies there would last for so long at the rate
it was used. What came in meanwhile is not dead yet.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Change:
    """One movement of an item: signed quantity. `counted` sets the balance to the quantity instead."""

    day: date
    quantity: Decimal
    document: str = ""
    counted: bool = False


@dataclass(frozen=True, slots=True)
class AgeLayer:
    day: date
    quantity: Decimal


def layers(changes: Iterable[Change]) -> tuple[AgeLayer, ...]:
    """Oldest first."""
    here: deque[AgeLayer] = deque()
    missing = ZERO
    document, taken_by_document = "", deque[AgeLayer]()
    for change in changes:
        quantity = change.quantity
        if change.counted:
            quantity -= sum((layer.quantity for layer in here), ZERO) - missing
        if not change.document or change.document != document:
            document, taken_by_document = change.document, deque()
        if quantity < 0:
            taken, missing_now = _take(here, -quantity)
            taken_by_document.extend(taken)
            missing += missing_now
        elif quantity > 0:
            returned, new = _take(taken_by_document, quantity)
            for layer in reversed(returned):
                here.appendleft(layer)
            filled = min(missing, new)
            missing -= filled
            if new > filled:
                here.append(AgeLayer(change.day, new - filled))
    return tuple(here)


def _take(source: deque[AgeLayer], quantity: Decimal) -> tuple[list[AgeLayer], Decimal]:
    """The oldest layers up to a quantity, and what was not there."""
    taken = []
    while source and quantity > 0:
        layer = source.popleft()
        part = min(layer.quantity, quantity)
        taken.append(AgeLayer(layer.day, part))
        if part < layer.quantity:
            source.appendleft(AgeLayer(layer.day, layer.quantity - part))
        quantity -= part
    return taken, quantity


class Stillness(StrEnum):
    """How stock moves."""

    MOVING = "moving"
    SLOW = "slow"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Usage:
    """An item over the days looked back: on hand now, used and received in them. `days` is at least 1."""

    on_hand: Decimal
    used: Decimal
    received: Decimal
    days: int

    @property
    def still(self) -> Decimal:
        """What was there before these days and still is; nothing when something of it was used."""
        return ZERO if self.used > 0 else max(ZERO, self.on_hand - self.received)

    @property
    def cover_days(self) -> Decimal | None:
        """How long what is there lasts at the rate of these days; None when nothing was used."""
        return self.on_hand * self.days / self.used if self.used > 0 else None


def stillness(usage: Usage, dead_after_days: int, slow_cover_days: int) -> Stillness:
    """Dead needs the whole time looked back: `usage.days` below `dead_after_days` says nothing yet."""
    if usage.still > 0 and usage.days >= dead_after_days:
        return Stillness.DEAD
    cover = usage.cover_days
    if usage.on_hand > 0 and cover is not None and cover > slow_cover_days:
        return Stillness.SLOW
    return Stillness.MOVING
