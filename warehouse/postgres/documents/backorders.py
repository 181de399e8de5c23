"""Backorders: a document is closed at what was done, and a new one of its kind takes the rest.

The new document keeps partner, door, tolerance, sources and, for a work order, the order; announced tags and units that
have not moved go over to it. The old one is not reported short: nothing is missing. Who splits a document makes a
request of their own: where the rule asks for it, the rest is approved again.
"""

from uuid import UUID

import psycopg

from warehouse.commands import Actor, Audit, CreateBackorder, RefusalCode
from warehouse.postgres.books import reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.control import approval
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse


def create_backorder(conn: Conn, c: CreateBackorder, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        "select document_id, status from document where kind = %s and number = %s for update", (c.kind, c.number)
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "number", f"no {c.kind} {c.number!r}")
    document_id, status = row
    if status != "open":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    if c.kind == "transfer":
        raise Refuse(RefusalCode.INVALID, "kind", "what a transfer has not shipped is another transfer")
    lines = conn.execute(
        "select line_id, quantity - fulfilled from document_line where document_id = %s order by line_id for update",
        (document_id,),
    ).fetchall()
    if (
        all(rest <= 0 for _, rest in lines)
        or not conn.execute(
            "select 1 from document_line where document_id = %s and fulfilled > 0", (document_id,)
        ).fetchone()
    ):
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is not done in part: there is nothing to split")
    try:
        with conn.transaction():
            made = conn.execute(
                """insert into document (kind, number, partner, door, over_percent, source_id, target_id, expected_at,
                                         created_by, backorder_of, removal, work_order_id)
                   select kind, %s, partner, door, over_percent, source_id, target_id, expected_at, %s, document_id,
                          removal, work_order_id from document where document_id = %s
                   returning document_id""",
                (c.backorder, actor.name, document_id),
            ).fetchone()
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, "backorder", f"a {c.kind} {c.backorder!r} exists") from None
    except psycopg.errors.CheckViolation:
        raise Refuse(RefusalCode.INVALID, "backorder", "a document needs a number") from None
    assert made is not None
    conn.execute(
        """insert into document_line (document_id, line_no, item_id, lot_id, quantity, entered_unit, factor_num,
                                      factor_den, unit_cost, source_line_id, substitutes_line_id, supplier_lot,
                                      expires_on, bom_id, bom_line_no, owner)
           select %s, line_no, item_id, lot_id, quantity - fulfilled, entered_unit, factor_num, factor_den, unit_cost,
                  source_line_id, substitutes_line_id, supplier_lot, expires_on, bom_id, bom_line_no, owner
           from document_line where document_id = %s and quantity > fulfilled""",
        (made[0], document_id),
    )
    conn.execute(
        """with gone as (
               delete from document_tag a where a.document_id = %(old)s and not exists (
                   select from move_tag mt join move m using (seq) join document_line l using (line_id)
                   where mt.epc = a.epc and l.document_id = %(old)s) returning a.epc, a.line_id)
           insert into document_tag (document_id, epc, line_id)
           select %(new)s, g.epc, n.line_id from gone g left join document_line o on o.line_id = g.line_id
           left join document_line n on n.document_id = %(new)s and n.line_no = o.line_no""",
        {"old": document_id, "new": made[0]},
    )
    reservations.release_line(conn, [line_id for line_id, _ in lines])
    conn.execute("update document set status = 'closed', closed_at = now() where document_id = %s", (document_id,))
    held = approval.hold(conn, made[0]) or "open"
    return {"kind": c.kind, "number": c.backorder, "status": held, "backorder_of": c.number}, Audit(
        {"status": "open"}, {"status": "closed", "backorder": c.backorder, "backorder_status": held}
    )


HANDLERS: Handlers = {
    CreateBackorder: create_backorder,
}
