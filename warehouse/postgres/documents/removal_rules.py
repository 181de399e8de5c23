"""How stock is chosen for a document line: the document's own way, else the most particular rule, else FIFO.

Shelf life that must remain is the larger of the rule's and what the document's partner insists on.
"""

from dataclasses import dataclass
from uuid import UUID

import psycopg

from warehouse.commands import Actor, Audit, RefusalCode, SetDocumentRemoval, SetRemovalRule
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.documents.lot_numbers import find_scope
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, known_kinds
from warehouse.removal import Order


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to choose."""

    order: Order = Order.FIFO
    remaining_days_min: int = 0
    single_lot: bool = False


def strategy_of(conn: Conn, line_id: int) -> Strategy:
    """For one document line."""
    row = conn.execute(
        """select d.removal, r.removal, r.remaining_days_min, r.single_lot, p.usable_days_min
           from document_line l join document d using (document_id) join item i using (item_id)
           left join partner p on p.code = d.partner
           left join lateral (
               select * from removal_rule r
               where (r.item_id is null or r.item_id = i.item_id) and (r.category is null or r.category = i.category)
                 and (r.kind is null or r.kind = d.kind)
               order by r.item_id is null, r.category is null, r.kind is null limit 1) r on true
           where l.line_id = %s""",
        (line_id,),
    ).fetchone()
    assert row is not None
    own, ruled, days, single_lot, partner_days = row
    return Strategy(Order(own or ruled or Order.FIFO), max(days or 0, partner_days or 0), bool(single_lot))


def set_removal_rule(conn: Conn, c: SetRemovalRule, actor: Actor, request_id: UUID) -> Answer:
    item_id, category = find_scope(conn, c.item, c.category)
    if c.remaining_days_min < 0:
        raise Refuse(RefusalCode.INVALID, "remaining_days_min", "cannot be negative")
    before = conn.execute(
        """delete from removal_rule where item_id is not distinct from %s and category is not distinct from %s
             and kind is not distinct from %s returning removal""",
        (item_id, category, c.kind),
    ).fetchone()
    if c.order is None:
        if before is None:
            raise Refuse(RefusalCode.NOT_FOUND, "order", "there is no rule to take away")
    else:
        try:
            with conn.transaction():
                conn.execute(
                    """insert into removal_rule (item_id, category, kind, removal, remaining_days_min, single_lot)
                       values (%s, %s, %s, %s, %s, %s)""",
                    (item_id, category, c.kind, c.order, c.remaining_days_min, c.single_lot),
                )
        except psycopg.errors.ForeignKeyViolation:
            told = f"no kind of document {c.kind!r}: {known_kinds(conn)}"
            raise Refuse(RefusalCode.NOT_FOUND, "kind", told) from None
    chosen = str(c.order) if c.order is not None else None
    return {"order": chosen}, Audit({"order": before[0]} if before else None, {"order": chosen})


def set_document_removal(conn: Conn, c: SetDocumentRemoval, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        """update document d set removal = %s from document o
           where d.kind = %s and d.number = %s and o.document_id = d.document_id returning d.status, o.removal""",
        (c.order, c.kind, c.number),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "number", f"no {c.kind} {c.number!r}")
    if row[0] not in ("draft", "approval", "open"):
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {row[0]}")
    chosen = str(c.order) if c.order is not None else None
    return {"kind": c.kind, "number": c.number, "order": chosen}, Audit({"order": row[1]}, {"order": chosen})


HANDLERS: Handlers = {
    SetRemovalRule: set_removal_rule,
    SetDocumentRemoval: set_document_removal,
}
