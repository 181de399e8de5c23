"""Claims that fell silent: when a lease ends the task comes back. And open tasks for loose goods that have left.

Every process that executes commands may run this.

The clock only decides when to ask; the command says which event was the last one heard, so that asking twice, or late,
or in a replay of a recording, does nothing wrong.
"""

import asyncio

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from tagledger.command_desk import WritePool
from tagledger.task_book import Submit
from warehouse.commands import Actor, LapseTask, Permission, Rights
from warehouse.postgres.queries.tasks import LAPSED, SHORT, Task, read

LOOK_EVERY_S = 5.0
LAPSED_MAX = 200
ACTOR = Actor("leases", rights=Rights(frozenset({Permission.DISPATCH})))

_log = structlog.get_logger(__name__)


async def watch_leases(submit: Submit, pool: WritePool, look_every_s: float = LOOK_EVERY_S) -> None:
    """Until cancelled. A database that cannot be reached is asked again later."""
    while True:
        try:
            for task in await asyncio.to_thread(_lapsed, pool):
                await submit(LapseTask(task.task_id, task.beat), ACTOR, "leases", f"{task.task_id}/{task.beat}")
                word = "a claim lapsed" if task.owner else "loose goods of a task have left"
                _log.info(word, task=str(task.task_id), owner=task.owner, attempt=task.attempt)
        except (psycopg.OperationalError, PoolTimeout) as error:
            _log.warning("leases not looked at", error=str(error).strip())
        await asyncio.sleep(look_every_s)


def _lapsed(pool: WritePool) -> list[Task]:
    with pool.connection() as connection:
        return [*read(connection, LAPSED, limit=LAPSED_MAX), *read(connection, SHORT, limit=LAPSED_MAX)]
