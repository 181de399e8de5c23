"""Transfers between places: shipped, in transit, received."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


@dataclass(frozen=True, slots=True)
class ShipTransfer(Command):
    """Goods of a transfer leave `location` (by default its source) and are in transit."""

    NEEDS: ClassVar[Permission] = Permission.TRANSFER

    number: str
    line_no: int
    quantity: Decimal
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    effective_at: datetime | None = None
    uom: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiveTransfer(Command):
    """Goods in transit arrive at `location` (by default the transfer's target).

    More than is in transit is refused, unless `over_reason` says why there is more: then the excess is found stock.
    """

    NEEDS: ClassVar[Permission] = Permission.TRANSFER

    number: str
    line_no: int
    quantity: Decimal
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    effective_at: datetime | None = None
    uom: str | None = None
    over_reason: str = ""


class TransitOutcome(StrEnum):
    """What became of goods that never arrived."""

    LOST = "lost"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class SettleTransfer(Command):
    """What is still in transit is lost, or back at the source; the transfer is closed.

    A loss that needs approval as adjustments do is settled with `approve`, by who had no part in the transfer.
    """

    NEEDS: ClassVar[Permission] = Permission.TRANSFER

    number: str
    outcome: TransitOutcome
    reason: str
    approve: bool = False
    effective_at: datetime | None = None
