"""The port to the warehouse's transport tasks. The warehouse decides what a task is; this says what a master needs.

A claim has an attempt, counted by the book: 1 for the first claim of a task. Task and attempt name the VDA 5050 order,
so an order is never made twice, whatever restarts. All calls may come again and must then do nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from warehouse.tasks import LoadWhere, TaskStep

__all__ = ["Failure", "FailureReason", "FleetClaim", "FleetTask", "LoadWhere", "TaskBook", "TaskStep"]


class FailureReason(StrEnum):
    """Why a task came back."""

    REJECTED = "rejected"
    NOT_TAKEN = "not_taken"
    ACTION_FAILED = "action_failed"
    VEHICLE_ERROR = "vehicle_error"
    SILENT = "silent"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FORGOTTEN = "forgotten"
    NO_ROUTE = "no_route"
    BLOCKED = "blocked"
    LOAD_GONE = "load_gone"


@dataclass(frozen=True, slots=True)
class FleetTask:
    """Bring a load from one station to another; not begun after `valid_until_us` (None: whenever)."""

    task_id: str
    source: str
    target: str
    load_id: str = ""
    valid_until_us: int | None = None

    def is_expired(self, now_us: int) -> bool:
        """Whether it may not be begun any more."""
        return self.valid_until_us is not None and now_us > self.valid_until_us


@dataclass(frozen=True, slots=True)
class FleetClaim:
    """A task that a vehicle of ours has."""

    task: FleetTask
    vehicle: str
    attempt: int
    step: TaskStep | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why, where the load is, and what the vehicle said. With the load at its source the task may be done again."""

    reason: FailureReason
    load: LoadWhere
    detail: str = ""

    @property
    def is_retriable(self) -> bool:
        return self.load is LoadWhere.SOURCE

    @property
    def is_lost(self) -> bool:
        return self.reason is FailureReason.SILENT and self.load is not LoadWhere.SOURCE


class TaskBook(Protocol):
    """Where tasks are kept. Raises OSError (or a subclass) while it cannot be reached; the caller tries again."""

    async def open_tasks(self, limit: int) -> Sequence[FleetTask]:
        """Tasks nobody has, the most urgent first."""

    async def claims(self) -> Sequence[FleetClaim]:
        """Every task our vehicles have now, lost ones too. One that disappears from here was cancelled."""

    async def claim(self, task_id: str, vehicle: str) -> int | None:
        """Take a task for a vehicle: the attempt, the same again for the same vehicle; None when it is not open."""

    async def progress(self, task_id: str, attempt: int, step: TaskStep, at_us: int) -> None:
        """A step was reached."""

    async def done(self, task_id: str, attempt: int, at_us: int) -> None:
        """The load is at its target; also of a task that was lost."""

    async def failed(self, task_id: str, attempt: int, failure: Failure, at_us: int) -> None:
        """The task comes back: to the queue when `is_retriable`, else to a person.

        With `is_lost` nobody knows where the load is: the vehicle keeps its claim until a person ends it, and goes on
        with the task when it is heard again.
        """
