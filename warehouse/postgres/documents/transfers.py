"""Two-step transfers: shipped from the source into transit, received from transit at the target.

At no instant do both ends hold the goods, or neither: in between the place TRANSIT holds them. What was shipped and not
received stays in TRANSIT, and the document open, until settling says what became of it.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from warehouse.commands import (
    Actor,
    Audit,
    ReceiveTransfer,
    RefusalCode,
    SettleTransfer,
    ShipTransfer,
    TransitOutcome,
)
from warehouse.ledger import Circumstance, LineRole, NewMove, Place, StockStatus
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.measures import measured
from warehouse.postgres.clock import database_now
from warehouse.postgres.control import approval
from warehouse.postgres.documents import documents
from warehouse.postgres.documents.sources import check_on_the_way
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.loads.posting import settle_lines
from warehouse.postgres.naming import NamedItem, Refuse, find_item, find_location, find_lot, find_serial
from warehouse.postgres.transport.task_planning import after_loose_receipt


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of an open transfer."""

    item: NamedItem
    line_id: int
    owner: str
    ordered: Decimal
    shipped: Decimal
    received: Decimal
    source_id: int
    target_id: int


def ship(conn: Conn, c: ShipTransfer, actor: Actor, request_id: UUID) -> Answer:
    line = _line(conn, c)
    c = measured(conn, c, line.item)
    left = line.ordered - line.shipped
    if c.quantity > left:
        raise Refuse(RefusalCode.OVER, "quantity", f"{left:f} of the line are left to ship")
    here = Place(find_location(conn, c.location) if c.location is not None else line.source_id)
    _post(conn, c, actor, request_id, line, here, _transit(conn), LineRole.SHIP)
    return {"number": c.number, "line_no": c.line_no, "in_transit": str(c.quantity)}, Audit(
        after={"shipped": str(c.quantity)}
    )


def receive(conn: Conn, c: ReceiveTransfer, actor: Actor, request_id: UUID) -> Answer:
    line = _line(conn, c)
    c = measured(conn, c, line.item)
    here = Place(find_location(conn, c.location) if c.location is not None else line.target_id)
    excess = max(Decimal(0), c.quantity - (line.shipped - line.received))
    if excess and not c.over_reason:
        raise Refuse(RefusalCode.OVER, "quantity", f"{line.shipped - line.received:f} of the line are in transit")
    c = replace(c, quantity=c.quantity - excess)
    if c.quantity:
        goods = find_lot(conn, line.item, c.lot), find_serial(conn, line.item, c.serial)
        field = "serial" if goods[1] is not None else "lot" if goods[0] is not None else "quantity"
        if goods != (None, None):
            check_on_the_way(conn, line.line_id, goods, c.quantity, field)
        at = _post(conn, c, actor, request_id, line, _transit(conn), here, LineRole.FULFIL)
        settle_lines(conn, [line.line_id], at)
        after_loose_receipt(conn, [uuid5(request_id, "0")], c.location, at, actor)
    if excess:
        approval.refuse_adjustment(conn, line.item.item_id, excess, "quantity")
        _found(conn, c, actor, request_id, line, excess, here)
    response = {"number": c.number, "line_no": c.line_no, "received": str(c.quantity)}
    return response | ({"over": str(excess)} if excess else {}), Audit(
        after={"received": str(c.quantity), "over": str(excess)}
    )


def settle(conn: Conn, c: SettleTransfer, actor: Actor, request_id: UUID) -> Answer:
    """By one posting for all lines; the document is closed and its missing quantities are reported.

    Goods that are lost are an adjustment: where those need approval, by somebody who had no part in the transfer.
    """
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "say what happened")
    row = conn.execute(
        "select document_id, source_id, status from document where kind = 'transfer' and number = %s for update",
        (c.number,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "number", f"no transfer {c.number!r}")
    document_id, source_id, status = row
    if status != "open":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    transit = find_location(conn, "TRANSIT")
    target = source_id if c.outcome is TransitOutcome.RETURNED else find_location(conn, "ADJUSTMENT")
    moves = [
        NewMove(
            uuid5(request_id, str(n)),
            "transfer",
            item_id,
            quantity,
            Place(transit, hu_id, StockStatus(stock_status)),
            Place(target, None if c.outcome is TransitOutcome.LOST else hu_id, StockStatus(stock_status)),
            lot_id,
            serial_id,
            owner,
        )
        for n, (item_id, lot_id, serial_id, hu_id, owner, stock_status, quantity) in enumerate(
            _on_the_way(conn, document_id, transit)
        )
    ]
    if not moves:
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"nothing of {c.number} is in transit")
    if c.outcome is TransitOutcome.LOST:
        _check_loss(conn, c, actor, document_id, moves)
    at = c.effective_at or database_now(conn)
    reason = f"{c.outcome}: {c.reason}"
    post_or_refuse(conn, moves, Circumstance(actor.name, at, actor.device, request_id=request_id, reason=reason))
    closed = documents.end_document(conn, document_id, "transfer", c.number, request_id)
    quantity = sum((move.quantity for move in moves), Decimal(0))
    return {**closed, "outcome": str(c.outcome), "quantity": str(quantity)}, Audit(
        {"status": status}, {"status": "closed", "outcome": str(c.outcome), "quantity": str(quantity)}
    )


