"""Changing a document to what a newer version of it says.

Freely while nothing of it has moved; after that only quantities (not below what has moved), prices and new lines, and a
transfer keeps its two ends. Tags that are announced no more are taken off, unless they have moved on it.
"""

from decimal import Decimal
from typing import Any

import psycopg

from warehouse.commands import CreateDocument, LineSpec, RefusalCode
from warehouse.postgres.books import reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.documents.documents import add_lines, announce
from warehouse.postgres.documents.lines import read_line
from warehouse.postgres.documents.sources import check_source
from warehouse.postgres.naming import Refuse, find_item, find_location


def amend(conn: Conn, document_id: int, c: CreateDocument) -> bool:
    """Make the document say what `c` says; whether that asks for something else. Raises Refuse."""
    if not c.lines:
        raise Refuse(RefusalCode.INVALID, "lines", "a document needs a line; to end it, say that it is cancelled")
    asked = _asks(conn, document_id)
    _amend_head(conn, document_id, c)
    standing = {
        line_no: (line_id, item_id, owner, moved)
        for line_no, line_id, item_id, owner, moved in conn.execute(
            """select line_no, line_id, item_id, owner, fulfilled + shipped from document_line where document_id = %s
               order by line_no for update""",
            (document_id,),
        )
    }
    given = {line.line_no: line for line in c.lines}
    new = [line for line in c.lines if line.line_no not in standing]
    for line_no, (line_id, item_id, owner, moved) in standing.items():
        line = given.get(line_no)
        at = f"lines.{c.lines.index(line)}" if line is not None else "lines"
        if line is None or (find_item(conn, line.item).item_id, line.owner) != (item_id, owner):
            if moved:
                raise Refuse(RefusalCode.WRONG_STATE, at, f"{moved} of line {line_no} have moved: it cannot go")
            _drop_line(conn, line_id, line_no, at)
            new += [line] if line is not None else []
        else:
            _amend_line(conn, line_id, moved, line, c.kind, at)
    if new:
        add_lines(conn, document_id, c.kind, ((c.lines.index(line), line) for line in new))
    _announce_anew(conn, document_id, c)
    conn.execute(
        """update document d set status = case when exists (select from document_line l
               where l.document_id = d.document_id and l.fulfilled < l.quantity) then 'open' else 'complete' end
           where d.document_id = %s and d.status in ('open', 'complete')""",
        (document_id,),
    )
    return _asks(conn, document_id) != asked


def _asks(conn: Conn, document_id: int) -> list[tuple[Any, ...]]:
    """What is approved of it, where it has to be: what, how much, at what price, for whom and between which places."""
    return conn.execute(
        """select l.line_no, l.item_id, l.lot_id, l.owner, l.quantity, l.unit_cost, d.partner, d.over_percent,
                  d.source_id, d.target_id
           from document d join document_line l using (document_id) where d.document_id = %s order by l.line_no""",
        (document_id,),
    ).fetchall()


def _amend_head(conn: Conn, document_id: int, c: CreateDocument) -> None:
    source_id = find_location(conn, c.source, "source") if c.source is not None else None
    target_id = find_location(conn, c.target, "target") if c.target is not None else None
    if c.kind == "transfer" and (source_id is None or target_id is None or source_id == target_id):
        raise Refuse(RefusalCode.INVALID, "target", "a transfer goes from a source to another target")
    moved = conn.execute(
        """select from document d where d.document_id = %s and (d.source_id, d.target_id) is distinct from (%s, %s)
             and exists (select from document_line l
                         where l.document_id = d.document_id and l.fulfilled + l.shipped > 0)""",
        (document_id, source_id, target_id),
    ).fetchone()
    if moved is not None:
        raise Refuse(RefusalCode.WRONG_STATE, "target", f"goods of {c.number} have moved: its two ends stay")
    try:
        conn.execute(
            """update document set number = %s, partner = %s, door = %s, over_percent = %s, expected_at = %s,
                                   source_id = %s, target_id = %s where document_id = %s""",
            (c.number, c.partner, c.door, c.over_percent, c.expected_at, source_id, target_id, document_id),
        )
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, "number", f"a {c.kind} {c.number!r} exists") from None


def _amend_line(conn: Conn, line_id: int, moved: Any, line: LineSpec, kind: str, at: str) -> None:
    entered = read_line(conn, line, kind, at)
    if entered.quantity < moved:
        raise Refuse(
            RefusalCode.WRONG_STATE, f"{at}.quantity", f"{moved} have moved already, more than {entered.quantity}"
        )
    conn.execute(
        """update document_line set quantity = %s, entered_quantity = %s, entered_unit = %s, factor_num = %s,
               factor_den = %s, unit_cost = %s, source_line_id = %s, supplier_lot = %s, expires_on = %s, lot_id = %s
           where line_id = %s""",
        (
            entered.quantity,
            line.quantity,
            entered.unit,
            entered.factor.numerator,
            entered.factor.denominator,
            entered.unit_cost,
            entered.source_id,
            line.supplier_lot,
            line.expires_on,
            entered.lot_id,
            line_id,
        ),
    )
    if entered.lot_id is not None:
        reservations.release_other_lots(conn, line_id, entered.lot_id)
    reservations.cut_line(conn, line_id, max(entered.quantity - moved, Decimal(0)))
    if entered.source_id is not None:
        check_source(conn, entered.source_id, f"{at}.quantity")


def _drop_line(conn: Conn, line_id: int, line_no: int | None, at: str) -> None:
    try:
        with conn.transaction():
            conn.execute("delete from document_tag where line_id = %s", (line_id,))
            conn.execute("delete from document_line where line_id = %s", (line_id,))
    except psycopg.errors.ForeignKeyViolation:
        raise Refuse(RefusalCode.WRONG_STATE, at, f"line {line_no} is in work: it cannot go") from None


def _announce_anew(conn: Conn, document_id: int, c: CreateDocument) -> None:
    conn.execute(
        """delete from document_tag a where a.document_id = %(document)s and a.epc <> all(%(epcs)s)
             and not exists (select from move_tag t join move m using (seq) join document_line l using (line_id)
                             where t.epc = a.epc and l.document_id = %(document)s)""",
        {"document": document_id, "epcs": [epc.upper() for epc in c.epcs]},
    )
    if c.epcs:
        lines = conn.execute(
            "select item_id, min(line_id) from document_line where document_id = %s group by 1", (document_id,)
        ).fetchall()
        announce(conn, document_id, c, dict(lines))
