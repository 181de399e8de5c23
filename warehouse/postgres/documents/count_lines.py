"""Which balances a count takes: all, those that are due, a seeded sample, or what should be gone."""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from warehouse.commands import CountChoice
from warehouse.counting import COUNT_EVERY_DAYS, classify
from warehouse.postgres.books.balances import Conn

# How far back use counts for the classes, and how long ago a place was emptied that is looked at again.
USED_DAYS = 365
EMPTIED_DAYS = 90

_TREE = """tree (location_id, depth) as (
    select unnest(%(places)s::int[]), 0
    union all select l.location_id, t.depth + 1 from location l join tree t on l.parent_id = t.location_id
    where t.depth < 10)"""
_HERE = """(cardinality(%(places)s::int[]) = 0 or b.location_id in (select location_id from tree))
    and (cardinality(%(items)s::bigint[]) = 0 or b.item_id = any(%(items)s))"""
_LINE = """insert into count_line (count_id, line_no, item_id, lot_id, serial_id, location_id, hu_id, owner, status,
                                   expected, snapshot_seq)
    select %(count)s, row_number() over (order by l.code, i.code, b.balance_id), b.item_id, b.lot_id, b.serial_id,
           b.location_id, b.hu_id, b.owner, b.status, b.on_hand, b.last_seq
    from chosen b join location l using (location_id) join item i using (item_id)
    order by l.code, i.code, b.balance_id"""


def make_lines(
    conn: Conn,
    count_id: int,
    choice: CountChoice,
    places: Sequence[int],
    items: Sequence[int],
    *,
    sample: int,
    seed: int,
    now: datetime,
    limit: int,
) -> int:
    """Insert the lines; how many. One more than `limit` means that there are more."""
    values: dict[str, Any] = {
        "count": count_id,
        "places": list(places),
        "items": list(items),
        "limit": limit + 1,
        "sample": sample,
        "seed": seed,
        "now": now,
    }
    match choice:
        case CountChoice.ALL:
            chosen = f"select b.* from balance b where {_HERE} order by balance_id limit %(limit)s"
        case CountChoice.RANDOM:
            chosen = f"""select b.* from balance b where {_HERE}
                order by hashint8extended(b.balance_id, %(seed)s), b.balance_id limit %(sample)s"""
        case CountChoice.CYCLE:
            values |= _due_after(conn, values)
            chosen = f"""select b.* from balance b
                join unnest(%(classed)s::bigint[], %(every)s::int[]) as c (item_id, every_days) using (item_id)
                left join lateral (
                    select max(s.posted_at) as counted_at from count_line x join count_sheet s using (count_id)
                    where x.item_id = b.item_id and x.location_id = b.location_id and s.status = 'posted') last on true
                cross join lateral (
                    select extract(epoch from %(now)s - coalesce(last.counted_at, '2000-01-01')) / 86400 as days) d
                where {_HERE} and d.days >= c.every_days
                order by d.days / c.every_days desc, b.balance_id limit %(sample)s"""
        case _:
            chosen = f"""select min(m.seq) as balance_id, m.item_id, m.lot_id, m.serial_id, m.location_id, m.hu_id,
                       m.owner, m.status, 0::numeric as on_hand, max(m.seq) as last_seq
                from (select seq, item_id, lot_id, serial_id, from_location_id as location_id, from_hu_id as hu_id,
                             owner, from_status as status from move
                      where effective_at > %(now)s - make_interval(days => {EMPTIED_DAYS})) m
                join location l on l.location_id = m.location_id and l.kind = 'internal'
                where {_HERE.replace("b.", "m.")} and not exists (
                    select from balance b where b.item_id = m.item_id and b.location_id = m.location_id
                    and b.lot_id is not distinct from m.lot_id and b.serial_id is not distinct from m.serial_id)
                group by 2, 3, 4, 5, 6, 7, 8 order by max(m.seq) desc limit %(sample)s"""
    return conn.execute(f"with recursive {_TREE}, chosen as ({chosen}) {_LINE}".encode(), values).rowcount


def _due_after(conn: Conn, values: dict[str, Any]) -> dict[str, Any]:
    """For each item in question, after how many days it is counted again."""
    used: dict[int, Decimal] = {
        item_id: Decimal(value)
        for item_id, value in conn.execute(
            f"""with recursive {_TREE},
                here as (select distinct b.item_id from balance b where {_HERE}),
                worth as (
                    select h.item_id, coalesce(p.cost, i.standard_cost, 1) as cost
                    from here h join item i using (item_id) left join (
                        select item_id, sum(value) / nullif(sum(quantity), 0) as cost from value_pool group by 1) p
                        using (item_id))
                select w.item_id, coalesce(sum(m.quantity), 0) * w.cost from worth w
                left join (move m join location t on t.location_id = m.to_location_id
                                                and t.kind in ('customer', 'production'))
                     on m.item_id = w.item_id and m.reverses is null
                     and m.effective_at > %(now)s - make_interval(days => {USED_DAYS})
                group by w.item_id, w.cost""".encode(),
            values,
        )
    }
    classes = classify(used)
    return {"classed": list(classes), "every": [COUNT_EVERY_DAYS[importance] for importance in classes.values()]}
