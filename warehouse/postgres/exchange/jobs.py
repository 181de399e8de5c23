"""Long work in the background: queued here, done by one worker at a time each, seen by everybody.

A worker claims a job by a session lock named after it, on the connection it reports progress through, so the claim ends
with the worker whatever kills it; the job is then taken again, at most ATTEMPTS_MAX times. The job's effects and its
end are one transaction of another connection: it is done once or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from warehouse.postgres.books.balances import Conn

ATTEMPTS_MAX = 3
KEPT_DAYS = 30
# More queued than this is a client that does not wait.
QUEUED_MAX = 1_000


class QueueFull(Exception):
    """QUEUED_MAX jobs wait already."""


@dataclass(frozen=True, slots=True)
class Job:
    job_id: UUID
    kind: str
    subject: str
    request: dict[str, Any]
    actor: str
    attempts: int


def enqueue(conn: Conn, job_id: UUID, kind: str, subject: str, actor: str, request: Mapping[str, Any]) -> None:
    """In the caller's transaction. Raises QueueFull."""
    row = conn.execute("select count(*) from job where state = 'queued'").fetchone()
    if row is not None and row[0] >= QUEUED_MAX:
        raise QueueFull(f"{QUEUED_MAX} jobs wait already")
    conn.execute(
        "insert into job (job_id, kind, subject, actor, request) values (%s, %s, %s, %s, %s)",
        (job_id, kind, subject, actor, Jsonb(dict(request))),
    )


def claim(conn: Conn, kinds: Sequence[str]) -> Job | None:
    """The oldest job nobody works on, now this connection's until `release`. The connection is in autocommit."""
    waiting = conn.execute(
        """select job_id, kind, subject, request, actor, attempts from job
           where state in ('queued', 'running') and kind = any(%s) order by created_at limit 50""",
        (list(kinds),),
    ).fetchall()
    for row in waiting:
        job = Job(*row)
        if not _lock(conn, "pg_try_advisory_lock", job.job_id):
            continue
        if job.attempts >= ATTEMPTS_MAX:
            fail(conn, job.job_id, f"the process ended {ATTEMPTS_MAX} times while it worked on this")
            release(conn, job.job_id)
            continue
        # It may have ended between the two looks.
        taken = conn.execute(
            """update job set state = 'running', started_at = now(), attempts = attempts + 1, step = '', done = 0,
                   total = 0
               where job_id = %s and state in ('queued', 'running') returning 1""",
            (job.job_id,),
        ).fetchone()
        if taken is not None:
            return job
        release(conn, job.job_id)
    return None


def release(conn: Conn, job_id: UUID) -> None:
    _lock(conn, "pg_advisory_unlock", job_id)


def _lock(conn: Conn, function: str, job_id: UUID) -> bool:
    query = f"select {function}(hashtextextended(%s, 7))"
    row = conn.execute(query.encode(), (str(job_id),)).fetchone()
    return row is not None and bool(row[0])


def progress(conn: Conn, job_id: UUID, step: str, done: int, total: int) -> None:
    """On the claiming connection, so that it is seen before the work commits."""
    conn.execute("update job set step = %s, done = %s, total = %s where job_id = %s", (step, done, total, job_id))


def finish(conn: Conn, job_id: UUID, result: Mapping[str, Any]) -> None:
    """In the transaction of the work."""
    conn.execute(
        "update job set state = 'done', ended_at = now(), result = %s where job_id = %s and state = 'running'",
        (Jsonb(dict(result)), job_id),
    )


def fail(conn: Conn, job_id: UUID, error: str) -> None:
    conn.execute(
        "update job set state = 'failed', ended_at = now(), error = %s where job_id = %s", (error[:2_000], job_id)
    )


def forget_old(conn: Conn) -> int:
    """Remove what ended more than KEPT_DAYS ago and no import names; how many."""
    return conn.execute(
        """delete from job where state in ('done', 'failed') and ended_at < now() - make_interval(days => %s)
           and not exists (select from import_run r where r.job_id = job.job_id)""",
        (KEPT_DAYS,),
    ).rowcount
