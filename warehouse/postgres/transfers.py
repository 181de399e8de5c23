"""Two-step transfers: shipped from the source into transit, received from transit at the target.

At no instant do both ends hold the goods, or neither: in between the place TRANSIT holds them. What was shipped and not
received when the document is closed stays in TRANSIT and is reported; an adjustment settles it.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from warehouse.commands import Actor, Audit, ReceiveTransfer, RefusalCode, ShipTransfer
from warehouse.ledger import Circumstance, LineRole, NewMove, Place
from warehouse.postgres.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.measures import measured
from warehouse.postgres.naming import NamedItem, Refuse, find_item, find_location, find_lot, find_serial
from warehouse.postgres.posting import settle_lines
from warehouse.postgres.stock import database_now, post_or_refuse


def ship(conn: Conn, c: ShipTransfer, actor: Actor, request_id: UUID) -> Answer:
    line_id, item, ordered, shipped, _, source_id, _ = _line(conn, c)
    c = measured(conn, c, item)
    if c.quantity > ordered - shipped:
        raise Refuse(RefusalCode.OVER, "quantity", f"{ordered - shipped} of the line are left to ship")
    here = Place(find_location(conn, c.location) if c.location is not None else source_id)
    _post(conn, c, actor, request_id, item, line_id, here, _transit(conn), LineRole.SHIP)
    return {"number": c.number, "line_no": c.line_no, "in_transit": str(c.quantity)}, Audit(
        after={"shipped": str(c.quantity)}
    )


def receive(conn: Conn, c: ReceiveTransfer, actor: Actor, request_id: UUID) -> Answer:
    line_id, item, _, shipped, received, _, target_id = _line(conn, c)
    c = measured(conn, c, item)
    if c.quantity > shipped - received:
        raise Refuse(RefusalCode.OVER, "quantity", f"{shipped - received} of the line are in transit")
    here = Place(find_location(conn, c.location) if c.location is not None else target_id)
    at = _post(conn, c, actor, request_id, item, line_id, _transit(conn), here, LineRole.FULFIL)
    settle_lines(conn, [line_id], at)
    return {"number": c.number, "line_no": c.line_no, "received": str(c.quantity)}, Audit(
        after={"received": str(c.quantity)}
    )


def _post(
    conn: Conn,
    c: ShipTransfer | ReceiveTransfer,
    actor: Actor,
    request_id: UUID,
    item: NamedItem,
    line_id: int,
    source: Place,
    target: Place,
    role: LineRole,
) -> Any:
    move = NewMove(
        uuid5(request_id, "0"),
        "transfer",
        item.item_id,
        c.quantity,
        source,
        target,
        find_lot(conn, item, c.lot),
        find_serial(conn, item, c.serial),
        line_id=line_id,
        line_role=role,
    )
    at = c.effective_at or database_now(conn)
    post_or_refuse(conn, [move], Circumstance(actor.name, at, actor.device, request_id=request_id, reason=role))
    return at


def _line(conn: Conn, c: ShipTransfer | ReceiveTransfer) -> tuple[int, NamedItem, Decimal, Decimal, Decimal, int, int]:
    row = conn.execute(
        """select l.line_id, i.code, l.quantity, l.shipped, l.fulfilled, d.source_id, d.target_id, d.status
           from document_line l join item i using (item_id) join document d using (document_id)
           where d.kind = 'transfer' and d.number = %s and l.line_no = %s for update of l""",
        (c.number, c.line_no),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "line_no", f"no transfer {c.number!r} with a line {c.line_no}")
    line_id, code, ordered, shipped, received, source_id, target_id, status = row
    if status != "open":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    return line_id, find_item(conn, code), ordered, shipped, received, source_id, target_id


def _transit(conn: Conn) -> Place:
    return Place(find_location(conn, "TRANSIT"))


HANDLERS: Handlers = {
    ShipTransfer: ship,
    ReceiveTransfer: receive,
}
