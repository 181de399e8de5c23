"""Transfers between places: shipped, in transit, received."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
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
    """Goods in transit arrive at `location` (by default the transfer's target)."""

    NEEDS: ClassVar[Permission] = Permission.TRANSFER

    number: str
    line_no: int
    quantity: Decimal
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    effective_at: datetime | None = None
    uom: str | None = None
