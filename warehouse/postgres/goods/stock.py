"""Commands on stock: move, adjust, reverse, settle discrepancies, close the period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid5

from warehouse.commands import (
    Actor,
    AdjustStock,
    Audit,
    ClosePeriod,
    Command,
    MoveStock,
    MoveUnit,
    Permission,
    Refusal,
    RefusalCode,
    Resolution,
    ResolveDiscrepancy,
    ReverseMovement,
)
from warehouse.ledger import (
    STOCKED_KINDS,
    Circumstance,
    LedgerRefusal,
    LineRole,
    MovedTag,
    NewMove,
    Place,
    Refused,
    StockStatus,
)
from warehouse.postgres.books import reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.group_posting import Posting
from warehouse.postgres.books.ledger import post
from warehouse.postgres.books.measures import find_factor, measured, to_base
from warehouse.postgres.books.posting_record import decode_line
from warehouse.postgres.clock import database_now
from warehouse.postgres.control import approval
from warehouse.postgres.documents.sources import check_on_the_way, check_undone, kept_on_lines
from warehouse.postgres.goods import unit_moves
from warehouse.postgres.goods.tags_of_stock import with_its_tags
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.loads.posting import at_their_unit, settle_lines, to_moves
from warehouse.postgres.naming import Refuse, StockNames, check_owner, find_id, find_stock
from warehouse.postgres.transport.task_planning import after_loose_receipt, after_receipt
from warehouse.valuation import cost_in_base

# Which field of a one-movement command a ledger refusal is about; the quantity when none is.
_FIELD_OF = {
    LedgerRefusal.LOT_OF_OTHER_ITEM: "lot",
    LedgerRefusal.LOT_REQUIRED: "lot",
    LedgerRefusal.LOT_EXPIRED: "lot",
    LedgerRefusal.LOT_BLOCKED: "lot",
    LedgerRefusal.SHELF_LIFE_SHORT: "lot",
    LedgerRefusal.SERIAL_OF_OTHER_ITEM: "serial",
    LedgerRefusal.SERIAL_REQUIRED: "serial",
    LedgerRefusal.SERIAL_IN_STOCK: "serial",
    LedgerRefusal.SERIAL_ELSEWHERE: "serial",
    LedgerRefusal.SAME_PLACE: "target",
    LedgerRefusal.LOCATION_CLOSED: "location",
    LedgerRefusal.PERIOD_CLOSED: "effective_at",
    LedgerRefusal.NEGATIVE_LATER: "effective_at",
    LedgerRefusal.NOT_ACCEPTED: "status",
    LedgerRefusal.ALREADY_REVERSED: "move_id",
}

# Where a command calls a field something else. A place is closed only when it is empty, so nothing leaves a closed one.
_CALLED: dict[type[Command] | type[None], dict[str, str]] = {
    AdjustStock: {"quantity": "difference"},
    MoveStock: {"location": "target"},
}

# Two-sided movements, and what takes back both sides.
_UNDONE_BY = {"conversion": "convert them back", "owner_change": "change the owner back"}


@dataclass(frozen=True, slots=True)
class Asks:
    """What a command asks of the ledger, and how it is answered and audited once that is done."""

    posting: Posting
    response: dict[str, Any]
    audit: Audit


def refusal_of(refused: Refused, command: Command | None = None) -> Refusal:
    """A refusal by the ledger as that of a one-movement command."""
    field = _FIELD_OF.get(refused.reason, "quantity")
    return Refusal(refused.reason, _CALLED.get(type(command), {}).get(field, field), refused.detail)


def post_or_refuse(
    conn: Conn, moves: Sequence[NewMove], circumstance: Circumstance, command: Command | None = None
) -> tuple[int, ...]:
    outcome = post(conn, moves, circumstance)
    if isinstance(outcome, Refused):
        refusal = refusal_of(outcome, command)
        raise Refuse(refusal.code, refusal.field, refusal.message)
    return outcome


def move_stock(conn: Conn, c: MoveStock, actor: Actor, request_id: UUID) -> Answer:
    places, units = (
        {"source": c.source, "target": c.target},
        {"source_unit": c.source_unit, "target_unit": c.target_unit},
    )
    named = find_stock(conn, c.item, c.lot, c.serial, places, units)
    _refuse_unstocked(named)
    asks = prepare_move(measured(conn, c, named.item), named, actor, request_id)
    moves = asks.posting.moves
    if c.to_status is not None:
        moves = tuple(with_its_tags(conn, move) for move in moves)
    post_or_refuse(conn, moves, asks.posting.circumstance, c)
    return asks.response, asks.audit


def prepare_move(c: MoveStock, named: StockNames, actor: Actor, request_id: UUID) -> Asks:
    """Of a command whose quantity is in the item's own unit. Raises Refuse."""
    _refuse_unstocked(named)
    _check_status(c, actor)
    move = NewMove(
        uuid5(request_id, "0"),
        "move",
        named.item.item_id,
        c.quantity,
        Place(named.locations["source"], named.units["source_unit"], c.status),
        Place(named.locations["target"], named.units["target_unit"], c.to_status or c.status),
        named.lot_id,
        named.serial_id,
        c.owner,
    )
    at = c.effective_at or named.now
    under = Circumstance(actor.name, at, actor.device, request_id=request_id, reason=c.reason)
    audit = Audit(after={"quantity": str(c.quantity)})
    return Asks(Posting(under, moves=(move,)), {"move_id": str(move.move_id)}, audit)


