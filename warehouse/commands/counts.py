"""Counting: sheets, entries, differences."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.ledger import StockStatus


@dataclass(frozen=True, slots=True)
class StartCount(Command):
    """Count places (with those inside them), items, or items in places: a line for each balance there."""

    NEEDS: ClassVar[Permission] = Permission.COUNT

    number: str
    locations: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    blind: bool = True
    tolerance_percent: Decimal = Decimal(0)
    tolerance_quantity: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class EnterCount(Command):
    """What was counted on a line; entering it again is a recount. A line of the sheet, or stock found beside it."""

    NEEDS: ClassVar[Permission] = Permission.COUNT

    number: str
    quantity: Decimal
    line_no: int | None = None
    item: str | None = None
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    status: StockStatus = StockStatus.AVAILABLE
    reason: str = ""
    uom: str | None = None


@dataclass(frozen=True, slots=True)
class PostCount(Command):
    """Post differences. `keep_count`: lines whose stock moved since stand; `approve`: those beyond tolerance too."""

    NEEDS: ClassVar[Permission] = Permission.POST_COUNT

    number: str
    keep_count: bool = False
    approve: bool = False


@dataclass(frozen=True, slots=True)
class CancelCount(Command):
    NEEDS: ClassVar[Permission] = Permission.COUNT

    number: str
    reason: str = ""
