"""Weighings: what stood on the scales, and whether it weighs what the books say."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.paging import Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.postgres.weighings import WeighingPosition, WeighingView, weighings
from api.problems import INVALID_CURSOR


class WeighingQuery(Paging):
    """Which weighings."""

    scale: Annotated[Code | None, Field(examples=["scale-1"])] = None
    outcome: Annotated[Literal["agrees", "mismatch", "unknown", "untied"] | None, Field(examples=["mismatch"])] = None


_WEIGHINGS: Lister[WeighingView, WeighingPosition] = Lister("weighings", WeighingPosition, WeighingView, "seq")


def router(pool: Pool) -> APIRouter:
    """The list of weighings."""
    routes = APIRouter(prefix="/v1/weighings", tags=["readers"])

    @routes.get(
        "",
        operation_id="weighings_list",
        summary="What scales weighed",
        response_model=Page[WeighingView],
        responses=problems(INVALID_CURSOR),
    )
    async def weighings_list(request: Request, query: Annotated[WeighingQuery, Query()]) -> Response:
        """Newest first."""
        rows = await weighings(pool, query.scale, query.outcome, _WEIGHINGS.start(query), _WEIGHINGS.take(query))
        return _WEIGHINGS.answer(request, query, rows)

    return routes