def _check_status(c: MoveStock, actor: Actor) -> None:
    """Goods become available by an inspection alone; who has the right may ask for another one."""
    status = c.to_status or c.status
    if status is c.status:
        return
    blocked = c.status is StockStatus.BLOCKED
    if status is StockStatus.AVAILABLE:
        fix = "put it into inspection, and decide that" if blocked else "decide its inspection"
        raise Refuse(LedgerRefusal.NOT_ACCEPTED, "to_status", f"stock in status {c.status}: {fix}")
    if blocked and not actor.rights.may(Permission.INSPECT):
        message = f"taking stock out of status {c.status} needs the permission {Permission.INSPECT.value!r}"
        raise Refuse(RefusalCode.FORBIDDEN, "to_status", message)


def _refuse_unstocked(named: StockNames) -> None:
    for field, kind in named.kinds.items():
        if kind not in STOCKED_KINDS:
            message = "goods enter and leave by documents or adjustments, not by a move"
            raise Refuse(RefusalCode.INVALID, field, message)


def move_whole_unit(conn: Conn, c: MoveUnit, actor: Actor, request_id: UUID) -> Answer:
    hu_id = find_id(conn, "select hu_id from handling_unit where code = %s", (c.unit,), "unit", c.unit)
    target = conn.execute("select location_id, kind from location where code = %s", (c.target,)).fetchone()
    if target is None:
        raise Refuse(RefusalCode.NOT_FOUND, "target", f"no location {c.target!r}")
    if target[1] not in STOCKED_KINDS:
        raise Refuse(RefusalCode.INVALID, "target", "goods enter and leave by documents or adjustments, not by a move")
    if unit_moves.place_of_unit(conn, hu_id) is None:
        raise Refuse(RefusalCode.WRONG_STATE, "unit", f"{c.unit} holds no stock")
    at = c.effective_at or database_now(conn)
    reason = c.reason or "unit moved"
    circumstance = Circumstance(actor.name, at, actor.device, request_id=request_id, reason=reason)
    made = unit_moves.move_unit(conn, hu_id, target[0], circumstance, request_id, "unit")
    if not made:
        raise Refuse(LedgerRefusal.SAME_PLACE, "target", f"{c.unit} is at {c.target} already")
    return {"unit": c.unit, "moves": [str(move_id) for move_id in made]}, Audit(after={"target": c.target})


