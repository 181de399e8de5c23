"""Bills of material and work orders: what a product is made of, what goes out for it, what comes in from it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


@dataclass(frozen=True, slots=True)
class SubstituteSpec:
    """`quantity` of `item` stands in for `of` of the component; tried in the order they are listed."""

    item: str
    quantity: Decimal = Decimal(1)
    of: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """`quantity` for the bill's output; `scrap_percent` raises it."""

    item: str
    quantity: Decimal
    scrap_percent: Decimal = Decimal(0)
    substitutes: tuple[SubstituteSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateBom(Command):
    """A version of an item's bill. Of those in effect on a day the one that came into effect last counts.

    A `phantom` is never stocked: an order that needs it takes its components.
    """

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    item: str
    version: str
    components: tuple[ComponentSpec, ...]
    output_quantity: Decimal = Decimal(1)
    phantom: bool = False
    effective_from: date | None = None
    effective_to: date | None = None


@dataclass(frozen=True, slots=True)
class RetireBom(Command):
    """No new order uses the version; orders that do go on."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    item: str
    version: str


@dataclass(frozen=True, slots=True)
class CreateWorkOrder(Command):
    """Make a quantity of an item: a `work_order_issue` for its components and a `production_receipt` for its output.

    Both carry the order's number. `door` is the portal components leave through; `epcs` are tags and handling units
    that are set aside for it. `version` names the bill, by default the one in effect on the day it is due, or today.
    """

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    number: str
    item: str
    quantity: Decimal
    version: str | None = None
    door: str = ""
    output_door: str = ""
    due_at: datetime | None = None
    epcs: tuple[str, ...] = ()
    over_percent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class IssueKit(Command):
    """Issue all components for `quantity` of the product at once, by the rules of removal.

    All or nothing; with `partial` what there is, and the answer lists what is short. `location` limits it to a place
    and those inside it.
    """

    NEEDS: ClassVar[Permission] = Permission.FULFIL

    number: str
    quantity: Decimal
    location: str | None = None
    partial: bool = False
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OverIssue(Command):
    """Issue more of a component than the order asks for, with the reason."""

    NEEDS: ClassVar[Permission] = Permission.OVER_ISSUE

    number: str
    line_no: int
    quantity: Decimal
    location: str
    reason: str
    lot: str | None = None
    serial: str | None = None
    unit: str | None = None
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SubstituteComponent(Command):
    """Let a substitute of the bill stand in for what is still open of a component, or for `quantity` of it."""

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    number: str
    line_no: int
    item: str
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ReportOutput(Command):
    """Receive what a work order made. With `backflush` the components for it are issued in the same breath.

    `backflush_location` limits where they are taken from.
    """

    NEEDS: ClassVar[Permission] = Permission.FULFIL
    PLACES: ClassVar[tuple[str, ...]] = ("location", "backflush_location")

    number: str
    quantity: Decimal
    location: str
    lot: str | None = None
    serial: str | None = None
    unit: str | None = None
    expires_on: date | None = None
    backflush: bool = False
    backflush_location: str | None = None
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreateBackorder(Command):
    """Close a document at what was done and put the rest on a new one of its kind."""

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    kind: str
    number: str
    backorder: str
