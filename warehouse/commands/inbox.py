"""Documents as other systems send them, by their own id and version, and the repair of those we did not understand."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from warehouse.commands.command import Command
from warehouse.commands.documents import LineName
from warehouse.commands.permission import Permission


class CodeField(StrEnum):
    """What a code of another system names."""

    ITEM = "item"
    LOT = "lot"
    LOCATION = "location"
    PARTNER = "partner"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class CanonicalLine:
    """`line_no` is the sender's and stays the line's over all versions; `owner` is whose goods, empty for ours.

    `source` is the line it answers to, by our numbers: an order's, or for a return what went out. `supplier_lot` and
    `expires_on` are what the supplier announces; a lot made on receipt takes them.
    """

    line_no: int
    item: str
    quantity: Decimal
    lot: str | None = None
    unit: str | None = None
    unit_cost: Decimal | None = None
    owner: str = ""
    source: LineName | None = None
    supplier_lot: str = ""
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class CodeMapping:
    """What `theirs` is with us, for this sender from now on."""

    field: CodeField
    theirs: str
    ours: str


@dataclass(frozen=True, slots=True)
class TakeDocument(Command):
    """The newest state of another system's document. `version` only grows; the same one again is the same message.

    What names a code we do not know is kept in quarantine; the version before it stays in force until it is repaired.
    """

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    source: str
    external_id: str
    version: int
    kind: str
    number: str
    lines: tuple[CanonicalLine, ...] = ()
    cancelled: bool = False
    partner: str = ""
    door: str = ""
    over_percent: Decimal = Decimal(0)
    expected_at: datetime | None = None
    epcs: tuple[str, ...] = ()
    from_location: str | None = None
    to_location: str | None = None


@dataclass(frozen=True, slots=True)
class RepairMessage(Command):
    """Try a quarantined message again, after mapping codes or after what it names was made."""

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    message_id: UUID
    codes: tuple[CodeMapping, ...] = ()
