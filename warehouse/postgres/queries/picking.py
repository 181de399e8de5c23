"""Pick lists and how far they are, as their reservations say."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from warehouse.postgres.queries.paging import AConn, Limit, one, rows


@dataclass(frozen=True, slots=True)
class PickList:
    """`open_lines` wait to be picked."""

    pick_list_id: int
    number: str
    assignee: str
    stage: str | None
    lines: int
    open_lines: int
    cancelled_at: datetime | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PickLine:
    """What to take from where, for which document line; `state` is that of its reservation."""

    line_no: int
    location: str
    item: str
    item_name: str
    lot: str | None
    serial: str | None
    unit: str | None
    document_kind: str
    document: str
    document_line_no: int
    quantity: Decimal
    picked: Decimal
    short: Decimal
    state: str
    reason: str


_LIST = """
    select p.pick_list_id, p.number, p.assignee, l.code as stage, x.lines, x.open_lines, p.cancelled_at, p.created_by,
           p.created_at
    from pick_list p left join location l on l.location_id = p.stage_id
    cross join lateral (select count(*) as lines, count(*) filter (where r.state = 'pending') as open_lines
                        from pick_line y join reservation r using (reservation_id)
                        where y.pick_list_id = p.pick_list_id) x"""


async def pick_lists(
    conn: AConn, before: int | None = None, limit: Limit = 100, *, assignee: str | None = None, open_only: bool = False
) -> list[PickList]:
    """Newest first; `before` is the pick_list_id of the last row shown."""
    return await rows(
        conn,
        PickList,
        _LIST
        + """ where (%(before)s::bigint is null or p.pick_list_id < %(before)s)
               and (%(assignee)s::text is null or p.assignee = %(assignee)s)
               and (not %(open)s or p.cancelled_at is null and x.open_lines > 0)
             order by p.pick_list_id desc limit %(limit)s""",
        {"before": before, "limit": limit, "assignee": assignee, "open": open_only},
    )


async def pick_list(conn: AConn, number: str) -> PickList | None:
    return await one(conn, PickList, _LIST + " where p.number = %(number)s", {"number": number})


async def pick_lines(conn: AConn, pick_list_id: int) -> list[PickLine]:
    """In the order to walk."""
    return await rows(
        conn,
        PickLine,
        """select y.line_no, l.code as location, i.code as item, i.name as item_name,
                  lo.code as lot, s.code as serial, h.code as unit,
                  d.kind as document_kind, d.number as document, x.line_no as document_line_no, y.quantity,
                  y.quantity - case when r.state = 'picked' then 0 else r.quantity end as picked, y.short, r.state,
                  y.reason
           from pick_line y join reservation r using (reservation_id) join document_line x on x.line_id = r.line_id
           join document d using (document_id) join item i on i.item_id = r.item_id
           join location l on l.location_id = r.location_id left join lot lo on lo.lot_id = r.lot_id
           left join serial s on s.serial_id = r.serial_id left join handling_unit h on h.hu_id = r.hu_id
           where y.pick_list_id = %(id)s order by y.line_no""",
        {"id": pick_list_id},
    )
