"""Stock: balances by item, lot, location, status and handling unit; the named quantities of an item; as of any time."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.moments import Day, Moment
from api.paging import TEXT_PATTERN, Code, Lister, Page, Paging
from api.places import LocationLevel
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, ProblemError, ProblemKind, not_found
from api.query_route import QueryRoute
from warehouse.ledger import StockStatus
from warehouse.postgres.queries.past import Clock, PastStock, stock_as_of
from warehouse.postgres.queries.stock import (
    NamedQuantities,
    StockRow,
    StockTotal,
    named_quantities,
    quantities_by_item,
    stock,
    stock_totals,
)

NOTHING_NAMED = ProblemKind(
    "nothing_named", 409, "Nothing is named to find the stock by", "Add an item, lot, serial, unit or location."
)
# Rows of the past in one answer.
PAST_MAX = 1_000

Owner = Annotated[
    str,
    Field(
        max_length=128,
        pattern=r"^[^\u0000-\u001f\u007f]*$",
        description="Whose goods; empty: our own.",
        examples=["ACME"],
    ),
]


class StockQuery(Paging):
    """Which balances. A location includes the places inside it."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    lot: Annotated[Code | None, Field(examples=["L-2026-014"])] = None
    location: Annotated[Code | None, Field(examples=["hall-a"])] = None
    status: StockStatus | None = None
    unit: Annotated[
        Code | None, Field(description="Handling unit, with those packed in it.", examples=["106141412345678908"])
    ] = None
    serial: Annotated[Code | None, Field(examples=["6789"])] = None
    owner: Owner | None = None
    category: Annotated[Code | None, Field(examples=["bearings"])] = None
    expires_before: Annotated[Day | None, Field(description="Of lots that expire before this day.")] = None
    expires_from: Annotated[Day | None, Field(description="Of lots that expire on this day or later.")] = None


class TotalsQuery(Paging):
    """Which totals. A location includes the places inside it."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    location: Annotated[Code | None, Field(examples=["hall-a"])] = None
    level: Annotated[
        LocationLevel | None, Field(description="Sum bins into their zone, warehouse or site.", examples=["warehouse"])
    ] = None
    owner: Owner | None = None


class PastQuery(BaseModel):
    """When, by which clock, and where."""

    model_config = ConfigDict(extra="forbid")

    at: Annotated[Moment, Field(examples=["2026-03-01T08:00:00Z"])]
    clock: Annotated[
        Clock,
        Field(description="`effective`: what we know today of that instant. `recorded`: what the books said then."),
    ] = Clock.EFFECTIVE
    location: Annotated[Code | None, Field(description="With the places inside it.", examples=["hall-a"])] = None


class PastStockQuery(PastQuery):
    """At least one of item, lot, serial, unit and location."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    lot: Annotated[Code | None, Field(examples=["L-2026-014"])] = None
    serial: Annotated[Code | None, Field(examples=["6789"])] = None
    unit: Annotated[Code | None, Field(description="Handling unit.", examples=["106141412345678908"])] = None


class QuantitiesQuery(Paging):
    """Which items, and where. Without a place, everywhere."""

    location: Annotated[Code | None, Field(description="With the places inside it.", examples=["hall-a"])] = None
    category: Annotated[Code | None, Field(examples=["bearings"])] = None
    owner: Owner = ""


class QuantityQuery(BaseModel):
    """Where, and whose."""

    model_config = ConfigDict(extra="forbid")

    location: Annotated[Code | None, Field(description="With the places inside it.", examples=["hall-a"])] = None
    owner: Owner = ""


@dataclass(frozen=True, slots=True)
class PastStocks:
    """Stock at an instant. `complete` false: there is more than the first 1,000 rows; name more of what is asked."""

    items: list[PastStock]
    complete: bool


_STOCK: Lister[StockRow, tuple[int]] = Lister("stock", tuple[int], StockRow, "balance_id")
_TOTALS: Lister[StockTotal, tuple[str, str, str]] = Lister(
    "stock-totals", tuple[str, str, str], StockTotal, "item", "location", "status"
)

_QUANTITIES: Lister[NamedQuantities, tuple[str]] = Lister("stock-quantities", tuple[str], NamedQuantities, "item")

