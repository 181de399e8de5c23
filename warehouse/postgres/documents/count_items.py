"""Counting all of an item in a place at once, by lot: what the books have there and nobody named is counted as none."""

from decimal import Decimal
from uuid import UUID

from warehouse.commands import Actor, Audit, EnterItemCount, RefusalCode
from warehouse.counting import whole_item
from warehouse.ledger import Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.measures import find_factor, to_base
from warehouse.postgres.documents.counts import enter_line, find_or_make_line, lock_sheet, settle_sheet
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_item, find_location, find_lot


def enter_item(conn: Conn, c: EnterItemCount, actor: Actor, request_id: UUID) -> Answer:
    """On the lines of loose, available goods of ours; serials, units and others' goods have lines of their own."""
    count_id = lock_sheet(conn, c.number, ("counting", "counted"))
    item, place = find_item(conn, c.item), find_location(conn, c.location)
    if item.tracking == Tracking.SERIAL:
        raise Refuse(RefusalCode.INVALID, "item", f"{item.code} is counted serial by serial")
    factor = find_factor(conn, item, c.uom) if c.uom is not None else None
    counted: dict[str | None, Decimal] = {}
    for n, one in enumerate(c.counted):
        if one.lot in counted:
            raise Refuse(RefusalCode.INVALID, f"counted.{n}.lot", f"lot {one.lot} is there twice")
        if (one.lot is None) is (item.tracking == Tracking.LOT):
            message = f"name the lots of {item.code}" if one.lot is None else f"{item.code} has no lots"
            raise Refuse(RefusalCode.INVALID, f"counted.{n}.lot", message)
        quantity = one.quantity if factor is None else to_base(item, one.quantity, factor, f"counted.{n}.quantity")
        if quantity < 0 or quantity != round(quantity, item.decimals):
            message = f"{quantity} is no count of {item.code} ({item.decimals} decimals)"
            raise Refuse(RefusalCode.INVALID, f"counted.{n}.quantity", message)
        counted[one.lot] = quantity
    book = [
        lot
        for (lot,) in conn.execute(
            """select lo.code from count_line x left join lot lo on lo.lot_id = x.lot_id
               where x.count_id = %s and x.item_id = %s and x.location_id = %s and x.serial_id is null
                 and x.hu_id is null and x.owner = '' and x.status = 'available' order by x.line_no""",
            (count_id, item.item_id, place),
        )
    ]
    lines = []
    for lot, quantity in whole_item(book, counted).items():
        key = (item.item_id, find_lot(conn, item, lot), None, place, None, "", "available")
        line_no = find_or_make_line(conn, count_id, key)
        enter_line(conn, count_id, line_no, quantity, actor, c.method, c.reason)
        lines.append(line_no)
    settle_sheet(conn, count_id)
    return {"number": c.number, "lines": lines}, Audit(after={"item": item.code, "lines": lines})


HANDLERS: Handlers = {EnterItemCount: enter_item}
