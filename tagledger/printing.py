"""Sends queued labels to their printers, AT_ONCE jobs at a time: a printer that is away does not hold up all others."""

import asyncio
from datetime import UTC, datetime

import psycopg
import structlog

from edge.label_printer import PrinterError, send
from tagledger.command_desk import WritePool
from warehouse.postgres.goods import print_jobs
from warehouse.postgres.goods.print_jobs import Outgoing

LOOK_EVERY_S = 1.0
AT_ONCE = 4

_log = structlog.get_logger(__name__)


async def keep_printing(pool: WritePool) -> None:
    """Until cancelled. A database that is away now is asked again."""
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_work(pool))


async def _work(pool: WritePool) -> None:
    while True:
        try:
            busy = await print_one(pool)
        except psycopg.Error as error:
            _log.warning("nothing printed", error=str(error))
            busy = False
        if not busy:
            await asyncio.sleep(LOOK_EVERY_S)


async def print_one(pool: WritePool) -> bool:
    """Send the job that waited longest, if one is due; whether there was one. Raises psycopg.Error."""

    def take() -> Outgoing | None:
        with pool.connection() as connection, connection.transaction():
            return print_jobs.lease(connection, datetime.now(UTC))

    job = await asyncio.to_thread(take)
    if job is None:
        return False
    error = ""
    try:
        await send(job.host, job.port, job.data)
    except PrinterError as failed:
        error = str(failed)

    def settle(done: Outgoing) -> str:
        with pool.connection() as connection, connection.transaction():
            return print_jobs.settle(connection, done.job_id, datetime.now(UTC), error)

    state = await asyncio.to_thread(settle, job)
    if error:
        _log.warning("not printed", job=str(job.job_id), error=error, state=state)
    return True
