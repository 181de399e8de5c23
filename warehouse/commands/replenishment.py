"""Rules of how much to hold, and what people decide about the suggestions that follow from them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


@dataclass(frozen=True, slots=True)
class SetStockRule(Command):
    """How much of an item a place, with those inside it, should hold; replaces the rule that was there.

    Either `minimum` and `maximum` (maybe in whole `multiple`s), or `reorder_level` and `order_quantity`; neither when
    people only want to know when it falls below `safety`.
    """

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    item: str
    location: str
    safety: Decimal = Decimal(0)
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    multiple: Decimal | None = None
    reorder_level: Decimal | None = None
    order_quantity: Decimal | None = None
    lead_time_days: int = 0
    active: bool = True


@dataclass(frozen=True, slots=True)
class AcceptReplenishment(Command):
    """Makes the document that brings it: a purchase order, or a transfer from `source`."""

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    replenishment_id: UUID
    number: str
    kind: str = "purchase_order"
    partner: str = ""
    source: str | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DismissReplenishment(Command):
    """Not now: the next check suggests it again only when projected stock has changed."""

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    replenishment_id: UUID
    note: str


@dataclass(frozen=True, slots=True)
class RouteAlerts(Command):
    """Which departments hear of one kind of alert."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    kind: str
    departments: tuple[str, ...]
