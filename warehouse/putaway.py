"""Where goods that came in are put: rules by priority, capacity, mixing. Pure; planned put-aways count as there.

Places are tried by the priority of their rule, then by more free room, then by code. Quantities are in the item's base
unit, in steps of its smallest one; a place may count in a larger unit (`per_unit`: bags of 1000 kg) and then takes
whole ones only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class PutawayRefusal(StrEnum):
    """Why a place does not take goods."""

    NO_ROOM = "no_room"
    TOO_HEAVY = "too_heavy"
    TOO_LARGE = "too_large"
    NOT_EMPTY = "not_empty"
    OTHER_ITEM = "other_item"
    UNITS_FULL = "units_full"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A place with its limits and what it holds or is planned to hold already. None: no such limit.

    `capacity` in base units of the item put away, `held` of it. `items` are the items there, this one included, and
    `units` the handling units.
    """

    code: str
    priority: int = 0
    capacity: Decimal | None = None
    held: Decimal = ZERO
    per_unit: Decimal = ZERO
    weight_max_kg: Decimal | None = None
    weight_kg: Decimal = ZERO
    volume_max_m3: Decimal | None = None
    volume_m3: Decimal = ZERO
    only_when_empty: bool = False
    single_item: bool = False
    items: frozenset[str] = frozenset()
    distance: int = 0
    units_max: int | None = None
    units: int = 0


@dataclass(frozen=True, slots=True)
class Goods:
    """What is put away, in multiples of `step`.

    `whole`: all in one place or not at all (a handling unit that is not opened).
    """

    item: str
    quantity: Decimal
    weight_kg: Decimal = ZERO
    volume_m3: Decimal = ZERO
    whole: bool = False
    step: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Plan:
    """Quantities by place, in the order they were chosen, and what no rule takes (it stays where it is)."""

    parts: tuple[tuple[str, Decimal], ...]
    unassigned: Decimal


def room(shelf: Shelf, goods: Goods) -> Decimal | PutawayRefusal:
    """How much of the goods the place takes, or why none."""
    others = shelf.items - {goods.item}
    if shelf.only_when_empty and (shelf.items or shelf.held > 0):
        return PutawayRefusal.NOT_EMPTY
    if shelf.single_item and others:
        return PutawayRefusal.OTHER_ITEM
    free = goods.quantity
    if shelf.capacity is not None:
        free = min(free, shelf.capacity - shelf.held)
        if free <= 0:
            return PutawayRefusal.NO_ROOM
    for limit, used, each, reason in (
        (shelf.weight_max_kg, shelf.weight_kg, goods.weight_kg, PutawayRefusal.TOO_HEAVY),
        (shelf.volume_max_m3, shelf.volume_m3, goods.volume_m3, PutawayRefusal.TOO_LARGE),
    ):
        if limit is not None and each > 0:
            free = min(free, (limit - used) // (each * goods.step) * goods.step)
            if free <= 0:
                return reason
    step = max(shelf.per_unit, goods.step)
    free = free // step * step
    if free <= 0 or (goods.whole and free < goods.quantity):
        return PutawayRefusal.NO_ROOM
    return free


def plan(shelves: Sequence[Shelf], goods: Goods) -> Plan:
    """Fill places in order until all is put away."""
    parts = []
    left = goods.quantity
    for shelf in sorted(shelves, key=_order):
        if left <= 0:
            break
        takes = room(shelf, replace(goods, quantity=left))
        if isinstance(takes, PutawayRefusal):
            continue
        parts.append((shelf.code, takes))
        left -= takes
    return Plan(tuple(parts), left)


def filled(shelves: Sequence[Shelf], goods: Goods, done: Plan) -> list[Shelf]:
    """The shelves with a plan counted in, for the next goods."""
    put = dict(done.parts)
    return [_with(shelf, goods, put[shelf.code]) if shelf.code in put else shelf for shelf in shelves]


def place_for_unit(shelves: Sequence[Shelf], contents: Sequence[Goods]) -> str | None:
    """The first place in order that takes a whole handling unit with everything in it; None when none does."""
    return next((s.code for s in sorted(shelves, key=_order) if unit_refusal(s, contents) is None), None)


def unit_refusal(shelf: Shelf, contents: Sequence[Goods]) -> PutawayRefusal | None:
    """Why a place does not take a handling unit. Its items count one by one, so a mixed unit is mixed there too."""
    if shelf.units_max is not None and shelf.units >= shelf.units_max:
        return PutawayRefusal.UNITS_FULL
    for goods in contents:
        takes = room(shelf, replace(goods, whole=True))
        if isinstance(takes, PutawayRefusal):
            return takes
        shelf = replace(_with(shelf, goods, goods.quantity), only_when_empty=False)
    return None


def _with(shelf: Shelf, goods: Goods, quantity: Decimal) -> Shelf:
    return replace(
        shelf,
        held=shelf.held + quantity,
        weight_kg=shelf.weight_kg + quantity * goods.weight_kg,
        volume_m3=shelf.volume_m3 + quantity * goods.volume_m3,
        items=shelf.items | {goods.item},
    )


def _order(shelf: Shelf) -> tuple[int, int, Decimal, str]:
    free = Decimal("Infinity") if shelf.capacity is None else shelf.capacity - shelf.held
    return (shelf.priority, shelf.distance, -free, shelf.code)
