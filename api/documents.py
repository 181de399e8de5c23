"""Documents and how far they are."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import TEXT_PATTERN, Code, Lister, Page, Paging, Search
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found
from warehouse.postgres.queries.documents import Document, DocumentLine, document, document_lines, documents


class DocumentStatus(StrEnum):
    """Where a document is in its life."""

    DRAFT = "draft"
    APPROVAL = "approval"
    OPEN = "open"
    COMPLETE = "complete"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class DocumentDirection(StrEnum):
    """Which way a document's goods go; plans move none."""

    IN = "in"
    OUT = "out"
    INTERNAL = "internal"
    PLAN = "plan"


class DocumentQuery(Paging):
    """Which documents."""

    q: Search = None
    kind: Annotated[Code | None, Field(examples=["purchase_receipt"])] = None
    direction: Annotated[DocumentDirection | None, Field(description="Which way its goods go.")] = None
    partner: Annotated[Code | None, Field(examples=["ACME"])] = None
    status: DocumentStatus | None = None
    door: Annotated[Code | None, Field(description="Expected at this portal.", examples=["door-1"])] = None


@dataclass(frozen=True, slots=True)
class DocumentProgress:
    """One document with all its lines."""

    document: Document
    lines: list[DocumentLine]


_DOCUMENTS: Lister[Document, tuple[int]] = Lister("documents", tuple[int], Document, "document_id")


def router(pool: Pool) -> APIRouter:
    """Documents."""
    routes = APIRouter(prefix="/v1/documents", tags=["documents"])

    @routes.get(
        "",
        operation_id="documents_list",
        summary="Documents and how far they are",
        response_model=Page[Document],
        responses=problems(INVALID_CURSOR),
    )
    async def documents_list(request: Request, query: Annotated[DocumentQuery, Query()]) -> Response:
        """Newest first; `quantity` and `fulfilled` are summed over the lines."""
        after = _DOCUMENTS.start(query)
        async with pool.connection() as connection:
            rows = await documents(
                connection,
                after[0] if after else None,
                _DOCUMENTS.take(query),
                kind=query.kind,
                status=query.status,
                door=query.door,
                q=query.q,
                partner=query.partner,
                direction=query.direction,
            )
        return _DOCUMENTS.answer(request, query, rows)

    # The number comes last and may contain slashes.
    @routes.get(
        "/{kind}/{number:path}",
        operation_id="documents_get",
        summary="One document, line by line",
        response_model=DocumentProgress,
    )
    async def documents_get(
        kind: Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, examples=["purchase_receipt"])],
        number: Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, examples=["ASN-1001"])],
    ) -> Response:
        """Its movements are at `/v1/movements?document=KIND/NUMBER`."""
        async with pool.connection() as connection:
            found = await document(connection, kind, number)
            if found is None:
                raise not_found(f"document of kind {kind!r}", number)
            lines = await document_lines(connection, found.document_id)
        return json_response(DocumentProgress(found, lines))

    return routes
