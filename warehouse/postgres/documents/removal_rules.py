"""How stock is chosen for a document line: the document's own way, else the most particular rule, else FIFO.

Shelf life that must remain is the larger of the rule's and what the document's partner insists on. A rule can name
zones, in their order and each with how it is taken from; a document or an allocation with its own order goes by that.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from warehouse.commands import Actor, Audit, RefusalCode, SetDocumentRemoval, SetRemovalRule
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.documents.lot_numbers import find_scope
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_location, known_kinds
from warehouse.removal import Order, Taking, ZoneRule


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to choose."""

    order: Order = Order.FIFO
    remaining_days_min: int = 0
    single_lot: bool = False
    zones: tuple[ZoneRule, ...] = ()
    rule_days_min: int = 0
    insisted_days_min: int = 0


def strategy_of(conn: Conn, line_id: int) -> Strategy:
    """For one document line."""
    row = conn.execute(
        """select d.removal, r.removal, r.remaining_days_min, r.single_lot, r.zones,
                  coalesce(p.usable_days_min, 0)
           from document_line l join document d using (document_id)
           left join partner p on p.code = d.partner
           left join lateral removal_rule_of(l.line_id) r on true
           where l.line_id = %s""",
        (line_id,),
    ).fetchone()
    assert row is not None
    own, ruled, days, single_lot, zones, insisted = row
    return Strategy(
        Order(own or ruled or Order.FIFO),
        max(days or 0, insisted),
        bool(single_lot),
        tuple(ZoneRule(str(z["zone"]), Taking(z["taking"]), Decimal(z["package"])) for z in zones or () if own is None),
        days or 0,
        insisted,
    )


def set_removal_rule(conn: Conn, c: SetRemovalRule, actor: Actor, request_id: UUID) -> Answer:
    item_id, category = find_scope(conn, c.item, c.category)
    if c.remaining_days_min < 0:
        raise Refuse(RefusalCode.INVALID, "remaining_days_min", "cannot be negative")
    if c.zones and (c.single_lot or c.order is Order.LEAST_UNITS):
        raise Refuse(RefusalCode.INVALID, "zones", "zones go with an order of places, not with one lot or fewest units")
    zones: list[dict[str, Any]] = []
    for n, zone in enumerate(c.zones):
        location_id = find_location(conn, zone.zone, f"zones.{n}.zone")
        if zone.package <= 0:
            raise Refuse(RefusalCode.INVALID, f"zones.{n}.package", "has to be above zero")
        if any(location_id == other["zone"] for other in zones):
            raise Refuse(RefusalCode.INVALID, f"zones.{n}.zone", f"{zone.zone} is there twice")
        zones.append({"zone": location_id, "taking": str(zone.taking), "package": str(zone.package)})
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
                    """insert into removal_rule (item_id, category, kind, removal, remaining_days_min, single_lot,
                                                 zones)
                       values (%s, %s, %s, %s, %s, %s, %s)""",
                    (item_id, category, c.kind, c.order, c.remaining_days_min, c.single_lot, Jsonb(zones)),
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
