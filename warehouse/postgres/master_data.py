"""Commands on master data: items, lots, locations, tags, handling units."""

from decimal import Decimal
from typing import Any

import psycopg

from warehouse.commands import (
    Audit,
    BlockLot,
    ContentSpec,
    CreateHandlingUnit,
    CreateItem,
    CreateLocation,
    CreateLot,
    RefusalCode,
    RegisterTags,
    RetireTag,
)
from warehouse.epc import decode, with_check_digit
from warehouse.ledger import Tracking
from warehouse.postgres.balances import Conn
from warehouse.postgres.naming import Refuse, find_id, find_item, find_lot, find_unit

Answer = tuple[dict[str, Any], Audit]


def create_item(conn: Conn, c: CreateItem) -> Answer:
    if not c.code:
        raise Refuse(RefusalCode.INVALID, "code", "an item needs a code")
    if c.gtin is not None and (len(c.gtin) != 14 or not c.gtin.isdigit() or with_check_digit(c.gtin[:-1]) != c.gtin):
        raise Refuse(RefusalCode.INVALID, "gtin", f"{c.gtin!r} is not a GTIN-14 with its check digit")
    if not 0 <= c.decimals <= 9:
        raise Refuse(RefusalCode.INVALID, "decimals", "the scale of a unit is 0 to 9 decimals")
    if c.tracking is Tracking.SERIAL and c.decimals != 0:
        raise Refuse(RefusalCode.INVALID, "decimals", "a serial is one whole piece")
    for name, value in (("weight_kg", c.weight_kg), ("volume_m3", c.volume_m3)):
        if value is not None and value < 0:
            raise Refuse(RefusalCode.INVALID, name, "cannot be negative")
    try:
        with conn.transaction():
            row = conn.execute(
                """insert into item (code, name, gtin, tracking, unit, decimals, category, inspect, weight_kg,
                                     volume_m3)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning item_id""",
                (c.code, c.name, c.gtin, c.tracking, c.unit, c.decimals, c.category, c.inspect, c.weight_kg,
                 c.volume_m3),
            ).fetchone()  # fmt: skip
    except psycopg.errors.UniqueViolation as error:
        field = "gtin" if "gtin" in (error.diag.constraint_name or "") else "code"
        raise Refuse(RefusalCode.EXISTS, field, f"an item with {field} {getattr(c, field)!r} exists") from None
    assert row is not None
    return {"item_id": row[0], "code": c.code}, Audit(after={"code": c.code})


def create_lot(conn: Conn, c: CreateLot) -> Answer:
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


def block_lot(conn: Conn, c: BlockLot) -> Answer:
    """Also lists where the lot is and who has it, which a recall asks next."""
    item = find_item(conn, c.item)
    lot_id = find_lot(conn, item, c.lot)
    before = conn.execute("select blocked from lot where lot_id = %s for update", (lot_id,)).fetchone()
    assert before is not None
    conn.execute("update lot set blocked = %s where lot_id = %s", (c.blocked, lot_id))
    here = conn.execute(
        """select l.code, sum(b.on_hand)::text from balance b join location l using (location_id)
           where b.lot_id = %s group by 1 order by 1""",
        (lot_id,),
    ).fetchall()
    gone = conn.execute(
        """select d.kind, d.number, d.partner,
                  sum(case when m.reverses is null then m.quantity else -m.quantity end)::text
           from move m join document_line x using (line_id) join document d using (document_id)
           join document_kind k on k.kind = d.kind and k.direction = 'out'
           where m.lot_id = %s group by 1, 2, 3 having sum(case when m.reverses is null then 1 else -1 end) > 0
           order by 1, 2""",
        (lot_id,),
    ).fetchall()
    response = {
        "lot": c.lot,
        "blocked": c.blocked,
        "in_stock": [{"location": code, "quantity": quantity} for code, quantity in here],
        "delivered": [dict(zip(("kind", "number", "partner", "quantity"), row, strict=True)) for row in gone],
    }
    return response, Audit({"blocked": before[0]}, {"blocked": c.blocked, "reason": c.reason})


def create_location(conn: Conn, c: CreateLocation) -> Answer:
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


