"""Which stock is taken, and taking it: removal rules, pick lists, picks confirmed by scan."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.removal import Order, Taking


@dataclass(frozen=True, slots=True)
class ZoneTaking:
    """How a place, with those inside it, is taken from; `package` is the size of whole packages."""

    zone: str
    taking: Taking = Taking.ANY
    package: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class SetRemovalRule(Command):
    """How stock of an item, of a category, or of everything else is chosen, for all documents or one kind of them.

    The most particular rule counts: item before category before neither, and with its kind before without. Without
    `order` the rule is taken away. With `zones` stock is taken from these alone, zone after zone.
    """

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    order: Order | None = None
    item: str | None = None
    category: str | None = None
    kind: str | None = None
    remaining_days_min: int = 0
    single_lot: bool = False
    zones: tuple[ZoneTaking, ...] = ()


@dataclass(frozen=True, slots=True)
class SetDocumentRemoval(Command):
    """How stock is chosen for one document, whatever the rules say; without `order` by the rules again."""

    NEEDS: ClassVar[Permission] = Permission.DOCUMENT

    kind: str
    number: str
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class DocumentName:
    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class CreatePickList(Command):
    """Pick what is reserved for these documents and on no other list, place after place.

    Picked goods are put to `stage`, still reserved for their lines, and leave by a portal or by hand; without a stage
    they are issued as they are picked.
    """

    NEEDS: ClassVar[Permission] = Permission.FULFIL
    PLACES: ClassVar[tuple[str, ...]] = ("stage",)

    number: str
    documents: tuple[DocumentName, ...]
    assignee: str = ""
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class ConfirmPick(Command):
    """A line of a pick list was picked: what was scanned must be what the line names, or the reason why not is told.

    Scan the `location`, and the `lot`, `serial` or handling `unit` where the line has one; a tag (`epc`) stands for
    all of them. `short`: no more is there than `quantity`; the rest is released and reported with its `reason`.
    """

    NEEDS: ClassVar[Permission] = Permission.FULFIL

    number: str
    line_no: int
    quantity: Decimal
    location: str | None = None
    lot: str | None = None
    serial: str | None = None
    unit: str | None = None
    epc: str | None = None
    short: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CancelPickList(Command):
    """What is not picked stays reserved and can go on another list."""

    NEEDS: ClassVar[Permission] = Permission.FULFIL

    number: str
    reason: str = ""
