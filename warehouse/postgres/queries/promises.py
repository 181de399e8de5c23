"""What can be promised: open lines of an item in the order of their days, against what is available of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from warehouse.postgres.queries.paging import AConn, rows
from warehouse.postgres.queries.stock import named_quantities
from warehouse.postgres.queries.view_rows import changed
from warehouse.removal import promisable

LINES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Promise:
    """A line that is not done. `needs` is what is neither fulfilled nor reserved of it; `before` is what the lines
    before it need, `promisable` what is left for it of what is available.
    """

    document_kind: str
    document: str
    line_no: int
    partner: str
    expected_at: datetime | None
    reserved: Decimal
    needs: Decimal
    before: Decimal
    promisable: Decimal


async def promises(conn: AConn, item: str, owner: str = "") -> tuple[Decimal, list[Promise]] | None:
    """What is available, and the first lines; None for an item that there is not."""
    stock = await named_quantities(conn, item, owner=owner)
    if stock is None:
        return None
    lines = await rows(
        conn,
        Promise,
        """select d.kind as document_kind, d.number as document, x.line_no, d.partner, d.expected_at, r.reserved,
                  greatest(x.quantity - x.fulfilled - r.reserved, 0) as needs, 0::numeric as before,
                  0::numeric as promisable
           from document_line x join document d using (document_id) join document_kind k using (kind)
           cross join lateral (select coalesce(sum(quantity), 0) as reserved from reservation
                               where line_id = x.line_id and state = 'pending') r
           where x.item_id = (select item_id from item where code = %(item)s or gtin = %(item)s)
             and x.owner = %(owner)s and d.status = 'open' and k.direction = 'out' and x.fulfilled < x.quantity
           order by d.expected_at nulls last, d.document_id, x.line_no limit %(limit)s""",
        {"item": item, "owner": owner, "limit": LINES_MAX},
    )
    answers = promisable([line.needs for line in lines], stock.available)
    return stock.available, [
        changed(line, before=before, promisable=now) for line, (before, now) in zip(lines, answers, strict=True)
    ]
