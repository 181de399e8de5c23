"""Counting: sheets, entries, differences."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.ledger import StockStatus


class CountChoice(StrEnum):
    """Which of the balances asked for are counted."""

    ALL = "all"
    CYCLE = "cycle"
    RANDOM = "random"
    ZERO = "zero"


class CountMethod(StrEnum):
    """How a line was counted."""

    HAND = "hand"
    SCAN = "scan"
    RFID = "rfid"


@dataclass(frozen=True, slots=True)
class StartCount(Command):
    """Count places (with those inside them), items, or items in places: a line for each balance there.

    Of these `choice` takes all; by `cycle` those that are due (class A after 30 days, B 90, C 180 by the value used in
    a year), the most overdue first; at `random` by `seed`; or `zero`, what was there in the last 90 days and should be
    gone. `sample` bounds the last three. A count that names no tolerance has those of its places (`SetCountTolerance`).
    """

    NEEDS: ClassVar[Permission] = Permission.COUNT

    number: str
    locations: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    blind: bool = True
    tolerance_percent: Decimal | None = None
    tolerance_quantity: Decimal | None = None
    tolerance_value: Decimal | None = None
    recounts: int = 1
    choice: CountChoice = CountChoice.ALL
    sample: int = 100
    seed: int = 0


@dataclass(frozen=True, slots=True)
class EnterCount(Command):
    """What was counted on a line; entering it again is a recount. A line of the sheet, or stock found beside it."""

    NEEDS: ClassVar[Permission] = Permission.COUNT

    number: str
    quantity: Decimal
    line_no: int | None = None
    item: str | None = None
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    status: StockStatus = StockStatus.AVAILABLE
    reason: str = ""
    uom: str | None = None
    method: CountMethod = CountMethod.HAND
    owner: str = ""


@dataclass(frozen=True, slots=True)
class LotCount:
    """What was counted of one lot; without a lot, of an item that has none."""

    quantity: Decimal
    lot: str | None = None


@dataclass(frozen=True, slots=True)
class EnterItemCount(Command):
    """All that is there of an item in a place, by lot. Lots that are not named are counted as none."""

    NEEDS: ClassVar[Permission] = Permission.COUNT

    number: str
    item: str
    location: str
    counted: tuple[LotCount, ...]
    reason: str = ""
    uom: str | None = None
    method: CountMethod = CountMethod.HAND


@dataclass(frozen=True, slots=True)
class SetCountTolerance(Command):
    """How far counts of a place, with those inside it, may differ where they do not say; the nearest place counts.

    Without any the place has none of its own any more.
    """

    NEEDS: ClassVar[Permission] = Permission.POST_COUNT

    location: str
    percent: Decimal | None = None
    quantity: Decimal | None = None
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SweepCount(Command):
    """Count the lines of a place, with those inside it, by the tags seen there now.

    Lines of items that have no tags stay as they are. Tags that the books have elsewhere make lines of their own.
    """

    NEEDS: ClassVar[Permission] = Permission.COUNT

    number: str
    location: str


@dataclass(frozen=True, slots=True)
class PostCount(Command):
    """Post differences. `keep_count`: lines whose stock moved since stand; `approve`: those beyond tolerance too, and
    those that need approval as adjustments do, by who counted none of them.

    A line beyond the tolerance is counted again first, and needs a reason: its own, or `reason` for all of them.
    """

    NEEDS: ClassVar[Permission] = Permission.POST_COUNT

    number: str
    keep_count: bool = False
    approve: bool = False
    reason: str = ""
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CancelCount(Command):
    NEEDS: ClassVar[Permission] = Permission.COUNT

    number: str
    reason: str = ""
