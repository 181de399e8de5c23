"""Counts: sheets, their lines, what they found in quantity and value; and what is reserved."""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from warehouse.counting import LineState, state_of
from warehouse.postgres.queries.paging import NOT_SORTED, AConn, Limit, one, rows
from warehouse.postgres.queries.view_rows import changed


@dataclass(frozen=True, slots=True)
class CountSheet:
    """A count; `differing` lines are those counted otherwise than the books had it: null on a blind sheet that is not
    posted. `state` says how far it is by its lines: `investigating` while one has to be counted again. Without
    tolerances of its own it has those of its places.
    """

    number: str
    status: str
    choice: str
    blind: bool
    tolerance_percent: Decimal | None
    tolerance_quantity: Decimal | None
    tolerance_value: Decimal | None
    recounts: int
    lines: int
    counted: int
    differing: int | None
    created_by: str
    created_at: datetime
    posted_by: str | None
    posted_at: datetime | None
    count_id: int
    state: str = field(metadata=NOT_SORTED)


@dataclass(frozen=True, slots=True)
class CountLine:
    """`expected` is null on a blind sheet that is not posted: who counts does not know it."""

    line_no: int
    item: str
    item_name: str
    lot: str | None
    serial: str | None
    location: str
    unit: str | None
    owner: str
    status: str
    expected: Decimal | None
    counted: Decimal | None
    counts: int
    method: str
    counted_by: str | None
    counted_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Variance:
    """One line that differed, for finance: what was posted, what it is worth, why, and who approved it."""

    line_no: int
    item: str
    item_name: str
    lot: str | None
    serial: str | None
    location: str
    expected: Decimal
    first_counted: Decimal | None
    counted: Decimal | None
    difference: Decimal
    unit_cost: Decimal | None
    value_difference: Decimal | None
    reason: str
    counted_by: str | None
    approved_by: str | None


@dataclass(frozen=True, slots=True)
class ReservationView:
    """Part of a balance promised to a holder."""

    reservation_id: UUID
    holder: str
    state: str
    item: str
    item_name: str
    lot: str | None
    serial: str | None
    location: str
    unit: str | None
    quantity: Decimal
    document_kind: str | None
    document: str | None
    line_no: int | None
    created_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None


_SHEET = """
    select s.number, s.status, s.choice, s.blind, s.tolerance_percent, s.tolerance_quantity, s.tolerance_value,
           s.recounts, l.lines, l.counted,
           case when not s.blind or s.status = 'posted' then l.differing end as differing,
           s.created_by, s.created_at, s.posted_by, s.posted_at, s.count_id, l.state
    from count_sheet s cross join lateral (
        select count(*) as lines, count(counted) as counted, count(*) filter (where counted <> expected) as differing,
               coalesce(string_agg(distinct case
                   when s.status = 'posted' then 'approved' when counted is null then 'ready'
                   when counts <= s.recounts and (
                       abs(counted - expected) > coalesce(tolerance_quantity, 0)
                       and abs(counted - expected) * 100 > coalesce(tolerance_percent, 0) * expected
                       or abs(counted - expected) * coalesce(unit_cost, 0) > tolerance_value) then 'recount'
                   else 'counted' end, ' '), '') as state
        from count_line x where x.count_id = s.count_id) l"""
_NAMES = """join item i on i.item_id = x.item_id join location l on l.location_id = x.location_id
    left join lot lo on lo.lot_id = x.lot_id left join serial se on se.serial_id = x.serial_id
    left join handling_unit h on h.hu_id = x.hu_id"""


async def count_sheets(conn: AConn, before: int | None, limit: Limit, *, status: str | None = None) -> list[CountSheet]:
    """Newest first; `before` is the count_id of the last row shown."""
    found = await rows(
        conn,
        CountSheet,
        _SHEET
        + """ where (%(before)s::bigint is null or s.count_id < %(before)s)
               and (%(status)s::text is null or s.status = %(status)s) order by s.count_id desc limit %(limit)s""",
        {"before": before, "limit": limit, "status": status},
    )
    found[:] = [_with_state(sheet) for sheet in found]
    return found


async def count_sheet(conn: AConn, number: str) -> CountSheet | None:
    found = await one(conn, CountSheet, _SHEET + " where s.number = %(number)s", {"number": number})
    return None if found is None else _with_state(found)


def _with_state(sheet: CountSheet) -> CountSheet:
    """The state of the count from the states of its lines, which the query gives in its place."""
    return changed(sheet, state=str(state_of([LineState(word) for word in sheet.state.split()])))


async def count_lines(conn: AConn, count_id: int, after: int | None, limit: Limit) -> list[CountLine]:
    """By line number."""
    return await rows(
        conn,
        CountLine,
        f"""select x.line_no, i.code as item, i.name as item_name, lo.code as lot, se.code as serial,
                   l.code as location, h.code as unit, x.owner, x.status,
                   case when not s.blind or s.status = 'posted' then x.expected end as expected, x.counted, x.counts,
                   x.method, x.counted_by, x.counted_at, x.reason
            from count_line x join count_sheet s using (count_id) {_NAMES}
            where x.count_id = %(count_id)s and (%(after)s::int is null or x.line_no > %(after)s)
            order by x.line_no limit %(limit)s""",
        {"count_id": count_id, "after": after, "limit": limit},
    )


async def variances(conn: AConn, count_id: int) -> list[Variance]:
    """The lines of a posted count that differed, the dearest first."""
    return await rows(
        conn,
        Variance,
        f"""select x.line_no, i.code as item, i.name as item_name,
                   lo.code as lot, se.code as serial, l.code as location, x.expected,
                   x.first_counted, x.counted, x.difference, x.unit_cost, x.value_difference, x.reason, x.counted_by,
                   x.approved_by
            from count_line x {_NAMES} where x.count_id = %(count_id)s and x.difference <> 0
            order by abs(x.value_difference) desc nulls last, x.line_no""",
        {"count_id": count_id},
    )


async def reservations(
    conn: AConn,
    before: tuple[datetime, UUID] | None,
    limit: Limit,
    *,
    item: str | None = None,
    state: str | None = None,
    holder: str | None = None,
) -> list[ReservationView]:
    """Newest first."""
    conditions = ["true"]
    if before is not None:
        conditions.append("(x.created_at, x.reservation_id) < (%(at)s, %(id)s)")
    if item is not None:
        conditions.append("x.item_id = (select item_id from item where code = %(item)s)")
    if state is not None:
        conditions.append("x.state = %(state)s")
    if holder is not None:
        conditions.append("x.holder = %(holder)s")
    return await rows(
        conn,
        ReservationView,
        f"""select x.reservation_id, x.holder, x.state, i.code as item, i.name as item_name,
                   lo.code as lot, se.code as serial,
                   l.code as location, h.code as unit, x.quantity, d.kind as document_kind, d.number as document,
                   dl.line_no, x.created_at, x.expires_at, x.ended_at
            from reservation x {_NAMES} left join document_line dl on dl.line_id = x.line_id
            left join document d on d.document_id = dl.document_id
            where {" and ".join(conditions)} order by x.created_at desc, x.reservation_id desc limit %(limit)s""",
        {
            "at": before[0] if before else None,
            "id": before[1] if before else None,
            "item": item,
            "state": state,
            "holder": holder,
            "limit": limit,
        },
    )
