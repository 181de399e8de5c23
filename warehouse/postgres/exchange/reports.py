"""The queries of `warehouse.reports`: one a report, its columns in the definition's order.

Placeholders are the parameters every report can be asked with; those a report does not take are ignored.
"""

# ruff: noqa: S608  (what is put into the queries here are the constants below, never a value)

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from warehouse.postgres.books.balances import Conn
from warehouse.report_titles import COLUMN_TITLES
from warehouse.reports import REPORTS

DAYS = 30
DEAD_AFTER_DAYS = 365
FETCHED_AT_ONCE = 2_000

_STOCKED = "('internal', 'transit')"
_ITEM = "(%(item)s::text is null or i.code = %(item)s)"
_IN_PERIOD = "m.effective_at >= %(since)s and m.effective_at < %(until)s"
# Movements that stand: neither a reversal nor reversed.
_STANDING = "m.reverses is null and not exists (select from move r where r.reverses = m.seq)"
_WITHIN = """(%(location)s::text is null or l.location_id in (
    with recursive tree (location_id, depth) as (
        select location_id, 0 from location where code = %(location)s
        union all select c.location_id, t.depth + 1 from location c join tree t on c.parent_id = t.location_id
        where t.depth < 10) select location_id from tree))"""
_ZONES = """zones as (
    with recursive tree as (
        select location_id, case when level = 'zone' then code end as zone, 0 as depth
        from location where parent_id is null
        union all
        select c.location_id, case when c.level = 'zone' then c.code else t.zone end, t.depth + 1
        from location c join tree t on c.parent_id = t.location_id where t.depth < 10)
    select location_id, coalesce(zone, '') as zone from tree)"""
# What went to customers and production, which is use; conversions make other lots of it.
_USE = "t.kind in ('customer', 'production') and m.kind <> 'conversion'"

# One pass over the movements of what is in stock, whatever the number of items: each has its own limit.
_DEAD = f"""held as (
    select i.item_id, i.code, i.name, i.category, i.unit, s.on_hand,
           coalesce(i.dead_after_days, k.dead_after_days, {DEAD_AFTER_DAYS}) as days
    from (select item_id, sum(on_hand) as on_hand from balance where owner = '' group by 1) s
    join item i using (item_id) left join category k on k.code = i.category
    where s.on_hand > 0 and {_ITEM}),
    used as (
    select item_id, max(at) filter (where is_use) as last_used,
           coalesce(sum(quantity) filter (where is_use and is_late), 0) as used,
           coalesce(sum(quantity) filter (where is_receipt and is_late), 0) as received
    from (select m.item_id, m.quantity, m.effective_at as at, f.kind in {_STOCKED} and {_USE} as is_use,
                 t.kind in {_STOCKED} and f.kind not in {_STOCKED} as is_receipt,
                 m.effective_at > %(now)s - make_interval(days => h.days) as is_late
          from held h join move m using (item_id) join location f on f.location_id = m.from_location_id
          join location t on t.location_id = m.to_location_id
          where m.owner = '' and m.kind <> 'conversion' and {_STANDING}) m
    where is_use or is_receipt group by 1),
    dead as (
    select h.item_id, h.code, h.name, h.category, h.unit, h.on_hand, h.days as dead_after_days, u.last_used, v.value,
           case when coalesce(u.used, 0) = 0 then greatest(h.on_hand - coalesce(u.received, 0), 0) else 0 end as dead
    from held h left join used u using (item_id)
    left join (select item_id, sum(value) as value from value_pool group by 1) v using (item_id))"""

_BINS = f"""bins as (
    select l.location_id, z.zone, l.code as bin, count(distinct b.item_id) as items, count(distinct b.hu_id) as units,
           coalesce(sum(b.on_hand), 0) as on_hand, coalesce(sum(b.on_hand * i.weight_kg), 0) as weight_kg,
           coalesce(sum(b.on_hand * i.volume_m3), 0) as volume_m3, count(b.item_id) > 0 as occupied
    from location l join zones z using (location_id) left join balance b on b.location_id = l.location_id
    left join item i on i.item_id = b.item_id
    where l.level = 'bin' and l.kind = 'internal' and not l.closed and {_WITHIN} group by 1, 2, 3),
    shares as (
    select b.*, coalesce(greatest(b.units::numeric / p.units_max, b.on_hand / p.capacity, b.weight_kg / p.weight_max_kg,
                                  b.volume_m3 / p.volume_max_m3), case when b.occupied then 1 else 0 end) as share
    from bins b left join storage_place p using (location_id))"""

