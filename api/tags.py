"""Tags: where one is now, by what was seen and by the books; where it was; and why we say so."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.epcs import EpcOrUri, epc_hex
from api.paging import Code, Lister, Page, Paging
from api.postgres.explanations import VerdictView, verdicts_on
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found
from api.query_route import QueryRoute
from warehouse.epc import decode
from warehouse.postgres.queries.tag_list import TagFilter, TagView, tags
from warehouse.postgres.queries.tags import TagMoved, TagNow, TagSeen, tag_history, tag_movements, tag_now

# An explanation shows the newest of each; the lists have all.
EXPLAINED_MAX = 50


@dataclass(frozen=True, slots=True)
class Identity:
    """What the EPC itself says (GS1 Tag Data Standard); null where it is no valid coding."""

    uri: Annotated[str, Field(examples=["urn:epc:id:sgtin:0614141.812345.6789"])]
    scheme: Annotated[str | None, Field(examples=["sgtin"])]
    key: Annotated[str | None, Field(description="GTIN, SSCC, GLN, GRAI or GIAI.", examples=["80614141123458"])]
    element_string: Annotated[str | None, Field(examples=["(01)80614141123458(21)6789"])]
    digital_link: Annotated[str | None, Field(examples=["https://id.gs1.org/01/80614141123458/21/6789"])]


@dataclass(frozen=True, slots=True)
class TagState:
    """One tag now."""

    identity: Identity
    now: TagNow


@dataclass(frozen=True, slots=True)
class TagExplanation:
    """Why we say that a tag is where it is: the newest 50 of each, newest first."""

    identity: Identity
    now: TagNow
    seen: list[TagSeen]
    movements: list[TagMoved]
    verdicts: list[VerdictView]


class TagQuery(Paging):
    """Which tags."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    lot: Annotated[Code | None, Field(examples=["L-2026-014"])] = None
    handling_unit: Annotated[Code | None, Field(description="Its own tag and the tags packed in it.")] = None
    location: Annotated[Code | None, Field(description="Last seen there.", examples=["hall-a"])] = None
    here: Annotated[bool | None, Field(description="Seen somewhere and not departed since; false: departed.")] = None


_TAGS: Lister[TagView, tuple[str]] = Lister("tags", tuple[str], TagView, "epc")
_SEEN: Lister[TagSeen, tuple[datetime, UUID]] = Lister("tag-history", tuple[datetime, UUID], TagSeen, "at", "update_id")
_MOVED: Lister[TagMoved, tuple[int]] = Lister("tag-movements", tuple[int], TagMoved, "seq")


@lru_cache(maxsize=16_384)
def _identity(epc: str) -> Identity:
    decoded = decode(epc)
    return Identity(decoded.uri, decoded.scheme, decoded.key, decoded.element_string, decoded.digital_link)


def router(pool: Pool) -> APIRouter:
    """Tags, their history, their movements, their explanation."""
    routes = APIRouter(prefix="/v1/tags", tags=["tags"], route_class=QueryRoute)

    async def now(epc: str) -> TagNow:
        async with pool.connection() as connection:
            found = await tag_now(connection, epc)
        if found is None:
            raise not_found("tag", epc)
        return found

    @routes.get(
        "",
        operation_id="tags_list",
        summary="Tags and where they are",
        response_model=Page[TagView],
        responses=problems(INVALID_CURSOR),
    )
    async def tags_list(request: Request, query: Annotated[TagQuery, Query()]) -> Response:
        """Everything registered or ever seen, by EPC."""
        after = _TAGS.start(query)
        wanted = TagFilter(query.item, query.lot, query.handling_unit, query.location, query.here)
        async with pool.connection() as connection:
            rows = await tags(connection, wanted, after[0] if after else None, _TAGS.take(query))
        return _TAGS.answer(request, query, rows)

    @routes.get("/{epc}", operation_id="tags_get", summary="Where is this tag", response_model=TagState)
    async def tags_get(epc: EpcOrUri) -> Response:
        """By what was seen (`seen_…`) and by the books (`booked_…`); the two may differ, and both are shown."""
        hexadecimal = epc_hex(epc)
        return json_response(TagState(_identity(hexadecimal), await now(hexadecimal)))

    @routes.get(
        "/{epc}/history",
        operation_id="tags_history",
        summary="Where was this tag",
        response_model=Page[TagSeen],
        responses=problems(INVALID_CURSOR),
    )
    async def tags_history(request: Request, epc: EpcOrUri, query: Annotated[Paging, Query()]) -> Response:
        """Every location update, newest first."""
        hexadecimal = epc_hex(epc)
        await now(hexadecimal)
        within = f"/{hexadecimal}"
        after = _SEEN.start(query, within)
        async with pool.connection() as connection:
            rows = await tag_history(connection, hexadecimal, after, _SEEN.take(query, within))
        return _SEEN.answer(request, query, rows, within)

    @routes.get(
        "/{epc}/movements",
        operation_id="tags_movements",
        summary="What moved this tag",
        response_model=Page[TagMoved],
        responses=problems(INVALID_CURSOR),
    )
    async def tags_movements(request: Request, epc: EpcOrUri, query: Annotated[Paging, Query()]) -> Response:
        """The ledger's movements of it, newest first."""
        hexadecimal = epc_hex(epc)
        await now(hexadecimal)
        within = f"/{hexadecimal}"
        after = _MOVED.start(query, within)
        async with pool.connection() as connection:
            rows = await tag_movements(connection, hexadecimal, after[0] if after else None, _MOVED.take(query, within))
        return _MOVED.answer(request, query, rows, within)

    @routes.get(
        "/{epc}/explain",
        operation_id="tags_explain",
        summary="Why do we say it is there",
        response_model=TagExplanation,
    )
    async def tags_explain(epc: EpcOrUri) -> Response:
        """What was seen, what was booked, and the verdicts of the portals with their scores and features."""
        hexadecimal = epc_hex(epc)
        state = await now(hexadecimal)
        async with pool.connection() as connection:
            seen = await tag_history(connection, hexadecimal, None, EXPLAINED_MAX)
            moved = await tag_movements(connection, hexadecimal, None, EXPLAINED_MAX)
        verdicts = list(await verdicts_on(pool, hexadecimal, EXPLAINED_MAX))
        return json_response(TagExplanation(_identity(hexadecimal), state, seen, moved, verdicts))

    return routes
