"""Allocating stock to document lines: candidates read from the balances, chosen by `warehouse.removal`, then reserved.

Candidates are read without locks; reserving locks and checks. Who lost a race reads and chooses again, at most
ATTEMPTS_MAX times, after that the line gets nothing this time.
"""

from typing import Any
from uuid import UUID, uuid5

from warehouse.commands import Actor, AllocateLine, Audit, RefusalCode
from warehouse.ledger import LedgerRefusal, Wanted
from warehouse.postgres.books import reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.documents.candidates import choose_stock
from warehouse.postgres.documents.removal_rules import Strategy, strategy_of
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_location, find_lot, find_serial, item_by_id
from warehouse.removal import Taken

ATTEMPTS_MAX = 10


def allocate_line(conn: Conn, c: AllocateLine, actor: Actor, request_id: UUID) -> Answer:
    """Reserve what the line still needs, as far as there is stock; the answer lists lines and what is short."""
    row = conn.execute(
        """select l.line_id, l.item_id, l.lot_id, l.owner, d.status, k.direction,
                  l.quantity - l.fulfilled - coalesce((select sum(r.quantity) from reservation r
                                                       where r.line_id = l.line_id and r.state = 'pending'), 0)
           from document_line l join document d using (document_id) join document_kind k on k.kind = d.kind
           where d.kind = %s and d.number = %s and l.line_no = %s for update of l""",
        (c.kind, c.number, c.line_no),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "line_no", f"no {c.kind} {c.number!r} with a line {c.line_no}")
    line_id, item_id, lot_id, owner, status, direction, need = row
    if status != "open" or direction != "out":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status} and goes {direction}")
    if need <= 0:
        raise Refuse(RefusalCode.WRONG_STATE, "line_no", "the line needs no more stock")
    now = database_now(conn)
    ruled = strategy_of(conn, line_id)
    days = ruled.rule_days_min if c.remaining_days_min is None else c.remaining_days_min
    strategy = Strategy(
        c.order or ruled.order,
        max(days, ruled.insisted_days_min),  # what the partner insists on is not for who allocates to waive
        ruled.single_lot if c.single_lot is None else c.single_lot,
        zones=ruled.zones if c.order is None and not c.single_lot else (),
    )
    item = item_by_id(conn, item_id)
    named_lot, serial_id = find_lot(conn, item, c.lot), find_serial(conn, item, c.serial)
    if named_lot is not None and lot_id not in (None, named_lot):
        raise Refuse(RefusalCode.INVALID, "lot", "the line names another lot")
    within, near = (find_location(conn, x, f) if x else None for x, f in ((c.location, "location"), (c.near, "near")))
    for attempt in range(ATTEMPTS_MAX):
        taken = choose_stock(
            conn, item_id, need, strategy, now.date(),
            owner=owner, lot_id=named_lot or lot_id, serial_id=serial_id, within=within, near=near,
        )  # fmt: skip
        wanted = [
            Wanted(uuid5(request_id, f"{attempt}/{n}"), source.key, quantity, actor.name, line_id, c.expires_at)
            for n, (source, quantity) in enumerate(taken.lines)
        ]
        refused = reservations.reserve(conn, wanted, now) if wanted else None
        if refused is None:
            return _answer(taken, wanted), Audit(after={"line_no": c.line_no, "short": str(taken.short)})
        if refused.reason not in (LedgerRefusal.NOT_ENOUGH, LedgerRefusal.RESERVED):
            raise Refuse(refused.reason, "line_no", refused.detail)
    raise Refuse(LedgerRefusal.RESERVED, "line_no", "others took the stock first: ask again")


def _answer(taken: Taken, wanted: list[Wanted]) -> dict[str, Any]:
    return {
        "reservations": [
            {
                "reservation_id": str(w.reservation_id),
                "location": source.place,
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
