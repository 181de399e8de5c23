"""The warehouse behind the exchange of tasks over MQTT: commands, open tasks, dead letters."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg
from psycopg import Connection
from psycopg_pool import PoolClosed, PoolTimeout

from edge.exchange.messages import HeldTask, OpenTask
from tagledger.command_desk import WritePool
from tagledger.task_book import Submit
from warehouse.commands import Actor, Command, Refusal, Result
from warehouse.postgres.queries.tasks import CLAIMS, OPEN, read, taking
from warehouse.tasks import TaskLoad

# In the dead letters beside those of the stream, which takes up its own kinds only.
LETTER_KIND = "task_request"
T = TypeVar("T")


class WarehouseTaskSource:
    """Implements the exchange's `TaskSource`."""

    def __init__(self, submit: Submit, pool: WritePool) -> None:
        self._submit = submit
        self._pool = pool

    async def execute(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """By the same way as every command."""
        return await _reached(self._submit(command, actor, source, client_event_id))

    async def open_tasks(self, limit: int) -> Sequence[OpenTask]:
        """As the database has them."""
        found = await self._on_connection(lambda connection: read(connection, OPEN, limit=limit, **taking(*TaskLoad)))
        return [
            OpenTask(
                task.task_id,
                task.kind,
                task.unit,
                task.pickup,
                task.source,
                task.target or "",
                task.priority,
                task.deadline,
                f"{task.weight_kg:f}",
                task.item,
                task.lot,
                task.serial,
                f"{task.quantity:f}",
                task.uom,
                task.stock_owner,
                task.stock_status,
                task.serials,
                task.rest_of,
            )
            for task in found
        ]

    async def claims(self, client: str, limit: int) -> Sequence[HeldTask]:
        """As the database has them."""
        found = await self._on_connection(lambda connection: read(connection, CLAIMS, limit=limit, claimed_by=client))
        return [
            HeldTask(
                task.task_id,
                task.attempt,
                task.owner,
                task.state,
                task.step,
                task.lost,
                task.unit,
                task.item,
                f"{task.quantity:f}",
                task.uom,
                task.serials,
                task.pickup,
                task.source,
                task.target,
            )
            for task in found
        ]

    async def keep(self, topic: str, payload: bytes, reason: str) -> None:
        """Once, however often it comes."""
        letter_id = uuid5(NAMESPACE_URL, f"tagledger:task-request:{topic}:{payload.hex()}")

        def insert(connection: Connection[Any]) -> None:
            connection.execute(
                """insert into dead_letter (dead_letter_id, kind, source, reason, body) values (%s, %s, %s, %s, %s)
                   on conflict (dead_letter_id) do nothing""",
                (letter_id, LETTER_KIND, topic, reason[:1000], payload),
            )

        await self._on_connection(insert)

    async def given_again(self) -> Sequence[tuple[UUID, str, bytes]]:
        """Oldest first."""

        def ask(connection: Connection[Any]) -> list[tuple[UUID, str, bytes]]:
            rows = connection.execute(
                """select dead_letter_id, source, body from dead_letter where status = 'replay' and kind = %s
                   order by recorded_at, dead_letter_id limit 100""",
                (LETTER_KIND,),
            )
            return [(letter_id, topic, bytes(body)) for letter_id, topic, body in rows]

        return await self._on_connection(ask)

    async def settle(self, letter_id: UUID, reason: str) -> None:
        """`replayed`, or open again."""
        state = "open" if reason else "replayed"

        def update(connection: Connection[Any]) -> None:
            connection.execute(
                """update dead_letter set status = %s, reason = coalesce(nullif(%s, ''), reason), decided_at = now()
                   where dead_letter_id = %s and status = 'replay'""",
                (state, reason[:1000], letter_id),
            )

        await self._on_connection(update)

    async def _on_connection(self, work: Callable[[Connection[Any]], T]) -> T:
        def working() -> T:
            with self._pool.connection() as connection:
                return work(connection)

        return await _reached(asyncio.to_thread(working))


async def _reached(asking: Awaitable[T]) -> T:
    """Raises ConnectionError while the database cannot be reached."""
    try:
        return await asking
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed) as error:
        raise ConnectionError(str(error).strip()) from error
