"""Documents and their lines: what is expected, asked for and fulfilled."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.ledger import StockStatus
from warehouse.removal import Order


@dataclass(frozen=True, slots=True)
class LineName:
    """One line of a document."""

    kind: str
    number: str
    line_no: int


@dataclass(frozen=True, slots=True)
class LineSpec:
    """`quantity` is in `uom`, by default the item's own unit; `unit_cost` is the price of one of them.

    `source` is the line it answers to: what was ordered, or for a return what went out. `supplier_lot` and
    `expires_on` are what the supplier announces; a lot made on receipt takes them. `owner` is whose goods come in, or
    are taken, when they are not ours: consigned, or a customer's own.
    """

    item: str
    quantity: Decimal
    lot: str | None = None
    line_no: int | None = None
    uom: str | None = None
    unit_cost: Decimal | None = None
    source: LineName | None = None
    supplier_lot: str = ""
    expires_on: date | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class CreateDocument(Command):
    """`kind` as in document_kind (`purchase_receipt`, `delivery` …). `epcs` are announced tags and handling units.

    A `transfer` names its `source` and `target` place. With `needs_approval` it waits for someone else to approve it.
    """

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    kind: str
    number: str
    lines: tuple[LineSpec, ...]
    partner: str = ""
    door: str = ""
    over_percent: Decimal = Decimal(0)
    expected_at: datetime | None = None
    epcs: tuple[str, ...] = ()
    source: str | None = None
    target: str | None = None
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class ApproveDocument(Command):
    """By someone other than who asked."""

    NEEDS: ClassVar[Permission] = Permission.APPROVE

    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class CancelDocument(Command):
    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    kind: str
    number: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CloseDocument(Command):
    """No more is coming or going; what is missing is reported as short."""

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class FulfilLine(Command):
    """Receive or issue on a document line by hand. `location` is where goods come to or leave from.

    A serial that a purchase, a production or another receipt brings first is made.
    A lot-tracked item that comes in without a lot gets the line's own, or a new number by the item's pattern; then
    `supplier_lot` and `expires_on` say what the package says. `force` issues stock reserved for others too: the
    youngest reservations give way; and a lot with less shelf life left than the line needs.
    """

    NEEDS: ClassVar[Permission] = Permission.FULFIL

    kind: str
    number: str
    line_no: int
    quantity: Decimal
    location: str
    lot: str | None = None
    serial: str | None = None
    status: StockStatus = StockStatus.AVAILABLE
    effective_at: datetime | None = None
    force: bool = False
    unit: str | None = None
    uom: str | None = None
    supplier_lot: str = ""
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class AllocateLine(Command):
    """Reserve stock for an open line of an outgoing document, by an order of removal; as much as there is.

    What is not said here the removal rules say. Never less shelf life than the partner insists on. `location` limits it
    to a place and those inside it, `lot` and `serial` to these; `closest` counts from the place `near`.
    """

    NEEDS: ClassVar[Permission] = Permission.RESERVE

    kind: str
    number: str
    line_no: int
    order: Order | None = None
    location: str | None = None
    remaining_days_min: int | None = None
    single_lot: bool | None = None
    expires_at: datetime | None = None
    lot: str | None = None
    serial: str | None = None
    near: str | None = None
