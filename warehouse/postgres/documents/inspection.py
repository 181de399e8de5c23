"""Quality inspection: stock in status `inspection` becomes available or blocked by a decision with its results.

Where the item or its category has a plan, the plan says how many pieces must be looked at, how many may be bad, and
the limits of each characteristic: a measured value outside them has failed, whatever was reported. The lot that a
sample stands for is the quantity that is decided on.
"""

from decimal import Decimal, InvalidOperation
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from warehouse.commands import Actor, Audit, DecideInspection, Inspected, RefusalCode, SetInspectionPlan
from warehouse.commands.receipts import InspectionMode
from warehouse.ledger import Circumstance, NewMove, Place, StockStatus
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.measures import measured
from warehouse.postgres.clock import database_now
from warehouse.postgres.documents.inspection_plans import InspectionPlan, find_plan, set_inspection_plan
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.goods.tags_of_stock import with_its_tags
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import NamedItem, Refuse, find_item, find_location, find_lot, find_serial, find_unit


def decide(conn: Conn, c: DecideInspection, actor: Actor, request_id: UUID) -> Answer:
    """One movement from inspection to available (accept, deviation) or blocked (reject)."""
    item = find_item(conn, c.item)
    c = measured(conn, c, item)
    failed = _follow_plan(conn, item, c)
    if failed and c.decision is Inspected.ACCEPT:
        message = f"{', '.join(failed)} failed: accept with a deviation, or reject"
        raise Refuse(RefusalCode.INVALID, "decision", message)
    if c.decision is Inspected.DEVIATION and not c.note:
        raise Refuse(RefusalCode.INVALID, "note", "a deviation needs its reason")
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
        c.owner,
    )
    move = with_its_tags(conn, move)
    at = database_now(conn)
    reason = f"inspection: {c.decision}"
    post_or_refuse(conn, [move], Circumstance(actor.name, at, actor.device, request_id=request_id, reason=reason))
    results = [{"characteristic": r.characteristic, "value": r.value, "passed": r.passed} for r in c.results]
    conn.execute(
        """insert into inspection (inspection_id, item_id, lot_id, serial_id, quantity, decision, results, note,
                                   move_id, decided_by, sampled, defects)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
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
            c.sampled,
            c.defects,
        ),
    )
    response = {"move_id": str(move.move_id), "status": str(decided), "decision": str(c.decision)}
    return response, Audit({"status": "inspection"}, {"status": str(decided), "quantity": str(c.quantity)})


def _follow_plan(conn: Conn, item: NamedItem, c: DecideInspection) -> list[str]:
    """The characteristics that failed. Refuses a sample that is too small, and too many bad pieces for an accept."""
    failed = [result.characteristic for result in c.results if not result.passed]
    if c.defects < 0 or (c.sampled is not None and c.defects > c.sampled):
        raise Refuse(RefusalCode.INVALID, "defects", f"{c.defects} bad pieces of {c.sampled} looked at")
    plan = find_plan(conn, item)
    if plan is None or plan.mode is InspectionMode.NONE:
        return failed
    failed += [name for name in _outside(plan, c) if name not in failed]
    if c.decision is Inspected.REJECT:
        return failed
    missing = [x.name for x in plan.characteristics if x.name not in {r.characteristic for r in c.results}]
    if missing:
        raise Refuse(RefusalCode.INVALID, "results", f"the plan asks for {', '.join(missing)} too")
    required = plan.required(c.quantity)
    if c.sampled is None or c.sampled < required.sample:
        message = f"of {c.quantity.normalize():f} the plan wants {required.sample} looked at, not {c.sampled or 0}"
        raise Refuse(RefusalCode.INVALID, "sampled", message)
    if c.decision is Inspected.ACCEPT and c.defects > required.accept:
        message = f"{c.defects} bad ones, {required.accept} may be: accept with a deviation, or reject"
        raise Refuse(RefusalCode.INVALID, "decision", message)
    return failed if required.accept == 0 else []


def _outside(plan: InspectionPlan, c: DecideInspection) -> list[str]:
    limits = {x.name: x for x in plan.characteristics}
    outside = []
    for n, result in enumerate(c.results):
        limit = limits.get(result.characteristic)
        if limit is None or (limit.lower is None and limit.upper is None):
            continue
        try:
            value = Decimal(result.value.removesuffix(limit.unit).strip())
        except InvalidOperation:
            message = f"{result.value!r} is no number of {limit.unit or 'its unit'}"
            raise Refuse(RefusalCode.INVALID, f"results.{n}.value", message) from None
        low, high = limit.lower, limit.upper
        if not value.is_finite() or (low is not None and value < low) or (high is not None and value > high):
            outside.append(result.characteristic)
    return outside


HANDLERS: Handlers = {
    SetInspectionPlan: set_inspection_plan,
    DecideInspection: decide,
}
