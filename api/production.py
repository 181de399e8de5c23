"""Bills of material and work orders."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.documents import DocumentStatus
from api.encoding import json_response
from api.moments import Day
from api.paging import TEXT_PATTERN, Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, NOT_FOUND, not_found
from warehouse.postgres.queries.documents import DocumentLine, document, document_lines
from warehouse.postgres.queries.production import (
    BomComponent,
    BomSummary,
    ExplodedNeed,
    WorkOrder,
    bom_components,
    boms,
    explosion,
    work_order,
    work_orders,
)


class BomQuery(Paging):
    """Which bills."""

    item: Annotated[Code | None, Field(description="The product.", examples=["PUMP-7"])] = None


class WorkOrderQuery(Paging):
    """Which work orders."""

    item: Annotated[Code | None, Field(description="The product.", examples=["PUMP-7"])] = None
    status: Annotated[DocumentStatus | None, Field(description="Of its output.")] = None


class ExplosionQuery(BaseModel):
    """How much of the product, and by which bill."""

    model_config = ConfigDict(extra="forbid")

    item: Annotated[Code, Field(description="The product.", examples=["PUMP-7"])]
    quantity: Annotated[str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,9})?$", examples=["10"])] = "1"
    day: Annotated[Day, Field(description="Bills in effect on it.", examples=["2026-03-01"])]
    version: Annotated[Code | None, Field(description="Of the product's bill; by default the one in effect.")] = None


@dataclass(frozen=True, slots=True)
class BomDetail:
    """One version with its components."""

    bom: BomSummary
    components: list[BomComponent]


@dataclass(frozen=True, slots=True)
class Explosion:
    """Everything a quantity of a product takes, level by level."""

    items: list[ExplodedNeed]


@dataclass(frozen=True, slots=True)
class WorkOrderDetail:
    """A work order with what each component asked for and got."""

    work_order: WorkOrder
    components: list[DocumentLine]


_BOMS: Lister[BomSummary, tuple[int]] = Lister("boms", tuple[int], BomSummary, "bom_id")
_ORDERS: Lister[WorkOrder, tuple[int]] = Lister("work-orders", tuple[int], WorkOrder, "work_order_id")

BomId = Annotated[int, Path(ge=1, le=2**63 - 1, description="As `/v1/boms` lists it.", examples=[17])]
Number = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, examples=["WO-1001"])]


def router(pool: Pool) -> APIRouter:
    """Bills, explosions, work orders."""
    routes = APIRouter(prefix="/v1", tags=["production"])

    @routes.get(
        "/boms",
        operation_id="boms_list",
        summary="Bills of material",
        response_model=Page[BomSummary],
        responses=problems(INVALID_CURSOR),
    )
    async def boms_list(request: Request, query: Annotated[BomQuery, Query()]) -> Response:
        """Every version, newest first, retired ones too."""
        after = _BOMS.start(query)
        async with pool.connection() as connection:
            rows = await boms(connection, after[0] if after else None, _BOMS.take(query), item=query.item)
        return _BOMS.answer(request, query, rows)

    @routes.get(
        "/boms/explosion",
        operation_id="boms_explosion",
        summary="What a product takes",
        response_model=Explosion,
        responses=problems(NOT_FOUND),
    )
    async def boms_explosion(query: Annotated[ExplosionQuery, Query()]) -> Response:
        """All levels of the bills in effect on a day, scrap included, each item rounded up once to its unit."""
        async with pool.connection() as connection:
            needs = await explosion(connection, query.item, Decimal(query.quantity), query.day, query.version)
        if needs is None:
            raise not_found("bill of", query.item)
        return json_response(Explosion(needs))

    @routes.get("/boms/{bom_id}", operation_id="boms_get", summary="One bill", response_model=BomDetail)
    async def boms_get(bom_id: BomId) -> Response:
        """With its components and their substitutes."""
        async with pool.connection() as connection:
            found = await boms(connection, bom_id + 1 if bom_id < 2**63 - 1 else None, 1)
            if not found or found[0].bom_id != bom_id:
                raise not_found("bill", str(bom_id))
            return json_response(BomDetail(found[0], await bom_components(connection, bom_id)))

    @routes.get(
        "/work-orders",
        operation_id="work_orders_list",
        summary="Work orders and how far they are",
        response_model=Page[WorkOrder],
        responses=problems(INVALID_CURSOR),
    )
    async def work_orders_list(request: Request, query: Annotated[WorkOrderQuery, Query()]) -> Response:
        """Newest first."""
        after = _ORDERS.start(query)
        async with pool.connection() as connection:
            rows = await work_orders(
                connection, after[0] if after else None, _ORDERS.take(query), item=query.item, status=query.status
            )
        return _ORDERS.answer(request, query, rows)

    # The number comes last and may contain slashes.
    @routes.get(
        "/work-orders/{number:path}",
        operation_id="work_orders_get",
        summary="One work order, component by component",
        response_model=WorkOrderDetail,
    )
    async def work_orders_get(number: Number) -> Response:
        """Its movements are at `/v1/movements?document=work_order_issue/NUMBER` and `production_receipt/NUMBER`."""
        async with pool.connection() as connection:
            found = await work_order(connection, number)
            issue = await document(connection, "work_order_issue", number) if found is not None else None
            if found is None or issue is None:
                raise not_found("work order", number)
            return json_response(WorkOrderDetail(found, await document_lines(connection, issue.document_id)))

    return routes
