"""Handling units repacked and nested; lots split and merged."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.commands.tags import ContentSpec


@dataclass(frozen=True, slots=True)
class Repack(Command):
    """Take contents out of a handling unit or from loose stock, and put them into another or loose, at one place.

    Tags are taken from where they are; `source_unit` says where goods without tags come from.
    """

    NEEDS: ClassVar[Permission] = Permission.MOVE

    location: str
    contents: tuple[ContentSpec, ...]
    source_unit: str | None = None
    target_unit: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NestUnit(Command):
    """Put a handling unit onto or into another, or take it off; each keeps what is its own."""

    NEEDS: ClassVar[Permission] = Permission.MOVE

    unit: str
    parent: str | None = None


class Conversion(StrEnum):
    """What is done to lots."""

    SPLIT = "split"
    MERGE = "merge"
    REPACK = "repack"


@dataclass(frozen=True, slots=True)
class ConvertedStock:
    """One side of a conversion; a `lot` that comes out and is not known is made, with the earliest expiry going in."""

    item: str
    quantity: Decimal
    location: str
    lot: str | None = None
    serial: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ConvertStock(Command):
    """Split a lot into lots, merge lots into one, or repack goods into another item; traced both ways.

    A split or merge keeps the item and the quantity. Expired, blocked and not accepted stock is not converted.
    """

    NEEDS: ClassVar[Permission] = Permission.ADJUST

    conversion: Conversion
    inputs: tuple[ConvertedStock, ...]
    outputs: tuple[ConvertedStock, ...]
    reason: str = ""
