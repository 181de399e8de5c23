"""Stock at a past instant: by what had happened by then, or by what the books said then.

By effective time the answer is what we know today about that instant; by recorded time it is what anybody would have
read from the books at that instant, so what was posted late is missing. Both go back from a known state by the
movements after it: by effective time from the snapshot of the next closed day when there is one, else from today.
Movements are found by the item, lot, serial, unit or place asked for, so one of these is required.
"""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from warehouse.postgres.queries.paging import AConn, rows
from warehouse.postgres.queries.places import UNITS_IN, places_within


class Clock(StrEnum):
    """Which of a movement's two times counts."""

    EFFECTIVE = "effective"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class PastStock:
    """On hand at a past instant, by every part of a balance's key."""

    item: str
    lot: str | None
    serial: str | None
    location: str
    unit: str | None
    owner: str
    status: str
    on_hand: Decimal


async def stock_as_of(
    conn: AConn,
    at: datetime,
    *,
    clock: Clock = Clock.EFFECTIVE,
    item: str | None = None,
    lot: str | None = None,
    serial: str | None = None,
    unit: str | None = None,
    location: str | None = None,
    limit: int = 1_000,
) -> list[PastStock]:
    """At most `limit` rows, by item, place and lot. ValueError when nothing is named to find them by."""
    which = {
        "p.item_id = (select item_id from item where code = %(item)s)": item,
        "p.lot_id in (select lot_id from lot where code = %(lot)s)": lot,
        "p.serial_id in (select serial_id from serial where code = %(serial)s)": serial,
        "p.hu_id in (select hu_id from units)": unit,
        "p.location_id = any(%(places)s)": location,
    }
    named = " and ".join(condition for condition, value in which.items() if value is not None)
    if not named:
        raise ValueError("name an item, lot, serial, unit or location")
    day = await _snapshot(conn, at) if clock is Clock.EFFECTIVE else None
    known, until = "balance p where", ""
    if day is not None:
        known, until = "stock_snapshot p where p.day = %(day)s and", "and m.effective_at < %(end)s"
    sides = [
        f"""select m.item_id, m.lot_id, m.serial_id, m.{side}_location_id as location_id, m.{side}_hu_id as hu_id,
                   m.owner, m.{side}_status as status, {sign}m.quantity as quantity
            from move m where {_of(named, side)} and m.{clock}_at > %(at)s {until}
              and m.{side}_location_id <> all(array(
                  select location_id from location where kind not in ('internal', 'transit')))"""
        for side, sign in (("to", "-"), ("from", ""))
    ]
    return await rows(
        conn,
        PastStock,
        f"""with {UNITS_IN},
           parts as (
               select item_id, lot_id, serial_id, location_id, hu_id, owner, status, on_hand as quantity
               from {known} {named}
               union all {sides[0]} union all {sides[1]}),
           summed as materialized (
               select item_id, location_id, lot_id, serial_id, hu_id, owner, status, sum(quantity) as on_hand
               from parts group by 1, 2, 3, 4, 5, 6, 7 having sum(quantity) <> 0
               order by 1, 2, 3, 4, 5, 6, 7 limit %(limit)s)
           select i.code as item, lo.code as lot, s.code as serial, l.code as location, h.code as unit, p.owner,
                  p.status, p.on_hand
           from summed p join item i using (item_id) join location l using (location_id)
           left join lot lo on lo.lot_id = p.lot_id left join serial s on s.serial_id = p.serial_id
           left join handling_unit h on h.hu_id = p.hu_id
           order by 1, 4, 2 nulls first, 3 nulls first, 5 nulls first, 6, 7""",
        {
            "at": at,
            "day": day,
            "end": None if day is None else datetime.combine(day + timedelta(days=1), time(), UTC),
            "item": item,
            "lot": lot,
            "serial": serial,
            "unit": unit,
            "places": await places_within(conn, location) if location is not None else [],
            "limit": limit,
        },
    )


async def _snapshot(conn: AConn, at: datetime) -> date | None:
    """The first closed day with a snapshot whose end lies at or after the instant."""
    cursor = await conn.execute("select min(day) from snapshot_day where day >= (%s at time zone 'utc')::date", (at,))
    row = await cursor.fetchone()
    return row[0] if row is not None else None


def _of(named: str, side: str) -> str:
    """The same condition on one side of a movement."""
    return (
        named.replace("p.location_id", f"m.{side}_location_id")
        .replace("p.hu_id", f"m.{side}_hu_id")
        .replace("p.", "m.")
    )
