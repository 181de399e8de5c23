"""What there is: items with their units, categories, partners."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from warehouse.postgres.queries.paging import AConn, Limit, contains, one, rows


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item as it is described; `units` are the others it is counted in: unit, numerator, denominator."""

    code: str
    name: str
    gtin: str | None
    tracking: str
    unit: str
    decimals: int
    category: str
    inspect: bool
    active: bool
    valuation: str
    standard_cost: Decimal | None
    weight_kg: Decimal | None
    volume_m3: Decimal | None
    expiry_warn_days: int | None
    dead_after_days: int | None
    slow_cover_days: int | None
    units: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Category:
    """What items have in common."""

    code: str
    name: str
    active: bool
    expiry_warn_days: int | None
    dead_after_days: int | None
    slow_cover_days: int | None
    items: int


@dataclass(frozen=True, slots=True)
class Partner:
    """A supplier, a customer or an owner of goods in our store."""

    code: str
    name: str
    kind: str
    active: bool
    usable_days_min: int | None


_ITEM = """
    select i.code, i.name, i.gtin, i.tracking, i.unit, i.decimals, i.category, i.inspect, i.active, i.valuation,
           i.standard_cost, i.weight_kg, i.volume_m3, i.expiry_warn_days, i.dead_after_days, i.slow_cover_days,
           coalesce((select json_agg(json_build_array(u.unit, u.factor_num, u.factor_den) order by u.unit)
                     from item_unit u where u.item_id = i.item_id and u.active), '[]') as units
    from item i"""


async def items(
    conn: AConn,
    after: str | None,
    limit: Limit,
    *,
    q: str | None = None,
    category: str | None = None,
    active: bool | None = None,
) -> list[ItemView]:
    """By code; `after` is the code of the last row shown."""
    conditions = ["true"]
    if after is not None:
        conditions.append("i.code > %(after)s")
    if category is not None:
        conditions.append("i.category = %(category)s")
    if active is not None:
        conditions.append("i.active = %(active)s")
    if q is not None:
        conditions.append("(i.code ilike %(q)s or i.name ilike %(q)s or i.gtin ilike %(q)s)")
    return await rows(
        conn,
        ItemView,
        f"{_ITEM} where {' and '.join(conditions)} order by i.code limit %(limit)s",
        {"after": after, "limit": limit, "q": contains(q), "category": category, "active": active},
    )


async def item(conn: AConn, code: str) -> ItemView | None:
    """By code or GTIN-14."""
    query = f"{_ITEM} where i.code = %(code)s or i.gtin = %(code)s order by i.code <> %(code)s limit 1"
    return await one(conn, ItemView, query, {"code": code})


async def categories(conn: AConn, after: str | None, limit: Limit) -> list[Category]:
    """By code."""
    return await rows(
        conn,
        Category,
        """select k.code, k.name, k.active, k.expiry_warn_days, k.dead_after_days, k.slow_cover_days,
                  (select count(*) from item i where i.category = k.code) as items
           from category k where %(after)s::text is null or k.code > %(after)s order by k.code limit %(limit)s""",
        {"after": after, "limit": limit},
    )


async def partners(
    conn: AConn, after: str | None, limit: Limit, *, q: str | None = None, kind: str | None = None
) -> list[Partner]:
    """By code."""
    return await rows(
        conn,
        Partner,
        """select code, name, kind, active, usable_days_min from partner
           where (%(after)s::text is null or code > %(after)s) and (%(kind)s::text is null or kind = %(kind)s)
             and (%(q)s::text is null or code ilike %(q)s or name ilike %(q)s)
           order by code limit %(limit)s""",
        {"after": after, "limit": limit, "q": contains(q), "kind": kind},
    )
