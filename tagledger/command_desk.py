"""Where commands meet the stream: each is executed between two commits, and recorded with how far the stream was then.

A load and a document that arrive together have an outcome that depends on which comes first. The desk takes the host's
turn for the commands that wait, so there is a first; the recording says which, and a replay executes each at the same
point (`tagledger.replay`). What is about who may do what is no part of that: it is executed at once. Where there is no
stream in the process, `DirectBus` executes at once.
"""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from psycopg import Connection
from psycopg_pool import ConnectionPool

from stream.embedded import EmbeddedHost
from stream.sequencer import Position
from tagledger.group_desk import GroupDesk
from warehouse import commands
from warehouse.commands import ALL_RIGHTS, AccessCommand, Actor, Command, Refusal, RefusalCode, Result
from warehouse.postgres import outbox
from warehouse.postgres.commands import KINDS, execute_request
from warehouse.postgres.group import GROUP_MAX, Outcome, execute_all, fits
from warehouse.postgres.requests import Request

WritePool = ConnectionPool[Connection[Any]]

# After these another list of what is expected hangs at the doors.
CHANGES_EXPECTATIONS = (
    commands.CreateDocument,
    commands.ApproveDocument,
    commands.CancelDocument,
    commands.CloseDocument,
    commands.CreateWorkOrder,
    commands.CreateBackorder,
    commands.BlockLot,
    commands.DecideInspection,
)

# They work on files, which no recording holds; what came of them is noted beside the commands
# (`tagledger.recorded_imports`).
ABOUT_FILES = (commands.ApplyImport, commands.UndoImport, commands.SignOffImport)

# While groups follow each other, the readers of the outbox are woken so often.
WAKE_EVERY_S = 0.01

Record = Callable[[str, bytes], None]
"""Takes the actor's name and the command as JSON."""


@dataclass(frozen=True, slots=True)
class RecordedCommand:
    """A command as a capture holds it, without the actor's rights.

    `after` is how far each agent's batches were committed when it was executed, `at_us` when that was by the clock of
    the process; recordings of older versions do not say.
    """

    command: Command
    actor: Actor
    source: str
    client_event_id: str
    after: tuple[Position, ...]
    at_us: int | None = None

    def encode(self) -> bytes:
        """JSON; `decode_command` reads it back."""
        return json.dumps(
            {
                "kind": type(self.command).__name__,
                "command": commands.encode(self.command),
                "actor": self.actor.name,
                "device": self.actor.device,
                "source": self.source,
                "client_event_id": self.client_event_id,
                "after": [[at.agent, at.epoch, at.counter] for at in self.after],
                "at_us": self.at_us,
            }
        ).encode()


class CommandFormatError(ValueError):
    """A recorded command that this version does not understand."""


def decode_command(body: bytes) -> RecordedCommand:
    """Raises `CommandFormatError`."""
    try:
        plain = json.loads(body)
        return RecordedCommand(
            msgspec.convert(plain["command"], KINDS[plain["kind"]], strict=False),
            Actor(plain["actor"], plain["device"], ALL_RIGHTS),
            plain["source"],
            plain["client_event_id"],
            tuple(Position(agent, epoch, counter) for agent, epoch, counter in plain["after"]),
            None if plain.get("at_us") is None else int(plain["at_us"]),
        )
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
        raise CommandFormatError(f"not a recorded command: {error}") from error


