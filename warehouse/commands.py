"""What people, devices and systems can ask of the warehouse, and the two kinds of answer.

Commands name things by the codes people use. Each is executed once per (source, client_event_id): the same command
again gets the stored answer, another under the same id is refused. A refusal has a code, the field it is about and a
message.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from warehouse.ledger import StockStatus, Tracking
from warehouse.removal import Order


class RefusalCode(StrEnum):
    """Why a command is refused; the ledger's own reasons (`warehouse.ledger.LedgerRefusal`) come as they are."""

    REQUEST_ID_REUSED = "request_id_reused"
    EXISTS = "exists"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    WRONG_STATE = "wrong_state"
    OVER = "over"
    OWN_REQUEST = "own_request"
    COUNT_CONFLICT = "count_conflict"
    BEYOND_TOLERANCE = "beyond_tolerance"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command refused. `field` is the path of the command's field, such as `lines.0.item`; empty for the whole."""

    code: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """A command done. `repeated`: it was done before and this is the stored answer."""

    request_id: UUID
    response: dict[str, Any]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person, device or system by name, and with which device."""

    name: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class CreateItem:
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
class CreateLot:
    item: str
    code: str
    expires_on: date | None = None
    supplier_lot: str = ""


@dataclass(frozen=True, slots=True)
class BlockLot:
    """Recall: nothing of the lot is issued any more, wherever it is; `blocked` False lifts it."""

    item: str
    lot: str
    blocked: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CreateLocation:
    """`kind` and `level` as in the location table; a place that was only seen so far is described by this too."""

    code: str
    name: str = ""
    kind: str = "internal"
    level: str = "zone"
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class TagSpec:
    """An EPC and what it stands for. `serial` defaults to the EPC's own when the item is serial-tracked."""

    epc: str
    item: str
    lot: str | None = None
    serial: str | None = None
    quantity: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class RegisterTags:
    tags: tuple[TagSpec, ...]