QUERIES: dict[str, str] = {
    "stock": f"""
        with {_ZONES}
        select i.code, i.name, lo.code, lo.expires_on, l.code, z.zone, b.status, b.owner, b.on_hand, b.reserved,
               b.on_hand - b.reserved, i.unit, b.first_in_at::date
        from balance b join item i using (item_id) join location l using (location_id)
        join zones z using (location_id) left join lot lo on lo.lot_id = b.lot_id
        where b.on_hand > 0 and {_ITEM} and {_WITHIN} order by i.code, l.code, lo.code, b.status, b.balance_id""",
    "movements": f"""
        select m.effective_at, m.kind, i.code, lo.code, se.code, m.quantity, i.unit, s.code, l.code,
               d.kind || '/' || d.number, d.partner, m.actor, m.device, m.reason, m.reverses is not null
        from move m join item i using (item_id) join location s on s.location_id = m.from_location_id
        join location l on l.location_id = m.to_location_id left join lot lo on lo.lot_id = m.lot_id
        left join serial se on se.serial_id = m.serial_id left join document_line x on x.line_id = m.line_id
        left join document d on d.document_id = x.document_id
        where {_IN_PERIOD} and {_ITEM}
          and ({_WITHIN} or {_WITHIN.replace("l.location_id in", "s.location_id in")})
        order by m.effective_at, m.seq""",
    "turnover": f"""
        with sides as (
            select m.item_id, m.effective_at, m.quantity
                   * ((t.kind in {_STOCKED})::int - (f.kind in {_STOCKED})::int) as delta,
                   case when f.kind in {_STOCKED} and {_USE} then m.quantity else 0 end as used
            from move m join location f on f.location_id = m.from_location_id
            join location t on t.location_id = m.to_location_id
            where m.owner = '' and m.effective_at < %(until)s and {_STANDING}),
        sums as (
            select item_id, coalesce(sum(delta) filter (where effective_at < %(since)s), 0) as opening,
                   sum(delta) as closing,
                   coalesce(sum(delta * extract(epoch from %(until)s - effective_at))
                            filter (where effective_at >= %(since)s), 0)
                   / extract(epoch from %(until)s::timestamptz - %(since)s::timestamptz) as later,
                   coalesce(sum(used) filter (where effective_at >= %(since)s), 0) as issued
            from sides group by 1)
        select i.code, i.name, s.opening, s.closing, round(s.opening + s.later, 6), s.issued,
               round(s.issued / nullif(round(s.opening + s.later, 6), 0), 4),
               round((s.opening + s.later)
                     * (extract(epoch from %(until)s::timestamptz - %(since)s::timestamptz) / 86400)
                     / nullif(s.issued, 0), 2), i.unit
        from sums s join item i using (item_id)
        where {_ITEM} and (s.opening <> 0 or s.closing <> 0 or s.issued <> 0) order by i.code""",
    "dead-stock": f"""
        with {_DEAD}
        select code, name, category, on_hand, dead, dead_after_days, last_used, value, unit from dead
        order by dead > 0 desc, code""",
    "dead-stock-rate": f"""
        with {_DEAD}
        select coalesce(category, ''), count(*), count(*) filter (where dead > 0),
               round(count(*) filter (where dead > 0)::numeric / count(*), 4), sum(value),
               round(sum(value * dead / on_hand), 2), round(sum(value * dead / on_hand) / nullif(sum(value), 0), 4)
        from (select category, on_hand, dead, value from dead where category <> '' union all
              select null, on_hand, dead, value from dead) d
        group by category order by category nulls last""",
    "frequency": f"""
        select rank() over (order by count(*) desc), i.code, i.name,
               count(*) filter (where t.kind in {_STOCKED}), count(*) filter (where f.kind in {_STOCKED}), count(*),
               coalesce(sum(m.quantity) filter (where t.kind in {_STOCKED}), 0),
               coalesce(sum(m.quantity) filter (where f.kind in {_STOCKED}), 0), i.unit
        from move m join item i using (item_id) join location f on f.location_id = m.from_location_id
        join location t on t.location_id = m.to_location_id
        where {_IN_PERIOD} and {_STANDING} and (f.kind in {_STOCKED}) <> (t.kind in {_STOCKED}) and {_ITEM}
        group by i.item_id order by 1, i.code""",
    "utilisation-bins": f"""
        with {_ZONES}, {_BINS}
        select zone, bin, items, units, on_hand, weight_kg, volume_m3, round(share, 4), occupied from shares
        order by zone, bin""",
    "utilisation-zones": f"""
        with {_ZONES}, {_BINS}
        select zone, count(*), count(*) filter (where occupied),
               round(count(*) filter (where occupied)::numeric / count(*), 4), round(avg(share), 4)
        from shares group by zone order by zone""",
    "accuracy": """
        with places as (
            select s.number, c.item_id, c.location_id, sum(c.expected) as expected,
                   sum(coalesce(c.first_counted, c.counted)) as counted
            from count_line c join count_sheet s using (count_id)
            where c.counted is not null and c.counted_at >= %(since)s and c.counted_at < %(until)s
              and s.status <> 'cancelled'
            group by 1, 2, 3),
        judged as (
            select number, counted - expected as difference,
                   abs(counted - expected) <= expected * %(tolerance_percent)s / 100 as good from places)
        select coalesce(number, ''), count(*), count(*) filter (where good),
               round(count(*) filter (where good)::numeric / nullif(count(*), 0), 4),
               coalesce(sum(difference) filter (where difference > 0), 0),
               coalesce(-sum(difference) filter (where difference < 0), 0)
        from judged group by grouping sets ((number), ()) having count(*) > 0 order by number nulls last""",
    "picking": """
        with touched as (
            select distinct x.pick_list_id from reservation r join pick_line x using (reservation_id)
            where r.state = 'picked' and r.ended_at >= %(since)s and r.ended_at < %(until)s),
        lists as (
            select p.number, p.assignee, p.created_at, count(*) as lines,
                   count(*) filter (where r.state = 'picked') as picked,
                   count(*) filter (where r.state = 'pending') as pending,
                   count(*) filter (where x.short > 0) as short,
                   max(r.ended_at) filter (where r.state = 'picked') as ended_at
            from touched join pick_list p using (pick_list_id) join pick_line x using (pick_list_id)
            join reservation r using (reservation_id)
            where p.cancelled_at is null group by p.pick_list_id)
        select number, assignee, lines, picked, short, created_at, ended_at,
               round(extract(epoch from ended_at - created_at) / 60, 2),
               round(extract(epoch from ended_at - created_at) / picked, 1)
        from lists where pending = 0 and picked > 0 and ended_at >= %(since)s and ended_at < %(until)s
        order by ended_at, number""",
    "count-variance": f"""
        with lines as (
            select s.number, s.posted_at, i.code, lo.code as lot, l.code as location, c.difference, i.unit, c.unit_cost,
                   coalesce(c.value_difference, round(c.difference * c.unit_cost, 2)) as value, c.reason, c.counted_by,
                   c.approved_by
            from count_line c join count_sheet s using (count_id) join item i using (item_id)
            join location l using (location_id) left join lot lo on lo.lot_id = c.lot_id
            where s.status = 'posted' and s.posted_at >= %(since)s and s.posted_at < %(until)s
              and c.difference <> 0 and {_ITEM})
        (select * from lines order by posted_at, number, code, location)
        union all
        select '', null, '', null, '', null, '', null, sum(value), '', null, null from lines having count(*) > 0""",
    "portals": """
        with loads as (
            select distinct on (passage_id) passage_id, portal, revision, direction, belongs, unsure, strays
            from passage where closed_at >= %(since)s and closed_at < %(until)s order by passage_id, revision desc),
        overridden as (
            select portal, count(*) as times from signal_override
            where colour is not null and at >= %(since)s and at < %(until)s group by 1),
        corrected as (
            select q.portal, count(*) as times from loads q join move m using (passage_id)
            join move r on r.reverses = m.seq group by 1),
        told as (
            select q.portal, count(*) as times, count(*) filter (where d.state in ('posted', 'dismissed')) as decided
            from loads q join discrepancy d using (passage_id) group by 1)
        select p.portal, count(*), count(*) filter (where p.unsure > 0 or p.direction = 'unsure'),
               round(count(*) filter (where p.unsure > 0 or p.direction = 'unsure')::numeric / count(*), 4),
               sum(p.belongs), sum(p.unsure), sum(p.strays), count(*) filter (where p.revision > 0),
               coalesce(max(o.times), 0), coalesce(max(c.times), 0), coalesce(max(t.times), 0),
               coalesce(max(t.decided), 0)
        from loads p left join overridden o using (portal) left join corrected c using (portal)
        left join told t using (portal) group by p.portal order by p.portal""",
}
assert QUERIES.keys() == REPORTS.keys()