def adjust_stock(conn: Conn, c: AdjustStock, actor: Actor, request_id: UUID) -> Answer:
    if c.difference == 0:
        raise Refuse(RefusalCode.INVALID, "difference", "a difference of 0 adjusts nothing")
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "an adjustment needs a reason")
    other_side = "SCRAP" if c.scrap and c.difference < 0 else "ADJUSTMENT"
    named = find_stock(conn, c.item, c.lot, c.serial, {"location": c.location, "other_side": other_side}, {})
    factor = find_factor(conn, named.item, c.uom) if c.uom is not None else Fraction(1)
    difference = to_base(named.item, c.difference, factor, "difference") if c.uom is not None else c.difference
    if difference > 0 and not named.item.active:
        raise Refuse(RefusalCode.WRONG_STATE, "item", f"{named.item.code} is retired")
    if c.unit_cost is not None and c.unit_cost < 0:
        raise Refuse(RefusalCode.INVALID, "unit_cost", "a cost cannot be negative")
    if difference > 0:
        check_owner(conn, c.owner)
    approval.refuse_adjustment(conn, named.item.item_id, abs(difference))
    here = Place(named.locations["location"], None, c.status)
    there = Place(named.locations["other_side"], None, c.status)
    source, target = (there, here) if c.difference > 0 else (here, there)
    move = NewMove(
        uuid5(request_id, "0"),
        "adjustment",
        named.item.item_id,
        abs(difference),
        source,
        target,
        named.lot_id,
        named.serial_id,
        c.owner,
        unit_cost=None if c.unit_cost is None else cost_in_base(c.unit_cost, factor),
    )
    at = c.effective_at or named.now
    if c.force and c.difference < 0:
        reservations.give_way(conn, move.key_at(here), move.quantity)
    post_or_refuse(conn, [move], Circumstance(actor.name, at, actor.device, request_id=request_id, reason=c.reason), c)
    return {"move_id": str(move.move_id)}, Audit(after={"difference": str(difference)})


