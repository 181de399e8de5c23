"""Stock itself: moves, adjustments, reversals, reservations, discrepancies, periods."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.ledger import StockStatus


class Resolution(StrEnum):
    """What a person decides about a discrepancy."""

    POST = "post"
    DISMISS = "dismiss"


@dataclass(frozen=True, slots=True)
class ResolveDiscrepancy(Command):
    NEEDS: ClassVar[Permission] = Permission.RESOLVE

    discrepancy_id: UUID
    resolution: Resolution
    note: str = ""


@dataclass(frozen=True, slots=True)
class MoveStock(Command):
    """From bin to bin, or from one status to another (`to_status`), or both. Locations by code."""

    NEEDS: ClassVar[Permission] = Permission.MOVE

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
    uom: str | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class MoveUnit(Command):
    """A handling unit with all that is in it, nested units too, goes to another place; its reservations go along."""

    NEEDS: ClassVar[Permission] = Permission.MOVE

    unit: str
    target: str
    reason: str = ""
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AdjustStock(Command):
    """Add (positive) or take (negative) a difference found; the other side is the place `ADJUSTMENT`.

    `force` takes reserved stock too: the youngest reservations give way. `scrap` puts what is taken to `SCRAP`.
    `unit_cost` is what one `uom` of something found is worth; without it, what the item costs now. `owner` is whose
    goods they are when they are not ours.
    """

    NEEDS: ClassVar[Permission] = Permission.ADJUST

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
    uom: str | None = None
    unit_cost: Decimal | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class ReverseMovement(Command):
    NEEDS: ClassVar[Permission] = Permission.REVERSE

    move_id: UUID
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClosePeriod(Command):
    """Nothing more is posted on or before this day. Refused while an unsettled discrepancy lies in it."""

    NEEDS: ClassVar[Permission] = Permission.CLOSE_PERIOD

    through: date


@dataclass(frozen=True, slots=True)
class ReserveStock(Command):
    """Reserve on one balance for a holder, maybe for a document line, until `expires_at`.

    `owner` is whose goods they are when they are not ours.
    """

    NEEDS: ClassVar[Permission] = Permission.RESERVE

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
    uom: str | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseReservation(Command):
    NEEDS: ClassVar[Permission] = Permission.RESERVE

    reservation_id: UUID
