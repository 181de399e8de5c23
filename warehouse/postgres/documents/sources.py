"""What a document line answers to: the order a receipt is for, the issue a return undoes. How much it still takes.

A line can take no more than its source has left (`line_room` in the database): of an order, what was ordered with its
tolerance; of anything else what truly moved on it, so that a return never brings back more than went out. Lines and
their sources are locked in one order before the room is read.
"""

from decimal import Decimal

from warehouse.commands import RefusalCode
from warehouse.commands.documents import LineName
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


def lock_room(conn: Conn, line_id: int) -> Decimal:
    """How much the line takes now; it and its source stay locked."""
    conn.execute(
        """select 1 from document_line
           where line_id = %(line)s or line_id = (select source_line_id from document_line where line_id = %(line)s)
           order by line_id for update""",
        {"line": line_id},
    )
    row = conn.execute("select line_room(%s)", (line_id,)).fetchone()
    assert row is not None
    return Decimal(row[0])
