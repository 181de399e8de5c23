"""Commands on documents: create, cancel, close, fulfil by hand."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid5

import psycopg

from warehouse.commands import (
    Actor,
    ApproveDocument,
    Audit,
    CancelDocument,
    CloseDocument,
    CreateDocument,
    FulfilLine,
    LineSpec,
    RefusalCode,
)
from warehouse.epc import decode
from warehouse.ledger import Circumstance, NewMove, Place, StockStatus
from warehouse.postgres.books import reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.measures import measured, to_base
from warehouse.postgres.clock import database_now
from warehouse.postgres.control import approval
from warehouse.postgres.documents.lines import read_line
from warehouse.postgres.documents.lot_numbers import lot_of_receipt, refuse_other_expiry
from warehouse.postgres.documents.sources import check_goods, check_source, lock_room
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.loads.posting import settle_lines
from warehouse.postgres.naming import (
    Refuse,
    find_item,
    find_location,
    find_lot,
    find_serial,
    find_unit,
    known_kinds,
    lot_code,
    serial_of_receipt,
)
from warehouse.postgres.transport.task_planning import after_issue, after_loose_receipt, after_receipt

# Kinds that bring goods nobody has seen; what returns was here before.
NEW_GOODS = frozenset({"purchase_receipt", "production_receipt", "other_receipt"})
ORDER = "purchase_order"


def create_document(conn: Conn, c: CreateDocument, actor: Actor, request_id: UUID) -> Answer:
    known = conn.execute("select needs_approval from document_kind where kind = %s", (c.kind,)).fetchone()
    if known is None:
        raise Refuse(RefusalCode.INVALID, "kind", f"no kind of document {c.kind!r}: {known_kinds(conn)}")
    if not c.lines:
        raise Refuse(RefusalCode.INVALID, "lines", "a document needs a line")
    if c.over_percent < 0:
        raise Refuse(RefusalCode.INVALID, "over_percent", "cannot be negative")
    source_id = find_location(conn, c.source, "source") if c.source is not None else None
    target_id = find_location(conn, c.target, "target") if c.target is not None else None
    if c.kind == "transfer" and (source_id is None or target_id is None or source_id == target_id):
        raise Refuse(RefusalCode.INVALID, "target", "a transfer goes from a source to another target")
    status = "approval" if c.needs_approval or known[0] else "open"
    try:
        with conn.transaction():
            row = conn.execute(
                """insert into document (kind, number, partner, door, over_percent, expected_at, created_by, status,
                                         source_id, target_id)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning document_id""",
                (c.kind, c.number, c.partner, c.door, c.over_percent, c.expected_at, actor.name, status, source_id,
                 target_id),
            ).fetchone()  # fmt: skip
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, "number", f"a {c.kind} {c.number!r} exists") from None
    except psycopg.errors.CheckViolation:
        raise Refuse(RefusalCode.INVALID, "number", "a document needs a number") from None
    assert row is not None
    document_id: int = row[0]
    line_of_item = add_lines(conn, document_id, c.kind, enumerate(c.lines))
    announce(conn, document_id, c, line_of_item)
    status = approval.hold(conn, document_id) or status
    return {"document_id": document_id, "kind": c.kind, "number": c.number, "status": status}, Audit(
        after={"number": c.number, "lines": len(c.lines), "epcs": len(c.epcs)}
    )


def add_lines(conn: Conn, document_id: int, kind: str, lines: Iterable[tuple[int, LineSpec]]) -> dict[int, int]:
    """Add lines, each with its place in the command; the first of them by item."""
    line_of_item: dict[int, int] = {}
    ordered = kind in NEW_GOODS or kind == ORDER
    for n, line in lines:
        entered = read_line(conn, line, kind, f"lines.{n}")
        if ordered and not entered.item.active:
            raise Refuse(RefusalCode.WRONG_STATE, f"lines.{n}.item", f"{entered.item.code} is retired")
        try:
            with conn.transaction():
                row = conn.execute(
                    """insert into document_line (document_id, line_no, item_id, lot_id, quantity, entered_unit,
                                                  entered_quantity, factor_num, factor_den, unit_cost, source_line_id,
                                                  supplier_lot, expires_on, owner)
                       values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning line_id""",
                    (
                        document_id,
                        line.line_no or n + 1,
                        entered.item.item_id,
                        entered.lot_id,
                        entered.quantity,
                        entered.unit,
                        line.quantity,
                        entered.factor.numerator,
                        entered.factor.denominator,
                        entered.unit_cost,
                        entered.source_id,
                        line.supplier_lot,
                        line.expires_on,
                        line.owner,
                    ),
                ).fetchone()
        except psycopg.errors.UniqueViolation:
            raise Refuse(RefusalCode.INVALID, f"lines.{n}.line_no", f"line {line.line_no} is there twice") from None
        assert row is not None
        if entered.source_id is not None:
            check_source(conn, entered.source_id, f"lines.{n}.quantity")
        line_of_item.setdefault(entered.item.item_id, row[0])
    return line_of_item


def announce(conn: Conn, document_id: int, c: CreateDocument, line_of_item: dict[int, int]) -> None:
    epcs = [epc.upper() for epc in c.epcs]
    known = dict(conn.execute("select epc, item_id from tag where epc = any(%s)", (epcs,)).fetchall())
    for n, epc in enumerate(epcs):
        if epc not in known:
            raise Refuse(RefusalCode.NOT_FOUND, f"epcs.{n}", f"{epc} ({decode(epc).uri}) is not registered")
        if known[epc] is not None and known[epc] not in line_of_item:
            raise Refuse(RefusalCode.INVALID, f"epcs.{n}", f"{epc} is of an item that is on no line")
    conn.execute(
        """insert into document_tag (document_id, epc, line_id)
           select %s, * from unnest(%s::text[], %s::bigint[]) on conflict do nothing""",
        (document_id, epcs, [line_of_item.get(known[epc]) if known[epc] is not None else None for epc in epcs]),
    )


def approve_document(conn: Conn, c: ApproveDocument, actor: Actor, request_id: UUID) -> Answer:
    document_id, status = _lock_document(conn, c.kind, c.number)
    if status != "approval":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    # What a work order takes and what it makes, and what was split off it, are one request.
    together = conn.execute(
        """select d.document_id, %(actor)s = any(d.created_by || d.changed_by) from document d, document o
           where o.document_id = %(document)s and (d.document_id = o.document_id or d.status = 'approval'
                 and d.work_order_id = o.work_order_id) for update of d""",
        {"actor": actor.name, "document": document_id},
    ).fetchall()
    if any(own for _, own in together):
        told = f"{c.number} was made or changed by {actor.name}: another has to approve it"
        raise Refuse(RefusalCode.OWN_REQUEST, "number", told)
    conn.execute(
        "update document set status = 'open', approved_by = %s, changed_by = '{}' where document_id = any(%s)",
        (actor.name, [one for one, _ in together]),
    )
    # It may have moved before it was held again, and ask for no more than that now.
    lines = conn.execute(
        "select line_id from document_line where document_id = any(%s)", ([one for one, _ in together],)
    )
    settle_lines(conn, [line_id for (line_id,) in lines], database_now(conn))
    now = conn.execute("select status from document where document_id = %s", (document_id,)).fetchone()
    assert now is not None
    return {"kind": c.kind, "number": c.number, "status": now[0]}, Audit({"status": status}, {"status": now[0]})


def cancel_document(conn: Conn, c: CancelDocument, actor: Actor, request_id: UUID) -> Answer:
    document_id, status = _lock_document(conn, c.kind, c.number)
    if status not in ("draft", "approval", "open"):
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    _refuse_awaited(conn, document_id, c.number)
    if _has_moved(conn, document_id):
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} has movements: reverse them or close it")
    also = [
        other
        for (other,) in conn.execute(
            """select o.document_id from document d join document o on o.work_order_id = d.work_order_id
               where d.document_id = %s and o.document_id <> d.document_id and o.status in ('draft', 'approval', 'open')
               order by 1 for update of o""",
            (document_id,),
        )
    ]
    # A work order of which nothing has moved is cancelled as a whole: what it takes and what it makes.
    for one in [document_id, *(other for other in also if not any(_has_moved(conn, each) for each in also))]:
        _set_status(conn, one, "cancelled")
        _release(conn, one)
    return {"kind": c.kind, "number": c.number, "status": "cancelled"}, Audit(
        {"status": status}, {"status": "cancelled", "reason": c.reason}
    )


def close_document(conn: Conn, c: CloseDocument, actor: Actor, request_id: UUID) -> Answer:
    document_id, status = _lock_document(conn, c.kind, c.number)
    # One that moved before it was held again cannot be cancelled: rejecting it ends it at what was done.
    if status not in ("open", "complete") and not (status == "approval" and _has_moved(conn, document_id)):
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    _refuse_awaited(conn, document_id, c.number)
    row = conn.execute(
        "select sum(shipped - fulfilled) from document_line where document_id = %s and shipped > fulfilled",
        (document_id,),
    ).fetchone()
    if row is not None and row[0]:
        message = f"{row[0].normalize():f} of {c.number} are in transit: receive them, or settle what became of them"
        raise Refuse(RefusalCode.WRONG_STATE, "number", message)
    response = end_document(conn, document_id, c.kind, c.number, request_id)
    return response, Audit({"status": status}, {"status": "closed", "short": len(response["short"])})


def end_document(conn: Conn, document_id: int, kind: str, number: str, request_id: UUID) -> dict[str, Any]:
    """Close a document, give back what is reserved for it and report what is missing; the answer to who closed it."""
    _set_status(conn, document_id, "closed")
    _release(conn, document_id)
    short = conn.execute(
        """select l.line_id, l.line_no, l.item_id, i.code, l.quantity - l.fulfilled from document_line l
           join item i using (item_id) where l.document_id = %s and l.fulfilled < l.quantity order by l.line_no""",
        (document_id,),
    ).fetchall()
    for line_id, line_no, item_id, code, missing in short:
        conn.execute(
            """insert into discrepancy (discrepancy_id, kind, document_id, line_id, item_id, quantity, detail, at)
               values (%s, 'short', %s, %s, %s, %s, %s, now())""",
            (
                uuid5(request_id, f"short/{line_no}"),
                document_id,
                line_id,
                item_id,
                missing,
                f"{number} line {line_no}: {missing} of {code} missing when it was closed",
            ),
        )
    lines = [{"line_no": line_no, "item": code, "missing": str(missing)} for _, line_no, _, code, missing in short]
    return {"kind": kind, "number": number, "status": "closed", "short": lines}


def fulfil_line(conn: Conn, c: FulfilLine, actor: Actor, request_id: UUID) -> Answer:
    """The same posting a portal makes, by hand. Over-delivery beyond the tolerance is refused."""
    document_id, status = _lock_document(conn, c.kind, c.number)
    if status != "open":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    row = conn.execute(
        """select l.line_id, i.code, l.lot_id, k.direction, p.location_id, inspected(i.item_id), l.owner,
                  l.entered_unit, l.factor_num, l.factor_den
           from document_line l join item i using (item_id) join document d using (document_id)
           join document_kind k on k.kind = d.kind join location p on p.code = k.counterpart
           where l.document_id = %s and l.line_no = %s""",
        (document_id, c.line_no),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "line_no", f"{c.number} has no line {c.line_no}")
    line_id, item_code, line_lot_id, direction, counterpart_id, inspect, owner, line_unit, *line_factor = row
    if direction == "internal":
        raise Refuse(RefusalCode.INVALID, "kind", "a transfer is shipped and received, not fulfilled")
    if direction == "plan":
        raise Refuse(RefusalCode.INVALID, "kind", "an order is received on a document that names it as its source")
    at = c.effective_at or database_now(conn)
    item = find_item(conn, item_code)
    if c.uom is not None and c.uom == line_unit:  # as it was agreed, whatever the unit means by now
        c = replace(c, quantity=to_base(item, c.quantity, Fraction(*line_factor)), uom=None)
    c = measured(conn, c, item)
    room = lock_room(conn, line_id)
    if c.quantity > room:
        raise Refuse(RefusalCode.OVER, "quantity", f"line {c.line_no} takes {room:f} more, not {c.quantity}")
    lot_id = find_lot(conn, item, c.lot)
    if direction == "in" and lot_id is not None and c.expires_on is not None:
        refuse_other_expiry(conn, item, lot_id, c.expires_on)
    if lot_id is None and line_lot_id is not None:
        lot_id = line_lot_id
    elif line_lot_id is not None and lot_id != line_lot_id:
        raise Refuse(RefusalCode.INVALID, "lot", "the line names another lot")
    elif lot_id is None and direction == "in":
        lot_id = lot_of_receipt(conn, item, line_id, at, c.supplier_lot, c.expires_on)
    if c.kind in NEW_GOODS:
        serial_id = serial_of_receipt(conn, item, c.serial, lot_id)
    else:
        serial_id = find_serial(conn, item, c.serial)
    check_goods(conn, line_id, lot_id, serial_id, c.quantity)
    own = find_location(conn, c.location)
    status_in = StockStatus.INSPECTION if inspect and c.status is StockStatus.AVAILABLE else c.status
    unit = find_unit(conn, c.unit, "unit")
    counterpart = Place(counterpart_id, None, status_in if direction == "in" else StockStatus.AVAILABLE)
    here = Place(own, unit, status_in if direction == "in" else c.status)
    source, target = (counterpart, here) if direction == "in" else (here, counterpart)
    move = NewMove(
        uuid5(request_id, "0"), c.kind, item.item_id, c.quantity, source, target, lot_id, serial_id, owner, line_id
    )
    if c.force and direction == "out":
        reservations.give_way(conn, move.key_at(here), move.quantity)
    under = Circumstance(
        actor.name, at, actor.device, request_id=request_id, reason="by hand", short_life_agreed=c.force
    )
    post_or_refuse(conn, [move], under)
    settle_lines(conn, [line_id], at)
    if unit is not None and direction == "in":
        after_receipt(conn, [unit], own, c.location, request_id, at, actor)
    elif direction == "in":
        after_loose_receipt(conn, [move.move_id], c.location, at, actor)
    elif unit is not None:
        after_issue(conn, [unit], at, actor, request_id)
    response = {"move_id": str(move.move_id), "number": c.number, "line_no": c.line_no, "lot": lot_code(conn, lot_id)}
    return response, Audit(after={"quantity": str(c.quantity), "lot": response["lot"]})


def _lock_document(conn: Conn, kind: str, number: str) -> tuple[int, str]:
    row = conn.execute(
        "select document_id, status from document where kind = %s and number = %s for update", (kind, number)
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "number", f"no {kind} {number!r}")
    return row[0], row[1]


def _refuse_awaited(conn: Conn, document_id: int, number: str) -> None:
    """An order is not over while something still brings goods for it."""
    row = conn.execute(
        """select d.kind, d.number from document o join document_kind k on k.kind = o.kind and k.direction = 'plan'
           join document_line s on s.document_id = o.document_id join document_line l on l.source_line_id = s.line_id
           join document d on d.document_id = l.document_id
           where o.document_id = %s and d.status in ('draft', 'approval', 'open') order by d.document_id limit 1""",
        (document_id,),
    ).fetchone()
    if row is not None:
        message = f"{row[0]} {row[1]} still brings goods for {number}: end that one first"
        raise Refuse(RefusalCode.WRONG_STATE, "number", message)


def _has_moved(conn: Conn, document_id: int) -> bool:
    query = "select 1 from document_line where document_id = %s and (fulfilled <> 0 or shipped <> 0)"
    return conn.execute(query, (document_id,)).fetchone() is not None


def _release(conn: Conn, document_id: int) -> None:
    lines = conn.execute("select line_id from document_line where document_id = %s", (document_id,)).fetchall()
    reservations.release_line(conn, [line_id for (line_id,) in lines])


def _set_status(conn: Conn, document_id: int, status: str) -> None:
    conn.execute("update document set status = %s, closed_at = now() where document_id = %s", (status, document_id))


HANDLERS: Handlers = {
    CreateDocument: create_document,
    ApproveDocument: approve_document,
    CancelDocument: cancel_document,
    CloseDocument: close_document,
    FulfilLine: fulfil_line,
}
