"""What a document line answers to: the order a receipt is for, the issue a return undoes. How much it still takes.

A line can take no more than its source has left (`line_room` in the database): of an order, what was ordered with its
tolerance; of anything else what truly moved on it, so that a return never brings back more than went out. Lines and
their sources are locked in one order before the room is read.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal

from warehouse.commands import RefusalCode
from warehouse.commands.documents import LineName
from warehouse.fulfilment import ALIKE, PostLine, WentKey, went_key
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.naming import NamedItem, Refuse

# Which kinds a document's lines may name as their source. Kinds that are not here may name none.
SOURCES: dict[str, tuple[str, ...]] = {
    "purchase_receipt": ("purchase_order",),
    "production_return": ("work_order_issue",),
    "change_return": ("work_order_issue",),
    "customer_return": ("delivery",),
    "vendor_return": ("purchase_receipt",),
}


def find_source(conn: Conn, source: LineName | None, item: NamedItem, kind: str, owner: str, field: str) -> int | None:
    """The source line's id, of the same item and owner and of a kind that `kind` can answer to."""
    if source is None:
        return None
    allowed = SOURCES.get(kind, ())
    if source.kind not in allowed:
        said = f"one of {', '.join(allowed)}" if allowed else "none"
        raise Refuse(RefusalCode.INVALID, f"{field}.kind", f"the source of a {kind} is {said}, not {source.kind!r}")
    row = conn.execute(
        """select l.line_id, l.item_id, d.status, l.owner from document_line l join document d using (document_id)
           where d.kind = %s and d.number = %s and l.line_no = %s for update of l""",
        (source.kind, source.number, source.line_no),
    ).fetchone()
    if row is None:
        what = f"no {source.kind} {source.number!r} with a line {source.line_no}"
        raise Refuse(RefusalCode.NOT_FOUND, f"{field}.number", what)
    if row[1] != item.item_id:
        raise Refuse(RefusalCode.INVALID, field, f"that line is not of {item.code}")
    if row[3] != owner:
        raise Refuse(RefusalCode.INVALID, field, f"that line is of goods of {row[3] or 'our own'}")
    if source.kind == "purchase_order" and row[2] not in ("open", "complete"):
        raise Refuse(RefusalCode.WRONG_STATE, f"{field}.number", f"{source.number} is {row[2]}")
    return int(row[0])


def check_source(conn: Conn, source_id: int, field: str) -> None:
    """Refuse a line, just added, with which its source is answered beyond what it gives.

    Of lines that are over only what was moved counts, of open ones all they ask for.
    """
    row = conn.execute(
        """select case k.direction when 'plan' then s.quantity * (1 + e.over_percent / 100) else s.fulfilled end,
                  (select coalesce(sum(case when d.status in ('closed', 'cancelled') then l.fulfilled
                                            else greatest(l.quantity, l.fulfilled) end), 0)
                   from document_line l join document d using (document_id) where l.source_line_id = s.line_id)
           from document_line s join document e using (document_id) join document_kind k on k.kind = e.kind
           where s.line_id = %s""",
        (source_id,),
    ).fetchone()
    assert row is not None
    gives, asked = row
    if asked > gives:
        message = f"its source gives {gives.normalize():f}, and {asked.normalize():f} are asked for with this line"
        raise Refuse(RefusalCode.OVER, field, message)


def check_goods(conn: Conn, line_id: int, lot_id: int | None, serial_id: int | None, quantity: Decimal) -> None:
    """Refuse goods on a return that did not move on the line it undoes, or are back already. The lines are locked.

    Goods without lot and serial are all alike: of those the line's room tells.
    """
    left = _left_to_answer(conn, line_id, went_key(lot_id, serial_id))
    if left is None or left >= quantity:
        return
    field = "serial" if serial_id is not None else "lot"
    message = f"of these goods {left.normalize():f} went on the line it answers to and are not back, not {quantity}"
    raise Refuse(RefusalCode.WRONG_GOODS, field, message)


def kept_on_lines(conn: Conn, lines: Sequence[PostLine]) -> list[PostLine]:
    """What a person accepts of a load, the lines of returns left out where goods did not go on what they answer to, or
    are back: what came is here, and a return brings back nothing else. Locks those lines.
    """
    lock_lines(conn, {line.line_id for line in lines if line.line_id is not None})
    result: list[PostLine] = []
    taken: dict[tuple[int, WentKey], Decimal] = {}
    for line in lines:
        left = None
        if line.line_id is not None:
            key = went_key(line.lot_id, line.serial_id)
            left = _left_to_answer(conn, line.line_id, key)
            if left is not None:
                so_far = taken.get((line.line_id, key), Decimal(0)) + line.quantity
                if so_far <= left:
                    taken[line.line_id, key] = so_far
                else:
                    line = replace(line, line_id=None, document_id=None)
        result.append(line)
    return result


