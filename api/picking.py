"""Pick lists."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import TEXT_PATTERN, Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found
from warehouse.postgres.queries.picking import PickLine, PickList, pick_lines, pick_list, pick_lists


class PickListQuery(Paging):
    """Which pick lists."""

    assignee: Annotated[Code | None, Field(examples=["li.wei"])] = None
    open: Annotated[bool, Field(description="Only those with something to pick.")] = False


@dataclass(frozen=True, slots=True)
class PickListDetail:
    """One list in the order to walk."""

    pick_list: PickList
    lines: list[PickLine]


_LISTS: Lister[PickList, tuple[int]] = Lister("pick-lists", tuple[int], PickList, "pick_list_id")


def router(pool: Pool) -> APIRouter:
    """Pick lists."""
    routes = APIRouter(prefix="/v1/pick-lists", tags=["documents"])

    @routes.get(
        "",
        operation_id="pick_lists_list",
        summary="Pick lists and how far they are",
        response_model=Page[PickList],
        responses=problems(INVALID_CURSOR),
    )
    async def pick_lists_list(request: Request, query: Annotated[PickListQuery, Query()]) -> Response:
        """Newest first."""
        after = _LISTS.start(query)
        async with pool.connection() as connection:
            rows = await pick_lists(
                connection,
                after[0] if after else None,
                _LISTS.take(query),
                assignee=query.assignee,
                open_only=query.open,
            )
        return _LISTS.answer(request, query, rows)

    # The number comes last and may contain slashes.
    @routes.get("/{number:path}", operation_id="pick_lists_get", summary="One pick list", response_model=PickListDetail)
    async def pick_lists_get(
        number: Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, examples=["P-1001"])],
    ) -> Response:
        """Place after place. What left through a portal counts as picked."""
        async with pool.connection() as connection:
            found = await pick_list(connection, number)
            if found is None:
                raise not_found("pick list", number)
            return json_response(PickListDetail(found, await pick_lines(connection, found.pick_list_id)))

    return routes
