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
    """Stock in inspection becomes available, or blocked when rejected.

    `sampled` pieces were looked at and `defects` of them were bad. Where the item has a plan, less than it asks for is
    refused, and more bad ones than it allows are not accepted without a deviation.
    """

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
    sampled: Decimal | None = None
    defects: Decimal = Decimal(0)
    owner: str = ""
