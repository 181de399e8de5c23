"""Commands that describe and change what is there: items and their units, categories, partners, places.

Codes are kept for ever: something nobody uses any more is retired, not removed, so that history keeps its names.
"""

from collections.abc import Sequence, Set
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from warehouse.commands import (
    Actor,
    Audit,
    CreateItem,
    Refusal,
    RefusalCode,
    SetCategory,
    SetItemUnit,
    SetPartner,
    UpdateItem,
    UpdateLocation,
    UpdateLot,
)
from warehouse.epc import with_check_digit
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_item, find_items, find_location, find_lot, or_refuse

_LIMITS = (
    "weight_kg",
    "volume_m3",
    "standard_cost",
    "usable_days_min",
    "expiry_warn_days",
    "dead_after_days",
    "slow_cover_days",
)
_ABOVE_ZERO = {"dead_after_days", "slow_cover_days"}
_CLEARABLE = ("gtin", "weight_kg", "volume_m3", "expiry_warn_days", "dead_after_days",
              "slow_cover_days")  # fmt: skip
# A tree of places is site, warehouse, zone, bin and a few between; queries on it go this deep.
DEPTH_MAX = 10


def update_item(conn: Conn, c: UpdateItem, actor: Actor, request_id: UUID) -> Answer:
    item = find_item(conn, c.code, "code")
    check_gtin(c.gtin)
    check_limits(c)
    if c.category is not None:
        known_category(conn, c.category)
    changes: dict[str, Any] = {
        name: value
        for name in ("name", "gtin", "category", "inspect", "weight_kg", "volume_m3",
                     "expiry_warn_days", "dead_after_days", "slow_cover_days", "active")
        if (value := getattr(c, name)) is not None
    }  # fmt: skip
    for n, name in enumerate(c.clear):
        if name not in _CLEARABLE or name in changes:
            raise Refuse(RefusalCode.INVALID, f"clear.{n}", f"{name!r} is not one of {', '.join(_CLEARABLE)}")
        changes[name] = None
    try:
        before, after = _change(conn, "item", "item_id", item.item_id, changes)
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, "gtin", f"an item with gtin {c.gtin!r} exists") from None
    return {"code": item.code, "changed": sorted(changes)}, Audit(before, after)


def update_lot(conn: Conn, c: UpdateLot, actor: Actor, request_id: UUID) -> Answer:
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "say why it changes")
    item = find_item(conn, c.item)
    lot_id = find_lot(conn, item, c.code, "code")
    assert lot_id is not None
    changes: dict[str, Any] = {
        name: value for name in ("expires_on", "supplier_lot") if (value := getattr(c, name)) is not None
    }
    for n, name in enumerate(c.clear):
        if name != "expires_on" or name in changes:
            raise Refuse(RefusalCode.INVALID, f"clear.{n}", f"{name!r} is not 'expires_on', or is given as well")
        changes[name] = None
    before, after = _change(conn, "lot", "lot_id", lot_id, changes)
    return {"item": item.code, "code": c.code, "changed": sorted(changes)}, Audit(before, {**after, "reason": c.reason})


def set_item_unit(conn: Conn, c: SetItemUnit, actor: Actor, request_id: UUID) -> Answer:
    item, before = or_refuse(set_item_units(conn, [c])[0])
    after = {"item": item, "unit": c.unit, "factor_num": c.factor_num, "factor_den": c.factor_den}
    return after, Audit(before, {**after, "active": c.active})


def set_item_units(conn: Conn, given: Sequence[SetItemUnit]) -> list[tuple[str, dict[str, Any] | None] | Refusal]:
    """For each the item's code and what the unit was before (None: it is new), or why not; a unit is set once."""
    items = find_items(conn, (c.item for c in given))
    made: list[tuple[str, dict[str, Any] | None] | Refusal] = []
    sound: dict[tuple[int, str], SetItemUnit] = {}
    for c in given:
        try:
            item = items.get(c.item)
            if item is None:
                raise Refuse(RefusalCode.NOT_FOUND, "item", f"no item {c.item!r}")
            if not c.unit or c.unit == item.unit:
                raise Refuse(RefusalCode.INVALID, "unit", f"name a unit other than the item's own, {item.unit!r}")
            for name in ("factor_num", "factor_den"):
                if getattr(c, name) <= 0:
                    raise Refuse(RefusalCode.INVALID, name, "has to be above zero")
            if (item.item_id, c.unit) in sound:
                raise Refuse(RefusalCode.EXISTS, "unit", f"{c.unit!r} of item {item.code} is set twice")
        except Refuse as refuse:
            made.append(refuse.refusal)
        else:
            sound[item.item_id, c.unit] = c
            made.append((item.code, None))
    keys = [list(column) for column in zip(*sound, strict=True)] or [[], []]
    before = {
        (item_id, unit): {"factor_num": num, "factor_den": den, "active": active}
        for item_id, unit, num, den, active in conn.execute(
            """select item_id, unit, factor_num, factor_den, active from item_unit
               where (item_id, unit) in (select * from unnest(%s::bigint[], %s::text[]))
               order by item_id, unit for update""",
            keys,
        )
    }
    conn.execute(
        """insert into item_unit (item_id, unit, factor_num, factor_den, active)
           select * from unnest(%s::bigint[], %s::text[], %s::numeric[], %s::numeric[], %s::boolean[])
           on conflict (item_id, unit) do update set factor_num = excluded.factor_num,
               factor_den = excluded.factor_den, active = excluded.active""",
        (
            *keys,
            [c.factor_num for c in sound.values()],
            [c.factor_den for c in sound.values()],
            [c.active for c in sound.values()],
        ),
    )
    return [
        one if isinstance(one, Refusal) else (one[0], before.get((items[c.item].item_id, c.unit)))
        for c, one in zip(given, made, strict=True)
    ]


