"""Where commands meet the stream: each is executed between two commits, and recorded with how far the stream was then.

A load and a document that arrive together have an outcome that depends on which comes first. The desk takes the host's
turn for every command, so there is a first; the recording says which, and a replay executes the command at the same
point (`tagledger.replay`). What is about who may do what is no part of that: it is executed at once. Where there is no
stream in the process, `DirectBus` executes at once.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from psycopg import Connection
from psycopg_pool import ConnectionPool

from stream.embedded import EmbeddedHost
from stream.sequencer import Position
from warehouse import commands
from warehouse.commands import ALL_RIGHTS, AccessCommand, Actor, Command, Refusal, RefusalCode, Result
from warehouse.postgres.commands import KINDS, execute

WritePool = ConnectionPool[Connection[Any]]

# After these another list of what is expected hangs at the doors.
CHANGES_EXPECTATIONS = (
    commands.CreateDocument,
    commands.ApproveDocument,
    commands.CancelDocument,
    commands.CloseDocument,
    commands.CreateWorkOrder,
    commands.CreateBackorder,
)

Record = Callable[[str, bytes], None]
"""Takes the actor's name and the command as JSON."""


@dataclass(frozen=True, slots=True)
class RecordedCommand:
    """A command as a capture holds it, without the actor's rights.

    `after` is how far each agent's batches were committed when it was executed.
    """

    command: Command
    actor: Actor
    source: str
    client_event_id: str
    after: tuple[Position, ...]

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
        )
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
        raise CommandFormatError(f"not a recorded command: {error}") from error


class DirectBus:
    """Implements the API's `CommandBus` over a pool; several commands at once."""

    def __init__(self, pool: WritePool) -> None:
        self._pool = pool

    def execute(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """Execute once. Raises what the database raises."""
        with self._pool.connection() as connection:
            connection.autocommit = True
            return execute(connection, command, actor=actor, source=source, client_event_id=client_event_id)

    async def submit(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """The same from an event loop."""
        return await asyncio.to_thread(self.execute, command, actor, source, client_event_id)


class CommandDesk:
    """Implements the API's `CommandBus` beside an embedded host. Made inside the host's event loop."""

    def __init__(self, bus: DirectBus, host: EmbeddedHost, record: Record, portals: Sequence[str]) -> None:
        self._bus = bus
        self._host = host
        self._record = record
        self._portals = portals
        self._loop = asyncio.get_running_loop()

    def execute(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """From a worker thread: blocks until committed. Raises what the database raises."""
        if isinstance(command, AccessCommand):
            return self._bus.execute(command, actor, source, client_event_id)
        asking = self.submit(command, actor, source, client_event_id)
        return asyncio.run_coroutine_threadsafe(asking, self._loop).result()

    async def submit(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """From the event loop."""
        async with self._host.turn:
            outcome = await asyncio.to_thread(self._bus.execute, command, actor, source, client_event_id)
            after = self._host.positions()
        # A refusal is stored in the books too and belongs to the recording; a repeated answer changed nothing, and who
        # may do what is not part of a recording: what is in it was allowed, and is when it is replayed.
        changed = outcome.code != RefusalCode.FORBIDDEN if isinstance(outcome, Refusal) else not outcome.repeated
        if changed:
            self._record(actor.name, RecordedCommand(command, actor, source, client_event_id, after).encode())
        if isinstance(command, CHANGES_EXPECTATIONS):
            for portal in self._portals:
                await self._host.refresh_expectations(portal)
        if isinstance(command, commands.OverrideSignal):
            await self._host.refresh_overrides()
        return outcome
