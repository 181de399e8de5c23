"""Counts and their findings; reservations."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from api.encoding import json_response
from api.listing import add_list
from api.paging import TEXT_PATTERN, Code, Paging
from api.postgres.pool import Pool
from api.problems import not_found
from warehouse.postgres.books.reservations import State
from warehouse.postgres.queries.counts import (
    CountLine,
    CountSheet,
    ReservationView,
    Variance,
    count_lines,
    count_sheet,
    count_sheets,
    reservations,
    variances,
)

# As many lines as a sheet can have (`warehouse.postgres.documents.counts.LINES_MAX`), and what was found beside them.
LINES_MAX = 20_000


class CountStatus(StrEnum):
    """How far a count is."""

    COUNTING = "counting"
    COUNTED = "counted"
    POSTED = "posted"
    CANCELLED = "cancelled"


class CountQuery(Paging):
    """Which counts."""

    status: CountStatus | None = None


class ReservationQuery(Paging):
    """Which reservations."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    state: State | None = None
    holder: Annotated[Code | None, Field(examples=["order 4711"])] = None


@dataclass(frozen=True, slots=True)
class CountProgress:
    """One count with all its lines."""

    count: CountSheet
    lines: list[CountLine]


@dataclass(frozen=True, slots=True)
class VarianceReport:
    """What a posted count found. `value` sums what is known of it; `unvalued` lines have no cost."""

    count: CountSheet
    lines: list[Variance]
    value: Decimal
    unvalued: int


Number = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, description="The count.", examples=["C-2026-07"])]


def router(pool: Pool) -> APIRouter:
    """Counts, variances, reservations."""
    routes = APIRouter(prefix="/v1", tags=["stock"])

    async def sheet(number: str) -> CountSheet:
        async with pool.connection() as connection:
            found = await count_sheet(connection, number)
        if found is None:
            raise not_found("count", number)
        return found

    add_list(
        routes,
        pool,
        "/counts",
        "counts_list",
        "Counts and how far they are",
        "Newest first.",
        CountQuery,
        CountSheet,
        (int,),
        ("count_id",),
        lambda conn, after, limit, query: count_sheets(conn, after[0] if after else None, limit, status=query.status),
    )
    add_list(
        routes,
        pool,
        "/reservations",
        "reservations_list",
        "What is reserved, and what became of it",
        "Newest first.",
        ReservationQuery,
        ReservationView,
        (datetime, UUID),
        ("created_at", "reservation_id"),
        lambda conn, after, limit, query: reservations(
            conn, after, limit, item=query.item, state=query.state, holder=query.holder
        ),
    )

    # The number comes last or before a fixed word, and may contain slashes.
    @routes.get(
        "/counts/{number:path}/variance",
        operation_id="counts_variance",
        summary="What a count found, for finance",
        response_model=VarianceReport,
    )
    async def counts_variance(number: Number) -> Response:
        """The lines that differed with their worth, reason and approval; empty until the count is posted."""
        found = await sheet(number)
        async with pool.connection() as connection:
            lines = await variances(connection, found.count_id)
        worth = [line.value_difference for line in lines if line.value_difference is not None]
        return json_response(VarianceReport(found, lines, sum(worth, Decimal(0)), len(lines) - len(worth)))

    @routes.get(
        "/counts/{number:path}",
        operation_id="counts_get",
        summary="One count, line by line",
        response_model=CountProgress,
    )
    async def counts_get(number: Number) -> Response:
        """A blind count says what is expected only when it is posted."""
        found = await sheet(number)
        async with pool.connection() as connection:
            lines = await count_lines(connection, found.count_id, None, LINES_MAX)
        return json_response(CountProgress(found, lines))

    return routes
