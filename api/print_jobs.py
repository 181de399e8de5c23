"""Print jobs and their labels; what happened to a tag."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.epcs import EpcOrUri, epc_hex
from api.paging import Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found
from warehouse.postgres.queries.tag_life import Label, PrintJob, TagEvent, labels, print_job, print_jobs, tag_events


class PrintState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PrintJobQuery(Paging):
    """Which jobs."""

    state: PrintState | None = None
    printer: Annotated[Code | None, Field(examples=["dock-printer"])] = None


_JOBS: Lister[PrintJob, tuple[int]] = Lister("print-jobs", tuple[int], PrintJob, "seq")
_LABELS: Lister[Label, tuple[int]] = Lister("labels", tuple[int], Label, "line_no")
_EVENTS: Lister[TagEvent, tuple[int]] = Lister("tag-events", tuple[int], TagEvent, "seq")

JobId = Annotated[UUID, Path(description="The job.", examples=["5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa"])]


def router(pool: Pool) -> APIRouter:
    """Print jobs, labels, events of tags."""
    routes = APIRouter(prefix="/v1", tags=["tags"])

    async def known(job_id: UUID) -> PrintJob:
        async with pool.connection() as connection:
            found = await print_job(connection, job_id)
        if found is None:
            raise not_found("print job", str(job_id))
        return found

    @routes.get(
        "/print-jobs",
        operation_id="print_jobs_list",
        summary="Print jobs",
        response_model=Page[PrintJob],
        responses=problems(INVALID_CURSOR),
    )
    async def print_jobs_list(request: Request, query: Annotated[PrintJobQuery, Query()]) -> Response:
        """Newest first."""
        after = _JOBS.start(query)
        async with pool.connection() as connection:
            rows = await print_jobs(
                connection, after[0] if after else None, _JOBS.take(query), state=query.state, printer=query.printer
            )
        return _JOBS.answer(request, query, rows)

    @routes.get("/print-jobs/{job_id}", operation_id="print_jobs_get", summary="One job", response_model=PrintJob)
    async def print_jobs_get(job_id: JobId) -> Response:
        """How far it is, and what its printer said."""
        return json_response(await known(job_id))

    @routes.get(
        "/print-jobs/{job_id}/labels",
        operation_id="print_jobs_labels",
        summary="The labels of a job",
        response_model=Page[Label],
        responses=problems(INVALID_CURSOR),
    )
    async def print_jobs_labels(request: Request, job_id: JobId, query: Annotated[Paging, Query()]) -> Response:
        """In the order they are printed."""
        await known(job_id)
        within = f"/{job_id}"
        after = _LABELS.start(query, within)
        async with pool.connection() as connection:
            rows = await labels(connection, job_id, after[0] if after else 0, _LABELS.take(query, within))
        return _LABELS.answer(request, query, rows, within)

    @routes.get(
        "/tags/{epc}/events",
        operation_id="tags_events",
        summary="The life of a tag",
        response_model=Page[TagEvent],
        responses=problems(INVALID_CURSOR),
    )
    async def tags_events(request: Request, epc: EpcOrUri, query: Annotated[Paging, Query()]) -> Response:
        """Printed, read back, spoilt, bound anew, retired; newest first."""
        hexadecimal = epc_hex(epc)
        within = f"/{hexadecimal}"
        after = _EVENTS.start(query, within)
        async with pool.connection() as connection:
            rows = await tag_events(connection, hexadecimal, after[0] if after else None, _EVENTS.take(query, within))
        return _EVENTS.answer(request, query, rows, within)

    return routes
