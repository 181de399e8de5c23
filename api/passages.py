"""Passages: loads through portals, the verdict on each tag, and the evidence behind it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.epcs import Epc
from api.moments import Moment
from api.paging import Code, Lister, Page, Paging
from api.ports import EvidenceColumns, EvidenceReader
from api.postgres.passages import (
    PassageFilter,
    PassageTagView,
    PassageView,
    Verdict,
    latest_passages,
    passage,
    passage_evidence,
    passage_tags,
)
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, NOT_FOUND, ProblemError, not_found
from warehouse.site import Direction


class PassageQuery(Paging):
    """Which passages."""

    portal: Annotated[Code | None, Field(examples=["door-1"])] = None
    direction: Annotated[Direction | None, Field(examples=["in"])] = None
    epc: Annotated[Epc | None, Field(description="Only passages that saw this tag.")] = None
    since: Annotated[Moment | None, Field(description="Closed at or after.")] = None
    until: Annotated[Moment | None, Field(description="Closed before.")] = None


class PassageTagQuery(Paging):
    """Which tags of the passage."""

    revision: Annotated[int | None, Field(ge=0, le=2**31 - 1, description="The newest when absent.")] = None
    verdict: Verdict | None = None


class EvidenceQuery(BaseModel):
    """Which sightings of the passage."""

    model_config = ConfigDict(extra="forbid")

    revision: Annotated[int | None, Field(ge=0, le=2**31 - 1, description="The newest when absent.")] = None
    epc: Annotated[Epc | None, Field(description="Only this tag.")] = None


_PASSAGES: Lister[PassageView, tuple[datetime, UUID]] = Lister(
    "passages", tuple[datetime, UUID], PassageView, "closed_at", "passage_id"
)
_TAGS: Lister[PassageTagView, tuple[str]] = Lister("passage-tags", tuple[str], PassageTagView, "epc")

PassageId = Annotated[UUID, Path(description="The passage.", examples=["5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa"])]


def router(pool: Pool, evidence_reader: EvidenceReader | None) -> APIRouter:
    """Passages, their tags, their evidence."""
    routes = APIRouter(prefix="/v1/passages", tags=["passages"])

    async def known(passage_id: UUID, revision: int | None = None) -> PassageView:
        row = await passage(pool, passage_id, revision)
        if row is None:
            raise not_found("passage", str(passage_id) if revision is None else f"{passage_id} revision {revision}")
        return row

    @routes.get(
        "",
        operation_id="passages_list",
        summary="Loads through portals",
        response_model=Page[PassageView],
        responses=problems(INVALID_CURSOR),
    )
    async def passages_list(request: Request, query: Annotated[PassageQuery, Query()]) -> Response:
        """Newest first, each at its newest revision."""
        wanted = PassageFilter(
            query.portal,
            query.direction,
            None if query.epc is None else query.epc.upper(),
            query.since,
            query.until,
        )
        rows = await latest_passages(pool, wanted, _PASSAGES.start(query), _PASSAGES.take(query))
        return _PASSAGES.answer(request, query, rows)

    @routes.get("/{passage_id}", operation_id="passages_get", summary="One passage", response_model=PassageView)
    async def passages_get(passage_id: PassageId) -> Response:
        """At its newest revision. Its movements are at `/v1/movements?passage=`."""
        return json_response(await known(passage_id))

    @routes.get(
        "/{passage_id}/tags",
        operation_id="passages_tags",
        summary="The verdict on each tag",
        response_model=Page[PassageTagView],
        responses=problems(INVALID_CURSOR),
    )
    async def passages_tags(
        request: Request, passage_id: PassageId, query: Annotated[PassageTagQuery, Query()]
    ) -> Response:
        """By EPC, with the score and the features it was made from."""
        revision = (await known(passage_id, query.revision)).revision
        within = f"/{passage_id}/{revision}"
        after = _TAGS.start(query, within)
        rows = await passage_tags(
            pool, passage_id, revision, query.verdict, after[0] if after else None, _TAGS.take(query, within)
        )
        return _TAGS.answer(request, query, rows, within)

    @routes.get(
        "/{passage_id}/evidence",
        operation_id="passages_evidence",
        summary="Power over time at each antenna",
        response_model=EvidenceColumns,
    )
    async def passages_evidence(passage_id: PassageId, query: Annotated[EvidenceQuery, Query()]) -> Response:
        """The sightings of its tags as columns; not paged: it is as large as the passage was long."""
        revision = (await known(passage_id, query.revision)).revision
        packed = await passage_evidence(pool, passage_id, revision)
        if packed is None or evidence_reader is None:
            raise ProblemError(NOT_FOUND, "no evidence is kept for this passage")
        epc = None if query.epc is None else query.epc.upper()
        return json_response(evidence_reader.sightings(packed, epc))

    return routes
