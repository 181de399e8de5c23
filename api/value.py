"""What stock is worth, and why."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from api.encoding import json_response
from api.listing import add_list
from api.moments import Moment
from api.paging import Code, Paging
from api.postgres.pool import Pool
from warehouse.postgres.queries.value import (
    StockValue,
    ValueEntry,
    ValueTotal,
    stock_value,
    total_value,
    value_entries,
)


class ValueKind(StrEnum):
    """What changed the value."""

    RECEIPT = "receipt"
    ISSUE = "issue"
    REVALUATION = "revaluation"


class ValueQuery(Paging):
    """Which items, and when."""

    category: Annotated[Code | None, Field(examples=["bearings"])] = None
    at: Annotated[Moment | None, Field(description="By effective time; now without.")] = None


class EntryQuery(Paging):
    """Which entries."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    kind: ValueKind | None = None
    since: Annotated[Moment | None, Field(description="Happened at or after.")] = None
    until: Annotated[Moment | None, Field(description="Happened before.")] = None


def router(pool: Pool) -> APIRouter:
    """Value by item, entries, the total."""
    routes = APIRouter(prefix="/v1/stock/value", tags=["stock"])
    add_list(
        routes,
        pool,
        "",
        "stock_value_list",
        "What stock is worth, by item",
        "Now, or at an instant by effective time. Value is an amount in cents, exactly zero when nothing is there.",
        ValueQuery,
        StockValue,
        (str,),
        ("item",),
        lambda conn, after, limit, query: stock_value(
            conn, after[0] if after else None, limit, at=query.at, category=query.category
        ),
    )
    add_list(
        routes,
        pool,
        "/entries",
        "stock_value_entries",
        "What movements and revaluations were worth",
        "Newest first. Entries are only added; their amounts sum up to the value of the stock.",
        EntryQuery,
        ValueEntry,
        (int,),
        ("entry_id",),
        lambda conn, after, limit, query: value_entries(
            conn,
            after[0] if after else None,
            limit,
            item=query.item,
            kind=query.kind,
            since=query.since,
            until=query.until,
        ),
    )

    @routes.get(
        "/total", operation_id="stock_value_total", summary="What all stock is worth", response_model=ValueTotal
    )
    async def stock_value_total() -> Response:
        """Of our own goods, now."""
        async with pool.connection() as connection:
            return json_response(await total_value(connection))

    return routes