def reverse_movement(conn: Conn, c: ReverseMovement, actor: Actor, request_id: UUID) -> Answer:
    """Undo a whole movement, dated now."""
    row = conn.execute(
        """select seq, kind, item_id, quantity, lot_id, serial_id, owner, line_id, line_role, from_location_id,
                  from_hu_id, from_status, to_location_id, to_hu_id, to_status, reverses
           from move where move_id = %s""",
        (c.move_id,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "move_id", f"no movement {c.move_id}")
    seq, kind, item_id, quantity, lot_id, serial_id, owner, line_id, line_role, *places, reverses = row
    if reverses is not None:
        raise Refuse(RefusalCode.WRONG_STATE, "move_id", "a reversal is not reversed: post anew")
    source = Place(places[3], places[4], StockStatus(places[5]))
    target = Place(places[0], places[1], StockStatus(places[2]))
    tags = tuple(
        MovedTag(epc, inferred, score)
        for epc, inferred, score in conn.execute(
            "select epc, inferred, score from move_tag where seq = %s order by epc", (seq,)
        )
    )
    move = NewMove(
        uuid5(request_id, "0"),
        "reversal",
        item_id,
        quantity,
        source,
        target,
        lot_id,
        serial_id,
        owner,
        line_id,
        LineRole(line_role),
        reverses=seq,
        tags=tags,
    )
    if kind in _UNDONE_BY:
        message = f"one side of it is not undone alone, goods would be there twice: {_UNDONE_BY[kind]}"
        raise Refuse(RefusalCode.WRONG_STATE, "move_id", message)
    if line_id is not None and line_role == LineRole.FULFIL:
        check_undone(conn, line_id, lot_id, serial_id, quantity)
    if line_id is not None and line_role == LineRole.SHIP:
        check_on_the_way(conn, line_id, (lot_id, serial_id), quantity, "move_id")
    at = database_now(conn)
    post_or_refuse(conn, [move], Circumstance(actor.name, at, actor.device, request_id=request_id, reason=c.reason))
    if line_id is not None:
        settle_lines(conn, [line_id], at)
    return {"move_id": str(move.move_id), "reverses": str(c.move_id)}, Audit(after={"reversed": str(c.move_id)})


def resolve_discrepancy(conn: Conn, c: ResolveDiscrepancy, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        "select state, held, at, passage_id, kind, portal from discrepancy where discrepancy_id = %s for update",
        (c.discrepancy_id,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "discrepancy_id", f"no discrepancy {c.discrepancy_id}")
    state, held, at, passage_id, kind, portal = row
    if state != "open":
        raise Refuse(RefusalCode.WRONG_STATE, "discrepancy_id", f"it is {state}")
    moves: list[NewMove] = []
    if c.resolution is Resolution.POST:
        if not held:
            raise Refuse(RefusalCode.WRONG_STATE, "resolution", f"{kind} holds no movements: only dismiss is possible")
        lines = kept_on_lines(conn, at_their_unit(conn, [decode_line(line) for line in held]))
        moves = to_moves(lines, c.discrepancy_id, "held")
        post_or_refuse(
            conn,
            moves,
            Circumstance(
                actor.name,
                database_now(conn),
                actor.device,
                at,
                passage_id,
                request_id,
                f"accepted: {kind}",
                short_life_agreed=True,
            ),
        )
        settle_lines(conn, [line.line_id for line in lines if line.line_id is not None], at)
        for line in lines:
            if line.target.hu_id is not None and line.source.hu_id is None:
                place = line.target.location_id
                after_receipt(conn, [line.target.hu_id], place, portal, c.discrepancy_id, at, actor, passage_id)
        after_loose_receipt(conn, [move.move_id for move in moves], portal, at, actor, passage_id)
    new_state = "posted" if c.resolution is Resolution.POST else "dismissed"
    conn.execute(
        """update discrepancy set state = %s, resolved_by = %s, resolved_at = now(), note = %s
           where discrepancy_id = %s""",
        (new_state, actor.name, c.note, c.discrepancy_id),
    )
    response = {
        "discrepancy_id": str(c.discrepancy_id),
        "state": new_state,
        "moves": [str(move.move_id) for move in moves],
    }
    return response, Audit({"state": state}, {"state": new_state, "note": c.note})


def close_period(conn: Conn, c: ClosePeriod, actor: Actor, request_id: UUID) -> Answer:
    # Postings that have written commit first; those that come later see the close (`refuse_closed_day`).
    conn.execute("select hold_movements()")
    last = conn.execute("select max(closed_through) from period_close").fetchone()
    if last is not None and last[0] is not None and c.through <= last[0]:
        raise Refuse(RefusalCode.WRONG_STATE, "through", f"closed through {last[0]} already")
    if c.through >= database_now(conn).astimezone(UTC).date():
        raise Refuse(RefusalCode.INVALID, "through", "only past days can be closed")
    undecided = conn.execute(
        "select count(*) from discrepancy where state = 'open' and held is not null and at::date <= %s", (c.through,)
    ).fetchone()
    if undecided is not None and undecided[0]:
        message = f"{undecided[0]} discrepancies up to {c.through} still hold movements: post or dismiss them"
        raise Refuse(RefusalCode.WRONG_STATE, "through", message)
    counting = conn.execute(
        "select number from count_sheet where status in ('counting', 'counted') and created_at::date <= %s limit 1",
        (c.through,),
    ).fetchone()
    if counting is not None:
        raise Refuse(RefusalCode.WRONG_STATE, "through", f"count {counting[0]} is not posted")
    conn.execute("insert into period_close (closed_through, closed_by) values (%s, %s)", (c.through, actor.name))
    return {"closed_through": c.through.isoformat()}, Audit(after={"closed_through": c.through.isoformat()})


HANDLERS: Handlers = {
    ResolveDiscrepancy: resolve_discrepancy,
    MoveStock: move_stock,
    MoveUnit: move_whole_unit,
    AdjustStock: adjust_stock,
    ReverseMovement: reverse_movement,
    ClosePeriod: close_period,
}
