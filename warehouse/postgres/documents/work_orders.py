"""Work orders: components from the bill in effect, a document that they leave on, one that the product comes in on."""

from datetime import datetime
from fractions import Fraction
from uuid import UUID

from warehouse.bom import BomError, order_needs, rounded_up
from warehouse.commands import (
    Actor,
    Audit,
    CreateDocument,
    CreateWorkOrder,
    FulfilLine,
    LineSpec,
    OverIssue,
    RefusalCode,
    ReportOutput,
    SubstituteComponent,
)
from warehouse.ledger import Circumstance, NewMove, Place
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.control import approval
from warehouse.postgres.documents.bills import find_bills
from warehouse.postgres.documents.documents import create_document, fulfil_line
from warehouse.postgres.documents.kits import issue_for
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.loads.posting import settle_lines
from warehouse.postgres.naming import Refuse, find_item, find_location, find_lot, find_serial, find_unit, item_by_id

ISSUE, OUTPUT = "work_order_issue", "production_receipt"


def create_work_order(conn: Conn, c: CreateWorkOrder, actor: Actor, request_id: UUID) -> Answer:
    item = find_item(conn, c.item)
    if c.quantity <= 0 or c.quantity != round(c.quantity, item.decimals):
        message = f"{c.quantity} is no quantity of {item.code} ({item.decimals} decimals)"
        raise Refuse(RefusalCode.INVALID, "quantity", message)
    bills = find_bills(conn, item.item_id, (c.due_at or database_now(conn)).date(), c.version)
    if bills is None:
        which = f"{c.version!r}" if c.version is not None else "in effect that day"
        raise Refuse(RefusalCode.NOT_FOUND, "version" if c.version is not None else "item",
                     f"{item.code} has no live bill {which}")  # fmt: skip
    try:
        needs = order_needs(bills.top, c.quantity, bills.of, bills.decimals)
    except BomError as error:
        raise Refuse(RefusalCode.INVALID, "item", f"its bill contains itself: {error}") from None
    lines = tuple(LineSpec(item_by_id(conn, n.item_id).code, n.quantity) for n in needs)
    issue = CreateDocument(ISSUE, c.number, lines, door=c.door, expected_at=c.due_at, epcs=c.epcs)
    made, _ = create_document(conn, issue, actor, request_id)
    output = CreateDocument(
        OUTPUT, c.number, (LineSpec(item.code, c.quantity),), door=c.output_door, over_percent=c.over_percent,
        expected_at=c.due_at,
    )  # fmt: skip
    received, _ = create_document(conn, output, actor, request_id)
    row = conn.execute(
        """insert into work_order (number, item_id, bom_id, quantity, issue_document_id, output_document_id, created_by)
           values (%s, %s, %s, %s, %s, %s, %s) returning work_order_id""",
        (
            c.number,
            item.item_id,
            bills.top.bom_id,
            c.quantity,
            made["document_id"],
            received["document_id"],
            actor.name,
        ),
    ).fetchone()
    assert row is not None
    # Nothing is made of what nobody has released.
    status = "approval" if "approval" in (made["status"], received["status"]) else "open"
    conn.execute(
        "update document set work_order_id = %s, status = %s where document_id = any(%s)",
        (row[0], status, [made["document_id"], received["document_id"]]),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "update document_line set bom_id = %s, bom_line_no = %s where document_id = %s and item_id = %s",
            [(n.bom_id, n.line_no, made["document_id"], n.item_id) for n in needs],
        )
    components = [{"line_no": n + 1, "item": s.item, "quantity": str(s.quantity)} for n, s in enumerate(lines)]
    return {"number": c.number, "item": item.code, "status": status, "components": components}, Audit(
        after={"number": c.number, "item": item.code, "status": status, "components": len(lines)}
    )


def over_issue(conn: Conn, c: OverIssue, actor: Actor, request_id: UUID) -> Answer:
    """A movement on the line beyond what it asks for. The line keeps what it asked, so the excess stays visible."""
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "an over-issue needs its reason")
    row = conn.execute(
        """select l.line_id, l.item_id, d.status, p.location_id, l.owner from document_line l
           join document d using (document_id)
           join document_kind k on k.kind = d.kind join location p on p.code = k.counterpart
           where d.kind = %s and d.number = %s and l.line_no = %s for update of l, d""",
        (ISSUE, c.number, c.line_no),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "line_no", f"no work order {c.number!r} with a component {c.line_no}")
    line_id, item_id, status, counterpart_id, owner = row
    if status not in ("open", "complete"):
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    item = item_by_id(conn, item_id)
    source = Place(find_location(conn, c.location), find_unit(conn, c.unit, "unit"))
    move = NewMove(
        request_id, ISSUE, item_id, c.quantity, source, Place(counterpart_id), find_lot(conn, item, c.lot),
        find_serial(conn, item, c.serial), owner, line_id,
    )  # fmt: skip
    at = c.effective_at or database_now(conn)
    reason = f"over-issue: {c.reason}"
    post_or_refuse(conn, [move], Circumstance(actor.name, at, actor.device, request_id=request_id, reason=reason))
    settle_lines(conn, [line_id], at)
    return {"move_id": str(move.move_id), "number": c.number, "line_no": c.line_no}, Audit(
        after={"quantity": str(c.quantity), "reason": c.reason}
    )


