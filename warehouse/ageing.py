"""How old stock is: what is on hand as layers by the day it came, first in first out. Pure.

What leaves takes the oldest layers. What a document puts back while it takes (repacking) keeps the age of what it took.
Receipts after a shortage first fill the shortage.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

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


def older_than(aged: Iterable[AgeLayer], today: date, days: int) -> Decimal:
    """How much has lain longer than that: dead stock."""
    return sum((layer.quantity for layer in aged if (today - layer.day).days > days), ZERO)
