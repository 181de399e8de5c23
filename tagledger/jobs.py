"""Does the long work that others queued: imports and reports, one job at a time, beside the housekeeping.

Progress is written on the claiming connection, the work and its end on another, in one transaction. A worker that is
killed leaves a claim that ends with its connection; the next one takes the job again.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection

from tagledger.command_desk import WritePool
from warehouse.commands import Actor
from warehouse.postgres.exchange import jobs, report_files
from warehouse.postgres.importing import decisions, work
from warehouse.postgres.importing.outcome import Progress

LOOK_EVERY_S = 1.0
TELL_EVERY_S = 0.5

Work = Callable[[Connection[Any], jobs.Job, Progress], Mapping[str, Any]]

_log = structlog.get_logger(__name__)


def _check(conn: Connection[Any], job: jobs.Job, tell: Progress) -> Mapping[str, Any]:
    return work.work_on_file(conn, UUID(job.subject), Actor(job.actor), tell, applying=False)


def _apply(conn: Connection[Any], job: jobs.Job, tell: Progress) -> Mapping[str, Any]:
    return work.work_on_file(conn, UUID(job.subject), Actor(job.actor), tell, applying=True)


def _undo(conn: Connection[Any], job: jobs.Job, tell: Progress) -> Mapping[str, Any]:
    return work.work_on_undo(conn, UUID(job.subject), Actor(job.actor), str(job.request["reason"]), tell)


def _report(conn: Connection[Any], job: jobs.Job, tell: Progress) -> Mapping[str, Any]:
    return report_files.make(conn, job.job_id, job.request, job.actor, tell)


WORKS: Mapping[str, Work] = {
    decisions.CHECK: _check,
    decisions.APPLY: _apply,
    decisions.UNDO: _undo,
    report_files.KIND: _report,
}


def do_next(pool: WritePool) -> UUID | None:
    """Do the oldest waiting job, if any; its id. Raises psycopg.Error, with the job left to be taken again."""
    with pool.connection() as claiming:
        job = jobs.claim(claiming, tuple(WORKS))
        if job is None:
            return None
        try:
            with pool.connection() as connection:
                _do(claiming, connection, job)
        finally:
            if not claiming.closed:
                jobs.release(claiming, job.job_id)
        return job.job_id


def _do(claiming: Connection[Any], connection: Connection[Any], job: jobs.Job) -> None:
    told_at_s = 0.0
    lock = threading.Lock()

    def tell(step: str, done: int, total: int) -> None:
        nonlocal told_at_s
        with lock:
            if time.monotonic() - told_at_s >= TELL_EVERY_S:
                told_at_s = time.monotonic()
                jobs.progress(claiming, job.job_id, step, done, total)

    try:
        with connection.transaction():
            jobs.finish(connection, job.job_id, WORKS[job.kind](connection, job, tell))
    except psycopg.OperationalError:
        raise  # the database is away, or wants the transaction again: the job stays as it is
    except (work.RunGone, psycopg.Error, ValueError) as error:
        _log.warning("job failed", job=str(job.job_id), kind=job.kind, error=str(error))
        jobs.fail(claiming, job.job_id, str(error))


async def keep_working(pool: WritePool) -> None:
    """Until cancelled; a job under way is finished first. A database that is away now is asked again."""
    while True:
        try:
            done = await asyncio.to_thread(do_next, pool)
        except psycopg.Error as error:
            _log.warning("no job done", error=str(error))
            done = None
        if done is None:
            await asyncio.sleep(LOOK_EVERY_S)
