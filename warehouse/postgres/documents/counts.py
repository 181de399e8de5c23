"""Count sheets: made from the balances, counted line by line while the store moves, posted as differences."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import psycopg

from warehouse.commands import (
    Actor,
    Audit,
    CancelCount,
    CountChoice,
    CountMethod,
    EnterCount,
    PostCount,
    RefusalCode,
    StartCount,
)
from warehouse.counting import ZERO, Counted, CountProblem, Tolerance, difference
from warehouse.ledger import BalanceKey, Circumstance, NewMove, Place, StockStatus
from warehouse.postgres.books import balances, reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.measures import measured
from warehouse.postgres.clock import database_now
from warehouse.postgres.control import approval
from warehouse.postgres.documents.count_lines import make_lines
from warehouse.postgres.documents.count_tolerances import tolerance_at
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import (
    Refuse,
    check_owner,
    find_id,
    find_item,
    find_location,
    find_lot,
    find_serial,
    item_by_id,
)
from warehouse.valuation import rounded

RECOUNTS_MAX = 9
# Lines of one sheet; a larger count is several sheets, which several people can do at once anyway.
LINES_MAX = 10_000


def start(conn: Conn, c: StartCount, actor: Actor, request_id: UUID) -> Answer:
    if not c.locations and not c.items:
        raise Refuse(RefusalCode.INVALID, "locations", "a count names places, items or both")
    places = [find_location(conn, code, f"locations.{n}") for n, code in enumerate(c.locations)]
    items = [find_item(conn, code, f"items.{n}").item_id for n, code in enumerate(c.items)]
    if not 1 <= c.sample <= LINES_MAX:
        raise Refuse(RefusalCode.INVALID, "sample", f"has to be 1 to {LINES_MAX}")
    if not 0 <= c.recounts <= RECOUNTS_MAX:
        raise Refuse(RefusalCode.INVALID, "recounts", f"has to be 0 to {RECOUNTS_MAX}")
    if c.tolerance_value is not None and c.tolerance_value < 0:
        raise Refuse(RefusalCode.INVALID, "tolerance_value", "cannot be negative")
    percent, quantity = c.tolerance_percent, c.tolerance_quantity
    if (percent, quantity, c.tolerance_value) != (None, None, None):  # its own: what it does not say is nothing
        percent, quantity = percent or ZERO, quantity or ZERO
    try:
        with conn.transaction():
            row = conn.execute(
                """insert into count_sheet (number, blind, tolerance_percent, tolerance_quantity, tolerance_value,
                                            recounts, choice, seed, created_by)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, %s) returning count_id, created_at""",
                (c.number, c.blind, percent, quantity, c.tolerance_value, c.recounts, c.choice, c.seed, actor.name),
            ).fetchone()  # fmt: skip
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, "number", f"a count {c.number!r} exists") from None
    except psycopg.errors.CheckViolation:
        raise Refuse(RefusalCode.INVALID, "number", "a count needs a number and tolerances of 0 or more") from None
    assert row is not None
    lines = make_lines(conn, row[0], c.choice, places, items, sample=c.sample, seed=c.seed, now=row[1], limit=LINES_MAX)
    if lines == 0 and c.choice is not CountChoice.ALL:
        raise Refuse(RefusalCode.WRONG_STATE, "choice", "nothing there is to be counted now")
    if lines > LINES_MAX:
        raise Refuse(RefusalCode.INVALID, "locations", f"more than {LINES_MAX} lines: make several counts")
    return {"number": c.number, "lines": lines}, Audit(after={"lines": lines})


def enter(conn: Conn, c: EnterCount, actor: Actor, request_id: UUID) -> Answer:
    """Remembers the book of this moment, so that what moves before and after the counting does not confuse it."""
    count_id = lock_sheet(conn, c.number, ("counting", "counted"))
    if c.quantity < 0:
        raise Refuse(RefusalCode.INVALID, "quantity", "a count cannot be negative")
    line_no = c.line_no if c.line_no is not None else _found_beside(conn, count_id, c)
    key = _key(conn, count_id, line_no)
    item = item_by_id(conn, key.item_id)
    c = measured(conn, c, item)
    if c.quantity != round(c.quantity, item.decimals):
        raise Refuse(RefusalCode.INVALID, "quantity", f"the unit has {item.decimals} decimals")
    enter_line(conn, count_id, line_no, c.quantity, actor, c.method, c.reason)
    settle_sheet(conn, count_id)
    return {"number": c.number, "line_no": line_no}, Audit(after={"line_no": line_no, "counted": str(c.quantity)})


def enter_line(
    conn: Conn, count_id: int, line_no: int, quantity: Decimal, actor: Actor, method: CountMethod, reason: str
) -> None:
    """What was counted, with the book and the tolerance of this moment."""
    key = _key(conn, count_id, line_no)
    book, seq = _book(conn, key)
    tolerance = tolerance_at(conn, count_id, key.location_id)
    conn.execute(
        """update count_line set expected = %s, snapshot_seq = %s, counted = %s, counted_by = %s, counted_at = now(),
               counts = counts + 1, first_counted = coalesce(first_counted, %s), method = %s,
               counters = case when %s = any(counters) then counters else counters || %s::text end,
               reason = case when %s <> '' then %s else reason end,
               tolerance_percent = %s, tolerance_quantity = %s, tolerance_value = %s
           where count_id = %s and line_no = %s""",
        (
            book,
            seq,
            quantity,
            actor.name,
            quantity,
            method,
            actor.name,
            actor.name,
            reason,
            reason,
            tolerance.percent,
            tolerance.quantity,
            tolerance.value,
            count_id,
            line_no,
        ),
    )


def settle_sheet(conn: Conn, count_id: int) -> None:
    """Counted when every line is."""
    conn.execute(
        """update count_sheet s set status = case when exists (
               select from count_line l where l.count_id = s.count_id and l.counted is null) then 'counting'
               else 'counted' end where count_id = %s""",
        (count_id,),
    )


def post_count(conn: Conn, c: PostCount, actor: Actor, request_id: UUID) -> Answer:
    """All lines or none: a line that may not be posted refuses the sheet and says which."""
    count_id = lock_sheet(conn, c.number, ("counted",))
    sheet = conn.execute("select recounts from count_sheet where count_id = %s", (count_id,)).fetchone()
    assert sheet is not None
    lines = conn.execute(
        """select line_no, expected, snapshot_seq, counted, counters, x.item_id, x.lot_id, x.serial_id, location_id,
                  hu_id, owner, status, counts, reason, coalesce(p.value / nullif(p.quantity, 0), i.standard_cost),
                  coalesce(tolerance_percent, 0), coalesce(tolerance_quantity, 0), tolerance_value
           from count_line x join item i using (item_id)
           left join value_pool p on p.item_id = x.item_id
                and p.lot_id is not distinct from case i.tracking when 'lot' then x.lot_id end
                and p.serial_id is not distinct from case i.tracking when 'serial' then x.serial_id end
           where count_id = %s order by line_no""",
        (count_id,),
    ).fetchall()
    keys = [BalanceKey(*line[5:12]) for line in lines]
    balances.lock(conn, sorted(keys, key=balances.sort_key))
    loss = find_location(conn, "COUNT-LOSS")
    moves = []
    posted = []
    given_way = Decimal(0)
    for line, key in zip(lines, keys, strict=True):
        line_no, expected, snapshot_seq, counted, counters = line[:5]
        counts, line_reason, unit_cost = line[12:15]
        tolerance = Tolerance(*line[15:])
        book, seq = _book(conn, key)
        approver = c.approve and actor.name not in counters
        cost = unit_cost if unit_cost is not None else Decimal(0)
        seen = Counted(expected, counted, book, seq != snapshot_seq, cost, counts, sheet[0])
        change = difference(seen, tolerance, keep_count=c.keep_count, approver=approver)
        if isinstance(change, CountProblem):
            raise _refusal(change, line_no, own=c.approve and not approver, expected=expected, book=book)
        within = tolerance.allows(book if seen.moved else expected, counted, cost)
        limits = approval.adjustment_limits(conn, key.item_id, abs(change)) if change else None
        if limits is not None and not approver:
            raise _unapproved(line_no, limits, own=c.approve)
        reason = line_reason or c.reason
        if not within and not reason:
            raise Refuse(RefusalCode.INVALID, "reason", f"line {line_no} is beyond the tolerance: say why")
        if change != 0:
            here = Place(key.location_id, key.hu_id, StockStatus(key.status))
            there = Place(loss, None, StockStatus(key.status))
            source, target = (there, here) if change > 0 else (here, there)
            if change < 0:  # what is not there is nobody's
                given_way += reservations.give_way(conn, key, -change)
            moves.append(
                NewMove(
                    uuid5(request_id, str(line_no)),
                    "count",
                    key.item_id,
                    abs(change),
                    source,
                    target,
                    key.lot_id,
                    key.serial_id,
                    key.owner,
                )
            )
        worth = None if unit_cost is None else rounded(change * unit_cost)
        approved_by = None if within and limits is None else actor.name
        posted.append((change, unit_cost, worth, approved_by, reason, count_id, line_no))
    if moves:
        reason = f"count {c.number}"
        at = c.effective_at or database_now(conn)
        post_or_refuse(conn, moves, Circumstance(actor.name, at, actor.device, request_id=request_id, reason=reason))
    with conn.cursor() as cursor:
        cursor.executemany(
            """update count_line set difference = %s, unit_cost = %s, value_difference = %s, approved_by = %s,
                   reason = %s
               where count_id = %s and line_no = %s""",
            posted,
        )
    conn.execute(
        "update count_sheet set status = 'posted', posted_by = %s, posted_at = now() where count_id = %s",
        (actor.name, count_id),
    )
    differences = [{"line_no": row[-1], "difference": str(row[0])} for row in posted if row[0] != 0]
    response = {"number": c.number, "differences": differences, "reservations_lost": f"{given_way.normalize():f}"}
    return response, Audit(after={"differences": len(differences), "reservations_lost": response["reservations_lost"]})


def cancel(conn: Conn, c: CancelCount, actor: Actor, request_id: UUID) -> Answer:
    count_id = lock_sheet(conn, c.number, ("counting", "counted"))
    conn.execute("update count_sheet set status = 'cancelled' where count_id = %s", (count_id,))
    return {"number": c.number, "status": "cancelled"}, Audit(after={"status": "cancelled", "reason": c.reason})


def _unapproved(line_no: int, limits: str, *, own: bool) -> Refuse:
    """A difference that is an adjustment like any other."""
    if own:
        message = f"who counted line {line_no} cannot approve its difference"
        return Refuse(RefusalCode.OWN_REQUEST, f"lines.{line_no}", message)
    message = f"line {line_no}: adjustments from {limits} on need approval"
    return Refuse(RefusalCode.NEEDS_APPROVAL, f"lines.{line_no}", message)


def _refusal(problem: CountProblem, line_no: int, *, own: bool, expected: Decimal, book: Decimal) -> Refuse:
    field = f"lines.{line_no}"
    match problem:
        case CountProblem.NOT_COUNTED:
            return Refuse(RefusalCode.WRONG_STATE, field, f"line {line_no} is not counted")
        case CountProblem.MOVED_SINCE:
            message = (
                f"line {line_no} moved after it was counted (book {expected} then, {book} now): recount it or keep it"
            )
            return Refuse(RefusalCode.COUNT_CONFLICT, field, message)
        case CountProblem.RECOUNT_NEEDED:
            message = f"line {line_no} differs by more than the tolerance: count it again"
            return Refuse(RefusalCode.RECOUNT_NEEDED, field, message)
        case _:
            if own:
                return Refuse(
                    RefusalCode.OWN_REQUEST, field, f"who counted line {line_no} cannot approve its difference"
                )
            return Refuse(RefusalCode.BEYOND_TOLERANCE, field, f"line {line_no} differs by more than the tolerance")


def _found_beside(conn: Conn, count_id: int, c: EnterCount) -> int:
    """A line for stock the books do not have there; or the line that has it."""
    if c.item is None or c.location is None:
        raise Refuse(RefusalCode.INVALID, "line_no", "name a line of the sheet, or an item and a location")
    item = find_item(conn, c.item)
    lot_id, serial_id = find_lot(conn, item, c.lot), find_serial(conn, item, c.serial)
    check_owner(conn, c.owner)
    key = (item.item_id, lot_id, serial_id, find_location(conn, c.location), None, c.owner, str(c.status))
    return find_or_make_line(conn, count_id, key)


def find_or_make_line(conn: Conn, count_id: int, key: tuple[Any, ...]) -> int:
    """The line of a balance key; made with nothing expected where the sheet has none."""
    conn.execute(
        """insert into count_line (count_id, line_no, item_id, lot_id, serial_id, location_id, hu_id, owner, status,
                                   expected, snapshot_seq)
           select %s, (select coalesce(max(line_no), 0) + 1 from count_line where count_id = %s),
                  %s, %s, %s, %s, %s, %s, %s, 0, 0
           on conflict (count_id, item_id, lot_id, serial_id, location_id, hu_id, owner, status) do nothing""",
        (count_id, count_id, *key),
    )
    return find_id(
        conn,
        """select line_no from count_line where count_id = %s and item_id = %s and lot_id is not distinct from %s
           and serial_id is not distinct from %s and location_id = %s and hu_id is not distinct from %s
           and owner = %s and status = %s""",
        (count_id, *key),
        "line_no",
        "",
    )


def lock_sheet(conn: Conn, number: str, states: tuple[str, ...]) -> int:
    row = conn.execute("select count_id, status from count_sheet where number = %s for update", (number,)).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "number", f"no count {number!r}")
    if row[1] not in states:
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"count {number} is {row[1]}")
    return int(row[0])


def _key(conn: Conn, count_id: int, line_no: int) -> BalanceKey:
    row = conn.execute(
        """select item_id, lot_id, serial_id, location_id, hu_id, owner, status from count_line
           where count_id = %s and line_no = %s""",
        (count_id, line_no),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "line_no", f"the count has no line {line_no}")
    return BalanceKey(*row)


def _book(conn: Conn, key: BalanceKey) -> tuple[Decimal, int]:
    """On hand and the last movement's seq; a balance that is gone has the seq of what emptied it."""
    row = conn.execute(
        """select coalesce(sum(case when side = 'in' then quantity else -quantity end), 0), coalesce(max(seq), 0) from (
               select seq, quantity, 'in' as side from move
               where item_id = %(item)s and to_location_id = %(loc)s and lot_id is not distinct from %(lot)s
                 and serial_id is not distinct from %(serial)s and to_hu_id is not distinct from %(hu)s
                 and owner = %(owner)s and to_status = %(status)s
               union all
               select seq, quantity, 'out' from move
               where item_id = %(item)s and from_location_id = %(loc)s and lot_id is not distinct from %(lot)s
                 and serial_id is not distinct from %(serial)s and from_hu_id is not distinct from %(hu)s
                 and owner = %(owner)s and from_status = %(status)s) m""",
        {
            "item": key.item_id,
            "lot": key.lot_id,
            "serial": key.serial_id,
            "loc": key.location_id,
            "hu": key.hu_id,
            "owner": key.owner,
            "status": key.status,
        },
    ).fetchone()
    assert row is not None
    return row[0], row[1]


HANDLERS: Handlers = {
    StartCount: start,
    EnterCount: enter,
    PostCount: post_count,
    CancelCount: cancel,
}
