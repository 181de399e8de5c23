"""Recalls: a lot blocked everywhere, maybe with every lot it went into; where it is and who has it.

Lots it went into are listed whether they are blocked or not: somebody has to decide. Serials without a lot that it went
into cannot be blocked by lot and are listed for people. What is reserved of a blocked lot is released: a reservation
for goods that cannot go only hides that a document lacks them.
"""

from typing import Any
from uuid import UUID

from warehouse.commands import Actor, Audit, BlockLot
from warehouse.postgres.books import reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.genealogy import derived_lots, derived_serials
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import find_item, find_lot


def block_lot(conn: Conn, c: BlockLot, actor: Actor, request_id: UUID) -> Answer:
    item = find_item(conn, c.item)
    lot_id = find_lot(conn, item, c.lot)
    assert lot_id is not None
    derived = derived_lots(conn, item.item_id, lot_id)
    wanted = sorted({lot_id, *(other for other, _, _ in derived)} if c.downstream else {lot_id})
    before = dict(
        conn.execute(
            "select lot_id, blocked from lot where lot_id = any(%s) order by lot_id for update", (wanted,)
        ).fetchall()
    )
    conn.execute("update lot set blocked = %s where lot_id = any(%s)", (c.blocked, wanted))
    released = _release(conn, wanted) if c.blocked else []
    state = dict(
        conn.execute(
            "select lot_id, blocked from lot where lot_id = any(%s)", ([other for other, _, _ in derived],)
        ).fetchall()
    )
    response: dict[str, Any] = {
        "lot": c.lot,
        "blocked": c.blocked,
        "in_stock": _in_stock(conn, wanted),
        "delivered": _delivered(conn, wanted),
        "released": released,
        "derived": [{"item": code, "lot": lot, "blocked": state[other]} for other, code, lot in derived],
        "derived_serials": [
            {"item": code, "serial": serial} for code, serial in derived_serials(conn, item.item_id, lot_id)
        ],
    }
    after = {"blocked": c.blocked, "lots": len(wanted), "reason": c.reason}
    return response, Audit({"blocked": before[lot_id]}, after)


def _release(conn: Conn, lots: list[int]) -> list[dict[str, str]]:
    rows = conn.execute(
        """select r.reservation_id, coalesce(d.kind, ''), coalesce(d.number, r.holder), r.quantity::text
           from reservation r left join document_line l using (line_id) left join document d using (document_id)
           where r.lot_id = any(%s) and r.state = 'pending' order by 2, 3, r.reservation_id""",
        (lots,),
    ).fetchall()
    reservations.end(conn, [reservation_id for reservation_id, *_ in rows], reservations.State.RELEASED)
    return [{"kind": kind, "number": number, "quantity": quantity} for _, kind, number, quantity in rows]


def _in_stock(conn: Conn, lots: list[int]) -> list[dict[str, str]]:
    rows = conn.execute(
        """select i.code, lo.code, l.code, sum(b.on_hand)::text from balance b join location l using (location_id)
           join lot lo on lo.lot_id = b.lot_id join item i on i.item_id = b.item_id
           where b.lot_id = any(%s) group by 1, 2, 3 order by 1, 2, 3""",
        (lots,),
    ).fetchall()
    return [dict(zip(("item", "lot", "location", "quantity"), row, strict=True)) for row in rows]


def _delivered(conn: Conn, lots: list[int]) -> list[dict[str, str]]:
    rows = conn.execute(
        """select i.code, lo.code, d.kind, d.number, d.partner,
                  sum(case when m.reverses is null then m.quantity else -m.quantity end)::text
           from move m join document_line x using (line_id) join document d using (document_id)
           join document_kind k on k.kind = d.kind and k.direction = 'out'
           join lot lo on lo.lot_id = m.lot_id join item i on i.item_id = m.item_id
           where m.lot_id = any(%s) group by 1, 2, 3, 4, 5
           having sum(case when m.reverses is null then m.quantity else -m.quantity end) > 0 order by 3, 4, 1, 2""",
        (lots,),
    ).fetchall()
    return [dict(zip(("item", "lot", "kind", "number", "partner", "quantity"), row, strict=True)) for row in rows]


HANDLERS: Handlers = {
    BlockLot: block_lot,
}