class DirectBus:
    """Implements the API's `CommandBus` over a pool. What comes at once, and can be, is executed in groups."""

    def __init__(self, pool: WritePool) -> None:
        self._pool = pool
        self._desk = GroupDesk(self.execute_all)
        self._lock = threading.Lock()
        self._under_way = 0
        self._woken_at_s = 0.0

    def execute(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """Execute once. Raises what the database raises."""
        asked = Request.of(command, actor, source, client_event_id)
        if fits(asked):
            return self._desk.execute(asked)
        with self._pool.connection() as connection:
            connection.autocommit = True
            return execute_request(connection, asked)

    def execute_all(self, requests: Sequence[Request]) -> list[Outcome]:
        """Execute each once, in their order. Raises when there is no connection."""
        with self._pool.connection() as connection:
            connection.autocommit = True
            with self._lock:
                self._under_way += 1
            try:
                return execute_all(connection, requests)
            finally:
                if self._is_to_wake():
                    outbox.wake(connection)

    def _is_to_wake(self) -> bool:
        """Whether what ends now wakes the readers of the outbox: now and then, and when nothing is left that will."""
        now_s = time.monotonic()
        with self._lock:
            self._under_way -= 1
            if self._under_way and now_s < self._woken_at_s + WAKE_EVERY_S:
                return False
            self._woken_at_s = now_s
            return True

    async def submit(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """The same from an event loop."""
        return await asyncio.to_thread(self.execute, command, actor, source, client_event_id)


class CommandDesk:
    """Implements the API's `CommandBus` beside an embedded host. Made inside the host's event loop.

    What waits when the desk gets the turn is executed in it, in the order it came, at most `GROUP_MAX` a turn. Callers
    are bounded by who calls: the API's threads and the process's own tasks.
    """

    def __init__(self, bus: DirectBus, host: EmbeddedHost, record: Record) -> None:
        self._bus = bus
        self._host = host
        self._record = record
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Request, asyncio.Future[Result | Refusal]]] = deque()
        self._serving: asyncio.Task[None] | None = None

    def execute(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """From a worker thread: blocks until committed. Raises what the database raises."""
        if isinstance(command, AccessCommand):
            return self._bus.execute(command, actor, source, client_event_id)
        asking = self.submit(command, actor, source, client_event_id)
        return asyncio.run_coroutine_threadsafe(asking, self._loop).result()

    async def submit(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """From the event loop."""
        answer: asyncio.Future[Result | Refusal] = self._loop.create_future()
        self._waiting.append((Request.of(command, actor, source, client_event_id), answer))
        if self._serving is None or self._serving.done():
            # A task of its own: a caller that is cancelled must not take the others' commands with it.
            self._serving = self._loop.create_task(self._serve())
        return await answer

    async def _serve(self) -> None:
        while self._waiting:
            async with self._host.turn:
                group = [self._waiting.popleft() for _ in range(min(GROUP_MAX, len(self._waiting)))]
                at_us = time.time_ns() // 1_000
                try:
                    outcomes = await asyncio.to_thread(self._bus.execute_all, [asked for asked, _ in group])
                except Exception as error:  # no connection: theirs all the same
                    outcomes = [error] * len(group)
                after = self._host.positions()
            for (asked, answer), outcome in zip(group, outcomes, strict=True):
                try:
                    if not isinstance(outcome, BaseException):
                        await self._made_known(asked, outcome, after, at_us)
                except Exception as error:  # told to whoever asked; what is committed stays so
                    outcome = error
                if answer.cancelled():
                    continue
                if isinstance(outcome, BaseException):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)

    async def _made_known(
        self, asked: Request, outcome: Result | Refusal, after: tuple[Position, ...], at_us: int
    ) -> None:
        # A refusal is stored in the books too and belongs to the recording; a repeated answer changed nothing, and who
        # may do what is not part of a recording: what is in it was allowed, and is when it is replayed.
        changed = outcome.code != RefusalCode.FORBIDDEN if isinstance(outcome, Refusal) else not outcome.repeated
        if changed and not isinstance(asked.command, ABOUT_FILES):
            recorded = RecordedCommand(asked.command, asked.actor, asked.source, asked.client_event_id, after, at_us)
            self._record(asked.actor.name, recorded.encode())
        if isinstance(asked.command, CHANGES_EXPECTATIONS):
            for portal in self._host.site.portals:
                await self._host.refresh_expectations(portal.name)
        if isinstance(asked.command, commands.OverrideSignal):
            await self._host.refresh_overrides()