def register_tags(conn: Conn, c: RegisterTags) -> Answer:
    """All or none. A tag that stands for the same already is fine; one that stands for something else is refused."""
    made = 0
    for n, spec in enumerate(c.tags):
        at = f"tags.{n}"
        epc = _epc(spec.epc, f"{at}.epc")
        item = find_item(conn, spec.item, f"{at}.item")
        lot_id = find_lot(conn, item, spec.lot, f"{at}.lot")
        if spec.quantity <= 0 or spec.quantity != round(spec.quantity, item.decimals):
            raise Refuse(RefusalCode.INVALID, f"{at}.quantity", f"{spec.quantity} is no quantity of {item.code}")
        serial_id = None
        if item.tracking == Tracking.SERIAL:
            serial = spec.serial or decode(epc).serial or epc
            serial_id = find_id(
                conn,
                """insert into serial (item_id, lot_id, code) values (%s, %s, %s)
                   on conflict (item_id, code) do update set code = excluded.code returning serial_id""",
                (item.item_id, lot_id, serial),
                f"{at}.serial",
                serial,
            )
        elif item.tracking == Tracking.LOT and lot_id is None:
            raise Refuse(RefusalCode.INVALID, f"{at}.lot", f"item {item.code} is lot-tracked: name the lot")
        made += _bind(conn, epc, at, (None, item.item_id, lot_id, serial_id, spec.quantity))
    return {"registered": made, "known": len(c.tags) - made}, Audit(after={"tags": [s.epc for s in c.tags[:50]]})


def retire_tag(conn: Conn, c: RetireTag) -> Answer:
    row = conn.execute(
        "update tag set retired_at = now() where epc = %s and retired_at is null returning epc", (c.epc.upper(),)
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "epc", f"no live tag {c.epc!r}")
    return {"epc": row[0]}, Audit({"retired": False}, {"retired": True, "reason": c.reason})


def create_handling_unit(conn: Conn, c: CreateHandlingUnit) -> Answer:
    epc = _epc(c.epc, "epc") if c.epc is not None else None
    code = c.code or (decode(epc).key if epc is not None else None) or epc or ""
    if not code:
        raise Refuse(RefusalCode.INVALID, "code", "a handling unit needs a code or an EPC")
    parent = find_unit(conn, c.parent, "parent")
    try:
        with conn.transaction():
            row = conn.execute(
                "insert into handling_unit (code, kind, parent_id) values (%s, %s, %s) returning hu_id",
                (code, c.kind, parent),
            ).fetchone()
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, "code", f"a handling unit {code!r} exists") from None
    except psycopg.errors.CheckViolation:
        raise Refuse(RefusalCode.INVALID, "kind", f"{c.kind!r} is no kind of handling unit") from None
    assert row is not None
    hu_id = row[0]
    if epc is not None:
        _bind(conn, epc, "", (hu_id, None, None, None, Decimal(1)))
    for n, content in enumerate(c.contents):
        _pack(conn, hu_id, content, f"contents.{n}")
    return {"hu_id": hu_id, "code": code}, Audit(after={"code": code, "contents": len(c.contents)})


def _pack(conn: Conn, hu_id: int, content: ContentSpec, at: str) -> None:
    if content.epc is not None:
        epc = _epc(content.epc, f"{at}.epc")
        tag = conn.execute("select item_id, lot_id, serial_id, quantity from tag where epc = %s", (epc,)).fetchone()
        if tag is None or tag[0] is None:
            raise Refuse(RefusalCode.NOT_FOUND, f"{at}.epc", f"{epc} is no registered tag of an item")
        values = (hu_id, *tag[:3], epc, tag[3])
    else:
        if content.item is None or content.quantity is None or content.quantity <= 0:
            raise Refuse(RefusalCode.INVALID, at, "a content is an EPC, or an item and a positive quantity")
        item = find_item(conn, content.item, f"{at}.item")
        if item.tracking == Tracking.SERIAL:
            raise Refuse(RefusalCode.INVALID, f"{at}.item", f"item {item.code} is serial-tracked: name its tags")
        values = (hu_id, item.item_id, find_lot(conn, item, content.lot, f"{at}.lot"), None, None, content.quantity)
    try:
        with conn.transaction():
            conn.execute(
                """insert into hu_content (hu_id, item_id, lot_id, serial_id, epc, quantity)
                   values (%s, %s, %s, %s, %s, %s)""",
                values,
            )
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, f"{at}.epc", f"{content.epc} is in another handling unit") from None


def _bind(conn: Conn, epc: str, at: str, stands_for: tuple[Any, ...]) -> int:
    """1 when the tag is new, 0 when it stood for the same already."""
    row = conn.execute(
        """insert into tag (epc, hu_id, item_id, lot_id, serial_id, quantity) values (%s, %s, %s, %s, %s, %s)
           on conflict do nothing returning 1""",
        (epc, *stands_for),
    ).fetchone()
    if row is not None:
        return 1
    known = conn.execute(
        "select hu_id, item_id, lot_id, serial_id, quantity from tag where epc = %s", (epc,)
    ).fetchone()
    if known != stands_for:
        field = f"{at}.epc" if at else "epc"
        raise Refuse(RefusalCode.EXISTS, field, f"{epc} stands for something else, or its serial has another tag")
    return 0


def _epc(text: str, field: str) -> str:
    epc = text.upper()
    if not epc or any(c not in "0123456789ABCDEF" for c in epc):
        raise Refuse(RefusalCode.INVALID, field, f"{text!r} is not hexadecimal")
    return epc
