"""What stock control watches and suggests, and the catalogue it is about."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from api.encoding import json_response
from api.listing import add_list
from api.paging import TEXT_PATTERN, Code, Paging, Search
from api.postgres.pool import Pool
from api.problems import not_found
from warehouse.commands import PartnerKind
from warehouse.postgres.queries.catalogue import Category, ItemView, Partner, categories, item, items, partners
from warehouse.postgres.queries.stock_watch import (
    Replenishment,
    StockAlert,
    StockRule,
    item_age,
    replenishments,
    stock_alerts,
    stock_rules,
)


class ReplenishmentState(StrEnum):
    """What became of a suggestion."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"


class AlertKind(StrEnum):
    """What an alert is about."""

    BELOW_SAFETY = "below_safety"
    DEAD = "dead"
    SLOW = "slow"
    NEAR_EXPIRY = "near_expiry"
    EXPIRED = "expired"
    RULE_BROKEN = "rule_broken"


class ItemQuery(Paging):
    """Which items."""

    q: Search = None
    category: Annotated[Code | None, Field(examples=["bearings"])] = None
    active: bool | None = None


class PartnerQuery(Paging):
    """Which partners."""

    q: Search = None
    kind: PartnerKind | None = None


class RuleQuery(Paging):
    """Which rules."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    location: Annotated[Code | None, Field(examples=["hall-a"])] = None


class ReplenishmentQuery(Paging):
    """Which suggestions."""

    state: ReplenishmentState | None = None
    item: Annotated[Code | None, Field(examples=["A-100"])] = None


class AlertQuery(Paging):
    """Which alerts."""

    kind: AlertKind | None = None
    department: Annotated[Code | None, Field(examples=["purchasing"])] = None
    standing: Annotated[bool | None, Field(description="Only those that are not over, or only those that are.")] = None


@dataclass(frozen=True, slots=True)
class AgedQuantity:
    """What came on one day and is still there."""

    day: date
    age_days: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ItemAge:
    """An item's stock by the day it came, oldest first."""

    item: str
    layers: list[AgedQuantity]


ItemCode = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, description="The item.", examples=["A-100"])]


def router(pool: Pool) -> APIRouter:
    """Items, categories, partners; rules, suggestions, alerts, age."""
    routes = APIRouter(prefix="/v1", tags=["stock"])
    add_list(
        routes,
        pool,
        "/items",
        "items_list",
        "Items",
        "By code, with the units each is counted in.",
        ItemQuery,
        ItemView,
        (str,),
        ("code",),
        lambda conn, after, limit, query: items(
            conn, after[0] if after else None, limit, q=query.q, category=query.category, active=query.active
        ),
    )
    add_list(
        routes,
        pool,
        "/categories",
        "categories_list",
        "Categories",
        "By code.",
        Paging,
        Category,
        (str,),
        ("code",),
        lambda conn, after, limit, query: categories(conn, after[0] if after else None, limit),
    )
    add_list(
        routes,
        pool,
        "/partners",
        "partners_list",
        "Partners",
        "By code.",
        PartnerQuery,
        Partner,
        (str,),
        ("code",),
        lambda conn, after, limit, query: partners(
            conn, after[0] if after else None, limit, q=query.q, kind=query.kind
        ),
    )
    add_list(
        routes,
        pool,
        "/stock/rules",
        "stock_rules_list",
        "How much places should hold",
        "By item and place.",
        RuleQuery,
        StockRule,
        (str, str),
        ("item", "location"),
        lambda conn, after, limit, query: stock_rules(conn, after, limit, item=query.item, location=query.location),
    )
    add_list(
        routes,
        pool,
        "/replenishments",
        "replenishments_list",
        "Suggestions to replenish, and what became of them",
        "Newest first. One is open for a rule at a time; it follows the need and is withdrawn when that is over.",
        ReplenishmentQuery,
        Replenishment,
        (datetime, UUID),
        ("created_at", "replenishment_id"),
        lambda conn, after, limit, query: replenishments(conn, after, limit, state=query.state, item=query.item),
    )
    add_list(
        routes,
        pool,
        "/stock/alerts",
        "stock_alerts_list",
        "What people should know about stock",
        "Newest first: below safety stock, dead, slow, near expiry, expired, rules that cannot be meant.",
        AlertQuery,
        StockAlert,
        (datetime, UUID),
        ("raised_at", "alert_id"),
        lambda conn, after, limit, query: stock_alerts(
            conn, after, limit, kind=query.kind, department=query.department, standing=query.standing
        ),
    )

    # The code comes last or before a fixed word, and may contain slashes.
    @routes.get(
        "/items/{code:path}/age", operation_id="items_age", summary="How old an item's stock is", response_model=ItemAge
    )
    async def items_age(code: ItemCode) -> Response:
        """First in, first out, by the day it came; what was repacked keeps its age."""
        async with pool.connection() as connection:
            layers = await item_age(connection, code)
        if layers is None:
            raise not_found("item", code)
        today = datetime.now(UTC).date()
        aged = [AgedQuantity(layer.day, (today - layer.day).days, layer.quantity) for layer in layers]
        return json_response(ItemAge(code, aged))

    @routes.get("/items/{code:path}", operation_id="items_get", summary="One item", response_model=ItemView)
    async def items_get(code: ItemCode) -> Response:
        """By code or GTIN-14. Its stock: `/v1/items/CODE/quantities`."""
        async with pool.connection() as connection:
            found = await item(connection, code)
        if found is None:
            raise not_found("item", code)
        return json_response(found)

    return routes
