"""Transport tasks: making them, doing them, and deciding about those that failed. And what says where goods are put."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.ledger import StockStatus
from warehouse.tasks import LEASE_S_DEFAULT, LoadWhere, TaskLoad, TaskStep


@dataclass(frozen=True, slots=True)
class DescribeStorage(Command):
    """What a place takes when goods are put away; a limit left out is none. `removed`: it is no storage any more."""

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    location: str
    units_max: int | None = None
    capacity: Decimal | None = None
    weight_max_kg: Decimal | None = None
    volume_max_m3: Decimal | None = None
    only_when_empty: bool = False
    single_item: bool = False
    removed: bool = False


@dataclass(frozen=True, slots=True)
class SetPutawayRule(Command):
    """Which goods are put where: a rule of this name, made or replaced. What is left out fits anything.

    `unit_kind` is a kind of handling unit, by default any; `loose` makes it a rule about goods that stand in none and
    get tasks by such rules alone. `source` is where goods were received, `target` a storage place or one that has
    storage places inside it. `within_minutes` gives the tasks their deadline; `enabled` False keeps the rule without
    using it.
    """

    NEEDS: ClassVar[Permission] = Permission.MASTER_DATA

    name: str
    target: str
    priority: int = 0
    item: str | None = None
    category: str = ""
    unit_kind: str = ""
    source: str | None = None
    task_priority: int = 0
    within_minutes: int | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class CreateTask(Command):
    """Bring a handling unit, or loose goods, to a place; without `target` to where the put-away rules say.

    Either `unit`, or `item` and `source` (and what else tells the goods apart) with a `quantity` in the item's own
    unit, by default all that is there and free.
    """

    NEEDS: ClassVar[Permission] = Permission.DISPATCH

    unit: str | None = None
    target: str | None = None
    priority: int = 0
    deadline: datetime | None = None
    item: str | None = None
    source: str | None = None
    quantity: Decimal | None = None
    lot: str | None = None
    serial: str | None = None
    stock_owner: str = ""
    stock_status: StockStatus = StockStatus.AVAILABLE


@dataclass(frozen=True, slots=True)
class ClaimTask(Command):
    """Take a task, or the most urgent open one (from one of `sources`, if any are named) for a load that it `takes`.

    Handling units are taken by default; `goods` are loose quantities, for who can lift them. `owner` is the person or
    vehicle that will do it, by default who asks. A claim that reports nothing for `lease_s` lapses and the task comes
    back; 0 never lapses.
    """

    NEEDS: ClassVar[Permission] = Permission.TASK

    task_id: UUID | None = None
    owner: str = ""
    lease_s: int = LEASE_S_DEFAULT
    sources: tuple[str, ...] = ()
    takes: tuple[TaskLoad, ...] = (TaskLoad.UNIT,)


@dataclass(frozen=True, slots=True)
class ReportTask(Command):
    """A step was reached, or again: the claim is alive. `picked` with a vehicle makes the vehicle the load's place.

    `vehicle` names it, by default the owner when that is a vehicle of the site. Of loose goods less may be picked: a
    `quantity` in the item's own unit, `serials`, or the goods that `epcs` are on; the others are a task of their own.
    """

    NEEDS: ClassVar[Permission] = Permission.TASK

    task_id: UUID
    attempt: int
    step: TaskStep
    vehicle: str = ""
    effective_at: datetime | None = None
    quantity: Decimal | None = None
    serials: tuple[str, ...] = ()
    epcs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FinishTask(Command):
    """The load is at its target, or at `target` when it was put elsewhere. Stock and place move with it.

    Of loose goods it may be a part: a `quantity` in the item's own unit, `serials`, or the goods that `epcs` are on.
    What is left is a task of its own, in the queue, or with who still carries it.
    """

    NEEDS: ClassVar[Permission] = Permission.TASK

    task_id: UUID
    attempt: int
    target: str | None = None
    effective_at: datetime | None = None
    quantity: Decimal | None = None
    serials: tuple[str, ...] = ()
    epcs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailTask(Command):
    """It did not work, and why. With the load at its source the task comes back, else it waits for a person.

    `lost`: nobody knows yet; the claim stays, and a later report of it is believed.
    """

    NEEDS: ClassVar[Permission] = Permission.TASK

    task_id: UUID
    attempt: int
    reason: str
    load: LoadWhere
    detail: str = ""
    lost: bool = False
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReleaseTask(Command):
    """Put a claimed or failed task back into the queue. `location` is where its load is, if not where it was."""

    NEEDS: ClassVar[Permission] = Permission.DISPATCH

    task_id: UUID
    reason: str = ""
    location: str | None = None


@dataclass(frozen=True, slots=True)
class ReassignTask(Command):
    """Give a task to somebody else; whoever had it hears that it is overtaken. Not once the load was picked up."""

    NEEDS: ClassVar[Permission] = Permission.DISPATCH

    task_id: UUID
    owner: str
    lease_s: int = LEASE_S_DEFAULT


@dataclass(frozen=True, slots=True)
class CancelTask(Command):
    """Nobody needs it any more. Of a load that was picked up `location` must say where it is."""

    NEEDS: ClassVar[Permission] = Permission.DISPATCH

    task_id: UUID
    reason: str = ""
    location: str | None = None


@dataclass(frozen=True, slots=True)
class LapseTask(Command):
    """A claim has been silent beyond its lease: unless something was heard after event `beat`, the task comes back.

    Of an open task: its loose goods are not all there. It is then about what is left, or over.
    """

    NEEDS: ClassVar[Permission] = Permission.DISPATCH

    task_id: UUID
    beat: int
