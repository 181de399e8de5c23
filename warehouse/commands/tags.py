"""What EPCs stand for, and handling units with their packing lists."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from warehouse.barcodes import ScannedText
from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


@dataclass(frozen=True, slots=True)
class TagSpec:
    """An EPC and what it stands for. `serial` defaults to the EPC's own when the item is serial-tracked."""

    epc: str
    item: str
    lot: str | None = None
    serial: str | None = None
    quantity: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class RegisterTags(Command):
    NEEDS: ClassVar[Permission] = Permission.TAG

    tags: tuple[TagSpec, ...]


@dataclass(frozen=True, slots=True)
class RetireTag(Command):
    NEEDS: ClassVar[Permission] = Permission.TAG

    epc: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ContentSpec:
    """Part of a packing list: a registered tag by EPC, or a quantity of an item without tags."""

    epc: str | None = None
    item: str | None = None
    lot: str | None = None
    quantity: Decimal | None = None


class HandlingUnitKind(StrEnum):
    """What a handling unit is."""

    PALLET = "pallet"
    CARTON = "carton"
    TOTE = "tote"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class CreateHandlingUnit(Command):
    """`code` is the SSCC, GRAI or GIAI; by default what `epc` says. `tare_kg` is its own weight, empty."""

    NEEDS: ClassVar[Permission] = Permission.TAG

    code: str = ""
    epc: str | None = None
    kind: str = "pallet"
    parent: str | None = None
    contents: tuple[ContentSpec, ...] = ()
    tare_kg: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SeeHere(Command):
    """A person with a handheld saw these at a place: tags by EPC, units and single pieces by barcode as scanned.

    `seen_at` is the handheld's time, for scans that were kept while it had no network; now by default.
    """

    NEEDS: ClassVar[Permission] = Permission.TAG

    location: str
    epcs: tuple[str, ...] = ()
    barcodes: tuple[ScannedText, ...] = ()
    seen_at: datetime | None = None
