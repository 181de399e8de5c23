"""Lots and serials, and traces: where they, a tag or a handling unit came from and where they went."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.epcs import EpcOrUri, epc_hex
from api.paging import TEXT_PATTERN, Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, NOT_FOUND, not_found
from warehouse.postgres.queries.lots import LotView, SerialView, lots, serials
from warehouse.postgres.queries.paging import AConn
from warehouse.postgres.queries.tracing import (
    Genealogy,
    Thing,
    genealogy,
    lot_things,
    serial_things,
    tag_things,
    unit_things,
)


class LotQuery(Paging):
    """Which lots."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    blocked: bool | None = None
    document: Annotated[Code | None, Field(description="Numbered by a receipt of this number.")] = None


class SerialQuery(Paging):
    """Which serials."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    lot: Annotated[Code | None, Field(examples=["L-2026-014"])] = None


class LotName(BaseModel):
    """An item's lot."""

    model_config = ConfigDict(extra="forbid")

    item: Annotated[Code, Field(examples=["A-100"])]
    lot: Annotated[Code, Field(examples=["L-2026-014"])]


class SerialName(BaseModel):
    """An item's serial."""

    model_config = ConfigDict(extra="forbid")

    item: Annotated[Code, Field(examples=["A-100"])]
    serial: Annotated[Code, Field(examples=["6789"])]


_LOTS: Lister[LotView, tuple[int]] = Lister("lots", tuple[int], LotView, "lot_id")
_SERIALS: Lister[SerialView, tuple[int]] = Lister("serials", tuple[int], SerialView, "serial_id")


async def _answer(connection: AConn, seeds: Sequence[Thing], what: str, named: str) -> Response:
    if not seeds:
        raise not_found(what, named)
    return json_response(await genealogy(connection, seeds))


def router(pool: Pool) -> APIRouter:
    """Lots, serials, traces."""
    routes = APIRouter(prefix="/v1")

    @routes.get(
        "/lots",
        operation_id="lots_list",
        summary="Lots",
        response_model=Page[LotView],
        responses=problems(INVALID_CURSOR),
        tags=["stock"],
    )
    async def lots_list(request: Request, query: Annotated[LotQuery, Query()]) -> Response:
        """Newest first, with what is on hand of each."""
        after = _LOTS.start(query)
        async with pool.connection() as connection:
            rows = await lots(
                connection,
                after[0] if after else None,
                _LOTS.take(query),
                item=query.item,
                blocked=query.blocked,
                document=query.document,
            )
        return _LOTS.answer(request, query, rows)

    @routes.get(
        "/serials",
        operation_id="serials_list",
        summary="Serials",
        response_model=Page[SerialView],
        responses=problems(INVALID_CURSOR),
        tags=["stock"],
    )
    async def serials_list(request: Request, query: Annotated[SerialQuery, Query()]) -> Response:
        """Newest first, with where each stands."""
        after = _SERIALS.start(query)
        async with pool.connection() as connection:
            rows = await serials(
                connection, after[0] if after else None, _SERIALS.take(query), item=query.item, lot=query.lot
            )
        return _SERIALS.answer(request, query, rows)

    @routes.get(
        "/lots/trace",
        operation_id="lots_trace",
        summary="Where a lot came from and where it went",
        response_model=Genealogy,
        responses=problems(NOT_FOUND),
        tags=["movements"],
    )
    async def lots_trace(query: Annotated[LotName, Query()]) -> Response:
        """Both ways through production, splits, merges and repacking; at most 1,000 steps, 10,000 things each way."""
        async with pool.connection() as connection:
            return await _answer(connection, await lot_things(connection, query.item, query.lot), "lot", query.lot)

    @routes.get(
        "/serials/trace",
        operation_id="serials_trace",
        summary="Where a serial came from and where it went",
        response_model=Genealogy,
        responses=problems(NOT_FOUND),
        tags=["movements"],
    )
    async def serials_trace(query: Annotated[SerialName, Query()]) -> Response:
        """As for a lot."""
        async with pool.connection() as connection:
            seeds = await serial_things(connection, query.item, query.serial)
            return await _answer(connection, seeds, "serial", query.serial)

    @routes.get(
        "/tags/{epc}/trace",
        operation_id="tags_trace",
        summary="Where a tag's goods came from and where they went",
        response_model=Genealogy,
        tags=["tags"],
    )
    async def tags_trace(epc: EpcOrUri) -> Response:
        """As for a lot; of a handling unit's tag everything that was ever moved in it."""
        async with pool.connection() as connection:
            return await _answer(connection, await tag_things(connection, epc_hex(epc)), "tag", epc)

    @routes.get(
        "/handling-units/{code:path}/trace",
        operation_id="handling_units_trace",
        summary="Where a handling unit's contents came from and where they went",
        response_model=Genealogy,
        tags=["stock"],
    )
    async def handling_units_trace(
        code: Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, examples=["106141412345678908"])],
    ) -> Response:
        """As for a lot: what is in it, and what was ever moved in it."""
        async with pool.connection() as connection:
            return await _answer(connection, await unit_things(connection, code), "handling unit", code)

    return routes
