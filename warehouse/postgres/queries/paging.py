"""One way to run a query into dataclasses."""

from collections.abc import Mapping
from typing import Any, TypeVar

from psycopg import AsyncConnection

from warehouse.postgres.queries.view_rows import view_row

AConn = AsyncConnection[Any]
RowT = TypeVar("RowT")


async def rows(conn: AConn, row_type: type[RowT], query: str, values: Mapping[str, Any]) -> list[RowT]:
    async with conn.cursor(row_factory=view_row(row_type)) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()


async def one(conn: AConn, row_type: type[RowT], query: str, values: Mapping[str, Any]) -> RowT | None:
    async with conn.cursor(row_factory=view_row(row_type)) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchone()
