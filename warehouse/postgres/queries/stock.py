"""Stock now: balances, their totals, and the named quantities of items. The past is in `queries.past`."""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from warehouse.postgres.books.quantities import COLUMNS, COUNTED
from warehouse.postgres.queries.paging import AConn, Limit, one, rows
from warehouse.postgres.queries.places import STANDING_IN, UNITS_IN, places_within

# As many places are looked into one by one; more of them hold so much that walking all balances meets enough at once.
FEW_PLACES = 300


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
    item_name: str
    location: str
    status: str
    on_hand: Decimal
    reserved: Decimal


@dataclass(frozen=True, slots=True)
class NamedQuantities:
    """The quantities people mean by "stock", our own goods; `location` null is everywhere.

    On hand = usable + inspection + blocked + expired + in transit (everywhere, no place closed); available = usable -
    reserved; projected = available + expected - promised. Every word is defined in `books.quantities`.
    """

    item: str
    item_name: str
    location: str | None
    owner: str
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
    limit: Limit = 100,
    *,
    item: str | None = None,
    lot: str | None = None,
    location: str | None = None,
    status: str | None = None,
    unit: str | None = None,
    serial: str | None = None,
    owner: str | None = None,
    category: str | None = None,
    expires_before: date | None = None,
    expires_from: date | None = None,
) -> list[StockRow]:
    """Balances, by id; a location includes the places in it, a unit those packed in it.

    `after` is the balance_id of the last row shown. By expiry: of lots that say one.
    """
    conditions = ["true"]
    places = await places_within(conn, location) if location is not None else []
    if after is not None:
        conditions.append("b.balance_id > %(after)s")
    if item is not None:
        conditions.append("b.item_id = (select item_id from item where code = %(item)s)")
    if lot is not None:
        conditions.append("b.lot_id in (select lot_id from lot where code = %(lot)s)")
    if location is not None:
        conditions.append("b.location_id = any(%(places)s)")
    if status is not None:
        conditions.append("b.status = %(status)s")
    if unit is not None:
        conditions.append("b.hu_id in (select hu_id from units)")
    if serial is not None:
        conditions.append("b.serial_id in (select serial_id from serial where code = %(serial)s)")
    if owner is not None:
        conditions.append("b.owner = %(owner)s")
    if category is not None:
        conditions.append("b.item_id in (select item_id from item where category = %(category)s)")
    if expires_before is not None:
        conditions.append("b.lot_id in (select lot_id from lot where expires_on < %(expires_before)s)")
    if expires_from is not None:
        conditions.append("b.lot_id in (select lot_id from lot where expires_on >= %(expires_from)s)")
    # Few balances are of one lot, serial or unit or in a few places: find them by that, then sort. Adding 0 keeps the
    # planner from walking all balances until it has met enough of them.
    few = lot is not None or serial is not None or unit is not None or 0 < len(places) <= FEW_PLACES
    order = "b.balance_id + 0" if few else "b.balance_id"
    units = f"with {UNITS_IN}" if unit is not None else ""
    picked = f"select b.balance_id from balance b where {' and '.join(conditions)} order by {order} limit %(limit)s"
    return await rows(
        conn,
        StockRow,
        f"""with {UNITS_IN}, picked as materialized ({picked})
           select b.balance_id, i.code as item, i.name as item_name, lo.code as lot, lo.expires_on, s.code as serial,
                  l.code as location, h.code as unit, b.owner, b.status, b.on_hand, b.reserved, b.first_in_at
           from picked join balance b using (balance_id) join item i using (item_id) join location l using (location_id)
           left join lot lo on lo.lot_id = b.lot_id left join serial s on s.serial_id = b.serial_id
           left join handling_unit h on h.hu_id = b.hu_id order by b.balance_id""",
        {
            "after": after,
            "limit": limit,
            "item": item,
            "lot": lot,
            "places": places,
            "status": status,
            "unit": unit,
            "serial": serial,
            "owner": owner,
            "category": category,
            "expires_before": expires_before,
            "expires_from": expires_from,
        },
        counted=f"{units} {picked}",
    )


