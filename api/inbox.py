"""Documents that other systems sent: what is in force, what waits for a repair."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, LiteralString
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.postgres.select import select_one, select_page
from api.problems import INVALID_CURSOR, not_found


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """One version of another system's document."""

    message_id: UUID
    source: Annotated[str, Field(examples=["erp"])]
    external_id: Annotated[str, Field(examples=["0000004711"])]
    version: Annotated[int, Field(examples=[3])]
    state: Annotated[str, Field(description="applied, quarantined or superseded.", examples=["quarantined"])]
    problems: Annotated[
        list[dict[str, str]], Field(examples=[[{"field": "lines.0.item", "message": "no item 'MAT-1'"}]])
    ]
    body: Annotated[dict[str, Any], Field(description="As it came.", examples=[{"number": "PO-4711"}])]
    document_kind: str | None
    document: str | None
    actor: str
    received_at: datetime


class InboxQuery(Paging):
    """Which messages."""

    state: Annotated[Literal["applied", "quarantined", "superseded"] | None, Field(examples=["quarantined"])] = None
    source: Annotated[Code | None, Field(examples=["erp"])] = None
    external_id: Annotated[Code | None, Field(examples=["0000004711"])] = None


_SELECT: LiteralString = """select m.message_id, m.source, m.external_id, m.version, m.state, m.problems, m.body,
    d.kind as document_kind, d.number as document, m.actor, m.received_at
    from inbox_message m left join document d using (document_id)"""
_MESSAGES: Lister[InboxMessage, tuple[datetime, UUID]] = Lister(
    "inbox", tuple[datetime, UUID], InboxMessage, "received_at", "message_id"
)


def router(pool: Pool) -> APIRouter:
    """The inbox."""
    routes = APIRouter(prefix="/v1/inbox", tags=["inbox"])

    @routes.get(
        "",
        operation_id="inbox_list",
        summary="Documents other systems sent",
        response_model=Page[InboxMessage],
        responses=problems(INVALID_CURSOR),
    )
    async def inbox_list(request: Request, query: Annotated[InboxQuery, Query()]) -> Response:
        """Newest first."""
        at, key = _MESSAGES.start(query) or (None, None)
        conditions: Mapping[LiteralString, bool] = {
            "m.state = %(state)s": query.state is not None,
            "m.source = %(source)s": query.source is not None,
            "m.external_id = %(external_id)s": query.external_id is not None,
            "(m.received_at, m.message_id) < (%(at)s, %(id)s)": at is not None,
        }
        values = {**query.filters(), "at": at, "id": key, "limit": _MESSAGES.take(query)}
        order: LiteralString = "order by m.received_at desc, m.message_id desc limit %(limit)s"
        rows = await select_page(pool, InboxMessage, _SELECT, conditions, order, values)
        return _MESSAGES.answer(request, query, rows)

    @routes.get("/{message_id}", operation_id="inbox_get", summary="One message", response_model=InboxMessage)
    async def inbox_get(
        message_id: Annotated[UUID, Path(examples=["0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"])],
    ) -> Response:
        """With everything that was unclear about it."""
        found = await select_one(pool, InboxMessage, _SELECT + " where m.message_id = %(id)s", {"id": message_id})
        if found is None:
            raise not_found("message", str(message_id))
        return json_response(found)

    return routes
