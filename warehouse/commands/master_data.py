"""Items, lots and locations: what stock is of and where it can be."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.ledger import Tracking


@dataclass(frozen=True, slots=True)
class CreateItem(Command):
    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    code: str
    name: str = ""
    gtin: str | None = None
    tracking: Tracking = Tracking.NONE
    unit: str = "pc"
    decimals: int = 0
    category: str = ""
    inspect: bool = False
    weight_kg: Decimal | None = None
    volume_m3: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CreateLot(Command):
    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    item: str
    code: str
    expires_on: date | None = None
    supplier_lot: str = ""


@dataclass(frozen=True, slots=True)
class BlockLot(Command):
    """Recall: nothing of the lot is issued any more, wherever it is; `blocked` False lifts it."""

    NEEDS: ClassVar[Permission] = Permission.RECALL

    item: str
    lot: str
    blocked: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CreateLocation(Command):
    """`kind` and `level` as in the location table; a place that was only seen so far is described by this too."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    code: str
    name: str = ""
    kind: str = "internal"
    level: str = "zone"
    parent: str | None = None
