"""Allocating stock to document lines: candidates read from the balances, chosen by `warehouse.removal`, then reserved.

Candidates are read without locks; reserving locks and checks. Who lost a race reads and chooses again, at most
ATTEMPTS_MAX times, after that the line gets nothing this time.
"""

from typing import Any
from uuid import UUID, uuid5

from warehouse.commands import Actor, AllocateLine, Audit, RefusalCode
from warehouse.ledger import BalanceKey, LedgerRefusal
from warehouse.postgres import reservations
from warehouse.postgres.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_location
from warehouse.postgres.stock import database_now
from warehouse.removal import Source, Taken, take, take_from_one, usable

ATTEMPTS_MAX = 10


def allocate_line(conn: Conn, c: AllocateLine, actor: Actor, request_id: UUID) -> Answer:
    """Reserve what the line still needs, as far as there is stock; the answer lists lines and what is short."""
    row = conn.execute(
        """select l.line_id, l.item_id, l.lot_id, d.status, k.direction,
                  l.quantity - l.fulfilled - coalesce((select sum(r.quantity) from reservation r
                                                       where r.line_id = l.line_id and r.state = 'pending'), 0)
           from document_line l join document d using (document_id) join document_kind k on k.kind = d.kind
           where d.kind = %s and d.number = %s and l.line_no = %s for update of l""",
        (c.kind, c.number, c.line_no),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "line_no", f"no {c.kind} {c.number!r} with a line {c.line_no}")
    line_id, item_id, lot_id, status, direction, need = row
    if status != "open" or direction != "out":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status} and goes {direction}")
    if need <= 0:
        raise Refuse(RefusalCode.WRONG_STATE, "line_no", "the line needs no more stock")
    now = database_now(conn)
    within = find_location(conn, c.location) if c.location is not None else None
    for attempt in range(ATTEMPTS_MAX):
        sources = usable(_sources(conn, item_id, lot_id, within), now.date(), c.remaining_days_min)
        taken = take_from_one(sources, need, c.order) if c.single_lot else take(sources, need, c.order)
        wanted = [
            reservations.Wanted(
                uuid5(request_id, f"{attempt}/{n}"), source.key, quantity, actor.name, line_id, c.expires_at
            )
            for n, (source, quantity) in enumerate(taken.lines)
        ]
        refused = reservations.reserve(conn, wanted, now) if wanted else None
        if refused is None:
            return _answer(taken, wanted), Audit(after={"line_no": c.line_no, "short": str(taken.short)})
        if refused.reason not in (LedgerRefusal.NOT_ENOUGH, LedgerRefusal.RESERVED):
            raise Refuse(refused.reason, "line_no", refused.detail)
    raise Refuse(LedgerRefusal.RESERVED, "line_no", "others took the stock first: ask again")


def _sources(conn: Conn, item_id: int, lot_id: int | None, within: int | None) -> list[Source]:
    rows = conn.execute(
        """with recursive tree (location_id, depth) as (
               select location_id, 0 from location where %(within)s::int is null or location_id = %(within)s
               union all select l.location_id, t.depth + 1 from location l join tree t on l.parent_id = t.location_id
               where %(within)s::int is not null and t.depth < 10)
           select b.item_id, b.lot_id, b.serial_id, b.location_id, b.hu_id, b.owner, b.status,
                  b.on_hand - b.reserved, b.first_in_at, l.code, lo.code, lo.expires_on
           from balance b join location l using (location_id) left join lot lo on lo.lot_id = b.lot_id
           where b.item_id = %(item)s and (%(lot)s::bigint is null or b.lot_id = %(lot)s) and b.status = 'available'
             and b.on_hand > b.reserved and l.kind = 'internal' and not l.closed and not coalesce(lo.blocked, false)
             and b.location_id in (select location_id from tree)
           order by b.balance_id""",
        {"item": item_id, "lot": lot_id, "within": within},
    )
    return [
        Source(BalanceKey(*row[:7]), row[7], row[8], row[9], row[10], row[11], package=row[4] is not None)
        for row in rows
    ]


def _answer(taken: Taken, wanted: list[reservations.Wanted]) -> dict[str, Any]:
    return {
        "reservations": [
            {
                "reservation_id": str(w.reservation_id),
                "location": source.zone,
                "lot": source.lot,
                "quantity": str(quantity),
            }
            for w, (source, quantity) in zip(wanted, taken.lines, strict=True)
        ],
        "short": str(taken.short),
    }


HANDLERS: Handlers = {
    AllocateLine: allocate_line,
}
