"""Discrepancies: what did not fit between what was seen, what was expected and what the books allow."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.movements import DocumentName, document_named
from api.paging import Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found
from warehouse.postgres.queries.documents import Discrepancy, discrepancies, discrepancy


class DiscrepancyState(StrEnum):
    """`open` waits for a person; `superseded` was replaced by a later revision of its passage."""

    OPEN = "open"
    POSTED = "posted"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"


class DiscrepancyQuery(Paging):
    """Which discrepancies."""

    state: DiscrepancyState | None = None
    kind: Annotated[Code | None, Field(examples=["short"])] = None
    portal: Annotated[Code | None, Field(examples=["door-1"])] = None
    passage: Annotated[UUID | None, Field(description="Found by this passage.")] = None
    document: DocumentName | None = None


_DISCREPANCIES: Lister[Discrepancy, tuple[int]] = Lister("discrepancies", tuple[int], Discrepancy, "seq")


def router(pool: Pool) -> APIRouter:
    """Discrepancies; they are decided by the command `discrepancies_resolve`."""
    routes = APIRouter(prefix="/v1/discrepancies", tags=["discrepancies"])

    @routes.get(
        "",
        operation_id="discrepancies_list",
        summary="What did not fit",
        response_model=Page[Discrepancy],
        responses=problems(INVALID_CURSOR),
    )
    async def discrepancies_list(request: Request, query: Annotated[DiscrepancyQuery, Query()]) -> Response:
        """Newest first; `holds` is how many movements a person can still post."""
        after = _DISCREPANCIES.start(query)
        async with pool.connection() as connection:
            rows = await discrepancies(
                connection,
                after[0] if after else None,
                _DISCREPANCIES.take(query),
                state=query.state,
                kind=query.kind,
                portal=query.portal,
                passage_id=query.passage,
                document=document_named(query.document),
            )
        return _DISCREPANCIES.answer(request, query, rows)

    @routes.get(
        "/{discrepancy_id}", operation_id="discrepancies_get", summary="One discrepancy", response_model=Discrepancy
    )
    async def discrepancies_get(
        discrepancy_id: Annotated[UUID, Path(examples=["0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"])],
    ) -> Response:
        """With the tags, quantities and movements it is about."""
        async with pool.connection() as connection:
            found = await discrepancy(connection, discrepancy_id)
        if found is None:
            raise not_found("discrepancy", str(discrepancy_id))
        return json_response(found)

    return routes
