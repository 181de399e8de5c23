"""All stock at an instant, streamed: what other systems reconcile with."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from psycopg.rows import tuple_row
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.downloads import CSV_MEDIA_TYPE, csv_response
from api.encoding import json_bytes
from api.moments import Moment
from api.paging import Code
from api.postgres.pool import Pool

# A whole store takes longer than a list's page; each batch of rows has to come within this.
STATEMENT_TIMEOUT_MS = 120_000

_COLUMNS = (
    "item", "gtin", "unit", "lot", "expires_on", "serial", "location", "handling_unit", "owner", "status", "on_hand",
)  # fmt: skip

_NOW = """
    select i.code, i.gtin, i.unit, lo.code, lo.expires_on, se.code, l.code, u.code, b.owner, b.status, b.on_hand
    from balance b join item i using (item_id) join location l using (location_id)
    left join lot lo on lo.lot_id = b.lot_id left join serial se on se.serial_id = b.serial_id
    left join handling_unit u on u.hu_id = b.hu_id
    where b.on_hand > 0 and (%(item)s::text is null or i.code = %(item)s)
    order by i.code, l.code, lo.code, se.code, u.code, b.status, b.owner"""

# Back from today: what is there now, less what every later movement brought, and with what it took. It reads no more of
# the ledger than lies after that instant.
_ASKED = "(%(item)s::text is null or item_id = (select item_id from item where code = %(item)s))"
_PAST = f"""
    select i.code, i.gtin, i.unit, lo.code, lo.expires_on, se.code, l.code, u.code, s.owner, s.status, s.on_hand
    from (select item_id, lot_id, serial_id, location_id, hu_id, owner, status, sum(delta) as on_hand
          from (select item_id, lot_id, serial_id, location_id, hu_id, owner, status, on_hand as delta from balance
                where on_hand <> 0 and {_ASKED}
                union all
                select item_id, lot_id, serial_id, to_location_id, to_hu_id, owner, to_status, -quantity from move
                where effective_at > %(as_of)s and {_ASKED}
                union all
                select item_id, lot_id, serial_id, from_location_id, from_hu_id, owner, from_status, quantity from move
                where effective_at > %(as_of)s and {_ASKED}) p
          group by 1, 2, 3, 4, 5, 6, 7 having sum(delta) <> 0) s
    join item i using (item_id) join location l on l.location_id = s.location_id and l.kind in ('internal', 'transit')
    left join lot lo on lo.lot_id = s.lot_id left join serial se on se.serial_id = s.serial_id
    left join handling_unit u on u.hu_id = s.hu_id order by 1, 7, 4, 6, 8, 10, 9"""  # noqa: S608  (a constant of this module)


class SnapshotQuery(BaseModel):
    """When, and in which form."""

    model_config = ConfigDict(extra="forbid")

    as_of: Annotated[
        Moment | None,
        Field(description="By effective time; else now.", examples=["2026-03-01T00:00:00Z"]),
    ] = None
    item: Annotated[Code | None, Field(description="Of one item only.", examples=["A-100"])] = None
    format: Annotated[Literal["ndjson", "csv"], Field(description="One JSON object a line, or CSV.")] = "ndjson"


def router(pool: Pool) -> APIRouter:
    """The one route."""
    routes = APIRouter(prefix="/v1/stock-snapshot", tags=["stock"])

    @routes.get(
        "",
        operation_id="stock_snapshot",
        summary="All stock at an instant",
        response_class=Response,
        responses={
            200: {
                "description": "Streamed from one consistent view of the books.",
                "content": {
                    "application/x-ndjson": {
                        "schema": {"type": "string"},
                        "example": '{"item":"A-100","location":"RACK-1-03","on_hand":"48"}\n',
                    },
                    CSV_MEDIA_TYPE: {"schema": {"type": "string"}, "example": "item,location,on_hand\r\n"},
                },
            }
        },
    )
    async def stock_snapshot(request: Request, query: Annotated[SnapshotQuery, Query()]) -> Response:
        """To reconcile with: by item, lot, serial, place, handling unit, owner and status. A past instant is computed
        from the ledger, so it changes when something is posted with an earlier effective time; not in a closed period.
        """
        rows = _rows(pool, query)
        if query.format == "csv":
            return csv_response("stock.csv", _COLUMNS, rows)
        return StreamingResponse(_lines(rows), media_type="application/x-ndjson")

    return routes


async def _rows(pool: Pool, query: SnapshotQuery) -> AsyncIterator[tuple[Any, ...]]:
    statement = _NOW if query.as_of is None else _PAST
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(f"set local statement_timeout = {STATEMENT_TIMEOUT_MS:d}".encode())
        async with connection.cursor("snapshot", row_factory=tuple_row) as cursor:
            await cursor.execute(statement.encode(), {"as_of": query.as_of, "item": query.item})
            async for row in cursor:
                yield row


async def _lines(rows: AsyncIterator[tuple[Any, ...]]) -> AsyncIterator[bytes]:
    batch = []
    async for row in rows:
        batch.append(json_bytes(dict(zip(_COLUMNS, row, strict=True))) + b"\n")
        if len(batch) == 500:
            yield b"".join(batch)
            batch = []
    yield b"".join(batch)
