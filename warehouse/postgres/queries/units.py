"""Handling units: pallets, cartons and totes, where they stand and what is in them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from warehouse.postgres.queries.paging import AConn, Limit, contains, one, rows


@dataclass(frozen=True, slots=True)
class HandlingUnitView:
    """One unit. `location`: where its stock is booked, `seen_at`: where its tag was seen last; null where unknown."""

    hu_id: int
    code: str
    kind: str
    packed_in: str | None
    epc: str | None
    location: str | None
    seen_at: str | None
    stock_lines: int
    contents: int
    tare_kg: Decimal | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UnitContent:
    """A line of its packing list."""

    item: str
    item_name: str
    lot: str | None
    serial: str | None
    epc: str | None
    quantity: Decimal
    unit: str


_UNIT = """
    select h.hu_id, h.code, h.kind, p.code as packed_in, g.epc, s.location, t.code as seen_at, s.stock_lines,
           (select count(*) from hu_content c where c.hu_id = h.hu_id) as contents, h.tare_kg, h.created_at
    from handling_unit h left join handling_unit p on p.hu_id = h.parent_id
    cross join lateral (select min(l.code) as location, count(*) as stock_lines
                        from balance b join location l using (location_id)
                        where b.hu_id = h.hu_id and b.on_hand > 0) s
    left join lateral (select epc from tag where tag.hu_id = h.hu_id and retired_at is null limit 1) g on true
    left join tag_location seen on seen.epc = g.epc and seen.event <> 'departed'
    left join location t on t.location_id = seen.location_id"""


async def handling_units(
    conn: AConn,
    before: int | None,
    limit: Limit,
    *,
    q: str | None = None,
    kind: str | None = None,
    location: str | None = None,
    packed_in: str | None = None,
) -> list[HandlingUnitView]:
    """Newest first; `before` is the hu_id of the last row shown."""
    conditions = ["true"]
    if before is not None:
        conditions.append("h.hu_id < %(before)s")
    if q is not None:
        conditions.append("h.code ilike %(q)s")
    if kind is not None:
        conditions.append("h.kind = %(kind)s")
    if location is not None:
        conditions.append(
            """h.hu_id in (select b.hu_id from balance b join location l using (location_id)
                           where l.code = %(location)s and b.on_hand > 0)"""
        )
    if packed_in is not None:
        conditions.append("p.code = %(packed_in)s")
    return await rows(
        conn,
        HandlingUnitView,
        f"{_UNIT} where {' and '.join(conditions)} order by h.hu_id desc limit %(limit)s",
        {
            "before": before,
            "limit": limit,
            "q": contains(q),
            "kind": kind,
            "location": location,
            "packed_in": packed_in,
        },
    )


async def handling_unit(conn: AConn, code: str) -> HandlingUnitView | None:
    return await one(conn, HandlingUnitView, f"{_UNIT} where h.code = %(code)s", {"code": code})


async def unit_contents(conn: AConn, hu_id: int) -> list[UnitContent]:
    """Its packing list, in the order it was packed."""
    return await rows(
        conn,
        UnitContent,
        """select i.code as item, i.name as item_name, lo.code as lot, s.code as serial, c.epc, c.quantity, i.unit
           from hu_content c join item i using (item_id) left join lot lo on lo.lot_id = c.lot_id
           left join serial s on s.serial_id = c.serial_id where c.hu_id = %(hu_id)s order by c.content_id""",
        {"hu_id": hu_id},
    )
