"""Commands on master data: items, lots, locations."""

from uuid import UUID

import psycopg

from warehouse.commands import (
    Actor,
    Audit,
    CreateItem,
    CreateLocation,
    CreateLot,
    RefusalCode,
)
from warehouse.ledger import Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.catalogue import check_gtin, check_limits, known_category
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_id, find_item
from warehouse.valuation import Valuation


def create_item(conn: Conn, c: CreateItem, actor: Actor, request_id: UUID) -> Answer:
    if not c.code:
        raise Refuse(RefusalCode.INVALID, "code", "an item needs a code")
    check_gtin(c.gtin)
    if not 0 <= c.decimals <= 9:
        raise Refuse(RefusalCode.INVALID, "decimals", "the scale of a unit is 0 to 9 decimals")
    if c.tracking is Tracking.SERIAL and c.decimals != 0:
        raise Refuse(RefusalCode.INVALID, "decimals", "a serial is one whole piece")
    check_limits(c)
    if c.valuation is Valuation.STANDARD and c.standard_cost is None:
        raise Refuse(RefusalCode.INVALID, "standard_cost", "valuation at standard cost needs it")
    known_category(conn, c.category)
    try:
        with conn.transaction():
            row = conn.execute(
                """insert into item (code, name, gtin, tracking, unit, decimals, category, inspect, weight_kg,
                                     volume_m3, valuation, standard_cost, expiry_warn_days,
                                     dead_after_days, slow_cover_days)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning item_id""",
                (c.code, c.name, c.gtin, c.tracking, c.unit, c.decimals, c.category, c.inspect, c.weight_kg,
                 c.volume_m3, c.valuation, c.standard_cost, c.expiry_warn_days, c.dead_after_days,
                 c.slow_cover_days),
            ).fetchone()  # fmt: skip
    except psycopg.errors.UniqueViolation as error:
        field = "gtin" if "gtin" in (error.diag.constraint_name or "") else "code"
        raise Refuse(RefusalCode.EXISTS, field, f"an item with {field} {getattr(c, field)!r} exists") from None
    assert row is not None
    return {"item_id": row[0], "code": c.code}, Audit(after={"code": c.code})


def create_lot(conn: Conn, c: CreateLot, actor: Actor, request_id: UUID) -> Answer:
    item = find_item(conn, c.item)
    if not c.code:
        raise Refuse(RefusalCode.INVALID, "code", "a lot needs a code")
    row = conn.execute(
        """insert into lot (item_id, code, supplier_lot, expires_on) values (%s, %s, %s, %s)
           on conflict (item_id, code) do nothing returning lot_id""",
        (item.item_id, c.code, c.supplier_lot, c.expires_on),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.EXISTS, "code", f"item {c.item!r} has a lot {c.code!r}")
    return {"lot_id": row[0], "code": c.code}, Audit(after={"item": c.item, "code": c.code})


def create_location(conn: Conn, c: CreateLocation, actor: Actor, request_id: UUID) -> Answer:
    if not c.code:
        raise Refuse(RefusalCode.INVALID, "code", "a location needs a code")
    parent = find_id_or_none(conn, c.parent)
    try:
        with conn.transaction():
            row = conn.execute(
                """insert into location as l (code, name, kind, level, parent_id) values (%s, %s, %s, %s, %s)
                   on conflict (code) do update set name = excluded.name, kind = excluded.kind, level = excluded.level,
                       parent_id = excluded.parent_id
                   where l.kind = 'outside' and l.name = '' and not exists (
                       select from move m where l.location_id in (m.from_location_id, m.to_location_id))
                   returning location_id""",
                (c.code, c.name, c.kind, c.level, parent),
            ).fetchone()
    except psycopg.errors.CheckViolation as error:
        field = "level" if "level" in (error.diag.constraint_name or "") else "kind"
        raise Refuse(RefusalCode.INVALID, field, f"{getattr(c, field)!r} is no {field} of location") from None
    if row is None:
        raise Refuse(RefusalCode.EXISTS, "code", f"a location {c.code!r} exists")
    return {"location_id": row[0], "code": c.code}, Audit(after={"code": c.code, "kind": c.kind})


def find_id_or_none(conn: Conn, code: str | None) -> int | None:
    if code is None:
        return None
    return find_id(conn, "select location_id from location where code = %s", (code,), "parent", code)


HANDLERS: Handlers = {
    CreateItem: create_item,
    CreateLot: create_lot,
    CreateLocation: create_location,
}
