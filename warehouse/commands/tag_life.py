"""The life of a tag: numbers from pools, labels printed and encoded, read back and bound, bound anew."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


class PoolScheme(StrEnum):
    """What a pool's numbers are part of."""

    SGTIN = "sgtin"
    SSCC = "sscc"


@dataclass(frozen=True, slots=True)
class CreateNumberPool(Command):
    """Numbers for new tags, each given once: SGTIN-96 serials of an `item` with a GTIN, or SSCC-96 of a `prefix`.

    `prefix` is the extension digit and the company prefix of `prefix_digits`. Pools of one GTIN or prefix do not
    overlap.
    """

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    name: str
    scheme: PoolScheme
    prefix_digits: int
    first: Decimal
    last: Decimal
    item: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class SetPrinter(Command):
    """A label printer that takes ZPL over TCP."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    name: str
    host: str
    port: int = 9100
    active: bool = True


@dataclass(frozen=True, slots=True)
class SetLabelTemplate(Command):
    """What is printed: ZPL with fields; the encoding of the tag is added."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    name: str
    zpl: str


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """`count` labels with numbers of a `pool`: each for `quantity` of an item (of a lot), or for a handling unit."""

    pool: str
    count: int
    item: str | None = None
    lot: str | None = None
    quantity: Decimal = Decimal(1)
    unit_kind: str | None = None


@dataclass(frozen=True, slots=True)
class PrintLabels(Command):
    """Give numbers, and queue labels to print and encode. A tag stands for nothing until it was read back."""

    NEEDS: ClassVar[Permission] = Permission.TAG

    printer: str
    template: str
    labels: tuple[LabelSpec, ...]


@dataclass(frozen=True, slots=True)
class VerifyLabels(Command):
    """EPCs read back from printed labels: from now on each stands for what it was printed for."""

    NEEDS: ClassVar[Permission] = Permission.TAG

    epcs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VoidLabel(Command):
    """A label that was spoilt: its number is not given again."""

    NEEDS: ClassVar[Permission] = Permission.TAG

    epc: str
    reason: str


@dataclass(frozen=True, slots=True)
class RetryPrintJob(Command):
    """Print a job again that failed or whose labels were lost; not once any of them was read back."""

    NEEDS: ClassVar[Permission] = Permission.TAG

    job_id: UUID


@dataclass(frozen=True, slots=True)
class CancelPrintJob(Command):
    """Do not print what is still queued or failed; its labels are void."""

    NEEDS: ClassVar[Permission] = Permission.TAG

    job_id: UUID


@dataclass(frozen=True, slots=True)
class RebindTag(Command):
    """Let a tag stand for something else: a quantity of an item, or a handling unit.

    Not while its goods are in stock, or on a packing list.
    """

    NEEDS: ClassVar[Permission] = Permission.TAG

    epc: str
    reason: str
    item: str | None = None
    lot: str | None = None
    serial: str | None = None
    quantity: Decimal = Decimal(1)
    unit: str | None = None
