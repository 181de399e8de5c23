"""Items, lots and locations: what stock is of and where it can be."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.ledger import Tracking
from warehouse.valuation import Valuation


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
    valuation: Valuation = Valuation.NONE
    standard_cost: Decimal | None = None
    expiry_warn_days: int | None = None
    dead_after_days: int | None = None
    slow_cover_days: int | None = None


@dataclass(frozen=True, slots=True)
class UpdateItem(Command):
    """Change what is given, keep the rest; `clear` empties optional fields by name.

    Code, tracking, unit and decimals stay: the ledger was written with them. `active` False retires the item: what is
    there can still be issued, moved and counted, new documents may not name it.
    """

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    code: str
    name: str | None = None
    gtin: str | None = None
    category: str | None = None
    inspect: bool | None = None
    weight_kg: Decimal | None = None
    volume_m3: Decimal | None = None
    expiry_warn_days: int | None = None
    dead_after_days: int | None = None
    slow_cover_days: int | None = None
    active: bool | None = None
    clear: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetItemUnit(Command):
    """One `unit` of the item is `factor_num` / `factor_den` of its own unit: a pallet of 48 is 48 / 1.

    Lines that were entered in it keep the factor they were entered with. `active` False retires the unit.
    """

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    item: str
    unit: str
    factor_num: int
    factor_den: int = 1
    active: bool = True


@dataclass(frozen=True, slots=True)
class SetCategory(Command):
    """Make or change a category. What an item does not say about itself, its category says for it."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    code: str
    name: str = ""
    active: bool = True
    expiry_warn_days: int | None = None
    dead_after_days: int | None = None
    slow_cover_days: int | None = None


class PartnerKind(StrEnum):
    """What a partner is to us; an owner has goods of their own in our store."""

    SUPPLIER = "supplier"
    CUSTOMER = "customer"
    BOTH = "both"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class SetPartner(Command):
    """Make or change a partner. `usable_days_min` is the shelf life this customer insists on."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    code: str
    name: str = ""
    kind: PartnerKind = PartnerKind.SUPPLIER
    active: bool = True
    usable_days_min: int | None = None


@dataclass(frozen=True, slots=True)
class CreateLot(Command):
    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    item: str
    code: str
    expires_on: date | None = None
    supplier_lot: str = ""


@dataclass(frozen=True, slots=True)
class UpdateLot(Command):
    """Correct a lot, or give it another last day after it was tested again; the audit log keeps what it was.

    What is not named stays; `clear` takes `expires_on` away. Lots that were made of it keep theirs.
    """

    NEEDS: ClassVar[Permission] = Permission.RECALL

    item: str
    code: str
    reason: str
    expires_on: date | None = None
    supplier_lot: str | None = None
    clear: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockLot(Command):
    """Recall: nothing of the lot is issued any more, wherever it is, and what is reserved of it is released.

    `blocked` False lifts it. With `downstream` the same for every lot that it went into.
    """

    NEEDS: ClassVar[Permission] = Permission.RECALL

    item: str
    lot: str
    blocked: bool = True
    reason: str = ""
    downstream: bool = False


@dataclass(frozen=True, slots=True)
class CreateLocation(Command):
    """`kind` and `level` as in the location table; a place that was only seen so far is described by this too."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    code: str
    name: str = ""
    kind: str = "internal"
    level: str = "zone"
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateLocation(Command):
    """Change what is given. A closed place takes and gives nothing; it can be closed only when it is empty."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    code: str
    name: str | None = None
    level: str | None = None
    parent: str | None = None
    closed: bool | None = None
