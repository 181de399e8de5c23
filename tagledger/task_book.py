"""The warehouse's tasks as the built-in master's `TaskBook`: what it reads from the database, and says by commands.

Claims of the master do not lapse: it judges itself how long a vehicle may be silent, and finds its claims again when it
was restarted. A person can take a task from it at any time (release, reassign, cancel).

A task is the master's only where its load is a handling unit and both ends have a station on the site's roads; the
others are for people. A load that
came in by a portal is handed over at that portal's station; any other place at its own station, or at the one of the
place it is in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

import psycopg
import structlog
from psycopg import Connection
from psycopg_pool import PoolClosed, PoolTimeout

from edge.fleet.tasks import Failure, FleetClaim, FleetTask, TaskStep
from tagledger.command_desk import WritePool
from warehouse.commands import (
    Actor,
    ClaimTask,
    Command,
    FailTask,
    FinishTask,
    Permission,
    Refusal,
    RefusalCode,
    ReportTask,
    Result,
    Rights,
)
from warehouse.postgres.queries.tasks import CLAIMS, OPEN, Task, containers, read, taking
from warehouse.roads import StationKind
from warehouse.site import Site
from warehouse.tasks import LoadWhere, TaskLoad
from warehouse.times import from_us

FLEET = "fleet"
CLAIMS_MAX = 1_000
# A report waits as long as the database is away, and then says when it happened.
RIGHTS = Rights(frozenset({Permission.TASK, Permission.BACK_DATE}))
# What says that the task went on without us: nothing is left to report.
_OVER = {RefusalCode.OVERTAKEN, RefusalCode.NOT_YOURS, RefusalCode.WRONG_STATE, RefusalCode.NOT_FOUND}

# No vehicle's fork lifts what stands on nothing.
_UNITS = taking(TaskLoad.UNIT)

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class Submit(Protocol):
    """Executes a command and says what came of it."""

    def __call__(
        self, command: Command, actor: Actor, source: str, client_event_id: str
    ) -> Awaitable[Result | Refusal]:
        """Raises what the database raises."""


@dataclass(frozen=True, slots=True)
class _Stations:
    """The station of a portal, and of a location by its code."""

    by_portal: dict[str, str]
    by_location: dict[str, str]

    @staticmethod
    def of(site: Site) -> "_Stations":
        transfer = [station for station in site.roads.stations if station.kind is StationKind.TRANSFER]
        by_location: dict[str, str] = {}
        for station in transfer:
            by_location.setdefault(station.location_code, station.name)
        return _Stations({s.portal: s.name for s in transfer if s.portal}, by_location)

    def source(self, task: Task, inside: dict[str, list[str]]) -> str | None:
        return self.by_portal.get(task.pickup) or self._at(task.source, inside)

    def target(self, task: Task, inside: dict[str, list[str]]) -> str | None:
        return self._at(task.target, inside) if task.target is not None else None

    def _at(self, code: str, inside: dict[str, list[str]]) -> str | None:
        places = inside.get(code, [code])
        return next((self.by_location[place] for place in places if place in self.by_location), None)


class WarehouseTasks:
    """Implements `TaskBook`."""

    def __init__(self, site: Site, submit: Submit, pool: WritePool) -> None:
        self._stations = _Stations.of(site)
        self._submit = submit
        self._pool = pool

    def reload(self, site: Site) -> None:
        """These are the stations from now on."""
        self._stations = _Stations.of(site)

    async def open_tasks(self, limit: int) -> Sequence[FleetTask]:
        """Those for handling units, both ends of which have a station."""
        found = await self._read(lambda connection: self._tasks(connection, OPEN, limit=limit, **_UNITS))
        return [task for _, task in found if task is not None]

    async def claims(self) -> Sequence[FleetClaim]:
        """What the master claimed and is not over."""
        found = await self._read(lambda connection: self._tasks(connection, CLAIMS, limit=CLAIMS_MAX, claimed_by=FLEET))
        return [
            FleetClaim(
                task or FleetTask(str(row.task_id), row.source, row.target or "", row.unit or ""),
                row.owner,
                row.attempt,
                TaskStep(row.step) if row.step else None,
            )
            for row, task in found
        ]

    async def claim(self, task_id: str, vehicle: str) -> int | None:
        """The attempt; None when somebody else was quicker."""
        outcome = await self._do(ClaimTask(UUID(task_id), vehicle, lease_s=0), vehicle)
        return None if isinstance(outcome, Refusal) else int(outcome.response["task"]["attempt"])

    async def progress(self, task_id: str, attempt: int, step: TaskStep, at_us: int) -> None:
        """A step; with `picked` the load is on the vehicle in the books too."""
        await self._tell(ReportTask(UUID(task_id), attempt, step, effective_at=from_us(at_us)))

    async def done(self, task_id: str, attempt: int, at_us: int) -> None:
        """Stock and place move. Should the books refuse that, a person has to look: the task fails with the reason."""
        refused = await self._tell(FinishTask(UUID(task_id), attempt, effective_at=from_us(at_us)))
        if refused is not None:
            detail = f"set down, but the books say: {refused.message}"
            await self._tell(
                FailTask(
                    UUID(task_id), attempt, str(refused.code), LoadWhere.UNKNOWN, detail, effective_at=from_us(at_us)
                )
            )

    async def failed(self, task_id: str, attempt: int, failure: Failure, at_us: int) -> None:
        """Back to the queue, or to a person."""
        command = FailTask(
            UUID(task_id), attempt, str(failure.reason), failure.load, failure.detail[:256], failure.is_lost,
            from_us(at_us),
        )  # fmt: skip
        await self._tell(command)

    def _tasks(self, connection: Connection[Any], query: str, **values: Any) -> list[tuple[Task, FleetTask | None]]:
        rows = read(connection, query, **values)
        codes = {code for row in rows for code in (row.source, row.target) if code is not None}
        inside = containers(connection, sorted(codes))
        result = []
        for row in rows:
            source, target = self._stations.source(row, inside), self._stations.target(row, inside)
            known = source is not None and target is not None
            result.append(
                (row, FleetTask(str(row.task_id), source or "", target or "", row.unit or "") if known else None)
            )
        return result

    async def _tell(self, command: ReportTask | FinishTask | FailTask) -> Refusal | None:
        """None when it is in the books, or does not matter any more."""
        outcome = await self._do(command, "")
        if not isinstance(outcome, Refusal):
            return None
        _log.warning("a report was refused", command=type(command).__name__, code=outcome.code, why=outcome.message)
        return None if outcome.code in _OVER else outcome

    async def _do(self, command: Command, vehicle: str) -> Result | Refusal:
        # The commands are idempotent by what they say, so a report that is repeated may have an id of its own.
        return await self._reached(self._submit(command, Actor(FLEET, vehicle, RIGHTS), FLEET, str(uuid4())))

    async def _read(self, work: Callable[[Connection[Any]], T]) -> T:
        def reading() -> T:
            with self._pool.connection() as connection:
                return work(connection)

        return await self._reached(asyncio.to_thread(reading))

    async def _reached(self, asking: Awaitable[T]) -> T:
        """Raises ConnectionError while the database cannot be reached."""
        try:
            return await asking
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed) as error:
            raise ConnectionError(str(error).strip()) from error
