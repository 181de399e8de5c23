"""Issuing all components of a work order at once: what is reserved for each line first, then by the rules of removal.

For `sets` of the product a component gives its share, rounded up to its unit, and never more than it still asks for;
what stands in for it gives the rest, at its ratio.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid5

from warehouse.bom import rounded_up
from warehouse.commands import Actor, Audit, IssueKit, RefusalCode
from warehouse.ledger import BalanceKey, Circumstance, NewMove, Place, StockStatus
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.documents.candidates import choose_stock
from warehouse.postgres.documents.removal_rules import strategy_of
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.loads.posting import settle_lines
from warehouse.postgres.naming import Refuse, find_location

Short = list[dict[str, Any]]


def issue_kit(conn: Conn, c: IssueKit, actor: Actor, request_id: UUID) -> Answer:
    within = find_location(conn, c.location) if c.location is not None else None
    at = c.effective_at or database_now(conn)
    moves, short = issue_for(conn, c.number, c.quantity, within, at, actor, request_id, "kit", partial=c.partial)
    if short and not c.partial:
        missing = ", ".join(f"{line['missing']} {line['item']}" for line in short)
        raise Refuse(RefusalCode.SHORT, "quantity", f"missing for it: {missing}")
    response = {"number": c.number, "moves": [str(move.move_id) for move in moves], "short": short}
    return response, Audit(after={"quantity": str(c.quantity), "moves": len(moves), "short": len(short)})


def issue_for(
    conn: Conn,
    number: str,
    sets: Decimal,
    within: int | None,
    at: datetime,
    actor: Actor,
    request_id: UUID,
    reason: str,
    *,
    partial: bool = False,
) -> tuple[list[NewMove], Short]:
    """Post the components for `sets`; the movements, and per line what is short. When short and not `partial`,
    nothing is posted.
    """
    order = conn.execute(
        """select w.quantity, w.issue_document_id, d.status, p.location_id from work_order w
           join document d on d.document_id = w.issue_document_id join document_kind k on k.kind = d.kind
           join location p on p.code = k.counterpart where w.number = %s for update of d""",
        (number,),
    ).fetchone()
    if order is None:
        raise Refuse(RefusalCode.NOT_FOUND, "number", f"no work order {number!r}")
    ordered, document_id, status, counterpart_id = order
    if status != "open":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"the components of {number} are {status}")
    if not 0 < sets <= ordered:
        raise Refuse(RefusalCode.INVALID, "quantity", f"{number} is for {ordered.normalize():f}, not {sets}")
    moves: list[NewMove] = []
    short: Short = []
    used: dict[BalanceKey, Decimal] = {}
    lines = conn.execute(
        """select l.line_id, l.line_no, l.item_id, i.code, i.decimals, l.lot_id, l.owner, l.quantity, l.fulfilled,
                  l.substitutes_line_id, coalesce(s.ratio_num, 1), coalesce(s.ratio_den, 1)
           from document_line l join item i using (item_id)
           left join bom_substitute s on s.bom_id = l.bom_id and s.line_no = l.bom_line_no and s.item_id = l.item_id
           where l.document_id = %s order by l.line_id for update of l""",
        (document_id,),
    ).fetchall()
    needs = _needs(
        [_Line(row[0], row[4], row[7], row[8], row[9], Fraction(row[10], row[11])) for row in lines], sets, ordered
    )
    for line_id, line_no, item_id, code, _, lot_id, owner, *_ in lines:
        need = needs[line_id]
        taken, missing = _take(conn, line_id, item_id, lot_id, owner, need, within, at, used)
        for key, quantity in taken:
            source = Place(key.location_id, key.hu_id, StockStatus(key.status))
            move_id = uuid5(request_id, f"{reason}/{line_no}/{len(moves)}")
            moves.append(
                NewMove(move_id, "work_order_issue", item_id, quantity, source, Place(counterpart_id), key.lot_id,
                        key.serial_id, key.owner, line_id)
            )  # fmt: skip
        if missing > 0:
            short.append({"line_no": line_no, "item": code, "missing": f"{missing.normalize():f}"})
    if (short and not partial) or not moves:
        return [], short
    post_or_refuse(conn, moves, Circumstance(actor.name, at, actor.device, request_id=request_id, reason=reason))
    settle_lines(conn, [move.line_id for move in moves if move.line_id is not None], at)
    return moves, short


@dataclass(frozen=True, slots=True)
class _Line:
    """A component, or what stands in for one; `ratio` of it for one of what the bill says."""

    line_id: int
    decimals: int
    asked: Decimal
    fulfilled: Decimal
    stands_for: int | None
    ratio: Fraction


def _needs(lines: Sequence[_Line], sets: Decimal, ordered: Decimal) -> dict[int, Decimal]:
    """What each line gives for the sets: a component first, then what stands in for it, for what it does not give."""
    roots: dict[int, int] = {}
    groups: dict[int, list[_Line]] = {}
    for line in sorted(lines, key=lambda one: one.line_id):  # what stands in was added later
        root = line.line_id if line.stands_for is None else roots.get(line.stands_for, line.line_id)
        roots[line.line_id] = root
        groups.setdefault(root, []).append(line)
    needs: dict[int, Decimal] = {}
    for group in groups.values():
        whole = sum((Fraction(line.asked) / line.ratio for line in group), Fraction(0))
        left = whole * Fraction(sets) / Fraction(ordered)
        for line in group:
            asks = rounded_up(left * line.ratio, line.decimals)
            needs[line.line_id] = min(asks, max(line.asked - line.fulfilled, Decimal(0)))
            left = max(left - Fraction(needs[line.line_id]) / line.ratio, Fraction(0))
    return needs


def _take(
    conn: Conn,
    line_id: int,
    item_id: int,
    lot_id: int | None,
    owner: str,
    need: Decimal,
    within: int | None,
    at: datetime,
    used: dict[BalanceKey, Decimal],
) -> tuple[list[tuple[BalanceKey, Decimal]], Decimal]:
    """From what is reserved for the line, then from what is free and not `used` by a line before."""
    taken: dict[BalanceKey, Decimal] = {}
    for *key, quantity in conn.execute(
        """select item_id, lot_id, serial_id, location_id, hu_id, owner, status, quantity from reservation
           where line_id = %s and state = 'pending' order by created_at, reservation_id""",
        (line_id,),
    ):
        part = min(quantity, need)
        if part > 0:
            own = BalanceKey(*key)
            taken[own] = taken.get(own, Decimal(0)) + part
            need -= part
    if need > 0:
        strategy = strategy_of(conn, line_id)
        day = at.astimezone(UTC).date()
        chosen = choose_stock(conn, item_id, need, strategy, day, owner=owner, lot_id=lot_id, within=within, used=used)
        for source, quantity in chosen.lines:
            taken[source.key] = taken.get(source.key, Decimal(0)) + quantity
            used[source.key] = used.get(source.key, Decimal(0)) + quantity
        need = chosen.short
    return list(taken.items()), need


HANDLERS: Handlers = {
    IssueKit: issue_kit,
}
