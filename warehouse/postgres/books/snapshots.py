"""Snapshots of stock at the end of closed days, for questions about the past.

Nothing is posted into a closed day any more (`refuse_closed_day`), so a snapshot never changes. It is taken some time
after the close, by one statement that goes back from the next snapshot, or from the balances of now.
"""

from datetime import UTC, date, datetime, time, timedelta

from warehouse.postgres.books.balances import Conn


def missing(conn: Conn) -> list[date]:
    """Closed days without a snapshot, newest first."""
    return [
        day
        for (day,) in conn.execute(
            """select closed_through from period_close
               where closed_through not in (select day from snapshot_day) order by 1 desc"""
        )
    ]


def take(conn: Conn, day: date) -> int:
    """In the caller's transaction; how many balances there were at the end of that day."""
    row = conn.execute("select min(day) from snapshot_day where day > %s", (day,)).fetchone()
    later: date | None = row[0] if row is not None else None
    known = "balance" if later is None else "stock_snapshot where day = %(later)s"
    until = "" if later is None else "and effective_at < %(until)s"
    balances = conn.execute(
        f"""insert into stock_snapshot (day, item_id, lot_id, serial_id, location_id, hu_id, owner, status, on_hand)
           select %(day)s, item_id, lot_id, serial_id, location_id, hu_id, owner, status, sum(quantity) from (
               select item_id, lot_id, serial_id, location_id, hu_id, owner, status, on_hand as quantity from {known}
               union all
               select item_id, lot_id, serial_id, to_location_id, to_hu_id, owner, to_status, -quantity from move
               where effective_at >= %(end)s {until}
               union all
               select item_id, lot_id, serial_id, from_location_id, from_hu_id, owner, from_status, quantity from move
               where effective_at >= %(end)s {until}) parts
           where location_id in (select location_id from location where kind in ('internal', 'transit'))
           group by 2, 3, 4, 5, 6, 7, 8 having sum(quantity) <> 0""",  # noqa: S608  (constants)
        {"day": day, "end": _end(day), "later": later, "until": None if later is None else _end(later)},
    ).rowcount
    conn.execute("insert into snapshot_day (day, balances) values (%s, %s)", (day, balances))
    return balances


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)