def substitute_component(conn: Conn, c: SubstituteComponent, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        """select l.line_id, l.document_id, l.item_id, l.quantity, l.fulfilled, d.status, l.bom_id, l.bom_line_no,
                  coalesce((select sum(quantity) from reservation where line_id = l.line_id and state = 'pending'), 0),
                  (select max(line_no) from document_line x where x.document_id = l.document_id)
           from document_line l join document d using (document_id)
           where d.kind = %s and d.number = %s and l.line_no = %s for update of l, d""",
        (ISSUE, c.number, c.line_no),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "line_no", f"no work order {c.number!r} with a component {c.line_no}")
    line_id, document_id, item_id, asked, fulfilled, status, bom_id, bom_line_no, reserved, last_no = row
    if status != "open":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status}")
    other = find_item(conn, c.item)
    ratios = {
        listed: Fraction(num, den)
        for listed, num, den in conn.execute(
            "select item_id, ratio_num, ratio_den from bom_substitute where bom_id = %s and line_no = %s",
            (bom_id, bom_line_no),
        )
    }
    if other.item_id not in ratios or other.item_id == item_id:
        raise Refuse(RefusalCode.INVALID, "item", f"the bill lists no {other.code} as a substitute for this component")
    open_quantity = asked - fulfilled - reserved
    quantity = open_quantity if c.quantity is None else c.quantity
    if not 0 < quantity <= open_quantity:
        message = f"{open_quantity.normalize():f} of the component are neither issued nor reserved"
        raise Refuse(RefusalCode.OVER, "quantity", message)
    item = item_by_id(conn, item_id)
    if quantity != round(quantity, item.decimals):
        raise Refuse(RefusalCode.INVALID, "quantity", f"{quantity} is no quantity of {item.code}")
    # Ratios are to what the bill says, and the line may be of a substitute itself.
    component = Fraction(quantity) / ratios.get(item_id, Fraction(1))
    stands_in = rounded_up(component * ratios[other.item_id], other.decimals)
    if quantity == asked:
        # Nothing of it was issued: the line itself becomes the substitute's.
        conn.execute(
            "update document_line set item_id = %s, lot_id = null, quantity = %s where line_id = %s",
            (other.item_id, stands_in, line_id),
        )
        line_no = c.line_no
    else:
        line_no = last_no + 1
        conn.execute("update document_line set quantity = quantity - %s where line_id = %s", (quantity, line_id))
        conn.execute(
            """insert into document_line (document_id, line_no, item_id, quantity, substitutes_line_id, bom_id,
                                          bom_line_no, owner)
               select %s, %s, %s, %s, line_id, %s, %s, owner from document_line where line_id = %s""",
            (document_id, line_no, other.item_id, stands_in, bom_id, bom_line_no, line_id),
        )
        settle_lines(conn, [line_id], database_now(conn))
    status = approval.changed(conn, document_id, actor.name) or status
    answer = {"number": c.number, "line_no": line_no, "item": other.code, "quantity": str(stands_in), "status": status}
    return answer, Audit({"item": item.code, "quantity": str(asked)}, answer)


def report_output(conn: Conn, c: ReportOutput, actor: Actor, request_id: UUID) -> Answer:
    at: datetime = c.effective_at or database_now(conn)
    issued: list[str] = []
    if c.backflush:
        within = find_location(conn, c.backflush_location, "backflush_location") if c.backflush_location else None
        moves, short = issue_for(conn, c.number, c.quantity, within, at, actor, request_id, "backflush")
        if short:
            missing = ", ".join(f"{line['missing']} {line['item']}" for line in short)
            raise Refuse(RefusalCode.SHORT, "backflush", f"missing for it: {missing}")
        issued = [str(move.move_id) for move in moves]
    command = FulfilLine(
        OUTPUT, c.number, 1, c.quantity, c.location, c.lot, c.serial, effective_at=at, unit=c.unit,
        expires_on=c.expires_on,
    )  # fmt: skip
    answer, audit = fulfil_line(conn, command, actor, request_id)
    return {**answer, "issued": issued}, audit


HANDLERS: Handlers = {
    CreateWorkOrder: create_work_order,
    OverIssue: over_issue,
    SubstituteComponent: substitute_component,
    ReportOutput: report_output,
}
