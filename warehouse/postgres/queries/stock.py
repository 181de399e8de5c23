"""Stock: balances now, at a past instant, and the named quantities of an item."""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from warehouse.postgres.queries.paging import AConn, one, rows
from warehouse.postgres.queries.places import WITHIN


@dataclass(frozen=True, slots=True)
class StockRow:
    """One balance."""

    balance_id: int
    item: str
    item_name: str
    lot: str | None
    expires_on: date | None
    serial: str | None
    location: str
    unit: str | None
    owner: str
    status: str
    on_hand: Decimal
    reserved: Decimal
    first_in_at: datetime


@dataclass(frozen=True, slots=True)
class StockTotal:
    """On hand summed over lots, serials and units."""

    item: str
    location: str
    status: str
    on_hand: Decimal
    reserved: Decimal


@dataclass(frozen=True, slots=True)
class PastStock:
    """On hand at a past instant."""

    item: str
    lot: str | None
    location: str
    status: str
    on_hand: Decimal


@dataclass(frozen=True, slots=True)
class NamedQuantities:
    """The quantities people mean by "stock".

    available = usable - reserved; projected = available + expected - promised.

    usable: available status, lot neither blocked nor expired, in internal places. expected and promised: what open
    documents still bring and take (promised less what is reserved for them already).
    """

    item: str
    on_hand: Decimal
    usable: Decimal
    reserved: Decimal
    available: Decimal
    inspection: Decimal
    blocked: Decimal
    expired: Decimal
    in_transit: Decimal
    expected: Decimal
    promised: Decimal
    projected: Decimal


async def stock(
    conn: AConn,
    after: int | None = None,
    limit: int = 100,
    *,
    item: str | None = None,
    lot: str | None = None,
    location: str | None = None,
    status: str | None = None,
    unit: str | None = None,
) -> list[StockRow]:
    """Balances, by id; a location includes the places in it. `after` is the balance_id of the last row shown."""
    conditions = ["true"]
    if after is not None:
        conditions.append("b.balance_id > %(after)s")
    if item is not None:
        conditions.append("b.item_id = (select item_id from item where code = %(item)s)")
    if lot is not None:
        conditions.append("b.lot_id in (select lot_id from lot where code = %(lot)s)")
    if location is not None:
        conditions.append("b.location_id in (select location_id from within)")
    if status is not None:
        conditions.append("b.status = %(status)s")
    if unit is not None:
        conditions.append("b.hu_id = (select hu_id from handling_unit where code = %(unit)s)")
    return await rows(
        conn,
        StockRow,
        f"""with {WITHIN}
           select b.balance_id, i.code as item, i.name as item_name, lo.code as lot, lo.expires_on, s.code as serial,
                  l.code as location, h.code as unit, b.owner, b.status, b.on_hand, b.reserved, b.first_in_at
           from balance b join item i using (item_id) join location l using (location_id)
           left join lot lo on lo.lot_id = b.lot_id left join serial s on s.serial_id = b.serial_id
           left join handling_unit h on h.hu_id = b.hu_id
           where {" and ".join(conditions)} order by b.balance_id limit %(limit)s""",
        {
            "after": after,
            "limit": limit,
            "item": item,
            "lot": lot,
            "location": location,
            "status": status,
            "unit": unit,
        },
    )


async def stock_totals(
    conn: AConn,
    after: tuple[str, str, str] | None = None,
    limit: int = 100,
    *,
    item: str | None = None,
    location: str | None = None,
) -> list[StockTotal]:
    """By item, location and status; `after` is these three of the last row shown."""
    conditions = ["true"]
    if item is not None:
        conditions.append("b.item_id = (select item_id from item where code = %(item)s)")
    if location is not None:
        conditions.append("b.location_id in (select location_id from within)")
    if after is not None:
        conditions.append("i.code >= %(item_after)s and array[i.code, l.code, b.status] > %(after)s")
    return await rows(
        conn,
        StockTotal,
        f"""with {WITHIN}
           select i.code as item, l.code as location, b.status, sum(b.on_hand) as on_hand, sum(b.reserved) as reserved
           from balance b join item i using (item_id) join location l using (location_id)
           where {" and ".join(conditions)}
           group by 1, 2, 3 order by 1, 2, 3 limit %(limit)s""",
        {
            "after": list(after) if after else None,
            "item_after": after[0] if after else None,
            "limit": limit,
            "item": item,
            "location": location,
        },
    )


async def stock_as_of(conn: AConn, at: datetime, *, item: str, location: str | None = None) -> list[PastStock]:
    """An item's stock at an instant by effective time: today's balances less what happened after it."""
    return await rows(
        conn,
        PastStock,
        f"""with {WITHIN}, it as (select item_id from item where code = %(item)s),
           parts as (
               select lot_id, location_id, status, on_hand as quantity from balance
               where item_id = (select item_id from it)
               union all
               select lot_id, to_location_id, to_status, -quantity from move
               where item_id = (select item_id from it) and effective_at > %(at)s
               union all
               select lot_id, from_location_id, from_status, quantity from move
               where item_id = (select item_id from it) and effective_at > %(at)s)
           select %(item)s as item, lo.code as lot, l.code as location, p.status, sum(p.quantity) as on_hand
           from parts p join location l using (location_id) left join lot lo on lo.lot_id = p.lot_id
           where l.kind in ('internal', 'transit')
             and (%(location)s::text is null or p.location_id in (select location_id from within))
           group by 2, 3, 4 having sum(p.quantity) <> 0 order by 3, 2 nulls first, 4""",
        {"at": at, "item": item, "location": location},
    )


async def named_quantities(conn: AConn, item: str) -> NamedQuantities | None:
    """None when there is no such item."""
    return await one(
        conn,
        NamedQuantities,
        """with it as (select item_id, code from item where code = %(item)s),
           held as (
               select coalesce(sum(b.on_hand), 0) as on_hand,
                      coalesce(sum(b.on_hand) filter (
                          where l.kind = 'internal' and b.status = 'available' and not bad), 0) as usable,
                      coalesce(sum(b.reserved), 0) as reserved,
                      coalesce(sum(b.on_hand) filter (where b.status = 'inspection'), 0) as inspection,
                      coalesce(sum(b.on_hand) filter (where b.status = 'blocked' or x.blocked), 0) as blocked,
                      coalesce(sum(b.on_hand) filter (where x.expired), 0) as expired,
                      coalesce(sum(b.on_hand) filter (where l.kind = 'transit'), 0) as in_transit
               from it join balance b using (item_id) join location l using (location_id)
               left join lot lo on lo.lot_id = b.lot_id
               cross join lateral (select coalesce(lo.blocked, false) as blocked,
                                          coalesce(lo.expires_on < current_date, false) as expired) x
               cross join lateral (select x.blocked or x.expired as bad) y),
           open_lines as (
               select k.direction, greatest(x.quantity - x.fulfilled, 0) as quantity,
                      (select coalesce(sum(r.quantity), 0) from reservation r
                       where r.line_id = x.line_id and r.state = 'pending') as reserved
               from it join document_line x using (item_id) join document d using (document_id)
               join document_kind k on k.kind = d.kind where d.status = 'open'),
           planned as (
               select coalesce(sum(quantity) filter (where direction = 'in'), 0) as expected,
                      coalesce(sum(greatest(quantity - reserved, 0)) filter (where direction = 'out'), 0) as promised
               from open_lines)
           select it.code as item, on_hand, usable, reserved, usable - reserved as available, inspection, blocked,
                  expired, in_transit, expected, promised, usable - reserved + expected - promised as projected
           from it, held, planned""",
        {"item": item},
    )
