"""The audit log: who asked for what, with which device, what was before and after; refused sign-ins too."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.moments import Moment
from api.paging import Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR
from warehouse.postgres.queries.audit import AuditEntry, entries

_ENTRIES: Lister[AuditEntry, tuple[int]] = Lister("audit", tuple[int], AuditEntry, "seq")


class AuditQuery(Paging):
    """Which entries."""

    actor: Annotated[Code | None, Field(examples=["anna"])] = None
    command: Annotated[Code | None, Field(description="Its name.", examples=["FulfilLine"])] = None
    outcome: Annotated[Code | None, Field(description="`done` or a refusal's code.", examples=["forbidden"])] = None
    refused: Annotated[bool | None, Field(description="Only what was refused, or only what was done.")] = None
    request_id: Annotated[UUID | None, Field(description="As movements name it.")] = None
    since: Annotated[Moment | None, Field(description="Recorded at or after.")] = None
    until: Annotated[Moment | None, Field(description="Recorded before.")] = None


def router(pool: Pool) -> APIRouter:
    """The one list."""
    routes = APIRouter(prefix="/v1", tags=["people"])

    @routes.get(
        "/audit",
        operation_id="audit_list",
        summary="Who did what, and what was refused",
        response_model=Page[AuditEntry],
        responses=problems(INVALID_CURSOR),
    )
    async def audit_list(request: Request, query: Annotated[AuditQuery, Query()]) -> Response:
        """Newest first. `after` has the command as it was asked; `before` what it changed."""
        start = _ENTRIES.start(query)
        async with pool.connection() as connection:
            rows = await entries(
                connection,
                start[0] if start else None,
                _ENTRIES.take(query),
                actor=query.actor,
                command=query.command,
                outcome=query.outcome,
                request_id=query.request_id,
                refused=query.refused,
                since=query.since,
                until=query.until,
            )
        return _ENTRIES.answer(request, query, rows)

    return routes