ItemCode = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, description="The item.", examples=["A-100"])]


def router(pool: Pool) -> APIRouter:
    """Balances, totals, items."""
    routes = APIRouter(prefix="/v1", tags=["stock"], route_class=QueryRoute)

    async def quantities(code: str, query: QuantityQuery) -> NamedQuantities:
        async with pool.connection() as connection:
            found = await named_quantities(connection, code, location=query.location, owner=query.owner)
        if found is None:
            raise not_found("item" if query.location is None else "item and location", code)
        return found

    async def past(query: PastQuery, **named: str | None) -> Response:
        async with pool.connection() as connection:
            found = await stock_as_of(connection, query.at, clock=query.clock, **named, limit=PAST_MAX + 1)
        return json_response(PastStocks(found[:PAST_MAX], len(found) <= PAST_MAX))

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
                _STOCK.take(query),
                item=query.item,
                lot=query.lot,
                location=query.location,
                status=query.status,
                unit=query.unit,
                serial=query.serial,
                owner=query.owner,
                category=query.category,
                expires_before=query.expires_before,
                expires_from=query.expires_from,
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
            rows = await stock_totals(
                connection,
                after,
                _TOTALS.take(query),
                item=query.item,
                location=query.location,
                level=query.level,
                owner=query.owner,
            )
        return _TOTALS.answer(request, query, rows)

    @routes.get(
        "/stock/quantities",
        operation_id="stock_quantities",
        summary="The named quantities of all items",
        response_model=Page[NamedQuantities],
        responses=problems(INVALID_CURSOR),
    )
    async def stock_quantities(request: Request, query: Annotated[QuantitiesQuery, Query()]) -> Response:
        """By item, everywhere or in a place with those inside it; retired items are left out."""
        after = _QUANTITIES.start(query)
        async with pool.connection() as connection:
            rows = await quantities_by_item(
                connection,
                after[0] if after else None,
                _QUANTITIES.take(query),
                location=query.location,
                owner=query.owner,
                category=query.category,
            )
        return _QUANTITIES.answer(request, query, rows)

    @routes.get(
        "/stock/as-of",
        operation_id="stock_as_of",
        summary="Stock at a past instant",
        response_model=PastStocks,
        responses=problems(NOTHING_NAMED),
    )
    async def stock_past(query: Annotated[PastStockQuery, Query()]) -> Response:
        """Of an item, lot, serial, unit or place, by what had happened by then or by what the books said then."""
        named = {name: getattr(query, name) for name in ("item", "lot", "serial", "unit", "location")}
        if not any(named.values()):
            raise ProblemError(NOTHING_NAMED, "the whole stock of the past is too much for one answer")
        return await past(query, **named)

    # The code comes last or before a fixed word, and may contain slashes.
    @routes.get(
        "/items/{code:path}/as-of",
        operation_id="items_as_of",
        summary="An item's stock at an instant",
        response_model=PastStocks,
    )
    async def items_as_of(code: ItemCode, query: Annotated[PastQuery, Query()]) -> Response:
        """By lot, location and status, by what had happened by then or by what the books said then."""
        await quantities(code, QuantityQuery())
        return await past(query, item=code, location=query.location)

    @routes.get(
        "/items/{code:path}/quantities",
        operation_id="items_quantities",
        summary="The named quantities of an item",
        response_model=NamedQuantities,
    )
    async def items_quantities(code: ItemCode, query: Annotated[QuantityQuery, Query()]) -> Response:
        """Our own goods, or an owner's; everywhere, or in a place with those inside it.

        - `on_hand`: all that stands there. It is the sum of the next five (everywhere, and with no place closed):
        - `in_transit`: shipped and not received; with a place, on the way to it.
        - `blocked`: in status blocked, or of a blocked lot. `inspection`: waits for its decision.
        - `expired`: of a lot past its last day. `usable`: the rest.
        - `reserved`: promised to a holder. `available`: usable less what is reserved of it.
        - `expected`: what open documents still bring. `promised`: what they still take beyond what is reserved.
        - `projected`: available + expected - promised.
        """
        return json_response(await quantities(code, query))

    return routes
