"""Quality inspection: stock in status `inspection` becomes available or blocked by a decision with its results."""

from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from warehouse.commands import Actor, Audit, DecideInspection, Inspected, RefusalCode
from warehouse.ledger import Circumstance, NewMove, Place, StockStatus
from warehouse.postgres.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.measures import measured
from warehouse.postgres.naming import Refuse, find_item, find_location, find_lot, find_serial, find_unit
from warehouse.postgres.stock import database_now, post_or_refuse


def decide(conn: Conn, c: DecideInspection, actor: Actor, request_id: UUID) -> Answer:
    """One movement from inspection to available (accept, deviation) or blocked (reject)."""
    failed = [result.characteristic for result in c.results if not result.passed]
    if failed and c.decision is Inspected.ACCEPT:
        message = f"{', '.join(failed)} failed: accept with a deviation, or reject"
        raise Refuse(RefusalCode.INVALID, "decision", message)
    if c.decision is Inspected.DEVIATION and not c.note:
        raise Refuse(RefusalCode.INVALID, "note", "a deviation needs its reason")
    item = find_item(conn, c.item)
    c = measured(conn, c, item)
    location, unit = find_location(conn, c.location), find_unit(conn, c.unit, "unit")
    decided = StockStatus.BLOCKED if c.decision is Inspected.REJECT else StockStatus.AVAILABLE
    move = NewMove(
        uuid5(request_id, "0"),
        "inspection",
        item.item_id,
        c.quantity,
        Place(location, unit, StockStatus.INSPECTION),
        Place(location, unit, decided),
        find_lot(conn, item, c.lot),
        find_serial(conn, item, c.serial),
    )
    at = database_now(conn)
    reason = f"inspection: {c.decision}"
    post_or_refuse(conn, [move], Circumstance(actor.name, at, actor.device, request_id=request_id, reason=reason))
    results = [{"characteristic": r.characteristic, "value": r.value, "passed": r.passed} for r in c.results]
    conn.execute(
        """insert into inspection (inspection_id, item_id, lot_id, serial_id, quantity, decision, results, note,
                                   move_id, decided_by) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            request_id,
            item.item_id,
            move.lot_id,
            move.serial_id,
            c.quantity,
            c.decision,
            Jsonb(results),
            c.note,
            move.move_id,
            actor.name,
        ),
    )
    response = {"move_id": str(move.move_id), "status": str(decided), "decision": str(c.decision)}
    return response, Audit({"status": "inspection"}, {"status": str(decided), "quantity": str(c.quantity)})


HANDLERS: Handlers = {
    DecideInspection: decide,
}
