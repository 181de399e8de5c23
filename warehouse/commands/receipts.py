"""What receipts follow: how lots are numbered, what is inspected; and receiving or issuing by scan."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from warehouse.barcodes import ScannedText
from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


@dataclass(frozen=True, slots=True)
class SetLotPattern(Command):
    """How lots of an item, of a category, or (both absent) of everything else are numbered; empty takes it away.

    For example `{site}-{YY}{MM}{DD}-{seq:4}`, or `{supplier}` to keep the supplier's. Dates are those of `time_zone`.
    """

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    pattern: str
    item: str | None = None
    category: str | None = None
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class AssignLots(Command):
    """Give every lot-tracked line of a receipt that names no lot its own number, before its tags are printed."""

    NEEDS: ClassVar[Permission] = Permission.FULFIL

    kind: str
    number: str
    effective_at: datetime | None = None


class InspectionMode(StrEnum):
    """How much of a receipt is inspected."""

    NONE = "none"
    ALL = "all"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Characteristic:
    """What is measured or judged. A value outside `lower` to `upper` has failed; without limits a person says."""

    name: str
    lower: Decimal | None = None
    upper: Decimal | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class SetInspectionPlan(Command):
    """What of an item or category is inspected on receipt: nothing, every piece, or a sample by ISO 2859-1."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    mode: InspectionMode
    item: str | None = None
    category: str | None = None
    level: str = "II"
    aql: Decimal = Decimal("1.0")
    characteristics: tuple[Characteristic, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanDocument(Command):
    """Receive or issue what a handheld scanned, on one document: the posting a portal would make, all or nothing.

    `epcs` are tags of goods and of handling units, `barcodes` labels of things that have such a tag. `location` is
    where goods come to or leave from.
    """

    NEEDS: ClassVar[Permission] = Permission.FULFIL

    kind: str
    number: str
    epcs: tuple[str, ...]
    location: str
    effective_at: datetime | None = None
    barcodes: tuple[ScannedText, ...] = ()