def _left_to_answer(conn: Conn, line_id: int, key: WentKey) -> Decimal | None:
    """What of these goods is still to come back on the line; None where it answers to nothing that moved goods."""
    if key == ALIKE:
        return None
    row = conn.execute("select source_line_id from document_line where line_id = %s", (line_id,)).fetchone()
    if row is None or row[0] is None:
        return None
    left = went(conn, [row[0]], [key]).get(row[0])
    return None if left is None else left.get(key, Decimal(0))


def check_undone(conn: Conn, line_id: int, lot_id: int | None, serial_id: int | None, quantity: Decimal) -> None:
    """Refuse to undo what a return has undone: goods would be there twice. Locks the line."""
    why = undone_already(conn, line_id, lot_id, serial_id, quantity)
    if why is not None:
        raise Refuse(RefusalCode.WRONG_STATE, "move_id", why)


def undone_already(
    conn: Conn, line_id: int, lot_id: int | None, serial_id: int | None, quantity: Decimal
) -> str | None:
    """Why a movement on this line is not undone: what of it is back, in words. Locks the line."""
    conn.execute("select 1 from document_line where line_id = %s for update", (line_id,))
    back = conn.execute(
        """select d.kind, d.number from document_line l join document d using (document_id)
           where l.source_line_id = %s and l.fulfilled > 0 order by l.line_id limit 1""",
        (line_id,),
    ).fetchone()
    if back is None:
        return None
    key = went_key(lot_id, serial_id)
    left = went(conn, [line_id], [key]).get(line_id, {}).get(key, Decimal(0))
    if left >= quantity:
        return None
    return f"goods of it came back on {back[0]} {back[1]}: {left.normalize():f} are left, reverse that one first"


def check_on_the_way(
    conn: Conn, line_id: int, goods: tuple[int | None, int | None], quantity: Decimal, field: str
) -> None:
    """Refuse to take more of a lot and serial out of transit than this line of a transfer brought there.

    Transit is one place: what else is there is another transfer's. Locks the line.
    """
    conn.execute("select 1 from document_line where line_id = %s for update", (line_id,))
    row = conn.execute(
        """select coalesce(sum(case when t.kind = 'transit' then m.quantity else -m.quantity end), 0)
           from move m join location t on t.location_id = m.to_location_id
           where m.line_id = %s and m.lot_id is not distinct from %s and m.serial_id is not distinct from %s""",
        (line_id, *goods),
    ).fetchone()
    assert row is not None
    if row[0] < quantity:
        code = RefusalCode.WRONG_STATE if field == "move_id" else RefusalCode.WRONG_GOODS
        raise Refuse(code, field, f"{row[0].normalize():f} of these goods of this line are in transit, not {quantity}")


def went(conn: Conn, sources: Collection[int], goods: Collection[WentKey]) -> dict[int, dict[WentKey, Decimal]]:
    """By source line, what of these goods moved on it and no line that answers to it brought back. Orders are left out:
    nothing moves on them.
    """
    lots, serials = [lot or 0 for lot, _ in goods], [serial or 0 for _, serial in goods]
    found: dict[int, dict[WentKey, Decimal]] = {}
    for source_id, lot_id, serial_id, left in conn.execute(
        """select s.line_id, case when m.serial_id is null then m.lot_id end, m.serial_id,
                  sum(l.sign * case when m.reverses is null then m.quantity else -m.quantity end)
           from document_line s join document e on e.document_id = s.document_id
           join document_kind k on k.kind = e.kind and k.direction <> 'plan'
           cross join lateral (
               select s.line_id, 1 as sign
               union all select x.line_id, -1 from document_line x where x.source_line_id = s.line_id) l
           left join move m on m.line_id = l.line_id
                and (case when m.serial_id is null then coalesce(m.lot_id, 0) else 0 end, coalesce(m.serial_id, 0))
                    in (select * from unnest(%s::bigint[], %s::bigint[]))
           where s.line_id = any(%s) group by 1, 2, 3""",
        (lots, serials, sorted(sources)),
    ):
        found.setdefault(source_id, {})
        if left is not None:
            found[source_id][lot_id, serial_id] = left
    return found


def lock_room(conn: Conn, line_id: int) -> Decimal:
    """How much the line takes now; it and its source stay locked."""
    lock_lines(conn, [line_id])
    row = conn.execute("select line_room(%s)", (line_id,)).fetchone()
    assert row is not None
    return Decimal(row[0])


def lock_lines(conn: Conn, line_ids: Collection[int]) -> None:
    """Lines and what they answer to, in one order."""
    conn.execute(
        """select 1 from document_line
           where line_id = any(%(lines)s)
               or line_id in (select source_line_id from document_line where line_id = any(%(lines)s))
           order by line_id for update""",
        {"lines": list(line_ids)},
    )