async def stock_totals(
    conn: AConn,
    after: tuple[str, str, str] | None = None,
    limit: Limit = 100,
    *,
    item: str | None = None,
    location: str | None = None,
    level: str | None = None,
    owner: str | None = None,
) -> list[StockTotal]:
    """By item, location and status; `after` is these three of the last row shown.

    `level` sums bins into their zone, warehouse or site; a place in none of that level stands for itself.
    """
    conditions, which = ["true"], ["true"]
    if item is not None:
        which.append("i.code = %(item)s")
    if location is not None:
        conditions.append("b.location_id = any(%(places)s)")
    if owner is not None:
        conditions.append("b.owner = %(owner)s")
    if after is not None:
        which.append("i.code >= %(item_after)s")
    picked, standing, place = "", "", "b.location_id"
    if level is not None:
        same = "b.item_id = (select item_id from item where code = %(item)s)" if item is not None else "true"
        picked = f"with picked as (select distinct b.location_id from balance b where {same}), {STANDING_IN}"
        standing, place = "join standing_in s on s.location_id = b.location_id", "s.place_id"
    # Item after item, so that a page reads the balances of its own items only.
    return await rows(
        conn,
        StockTotal,
        f"""{picked} select i.code as item, i.name as item_name, l.code as location, t.status, t.on_hand, t.reserved
           from item i cross join lateral (
               select {place} as location_id, b.status, sum(b.on_hand) as on_hand, sum(b.reserved) as reserved
               from balance b {standing} where b.item_id = i.item_id and {" and ".join(conditions)} group by 1, 2) t
           join location l on l.location_id = t.location_id
           where {" and ".join(which)}
             and (%(after)s::text[] is null or array[i.code, l.code, t.status] > %(after)s::text[])
           order by i.code, l.code, t.status limit %(limit)s""",
        {
            "after": list(after) if after else None,
            "item_after": after[0] if after else None,
            "limit": limit,
            "item": item,
            "places": await places_within(conn, location) if location is not None else [],
            "level": level,
            "owner": owner,
        },
    )


async def named_quantities(
    conn: AConn, item: str, *, location: str | None = None, owner: str = ""
) -> NamedQuantities | None:
    """Of an item, maybe in a place with those inside it. None when there is no such item or place."""
    return await one(
        conn,
        NamedQuantities,
        f"""with recursive scope as (
               select i.item_id, l.location_id as root_id from item i
               left join location l on l.code = %(location)s
               where i.code = %(item)s and (%(location)s::text is null or l.location_id is not null)),
           {COUNTED}
           select i.code as item, i.name as item_name,
                  %(location)s::text as location, %(owner)s::text as owner, {COLUMNS}
           from quantities q join item i using (item_id)""",
        {"item": item, "location": location, "owner": owner},
    )


async def quantities_by_item(
    conn: AConn,
    after: str | None = None,
    limit: Limit = 100,
    *,
    location: str | None = None,
    owner: str = "",
    category: str | None = None,
) -> list[NamedQuantities]:
    """By item code, of items that were not retired; `after` is the item of the last row shown."""
    conditions = ["i.active"]
    if after is not None:
        conditions.append("i.code > %(after)s")
    if category is not None:
        conditions.append("i.category = %(category)s")
    if location is not None:
        conditions.append("exists (select from location where code = %(location)s)")
    return await rows(
        conn,
        NamedQuantities,
        f"""with recursive scope as (
               select i.item_id, (select location_id from location where code = %(location)s) as root_id from item i
               where {" and ".join(conditions)} order by i.code limit %(limit)s),
           {COUNTED}
           select i.code as item, i.name as item_name,
                  %(location)s::text as location, %(owner)s::text as owner, {COLUMNS}
           from quantities q join item i using (item_id) order by i.code""",
        {"after": after, "limit": limit, "location": location, "owner": owner, "category": category},
    )
