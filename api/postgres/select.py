"""Selects with optional filters: only the conditions that are asked for are in the SQL, so each shape gets its own
plan.

A condition written as `%(x)s is null or column = %(x)s` would be planned once for all shapes as soon as the statement
is prepared, and then scan.
"""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, TypeVar

from psycopg import sql

from api.postgres.pool import Pool
from warehouse.postgres.queries.paging import framed
from warehouse.postgres.queries.view_rows import view_row

RowT = TypeVar("RowT")


async def select_page(
    pool: Pool,
    row_type: type[RowT],
    select: LiteralString,
    conditions: Mapping[LiteralString, bool],
    order_and_limit: LiteralString,
    values: Mapping[str, Any],
) -> Sequence[RowT]:
    """Rows as `row_type` (column names are its fields) under the conditions whose flag is set, joined by `and`.

    `values["limit"]` may be a `Take`. Raises `TooManyToSort`.
    """
    wanted = [sql.SQL(condition) for condition, used in conditions.items() if used]
    where = sql.SQL(" where ") + sql.SQL(" and ").join(wanted) if wanted else sql.SQL("")
    query = sql.SQL(select) + where + sql.SQL(" ") + sql.SQL(order_and_limit)
    async with pool.connection() as connection:
        return await framed(connection, row_type, query, values)


async def select_one(pool: Pool, row_type: type[RowT], query: LiteralString, values: Mapping[str, Any]) -> RowT | None:
    """The one row, or None."""
    async with pool.connection() as connection, connection.cursor(row_factory=view_row(row_type)) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()
