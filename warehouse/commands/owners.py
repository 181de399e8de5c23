"""Whose goods they are, changed where they stand."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.ledger import StockStatus


@dataclass(frozen=True, slots=True)
class ChangeOwner(Command):
    """Goods of `owner` become `new_owner`'s where they stand; empty is ours. Consigned goods are taken over, or given.

    Which goods is said in one of three ways: `unit` alone, all of the owner's that it and the units in it hold; `epcs`,
    the goods with these tags; or `item` and `quantity` of one place or unit. What is reserved is not changed.
    `unit_cost` is what one `uom` costs that becomes ours; without it, what the item costs now.
    """

    NEEDS: ClassVar[Permission] = Permission.ADJUST

    owner: str
    new_owner: str
    reason: str
    item: str | None = None
    quantity: Decimal | None = None
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    unit: str | None = None
    status: StockStatus = StockStatus.AVAILABLE
    epcs: tuple[str, ...] = ()
    uom: str | None = None
    unit_cost: Decimal | None = None
    effective_at: datetime | None = None
