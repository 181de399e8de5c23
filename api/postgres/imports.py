"""Import runs, jobs and stored files as the API shows them, and the one write: a file that came in."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, BinaryIO, LiteralString
from uuid import UUID

from psycopg.rows import class_row
from pydantic import Field

from api.postgres.pool import Pool
from api.postgres.select import select_one, select_page
from warehouse.commands import Actor
from warehouse.postgres.database.connect import connect
from warehouse.postgres.exchange import jobs
from warehouse.postgres.importing import decisions, work
from warehouse.postgres.importing.listing import RECONCILE
from warehouse.postgres.queries.paging import Limit


@dataclass(frozen=True, slots=True)
class JobView:
    """Work in the background. `total` 0: not known. `result` when it is done, `error` when it failed."""

    job_id: UUID
    kind: Annotated[str, Field(examples=["import_check"])]
    subject: Annotated[str, Field(description="What it works on.", examples=["0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"])]
    state: Annotated[str, Field(description="queued, running, done or failed.", examples=["running"])]
    step: Annotated[str, Field(examples=["posting"])]
    done: Annotated[int, Field(examples=[120_000])]
    total: Annotated[int, Field(examples=[500_000])]
    attempts: Annotated[int, Field(description="Taken again after its worker died.", examples=[1])]
    error: Annotated[str, Field(examples=[""])]
    result: Annotated[dict[str, Any], Field(examples=[{"state": "checked", "rows": 500_000}])]
    actor: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ImportView:
    """One run. `summary` counts what it found and changed, by column and kind."""

    run_id: UUID
    template: Annotated[str, Field(examples=["opening-stock"])]
    file_name: Annotated[str, Field(examples=["stock-2025.csv"])]
    digest: Annotated[str, Field(description="SHA-256 of the file.", examples=["9f86d081884c7d65"])]
    state: Annotated[
        str, Field(description="received, checked, refused, applied, undone or signed_off.", examples=["checked"])
    ]
    actor: str
    job_id: Annotated[UUID | None, Field(description="Its last job.")]
    job_state: Annotated[str | None, Field(examples=["done"])]
    rows: Annotated[int, Field(description="Rows without a problem of their own.", examples=[500_000])]
    problems: Annotated[int, Field(examples=[0])]
    warnings: Annotated[int, Field(examples=[12])]
    summary: Annotated[dict[str, Any], Field(examples=[{"made": 499_988, "left_out": 12}])]
    options: Annotated[dict[str, Any], Field(examples=[{"as_of": "2025-12-31", "control_rows": 500_000}])]
    created_at: datetime
    applied_at: datetime | None
    undone_at: datetime | None
    undone_by: str | None
    signed_off_at: datetime | None
    signed_off_by: str | None


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """Something wrong with a cell, a row, or (row 0) the file."""

    n: Annotated[int, Field(examples=[0])]
    row: Annotated[int, Field(description="As a spreadsheet counts.", examples=[17])]
    column: Annotated[str, Field(examples=["quantity"])]
    severity: Annotated[str, Field(description="error or warning.", examples=["error"])]
    code: Annotated[str, Field(examples=["not_a_number"])]
    value: Annotated[str, Field(examples=["12 pcs"])]
    message: Annotated[str, Field(examples=["'12 pcs' is no number"])]
    fix: Annotated[str, Field(examples=["write digits"])]


@dataclass(frozen=True, slots=True)
class ImportChange:
    """What cleaning made of a cell."""

    n: Annotated[int, Field(examples=[0])]
    row: Annotated[int, Field(examples=[17])]
    column: Annotated[str, Field(examples=["quantity"])]
    kind: Annotated[str, Field(examples=["full_width"])]
    before: Annotated[str, Field(examples=["１２"])]
    after: Annotated[str, Field(examples=["12"])]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """An item's opening stock: by the file, by this run's movements, and what is on hand now."""

    item: str
    name: Annotated[str, Field(examples=["Bearing 6204"])]
    unit: str
    rows: Annotated[int, Field(examples=[3])]
    in_file: Annotated[Decimal, Field(examples=["48"])]
    in_ledger: Annotated[Decimal, Field(examples=["48"])]
    difference: Annotated[Decimal, Field(examples=["0"])]
    on_hand_now: Annotated[Decimal, Field(examples=["36"])]


_JOB: LiteralString = """select job_id, kind, subject, state, step, done, total, attempts, error, result, actor,
    created_at, started_at, ended_at from job"""
_RUN: LiteralString = """select r.run_id, r.template, r.file_name, r.digest, r.state, r.actor, r.job_id,
    j.state as job_state, r.rows, r.problems, r.warnings, r.summary, r.options, r.created_at, r.applied_at, r.undone_at,
    r.undone_by, r.signed_off_at, r.signed_off_by from import_run r left join job j using (job_id)"""
_PROBLEM: LiteralString = """select n, row_no as row, column_name as "column", severity, code, value, message, fix
    from import_problem"""
_CHANGE: LiteralString = """select n, row_no as row, column_name as "column", kind, before, after from import_change"""

Position = tuple[datetime, UUID]


async def job_list(pool: Pool, state: str | None, after: Position | None, limit: Limit) -> Sequence[JobView]:
    """Newest first."""
    conditions: Mapping[LiteralString, bool] = {
        "state = %(state)s": state is not None,
        "(created_at, job_id) < (%(at)s, %(id)s)": after is not None,
    }
    at, key = after or (None, None)
    order: LiteralString = "order by created_at desc, job_id desc limit %(limit)s"
    return await select_page(
        pool, JobView, _JOB, conditions, order, {"state": state, "at": at, "id": key, "limit": limit}
    )


async def job(pool: Pool, job_id: UUID) -> JobView | None:
    return await select_one(pool, JobView, _JOB + " where job_id = %(id)s", {"id": job_id})


async def run_list(
    pool: Pool, template: str | None, state: str | None, after: Position | None, limit: Limit
) -> Sequence[ImportView]:
    """Newest first."""
    conditions: Mapping[LiteralString, bool] = {
        "r.template = %(template)s": template is not None,
        "r.state = %(state)s": state is not None,
        "(r.created_at, r.run_id) < (%(at)s, %(id)s)": after is not None,
    }
    at, key = after or (None, None)
    order: LiteralString = "order by r.created_at desc, r.run_id desc limit %(limit)s"
    values = {"template": template, "state": state, "at": at, "id": key, "limit": limit}
    return await select_page(pool, ImportView, _RUN, conditions, order, values)


async def run(pool: Pool, run_id: UUID) -> ImportView | None:
    return await select_one(pool, ImportView, _RUN + " where r.run_id = %(id)s", {"id": run_id})


async def problem_list(pool: Pool, run_id: UUID, after: int | None, limit: Limit) -> Sequence[ImportProblem]:
    conditions: Mapping[LiteralString, bool] = {"run_id = %(id)s": True, "n > %(n)s": after is not None}
    values = {"id": run_id, "n": after, "limit": limit}
    return await select_page(pool, ImportProblem, _PROBLEM, conditions, "order by n limit %(limit)s", values)


async def change_list(pool: Pool, run_id: UUID, after: int | None, limit: Limit) -> Sequence[ImportChange]:
    conditions: Mapping[LiteralString, bool] = {"run_id = %(id)s": True, "n > %(n)s": after is not None}
    values = {"id": run_id, "n": after, "limit": limit}
    return await select_page(pool, ImportChange, _CHANGE, conditions, "order by n limit %(limit)s", values)


async def reconciled(pool: Pool, run_id: UUID) -> AsyncIterator[Reconciled]:
    """By item; read as it is taken."""
    async with (
        pool.connection() as connection,
        connection.transaction(),
        connection.cursor("reconciled", row_factory=class_row(Reconciled)) as cursor,
    ):
        await cursor.execute(RECONCILE, {"run_id": run_id})
        async for row in cursor:
            yield row


def receive(
    dsn: str,
    run_id: UUID,
    job_id: UUID,
    template: str,
    file_name: str,
    media_type: str,
    actor: Actor,
    options: Mapping[str, Any],
    content: BinaryIO,
    *,
    applying: bool,
) -> str | None:
    """Keep a file and queue its job, in one transaction of a connection of its own; blocks. Run again with the same
    ids it does nothing, and gives the digest of the file that came first. Raises jobs.QueueFull.
    """
    with connect(dsn) as connection, connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 8))", (str(run_id),))
        known = connection.execute("select digest from import_run where run_id = %s", (run_id,)).fetchone()
        if known is not None:
            return str(known[0])
        work.receive(connection, run_id, template, job_id, file_name, media_type, actor, options, content)
        kind = decisions.APPLY if applying else decisions.CHECK
        jobs.enqueue(connection, job_id, kind, str(run_id), actor.name, {})
        connection.execute("update import_run set job_id = %s where run_id = %s", (job_id, run_id))
        return None
