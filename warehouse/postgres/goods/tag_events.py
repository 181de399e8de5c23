"""What happened to a tag, insert-only; and binding one anew."""

from uuid import UUID

import psycopg

from warehouse.commands import Actor, Audit, RebindTag, RefusalCode
from warehouse.ledger import Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_item, find_lot, find_serial, find_unit


def add_event(conn: Conn, epc: str, event: str, actor: Actor, request_id: UUID, detail: str = "") -> None:
    conn.execute(
        "insert into tag_event (epc, event, actor, device, request_id, detail) values (%s, %s, %s, %s, %s, %s)",
        (epc, event, actor.name, actor.device, request_id, detail),
    )


def rebind_tag(conn: Conn, c: RebindTag, actor: Actor, request_id: UUID) -> Answer:
    """The history keeps what it stood for: movements name their goods themselves."""
    epc = c.epc.upper()
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "binding a tag anew has its reason")
    if (c.item is None) is (c.unit is None):
        raise Refuse(RefusalCode.INVALID, "item", "a tag stands for an item or for a handling unit")
    row = conn.execute(
        """select t.retired_at is not null, c.hu_id is not null, h.code, i.code,
                  exists (select from balance b where b.on_hand > 0
                          and (b.serial_id = t.serial_id or b.hu_id = t.hu_id))
                  or coalesce((select l.kind in ('internal', 'transit') from move_tag x join move m using (seq)
                               join location l on l.location_id = m.to_location_id
                               where x.epc = t.epc order by x.seq desc limit 1), false)
           from tag t left join hu_content c using (epc) left join handling_unit h on h.hu_id = t.hu_id
           left join item i on i.item_id = t.item_id where t.epc = %s for update of t""",
        (epc,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "epc", f"nobody registered {epc}")
    retired, packed, was_unit, was_item, in_stock = row
    if retired or packed or in_stock:
        why = "is retired" if retired else "is on a packing list" if packed else "is on goods in stock"
        raise Refuse(RefusalCode.WRONG_STATE, "epc", f"{epc} {why}")
    values: tuple[object, ...]
    if c.unit is not None:
        values = (find_unit(conn, c.unit, "unit"), None, None, None, 1)
    else:
        item = find_item(conn, c.item or "")
        lot_id, serial_id = find_lot(conn, item, c.lot), find_serial(conn, item, c.serial)
        if item.tracking == Tracking.LOT and lot_id is None:
            raise Refuse(RefusalCode.INVALID, "lot", f"item {item.code} is lot-tracked: name the lot")
        if item.tracking == Tracking.SERIAL and serial_id is None:
            raise Refuse(RefusalCode.INVALID, "serial", f"item {item.code} is serial-tracked: name the serial")
        whole = c.quantity == round(c.quantity, item.decimals)
        if c.quantity <= 0 or not whole or (serial_id is not None and c.quantity != 1):
            raise Refuse(RefusalCode.INVALID, "quantity", f"{c.quantity} is no quantity of one tag of {item.code}")
        values = (None, item.item_id, lot_id, serial_id, c.quantity)
    try:
        with conn.transaction():
            conn.execute(
                """update tag set hu_id = %s, item_id = %s, lot_id = %s, serial_id = %s, quantity = %s
                   where epc = %s""",
                (*values, epc),
            )
    except psycopg.errors.UniqueViolation:
        field = "unit" if c.unit is not None else "serial"
        raise Refuse(RefusalCode.EXISTS, field, "it has another tag: retire that first") from None
    before, after = was_unit or was_item, c.unit or c.item
    add_event(conn, epc, "rebound", actor, request_id, f"{before} → {after}: {c.reason}")
    return {"epc": epc}, Audit({"stands_for": before}, {"stands_for": after, "reason": c.reason})


HANDLERS: Handlers = {
    RebindTag: rebind_tag,
}
