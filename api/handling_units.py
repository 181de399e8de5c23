"""Handling units: a list, and one with its packing list and what is packed in it. Its life: `/trace`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from api.encoding import json_response
from api.listing import add_list
from api.paging import TEXT_PATTERN, Code, Paging, Search
from api.postgres.pool import Pool
from api.problems import not_found
from warehouse.commands import HandlingUnitKind
from warehouse.postgres.queries.units import (
    HandlingUnitView,
    UnitContent,
    handling_unit,
    handling_units,
    unit_contents,
)

# Units in one answer about what is packed in one.
INSIDE_MAX = 1_000


class HandlingUnitQuery(Paging):
    """Which units."""

    q: Search = None
    kind: HandlingUnitKind | None = None
    location: Annotated[Code | None, Field(description="Stock in it is booked there.", examples=["RACK-1-03"])] = None
    packed_in: Annotated[Code | None, Field(description="The unit it is packed in.")] = None


@dataclass(frozen=True, slots=True)
class HandlingUnitDetail:
    """One unit, its packing list, and the units in it (the first 1,000)."""

    unit: HandlingUnitView
    contents: list[UnitContent]
    units: list[HandlingUnitView]


def router(pool: Pool) -> APIRouter:
    """Both routes."""
    routes = APIRouter(prefix="/v1/handling-units", tags=["stock"])
    add_list(
        routes,
        pool,
        "",
        "handling_units_list",
        "Pallets, cartons and totes",
        "Newest first.",
        HandlingUnitQuery,
        HandlingUnitView,
        (int,),
        ("hu_id",),
        lambda conn, after, take, query: handling_units(
            conn,
            after[0] if after else None,
            take,
            q=query.q,
            kind=query.kind,
            location=query.location,
            packed_in=query.packed_in,
        ),
    )

    @routes.get(
        "/{code}",
        operation_id="handling_units_get",
        summary="One unit with what is in it",
        response_model=HandlingUnitDetail,
    )
    async def handling_units_get(
        code: Annotated[
            str,
            Path(
                max_length=128, pattern=TEXT_PATTERN, description="SSCC, GRAI or GIAI.", examples=["106141412345678908"]
            ),
        ],
    ) -> Response:
        """Its packing list, and what is packed in it; its stock is `/v1/stock?unit=CODE`."""
        async with pool.connection() as connection:
            found = await handling_unit(connection, code)
            if found is None:
                raise not_found("handling unit", code)
            contents = await unit_contents(connection, found.hu_id)
            inside = await handling_units(connection, None, INSIDE_MAX, packed_in=code)
        return json_response(HandlingUnitDetail(found, contents, inside))

    return routes
