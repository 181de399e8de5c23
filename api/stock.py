"""Stock: balances by item, lot, location, status and handling unit; the named quantities of an item; as of any time."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import TEXT_PATTERN, Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found
from warehouse.ledger import StockStatus
from warehouse.postgres.queries.stock import (
    NamedQuantities,
    PastStock,
    StockRow,
    StockTotal,
    named_quantities,
    stock,
    stock_as_of,
    stock_totals,
)


class StockQuery(Paging):
    """Which balances. A location includes the places inside it."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    lot: Annotated[Code | None, Field(examples=["L-2026-014"])] = None
    location: Annotated[Code | None, Field(examples=["hall-a"])] = None
    status: StockStatus | None = None
    unit: Annotated[Code | None, Field(description="Handling unit.", examples=["106141412345678908"])] = None


class TotalsQuery(Paging):
    """Which totals. A location includes the places inside it."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    location: Annotated[Code | None, Field(examples=["hall-a"])] = None


class PastQuery(BaseModel):
    """When, and where."""

    model_config = ConfigDict(extra="forbid")

    at: Annotated[AwareDatetime, Field(description="By effective time.", examples=["2026-03-01T08:00:00Z"])]
    location: Annotated[Code | None, Field(description="With the places inside it.", examples=["hall-a"])] = None


@dataclass(frozen=True, slots=True)
class PastStocks:
    """An item's stock at an instant: as many rows as it had lots and places."""

    items: list[PastStock]


_STOCK: Lister[StockRow, tuple[int]] = Lister("stock", tuple[int], lambda rows, _: (rows[-1].balance_id,))
_TOTALS: Lister[StockTotal, tuple[str, str, str]] = Lister(
    "stock-totals",
    tuple[str, str, str],
    lambda rows, _: (rows[-1].item, rows[-1].location, rows[-1].status),
)

ItemCode = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, description="The item.", examples=["A-100"])]


def router(pool: Pool) -> APIRouter:
    """Balances, totals, items."""
    routes = APIRouter(prefix="/v1", tags=["stock"])

    async def quantities(code: str) -> NamedQuantities:
        async with pool.connection() as connection:
            found = await named_quantities(connection, code)
        if found is None:
            raise not_found("item", code)
        return found

    @routes.get(
        "/stock",
        operation_id="stock_list",
        summary="Stock by item, lot and location",
        response_model=Page[StockRow],
        responses=problems(INVALID_CURSOR),
    )
    async def stock_list(request: Request, query: Annotated[StockQuery, Query()]) -> Response:
        """Every balance, in the order they were first made."""
        after = _STOCK.start(query)
        async with pool.connection() as connection:
            rows = await stock(
                connection,
                after[0] if after else None,
                query.limit + 1,
                item=query.item,
                lot=query.lot,
                location=query.location,
                status=query.status,
                unit=query.unit,
            )
        return _STOCK.answer(request, query, rows)

    @routes.get(
        "/stock/totals",
        operation_id="stock_totals",
        summary="Stock summed over lots, serials and handling units",
        response_model=Page[StockTotal],
        responses=problems(INVALID_CURSOR),
    )
    async def stock_totals_list(request: Request, query: Annotated[TotalsQuery, Query()]) -> Response:
        """By item, location and status."""
        after = _TOTALS.start(query)
        async with pool.connection() as connection:
            rows = await stock_totals(connection, after, query.limit + 1, item=query.item, location=query.location)
        return _TOTALS.answer(request, query, rows)

    # The code comes last or before a fixed word, and may contain slashes.
    @routes.get(
        "/items/{code:path}/as-of",
        operation_id="items_as_of",
        summary="An item's stock at an instant",
        response_model=PastStocks,
    )
    async def items_as_of(code: ItemCode, query: Annotated[PastQuery, Query()]) -> Response:
        """By lot, location and status, from what had happened by then."""
        await quantities(code)
        async with pool.connection() as connection:
            return json_response(
                PastStocks(await stock_as_of(connection, query.at, item=code, location=query.location))
            )

    @routes.get(
        "/items/{code:path}/quantities",
        operation_id="items_quantities",
        summary="The named quantities of an item",
        response_model=NamedQuantities,
    )
    async def items_quantities(code: ItemCode) -> Response:
        """On hand, usable, reserved, available, inspection, blocked, expired, in transit, expected, promised,
        projected.
        """
        return json_response(await quantities(code))

    return routes
