"""What of an item can be promised to whom."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import Code
from api.postgres.pool import Pool
from api.problems import NOT_FOUND, not_found
from warehouse.postgres.queries.promises import Promise, promises


class PromisesQuery(BaseModel):
    """Of what, and whose."""

    model_config = ConfigDict(extra="forbid")

    item: Annotated[Code, Field(examples=["A-100"])]
    owner: Annotated[str, Field(max_length=128, description="Whose goods; ours when empty.")] = ""


@dataclass(frozen=True, slots=True)
class Promises:
    """What is available of an item, and for whom it would do."""

    item: str
    available: Decimal
    lines: list[Promise]


def router(pool: Pool) -> APIRouter:
    """Promises."""
    routes = APIRouter(prefix="/v1/stock", tags=["stock"])

    @routes.get(
        "/promises",
        operation_id="stock_promises",
        summary="What can be promised to whom",
        response_model=Promises,
        responses=problems(NOT_FOUND),
    )
    async def stock_promises(query: Annotated[PromisesQuery, Query()]) -> Response:
        """Open lines that take an item, the earliest day first, at most 1,000: first come, first served."""
        async with pool.connection() as connection:
            found = await promises(connection, query.item, query.owner)
        if found is None:
            raise not_found("item", query.item)
        return json_response(Promises(query.item, *found))

    return routes
