"""Lots made on receipt: numbered by the most particular pattern, unique under concurrency.

A sequence is one row, taken with `on conflict do update`: two receipts at once wait for each other and get different
numbers, and one that is rolled back leaves no gap. A number that a person has used already is passed over.
"""

from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from warehouse.commands import Actor, AssignLots, Audit, RefusalCode, SetLotPattern
from warehouse.ledger import Tracking
from warehouse.lot_numbers import LotFacts, PatternError, check_pattern, render
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import NamedItem, Refuse, find_item

# Numbers somebody used by hand that are passed over before giving up.
TAKEN_MAX = 1_000


def set_lot_pattern(conn: Conn, c: SetLotPattern, actor: Actor, request_id: UUID) -> Answer:
    item_id, category = find_scope(conn, c.item, c.category)
    try:
        ZoneInfo(c.time_zone)
    except (KeyError, ValueError, OSError):
        raise Refuse(RefusalCode.INVALID, "time_zone", f"no time zone {c.time_zone!r}") from None
    before = conn.execute(
        """delete from lot_pattern where item_id is not distinct from %s and category is not distinct from %s
           returning pattern""",
        (item_id, category),
    ).fetchone()
    if c.pattern:
        try:
            check_pattern(c.pattern)
        except PatternError as error:
            raise Refuse(RefusalCode.INVALID, "pattern", str(error)) from None
        conn.execute(
            "insert into lot_pattern (item_id, category, pattern, time_zone) values (%s, %s, %s, %s)",
            (item_id, category, c.pattern, c.time_zone),
        )
    elif before is None:
        raise Refuse(RefusalCode.NOT_FOUND, "pattern", "there is no pattern to take away")
    return {"pattern": c.pattern}, Audit({"pattern": before[0]} if before else None, {"pattern": c.pattern})


def find_scope(conn: Conn, item: str | None, category: str | None) -> tuple[int | None, str | None]:
    """An item, a category, or neither; refuses both."""
    if item is not None and category is not None:
        raise Refuse(RefusalCode.INVALID, "category", "name an item or a category, not both")
    return (find_item(conn, item).item_id if item is not None else None), category


def assign_lots(conn: Conn, c: AssignLots, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        """select document_id, status, direction from document d join document_kind k using (kind)
           where d.kind = %s and number = %s for update of d""",
        (c.kind, c.number),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "number", f"no {c.kind} {c.number!r}")
    if row[1] != "open" or row[2] != "in":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {row[1]} and goes {row[2]}")
    at = c.effective_at or database_now(conn)
    lines = conn.execute(
        """select l.line_id, l.line_no, i.code from document_line l join item i using (item_id)
           where l.document_id = %s and l.lot_id is null and i.tracking = 'lot' order by l.line_no for update of l""",
        (row[0],),
    ).fetchall()
    made = []
    for line_id, line_no, code in lines:
        item = find_item(conn, code)
        _, lot = new_lot(conn, item, line_id, at, field="number")
        made.append({"line_no": line_no, "item": code, "lot": lot})
    return {"kind": c.kind, "number": c.number, "lots": made}, Audit(after={"lots": made})


def lot_of_receipt(
    conn: Conn, item: NamedItem, line_id: int, at: datetime, supplier_lot: str = "", expires_on: date | None = None
) -> int | None:
    """The lot that a line's goods get when nobody named one; None for an item without lots or without a pattern.

    The line keeps its lot for what still comes, unless that has another number or expiry of the supplier.
    """
    if item.tracking != Tracking.LOT:
        return None
    row = conn.execute(
        """select lot_id from lot where receipt_line_id = %s and (%s = '' or supplier_lot = %s)
             and (%s::date is null or expires_on = %s) order by lot_id limit 1""",
        (line_id, supplier_lot, supplier_lot, expires_on, expires_on),
    ).fetchone()
    if row is not None:
        return int(row[0])
    return new_lot(conn, item, line_id, at, supplier_lot, expires_on)[0] if _pattern(conn, item) else None