@dataclass(frozen=True, slots=True)
class Asked:
    """A report with its parameters, made definite: the period has both ends."""

    name: str
    since: datetime
    until: datetime
    now: datetime
    item: str | None = None
    location: str | None = None
    tolerance_percent: Decimal = Decimal(0)
    language: str = "en"

    def values(self) -> dict[str, Any]:
        return {
            "since": self.since,
            "until": self.until,
            "now": self.now,
            "item": self.item,
            "location": self.location,
            "tolerance_percent": self.tolerance_percent,
        }


def ask(
    name: str,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    item: str | None = None,
    location: str | None = None,
    tolerance_percent: Decimal = Decimal(0),
    language: str = "en",
) -> Asked:
    """The last DAYS days unless a period is given. ValueError when it is empty."""
    end = until or now
    begin = since or end - timedelta(days=DAYS)
    if begin >= end:
        raise ValueError("the period ends before it begins")
    return Asked(name, begin, end, now, item, location, tolerance_percent, language)


def columns_of(name: str) -> list[str]:
    return [column for column, _ in REPORTS[name].columns]


def titles_of(name: str, language: str) -> list[str]:
    """The header people read: the columns' names (`en`), or their Chinese titles (`zh`)."""
    return [COLUMN_TITLES[column] if language == "zh" else column for column in columns_of(name)]


def rows_of(conn: Conn, asked: Asked) -> Iterator[tuple[Any, ...]]:
    """Row by row, in the caller's transaction."""
    with conn.cursor("report") as cursor:
        cursor.itersize = FETCHED_AT_ONCE
        cursor.execute(QUERIES[asked.name].encode(), asked.values())
        yield from cursor
