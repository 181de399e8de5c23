"""Work in the background: imports and reports, how far they are and what they came to."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import Code, Lister, Page, Paging
from api.postgres import imports as store
from api.postgres.imports import JobView, Position
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found


class JobQuery(Paging):
    """Which jobs."""

    state: Annotated[Code | None, Field(examples=["running"])] = None


_JOBS: Lister[JobView, Position] = Lister("jobs", Position, JobView, "created_at", "job_id")


def router(pool: Pool) -> APIRouter:
    """Jobs."""
    routes = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @routes.get(
        "",
        operation_id="jobs_list",
        summary="Work in the background",
        response_model=Page[JobView],
        responses=problems(INVALID_CURSOR),
    )
    async def jobs_list(request: Request, query: Annotated[JobQuery, Query()]) -> Response:
        """Newest first; ended ones are kept 30 days."""
        return _JOBS.answer(
            request, query, await store.job_list(pool, query.state, _JOBS.start(query), _JOBS.take(query))
        )

    @routes.get("/{job_id}", operation_id="jobs_get", summary="How far a job is", response_model=JobView)
    async def jobs_get(
        job_id: Annotated[UUID, Path(examples=["5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa"])],
    ) -> Response:
        """Progress is at most a second old while it runs."""
        found = await store.job(pool, job_id)
        if found is None:
            raise not_found("job", str(job_id))
        return json_response(found)

    return routes
