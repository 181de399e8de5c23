"""Stock at a past instant: by what had happened by then, or by what the books said then.

By effective time the answer is what we know today about that instant; by recorded time it is what anybody would have
read from the books at that instant, so what was posted late is missing. Both go from a known state by the movements
between: by effective time from the nearest closed day's snapshot, forward or back, else back from today; by recorded
time forward from the last snapshot that had been taken by then, as nothing is posted into its days any more.
Movements are found by the item, lot, serial, unit or place asked for, so one of these is required.
"""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from warehouse.postgres.queries.paging import AConn, Limit, rows
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
    limit: Limit = 1_000,
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
    known, windows, sign, edge = "balance p where", [f"m.{clock}_at > %(at)s"], -1, None
    if clock is Clock.EFFECTIVE:
        day, forward = await _nearest(conn, at)
        if day is not None:
            known = "stock_snapshot p where p.day = %(day)s and"
            edge = datetime.combine(day + timedelta(days=1), time(), UTC)
            if forward:
                windows, sign = ["m.effective_at >= %(edge)s and m.effective_at <= %(at)s"], 1
            else:
                windows[0] += " and m.effective_at < %(edge)s"
    else:
        day = await _taken_by(conn, at)
        if day is not None:
            known, sign = "stock_snapshot p where p.day = %(day)s and", 1
            edge = datetime.combine(day + timedelta(days=1), time(), UTC)
            windows = [
                """m.effective_at >= %(edge)s and m.effective_at <= %(at)s + interval '24 hours'
                   and m.recorded_at <= %(at)s""",
                """m.effective_at > %(at)s + interval '24 hours' and m.recorded_at <= %(at)s
                   and extract(epoch from m.effective_at - m.recorded_at) > 86400""",
            ]
    by_place = unit is not None or location is not None
    sides = " union all ".join(_sides(named, window, sign, by_place=by_place) for window in windows)
    return await rows(
        conn,
        PastStock,
        # Names are looked up row by row: there are few rows, and joins would read whole tables of names.
        f"""with {UNITS_IN},
           virtual as materialized (select location_id from location where kind not in ('internal', 'transit')),
           parts as (
               select item_id, lot_id, serial_id, location_id, hu_id, owner, status, on_hand as quantity
               from {known} {named}
               union all {sides}),
           summed as materialized (
               select item_id, location_id, lot_id, serial_id, hu_id, owner, status, sum(quantity) as on_hand
               from parts group by 1, 2, 3, 4, 5, 6, 7 having sum(quantity) <> 0
               order by 1, 2, 3, 4, 5, 6, 7 limit %(limit)s)
           select (select code from item i where i.item_id = p.item_id) as item,
                  (select code from lot lo where lo.lot_id = p.lot_id) as lot,
                  (select code from serial s where s.serial_id = p.serial_id) as serial,
                  (select code from location l where l.location_id = p.location_id) as location,
                  (select code from handling_unit h where h.hu_id = p.hu_id) as unit, p.owner, p.status, p.on_hand
           from summed p order by 1, 4, 2 nulls first, 3 nulls first, 5 nulls first, 6, 7""",
        {
            "at": at,
            "day": day,
            "edge": edge,
            "item": item,
            "lot": lot,
            "serial": serial,
            "unit": unit,
            "places": await places_within(conn, location) if location is not None else [],
            "limit": limit,
        },
    )


def _sides(named: str, window: str, sign: int, *, by_place: bool) -> str:
    """What movements in the window did to each of their two sides: `sign` 1 as they did it, -1 undone.

    Places and units are found by the index of their side; anything else names the movement, which then is read once.
    """
    plus, minus = ("", "-") if sign > 0 else ("-", "")
    stocked = "location_id not in (select location_id from virtual)"
    if by_place:
        return " union all ".join(
            f"""select m.item_id, m.lot_id, m.serial_id, m.{side}_location_id, m.{side}_hu_id, m.owner, m.{side}_status,
                       {way}m.quantity
                from move m where {_of(named, side)} and {window} and m.{side}_{stocked}"""
            for side, way in (("to", plus), ("from", minus))
        )
    return f"""select m.item_id, m.lot_id, m.serial_id, e.location_id, e.hu_id, m.owner, e.status, e.quantity
        from move m cross join lateral (values
            (m.to_location_id, m.to_hu_id, m.to_status, {plus}m.quantity),
            (m.from_location_id, m.from_hu_id, m.from_status, {minus}m.quantity)
        ) as e (location_id, hu_id, status, quantity)
        where {_of(named, "")} and {window} and e.{stocked}"""


async def _nearest(conn: AConn, at: datetime) -> tuple[date | None, bool]:
    """The closed day with a snapshot whose end is nearest to the instant, and whether to go forward from it.

    None when the balances of now are nearer than any.
    """
    cursor = await conn.execute(
        """select day, edge <= %(at)s from (
               select day, ((day + 1)::timestamp at time zone 'utc') as edge from (
                   (select day from snapshot_day where day < (%(at)s at time zone 'utc')::date
                    order by day desc limit 1)
                   union all
                   (select day from snapshot_day where day >= (%(at)s at time zone 'utc')::date order by day limit 1)) d
               union all select null, now()) known
           order by abs(extract(epoch from edge - %(at)s)), day limit 1""",
        {"at": at},
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[0] is not None and row[1]


async def _taken_by(conn: AConn, at: datetime) -> date | None:
    """The last day whose snapshot had been taken by then; None before the first."""
    cursor = await conn.execute("select day from snapshot_day where taken_at <= %s order by day desc limit 1", (at,))
    row = await cursor.fetchone()
    return row[0] if row is not None else None


def _of(named: str, side: str) -> str:
    """The same condition on one side of a movement."""
    if not side:
        return named.replace("p.", "m.")
    return (
        named.replace("p.location_id", f"m.{side}_location_id")
        .replace("p.hu_id", f"m.{side}_hu_id")
        .replace("p.", "m.")
    )
