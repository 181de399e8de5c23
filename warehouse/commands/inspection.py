"""Quality inspection of received stock."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


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
class DecideInspection(Command):
    """Stock in inspection becomes available, or blocked when rejected."""

    NEEDS: ClassVar[Permission] = Permission.INSPECT

    item: str
    quantity: Decimal
    location: str
    decision: Inspected
    lot: str | None = None
    serial: str | None = None
    unit: str | None = None
    results: tuple[CharacteristicResult, ...] = ()
    note: str = ""
    uom: str | None = None
