"""The frame every plain list shares: read one row more than a page, show the page, link the next.

A list is its query model, its row, where it was after a row, and the query that reads on from there.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.paging import Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR
from warehouse.postgres.queries.paging import AConn, Take

RowT = TypeVar("RowT")
QueryT = TypeVar("QueryT", bound=Paging)


def add_list(
    routes: APIRouter,
    pool: Pool,
    path: str,
    operation_id: str,
    summary: str,
    description: str,
    query_type: type[QueryT],
    row_type: type[RowT],
    position: tuple[type, ...],
    key: tuple[str, ...],
    read: Callable[[AConn, Any, Take, QueryT], Awaitable[Sequence[RowT]]],
) -> None:
    """`read` gets the connection, the position of the last row shown or None, what to take, and the filters."""
    position_type: Any = tuple.__class_getitem__(position)
    lister: Lister[RowT, Any] = Lister(operation_id.replace("_", "-"), position_type, row_type, *key)

    async def page(request: Request, query: Any) -> Response:
        after = lister.start(query)
        async with pool.connection() as connection:
            rows = await read(connection, after, lister.take(query), query)
        return lister.answer(request, query, rows)

    page.__annotations__["query"] = Annotated[query_type, Query()]
    routes.add_api_route(
        path,
        page,
        methods=["GET"],
        operation_id=operation_id,
        summary=summary,
        description=description,
        response_model=Page[row_type],  # type: ignore[valid-type]
        responses=problems(INVALID_CURSOR),
    )