@dataclass(frozen=True, slots=True)
class RetireTag:
    epc: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ContentSpec:
    """Part of a packing list: a registered tag by EPC, or a quantity of an item without tags."""

    epc: str | None = None
    item: str | None = None
    lot: str | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CreateHandlingUnit:
    """`code` is the SSCC, GRAI or GIAI; by default what `epc` says."""

    code: str = ""
    epc: str | None = None
    kind: str = "pallet"
    parent: str | None = None
    contents: tuple[ContentSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class LineSpec:
    item: str
    quantity: Decimal
    lot: str | None = None
    line_no: int | None = None


@dataclass(frozen=True, slots=True)
class CreateDocument:
    """`kind` as in document_kind (`purchase_receipt`, `delivery` …). `epcs` are announced tags and handling units.

    A `transfer` names its `source` and `target` place. With `needs_approval` it waits for someone else to approve it.
    """

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
class ApproveDocument:
    """By someone other than who asked."""

    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class ShipTransfer:
    """Goods of a transfer leave `location` (by default its source) and are in transit."""

    number: str
    line_no: int
    quantity: Decimal
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReceiveTransfer:
    """Goods in transit arrive at `location` (by default the transfer's target)."""

    number: str
    line_no: int
    quantity: Decimal
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StartCount:
    """Count places (with those inside them), items, or items in places: a line for each balance there."""

    number: str
    locations: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    blind: bool = True
    tolerance_percent: Decimal = Decimal(0)
    tolerance_quantity: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class EnterCount:
    """What was counted on a line; entering it again is a recount. A line of the sheet, or stock found beside it."""

    number: str
    quantity: Decimal
    line_no: int | None = None
    item: str | None = None
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    status: StockStatus = StockStatus.AVAILABLE
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PostCount:
    """Post differences. `keep_count`: lines whose stock moved since stand; `approve`: those beyond tolerance too."""

    number: str
    keep_count: bool = False
    approve: bool = False


@dataclass(frozen=True, slots=True)
class CancelCount:
    number: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CancelDocument:
    kind: str
    number: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CloseDocument:
    """No more is coming or going; what is missing is reported as short."""

    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class FulfilLine:
    """Receive or issue on a document line by hand. `location` is where goods come to or leave from.

    `force` issues stock reserved for others too: the youngest reservations give way.
    """

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


class Resolution(StrEnum):
    """What a person decides about a discrepancy."""

    POST = "post"
    DISMISS = "dismiss"


@dataclass(frozen=True, slots=True)
class ResolveDiscrepancy:
    discrepancy_id: UUID
    resolution: Resolution
    note: str = ""


@dataclass(frozen=True, slots=True)
class MoveStock:
    """From bin to bin, or from one status to another (`to_status`), or both. Locations by code."""

    item: str
    quantity: Decimal
    source: str
    target: str
    lot: str | None = None
    serial: str | None = None
    source_unit: str | None = None
    target_unit: str | None = None
    status: StockStatus = StockStatus.AVAILABLE
    to_status: StockStatus | None = None
    reason: str = ""
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AdjustStock:
    """Add (positive) or take (negative) a difference found; the other side is the place `ADJUSTMENT`.

    `force` takes reserved stock too: the youngest reservations give way. `scrap` puts what is taken to `SCRAP`.
    """

    item: str
    difference: Decimal
    location: str
    reason: str
    lot: str | None = None
    serial: str | None = None
    status: StockStatus = StockStatus.AVAILABLE
    effective_at: datetime | None = None
    force: bool = False
    scrap: bool = False


class Inspected(StrEnum):
    """What an inspection decides; a deviation is accepted with its reason."""

    ACCEPT = "accept"
    DEVIATION = "deviation"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class CharacteristicResult:
    """One measured or judged characteristic of an inspection."""

    characteristic: str
    value: str
    passed: bool


@dataclass(frozen=True, slots=True)
class DecideInspection:
    """Stock in inspection becomes available, or blocked when rejected."""

    item: str
    quantity: Decimal
    location: str
    decision: Inspected
    lot: str | None = None
    serial: str | None = None
    unit: str | None = None
    results: tuple[CharacteristicResult, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReverseMovement:
    move_id: UUID
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClosePeriod:
    """Nothing more is posted on or before this day. Refused while an unsettled discrepancy lies in it."""

    through: date


@dataclass(frozen=True, slots=True)
class ReserveStock:
    """Reserve on one balance for a holder, maybe for a document line, until `expires_at`."""

    item: str
    quantity: Decimal
    location: str
    holder: str
    lot: str | None = None
    serial: str | None = None
    unit: str | None = None
    document_kind: str | None = None
    document_number: str | None = None
    line_no: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AllocateLine:
    """Reserve stock for an open line of an outgoing document, by an order of removal; as much as there is.

    `location` limits it to a place and those inside it; `remaining_days_min` to lots that live that long.
    """

    kind: str
    number: str
    line_no: int
    order: Order = Order.FIFO
    location: str | None = None
    remaining_days_min: int = 0
    single_lot: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReleaseReservation:
    reservation_id: UUID


Command = (
    CreateItem
    | CreateLot
    | BlockLot
    | CreateLocation
    | RegisterTags
    | RetireTag
    | CreateHandlingUnit
    | CreateDocument
    | ApproveDocument
    | CancelDocument
    | ShipTransfer
    | ReceiveTransfer
    | StartCount
    | EnterCount
    | PostCount
    | CancelCount
    | CloseDocument
    | FulfilLine
    | ResolveDiscrepancy
    | MoveStock
    | AdjustStock
    | DecideInspection
    | ReverseMovement
    | ClosePeriod
    | ReserveStock
    | AllocateLine
    | ReleaseReservation
)


@dataclass(frozen=True, slots=True)
class Audit:
    """What the audit log keeps of a command's effect."""

    before: dict[str, Any] | None = None
    after: dict[str, Any] = field(default_factory=dict)


def encode(command: Command) -> dict[str, Any]:
    """The command as JSON-able values, quantities normalised (5 and 5.0 are the same command)."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(command), default=_plain))
    return plain


def digest(command: Command) -> str:
    text = json.dumps([type(command).__name__, encode(command)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