def _on_the_way(conn: Conn, document_id: int, transit: int) -> list[tuple[Any, ...]]:
    """What its movements brought into transit and did not take out again."""
    return conn.execute(
        """select item_id, lot_id, serial_id, hu_id, owner, status, sum(quantity) from (
               select m.item_id, m.lot_id, m.serial_id, m.to_hu_id as hu_id, m.owner, m.to_status as status, m.quantity
               from move m join document_line l using (line_id)
               where l.document_id = %(document)s and m.to_location_id = %(transit)s
               union all
               select m.item_id, m.lot_id, m.serial_id, m.from_hu_id, m.owner, m.from_status, -m.quantity
               from move m join document_line l using (line_id)
               where l.document_id = %(document)s and m.from_location_id = %(transit)s) parts
           group by 1, 2, 3, 4, 5, 6 having sum(quantity) > 0 order by 1, 2 nulls first, 3 nulls first""",
        {"document": document_id, "transit": transit},
    ).fetchall()


def _check_loss(conn: Conn, c: SettleTransfer, actor: Actor, document_id: int, moves: list[NewMove]) -> None:
    lost: dict[int, Decimal] = {}
    for move in moves:
        lost[move.item_id] = lost.get(move.item_id, Decimal(0)) + move.quantity
    limits = [found for item_id in sorted(lost) if (found := approval.adjustment_limits(conn, item_id, lost[item_id]))]
    if not limits:
        return
    if not c.approve:
        message = f"losses from {limits[0]} on need approval"
        raise Refuse(RefusalCode.NEEDS_APPROVAL, "approve", message)
    part = conn.execute(
        """select from document d where d.document_id = %(document)s and (d.created_by = %(actor)s or exists (
               select from move m join document_line l using (line_id)
               where l.document_id = d.document_id and m.actor = %(actor)s))""",
        {"document": document_id, "actor": actor.name},
    ).fetchone()
    if part is not None:
        message = f"{actor.name} asked for {c.number}, shipped or received it: another has to approve its loss"
        raise Refuse(RefusalCode.OWN_REQUEST, "approve", message)


def _found(
    conn: Conn, c: ReceiveTransfer, actor: Actor, request_id: UUID, line: _Line, excess: Decimal, here: Place
) -> None:
    move = NewMove(
        uuid5(request_id, "over"),
        "adjustment",
        line.item.item_id,
        excess,
        Place(find_location(conn, "ADJUSTMENT")),
        here,
        find_lot(conn, line.item, c.lot),
        find_serial(conn, line.item, c.serial),
        line.owner,
    )
    at = c.effective_at or database_now(conn)
    reason = f"over on {c.number}: {c.over_reason}"
    post_or_refuse(conn, [move], Circumstance(actor.name, at, actor.device, request_id=request_id, reason=reason))


def _post(
    conn: Conn,
    c: ShipTransfer | ReceiveTransfer,
    actor: Actor,
    request_id: UUID,
    line: _Line,
    source: Place,
    target: Place,
    role: LineRole,
) -> Any:
    move = NewMove(
        uuid5(request_id, "0"),
        "transfer",
        line.item.item_id,
        c.quantity,
        source,
        target,
        find_lot(conn, line.item, c.lot),
        find_serial(conn, line.item, c.serial),
        line.owner,
        line.line_id,
        role,
    )
    at = c.effective_at or database_now(conn)
    post_or_refuse(conn, [move], Circumstance(actor.name, at, actor.device, request_id=request_id, reason=role))
    return at


def _line(conn: Conn, c: ShipTransfer | ReceiveTransfer) -> _Line:
    row = conn.execute(
        """select d.status, i.code, l.line_id, l.owner, l.quantity, l.shipped, l.fulfilled, d.source_id, d.target_id
           from document_line l join item i using (item_id) join document d using (document_id)
           where d.kind = 'transfer' and d.number = %s and l.line_no = %s for update of l""",
        (c.number, c.line_no),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "line_no", f"no transfer {c.number!r} with a line {c.line_no}")
    status, code, *rest = row
    if status != "open":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    return _Line(find_item(conn, code), *rest)


def _transit(conn: Conn) -> Place:
    return Place(find_location(conn, "TRANSIT"))


HANDLERS: Handlers = {
    ShipTransfer: ship,
    ReceiveTransfer: receive,
    SettleTransfer: settle,
}