def set_category(conn: Conn, c: SetCategory, actor: Actor, request_id: UUID) -> Answer:
    check_limits(c)
    names = ("name", "active", "expiry_warn_days", "dead_after_days", "slow_cover_days")
    return _set(conn, "category", c.code, {name: getattr(c, name) for name in names})


def set_partner(conn: Conn, c: SetPartner, actor: Actor, request_id: UUID) -> Answer:
    check_limits(c)
    values = {"name": c.name, "kind": str(c.kind), "active": c.active, "usable_days_min": c.usable_days_min}
    return _set(conn, "partner", c.code, values)


def update_location(conn: Conn, c: UpdateLocation, actor: Actor, request_id: UUID) -> Answer:
    location_id = find_location(conn, c.code, "code")
    changes: dict[str, Any] = {
        name: value for name in ("name", "level", "closed") if (value := getattr(c, name)) is not None
    }
    if c.parent is not None:
        changes["parent_id"] = parent_id = find_location(conn, c.parent, "parent")
        _no_circle(conn, location_id, parent_id)
    if c.closed:
        # A posting under way may still arrive; what it brings stays there until the place is opened again.
        held = conn.execute(
            "select 1 from balance where location_id = %s and on_hand > 0 limit 1", (location_id,)
        ).fetchone()
        if held is not None:
            raise Refuse(RefusalCode.WRONG_STATE, "closed", f"{c.code} holds stock: move it first")
    try:
        with conn.transaction():
            before, after = _change(conn, "location", "location_id", location_id, changes)
    except psycopg.errors.CheckViolation:
        raise Refuse(RefusalCode.INVALID, "level", f"{c.level!r} is no level of location") from None
    return {"code": c.code, "changed": sorted(changes)}, Audit(before, after)


def check_gtin(gtin: str | None) -> None:
    if gtin is not None and (len(gtin) != 14 or not gtin.isdigit() or with_check_digit(gtin[:-1]) != gtin):
        raise Refuse(RefusalCode.INVALID, "gtin", f"{gtin!r} is not a GTIN-14 with its check digit")


def check_limits(c: CreateItem | UpdateItem | SetCategory | SetPartner) -> None:
    """Measures and days that cannot be below zero, or not zero either."""
    for name in _LIMITS:
        value: Decimal | int | None = getattr(c, name, None)
        if value is not None and value < (1 if name in _ABOVE_ZERO else 0):
            least = "has to be at least 1" if name in _ABOVE_ZERO else "cannot be negative"
            raise Refuse(RefusalCode.INVALID, name, least)


def known_category(conn: Conn, code: str) -> None:
    """A category that an item names first is made with its code; a retired one takes no more items."""
    if retired_categories(conn, {code}):
        raise Refuse(RefusalCode.WRONG_STATE, "category", f"category {code!r} is retired")


def retired_categories(conn: Conn, codes: Set[str]) -> set[str]:
    """Those of them that take no more items; what is not there yet is made."""
    named = sorted(codes - {""})
    if not named:
        return set()
    conn.execute("insert into category (code) select unnest(%s::text[]) on conflict do nothing", (named,))
    rows = conn.execute("select code from category where code = any(%s) and not active", (named,))
    return {code for (code,) in rows}


def _no_circle(conn: Conn, location_id: int, parent_id: int) -> None:
    above = conn.execute(
        """with recursive up (location_id, depth) as (
               select %s::int, 1 union all
               select l.parent_id, u.depth + 1 from location l join up u using (location_id)
               where l.parent_id is not null and u.depth <= %s)
           select bool_or(location_id = %s), max(depth) from up""",
        (parent_id, DEPTH_MAX, location_id),
    ).fetchone()
    assert above is not None
    if above[0]:
        raise Refuse(RefusalCode.INVALID, "parent", "a place cannot be inside itself")
    if above[1] >= DEPTH_MAX:
        raise Refuse(RefusalCode.INVALID, "parent", f"places nest at most {DEPTH_MAX} deep")


def _set(conn: Conn, table: str, code: str, values: dict[str, Any]) -> Answer:
    """Make the row of that code, or change it."""
    if not code:
        raise Refuse(RefusalCode.INVALID, "code", f"a {table} needs a code")
    made = conn.execute(
        sql.SQL("insert into {} (code) values (%s) on conflict do nothing returning code").format(
            sql.Identifier(table)
        ),
        (code,),
    ).fetchone()
    before, after = _change(conn, table, "code", code, values)
    return {"code": code, "made": made is not None}, Audit(None if made else before, {"code": code, **after})


def _change(
    conn: Conn, table: str, key: str, value: Any, changes: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Before and after of what changes, as text."""
    if not changes:
        raise Refuse(RefusalCode.INVALID, "", "nothing to change: name at least one field")
    columns = sql.SQL(", ").join(map(sql.Identifier, changes))
    at = sql.SQL(" where {} = %s").format(sql.Identifier(key))
    row = conn.execute(
        sql.SQL("select {} from {}").format(columns, sql.Identifier(table)) + at + sql.SQL(" for update"), (value,)
    ).fetchone()
    assert row is not None
    assignments = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in changes)
    conn.execute(
        sql.SQL("update {} set {}").format(sql.Identifier(table), assignments) + at, (*changes.values(), value)
    )
    return (
        {name: None if old is None else str(old) for name, old in zip(changes, row, strict=True)},
        {name: None if new is None else str(new) for name, new in changes.items()},
    )


HANDLERS: Handlers = {
    UpdateItem: update_item,
    SetItemUnit: set_item_unit,
    SetCategory: set_category,
    SetPartner: set_partner,
    UpdateLocation: update_location,
    UpdateLot: update_lot,
}
