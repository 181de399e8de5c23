"""What stock is worth: how an item is valued, and revaluation."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.valuation import Valuation


@dataclass(frozen=True, slots=True)
class SetValuation(Command):
    """How an item is valued from now on, or its new standard cost. What is there is revalued with it.

    `unit_cost` is what one of the item's own unit is worth where stock that had no value so far gets one.
    """

    NEEDS: ClassVar[Permission] = Permission.VALUE

    item: str
    valuation: Valuation
    standard_cost: Decimal | None = None
    unit_cost: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RevalueStock(Command):
    """What is there of an item (of a lot, a serial) is worth `unit_cost` each from now on; the past stays."""

    NEEDS: ClassVar[Permission] = Permission.VALUE

    item: str
    unit_cost: Decimal
    reason: str
    lot: str | None = None
    serial: str | None = None
