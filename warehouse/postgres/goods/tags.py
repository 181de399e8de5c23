"""Commands on tags and handling units: what EPCs stand for, and packing lists."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from warehouse.commands import (
    Actor,
    Audit,
    ContentSpec,
    CreateHandlingUnit,
    RefusalCode,
    RegisterTags,
    RetireTag,
)
from warehouse.epc import decode
from warehouse.ledger import Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.tag_events import add_event
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_id, find_item, find_lot, find_unit


def register_tags(conn: Conn, c: RegisterTags, actor: Actor, request_id: UUID) -> Answer:
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


def retire_tag(conn: Conn, c: RetireTag, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        "update tag set retired_at = now() where epc = %s and retired_at is null returning epc", (c.epc.upper(),)
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "epc", f"no live tag {c.epc!r}")
    add_event(conn, row[0], "retired", actor, request_id, c.reason)
    return {"epc": row[0]}, Audit({"retired": False}, {"retired": True, "reason": c.reason})


def create_handling_unit(conn: Conn, c: CreateHandlingUnit, actor: Actor, request_id: UUID) -> Answer:
    epc = _epc(c.epc, "epc") if c.epc is not None else None
    code = c.code or (decode(epc).key if epc is not None else None) or epc or ""
    if not code:
        raise Refuse(RefusalCode.INVALID, "code", "a handling unit needs a code or an EPC")
    if c.tare_kg is not None and c.tare_kg < 0:
        raise Refuse(RefusalCode.INVALID, "tare_kg", "cannot be negative")
    parent = find_unit(conn, c.parent, "parent")
    try:
        with conn.transaction():
            row = conn.execute(
                "insert into handling_unit (code, kind, parent_id, tare_kg) values (%s, %s, %s, %s) returning hu_id",
                (code, c.kind, parent, c.tare_kg),
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


HANDLERS: Handlers = {
    RegisterTags: register_tags,
    RetireTag: retire_tag,
    CreateHandlingUnit: create_handling_unit,
}
