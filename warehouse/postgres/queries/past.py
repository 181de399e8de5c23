"""Stock at a past instant: by what had happened by then, or by what the books said then.

By effective time the answer is what we know today about that instant; by recorded time it is what anybody would have
read from the books at that instant, so what was posted late is missing. Both go back from the balances of now by the
movements after it. Movements are found by the item, lot, serial, unit or place asked for, so one of these is required.
"""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from warehouse.postgres.queries.paging import AConn, rows
from warehouse.postgres.queries.places import UNITS_IN, WITHIN


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
    """At most `limit` rows, by item, location, lot. ValueError when nothing is named that finds the movements."""
    which = {
        "p.item_id = (select item_id from item where code = %(item)s)": item,
        "p.lot_id in (select lot_id from lot where code = %(lot)s)": lot,
        "p.serial_id in (select serial_id from serial where code = %(serial)s)": serial,
        "p.hu_id in (select hu_id from units)": unit,
        "p.location_id in (select location_id from within)": location,
    }
    named = " and ".join(condition for condition, value in which.items() if value is not None)
    if not named:
        raise ValueError("name an item, lot, serial, unit or location")
    time = "effective_at" if clock is Clock.EFFECTIVE else "recorded_at"
    sides = [
        f"""select m.item_id, m.lot_id, m.serial_id, m.{side}_location_id as location_id, m.{side}_hu_id as hu_id,
                   m.owner, m.{side}_status as status, {sign}m.quantity as quantity
            from move m where {_of(named, side)} and m.{time} > %(at)s"""
        for side, sign in (("to", "-"), ("from", ""))
    ]
    return await rows(
        conn,
        PastStock,
        f"""with {WITHIN}, {UNITS_IN},
           parts as (
               select item_id, lot_id, serial_id, location_id, hu_id, owner, status, on_hand as quantity
               from balance p where {named}
               union all {sides[0]} union all {sides[1]})
           select i.code as item, lo.code as lot, s.code as serial, l.code as location, h.code as unit, p.owner,
                  p.status, sum(p.quantity) as on_hand
           from parts p join item i using (item_id) join location l using (location_id)
           left join lot lo on lo.lot_id = p.lot_id left join serial s on s.serial_id = p.serial_id
           left join handling_unit h on h.hu_id = p.hu_id
           where l.kind in ('internal', 'transit')
           group by 1, 2, 3, 4, 5, 6, 7 having sum(p.quantity) <> 0
           order by 1, 4, 2 nulls first, 3 nulls first, 5 nulls first, 6, 7 limit %(limit)s""",
        {
            "at": at,
            "item": item,
            "lot": lot,
            "serial": serial,
            "unit": unit,
            "location": location,
            "limit": limit,
        },
    )


def _of(named: str, side: str) -> str:
    """The same condition on one side of a movement."""
    return (
        named.replace("p.location_id", f"m.{side}_location_id")
        .replace("p.hu_id", f"m.{side}_hu_id")
        .replace("p.", "m.")
    )