def new_lot(
    conn: Conn,
    item: NamedItem,
    line_id: int | None,
    at: datetime,
    supplier_lot: str = "",
    expires_on: date | None = None,
    field: str = "lot",
) -> tuple[int, str]:
    """Make a lot by the item's pattern: its id and number. The first lot of a line becomes the line's own."""
    found = _pattern(conn, item)
    if found is None:
        raise Refuse(RefusalCode.INVALID, field, f"no lot pattern is set for {item.code}: set one, or name the lot")
    pattern, time_zone, category = found
    supplier, expires, site = supplier_lot, expires_on, ""
    if line_id is not None:
        line = conn.execute(
            """select l.supplier_lot, l.expires_on, d.partner from document_line l join document d using (document_id)
               where l.line_id = %s""",
            (line_id,),
        ).fetchone()
        assert line is not None
        supplier, expires = supplier or line[0], expires or line[1]
    row = conn.execute("select code from location where level = 'site' order by location_id limit 1").fetchone()
    site = row[0] if row is not None else ""
    day = at.astimezone(ZoneInfo(time_zone) if time_zone != "UTC" else UTC).date()
    try:
        number = render(pattern, LotFacts(day, site, item.code, category, supplier))
    except PatternError as error:
        raise Refuse(RefusalCode.INVALID, field, f"{pattern!r} for {item.code}: {error}") from None
    for _ in range(TAKEN_MAX):
        code = number.with_sequence(_next(conn, number.prefix) if number.digits else 0)
        made = conn.execute(
            """insert into lot (item_id, code, supplier_lot, expires_on, receipt_line_id) values (%s, %s, %s, %s, %s)
               on conflict (item_id, code) do nothing returning lot_id""",
            (item.item_id, code, supplier, expires, line_id),
        ).fetchone()
        if made is not None:
            if line_id is not None:
                # Only when every further piece must be of it too: a supplier's lot may be followed by another.
                conn.execute(
                    "update document_line set lot_id = %s where line_id = %s and lot_id is null and fulfilled = 0"
                    " and not %s",
                    (made[0], line_id, bool(supplier_lot or expires_on)),
                )
            return made[0], code
        if not number.digits:
            return _known(conn, item, code, expires, field), code
    raise Refuse(RefusalCode.EXISTS, field, f"the next {TAKEN_MAX} numbers of {pattern!r} are taken")


def _known(conn: Conn, item: NamedItem, code: str, expires_on: date | None, field: str) -> int:
    """A supplier's lot that came before; the same number with another expiry is another lot and refused."""
    row = conn.execute("select lot_id from lot where item_id = %s and code = %s", (item.item_id, code)).fetchone()
    assert row is not None
    if expires_on is not None:
        refuse_other_expiry(conn, item, row[0], expires_on, "expires_on" if field == "lot" else field)
    return int(row[0])


def refuse_other_expiry(conn: Conn, item: NamedItem, lot_id: int, expires_on: date, field: str = "expires_on") -> None:
    """A lot expires once: whoever reads another day off the label has another lot, or a wrong one in the books."""
    row = conn.execute("select code, expires_on from lot where lot_id = %s", (lot_id,)).fetchone()
    assert row is not None
    if row[1] != expires_on:
        message = f"lot {row[0]} of {item.code} expires on {row[1] or 'no day'}, not on {expires_on}"
        raise Refuse(RefusalCode.INVALID, field, message)


def _pattern(conn: Conn, item: NamedItem) -> tuple[str, str, str] | None:
    """Pattern, time zone, the item's category."""
    row = conn.execute(
        """select p.pattern, p.time_zone, i.category from item i join lot_pattern p
             on p.item_id = i.item_id or p.item_id is null and (p.category is null or p.category = i.category)
           where i.item_id = %s order by p.item_id nulls last, p.category nulls last limit 1""",
        (item.item_id,),
    ).fetchone()
    return row if row is None else (row[0], row[1], row[2])


def _next(conn: Conn, prefix: str) -> int:
    row = conn.execute(
        """insert into lot_sequence as s (prefix, last) values (%s, 1)
           on conflict (prefix) do update set last = s.last + 1 returning last""",
        (prefix,),
    ).fetchone()
    assert row is not None
    return int(row[0])


HANDLERS: Handlers = {
    SetLotPattern: set_lot_pattern,
    AssignLots: assign_lots,
}
