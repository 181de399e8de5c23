"""One way to run a query into dataclasses, and one frame around every list: its order, and how many rows match.

A list is a query with `limit %(limit)s` in an order of its own, read on by key. Asked for another order or for a total,
the same query is put into a frame with its limit at `FRAMED_MAX` and no key: the frame sorts, reads on by (value, key)
and counts. So every list can be sorted by any plain column, at a bounded price: sorting more rows than that is refused
(`TooManyToSort`), and a total beyond it says that there are more. A list's own order has no bound.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from psycopg import AsyncConnection, sql

from warehouse.postgres.queries.view_rows import view_row

AConn = AsyncConnection[Any]
Statement = sql.SQL | sql.Composed
RowT = TypeVar("RowT")

FRAMED_MAX = 10_000
TEXT_SORTED_MAX = 100
# For a field that is worked out after the query: the database cannot sort by it.
NOT_SORTED = {"sorted": False}


class TooManyToSort(Exception):
    """More than `FRAMED_MAX` rows match."""


@dataclass(frozen=True, slots=True)
class Order:
    """Rows by one of their columns, nulls last, then by their unique `key`; `after`: the value and key read last.

    Text goes by its first `TEXT_SORTED_MAX` characters, which is what fits into a link to the next page.
    """

    column: str
    descending: bool
    key: tuple[str, ...]
    is_text: bool = False
    after: tuple[str | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """How many rows; in which order, None being the list's own; and whether to count all that match."""

    limit: int
    order: Order | None = None
    total: bool = False


Limit = int | Take
"""What a list takes: a plain number reads in its own order."""


class Rows(list[RowT]):
    """Rows read, and how many match: `FRAMED_MAX` + 1 stands for more than `FRAMED_MAX`, None for not counted."""

    total: int | None = None


async def rows(
    conn: AConn, row_type: type[RowT], query: str, values: Mapping[str, Any], *, counted: str | None = None
) -> list[RowT]:
    """`counted` has the rows of the query without what is joined to each, for a total. Raises `TooManyToSort`."""
    return await framed(conn, row_type, sql.SQL(query), values, sql.SQL(counted) if counted is not None else None)


async def framed(
    conn: AConn,
    row_type: type[RowT],
    query: Statement,
    values: Mapping[str, Any],
    counted: Statement | None = None,
) -> list[RowT]:
    """Rows of a list's query; `values["limit"]` may be a `Take`. Raises `TooManyToSort`."""
    take = values.get("limit")
    if not isinstance(take, Take):
        return await _read(conn, row_type, query, values)
    found: Rows[RowT] = Rows()
    total = 0
    if take.total or take.order is not None:
        count = sql.SQL("select count(*) from ({}) listed").format(counted or query)
        ((total,),) = await (await conn.execute(count, {**values, "limit": FRAMED_MAX + 1})).fetchall()
    if take.order is None:
        found += await _read(conn, row_type, query, {**values, "limit": take.limit})
    elif total > FRAMED_MAX:
        raise TooManyToSort
    else:
        # As many as there are, so that few are not planned as if they were many; and what came meanwhile.
        framing = {**values, **_after(take.order), "limit": total + take.limit, "rows": take.limit}
        found += await _read(conn, row_type, _sorted(query, take.order), framing)
    if take.total:
        found.total = total
    return found


def contains(text: str | None) -> str | None:
    """The pattern of `ilike` for what people type: anywhere in it, every character for itself."""
    if text is None:
        return None
    return "%" + text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"


async def one(conn: AConn, row_type: type[RowT], query: str, values: Mapping[str, Any]) -> RowT | None:
    cursor = await conn.cursor(row_factory=view_row(row_type)).execute(query.encode(), values)
    return await cursor.fetchone()


async def _read(conn: AConn, row_type: type[RowT], query: Statement, values: Mapping[str, Any]) -> list[RowT]:
    cursor = await conn.cursor(row_factory=view_row(row_type)).execute(query, values)
    return await cursor.fetchall()


def _sorted(query: sql.Composable, order: Order) -> sql.Composed:
    column: sql.Composable = sql.Identifier(order.column)
    if order.is_text:
        column = sql.SQL("left({}::text, {})").format(column, TEXT_SORTED_MAX)
    key = sql.SQL(", ").join(map(sql.Identifier, order.key))
    beyond = sql.SQL("desc nulls last" if order.descending else "asc nulls last")
    parts = [sql.SQL("select * from ({}) listed").format(query)]
    if order.after is not None:
        further = sql.SQL("({}) > ({})").format(
            key, sql.SQL(", ").join(sql.Placeholder(f"key_{at}") for at in range(len(order.key)))
        )
        if order.after[0] is None:
            where = sql.SQL("{} is null and {}").format(column, further)
        else:
            where = sql.SQL("({0} {1} %(value)s or {0} is null or ({0} = %(value)s and {2}))").format(
                column, sql.SQL("<" if order.descending else ">"), further
            )
        parts.append(sql.SQL("where {}").format(where))
    parts.append(sql.SQL("order by {} {}, {} limit %(rows)s").format(column, beyond, key))
    return sql.SQL(" ").join(parts)


def _after(order: Order) -> dict[str, str | None]:
    """As text: the database reads each as the type of the column it is compared with."""
    if order.after is None:
        return {}
    value, *key = order.after
    return {"value": value, **{f"key_{at}": part for at, part in enumerate(key)}}
