"""The ledger's integrity job: every invariant recomputed from the movements. It reports and never repairs.

Run by `tagledger doctor --ledger`. Each check is one query that gives the rows that break it; a healthy ledger gives
none. It reads one snapshot (REPEATABLE READ), so it can run while the store works.
"""

# ruff: noqa: S608  (what is put into the queries here are the constants below, never a value)

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, IsolationLevel

from warehouse.postgres.database.grants import APPEND_ONLY, SERVICE_ROLE

# Rows shown per check; the count says how many there are.
SHOWN_MAX = 20

# Every movement as what it did to each of its two sides.
_SIDES = """(
    select seq, effective_at, item_id, lot_id, serial_id, to_location_id as location_id, to_hu_id as hu_id, owner,
           to_status as status, quantity as delta from move
    union all
    select seq, effective_at, item_id, lot_id, serial_id, from_location_id, from_hu_id, owner, from_status, -quantity
    from move)"""
_STOCKED = "(select location_id from location where kind in ('internal', 'transit'))"
_KEY = "item_id, lot_id, serial_id, location_id, hu_id, owner, status"

CHECKS: dict[str, str] = {
    "conservation": f"""
        select item_id, lot_id, serial_id, owner, sum(delta) as surplus from {_SIDES} s
        group by 1, 2, 3, 4 having sum(delta) <> 0""",
    "balance_is_sum_of_ledger": f"""
        select {_KEY}, sum(booked) as ledger, sum(held) as balance from (
            select {_KEY}, delta as booked, 0 as held from {_SIDES} s where location_id in {_STOCKED}
            union all select {_KEY}, 0, on_hand from balance) both_sides
        group by {_KEY} having sum(booked) <> sum(held)""",
    "reserved_is_sum_of_reservations": f"""
        select {_KEY}, sum(promised) as reservations, sum(held) as balance from (
            select {_KEY}, quantity as promised, 0 as held from reservation where state = 'pending'
            union all select {_KEY}, 0, reserved from balance) both_sides
        group by {_KEY} having sum(promised) <> sum(held)""",
    "reserved_within_on_hand": f"""
        select {_KEY}, on_hand, reserved from balance where not 0 <= reserved or reserved > on_hand""",
    "only_stocked_locations_have_balances": f"select {_KEY} from balance where location_id not in {_STOCKED}",
    "serial_in_one_place": f"""
        select serial_id, count(*) as places, sum(quantity) as quantity from (
            select serial_id, location_id, hu_id, status, sum(delta) as quantity from {_SIDES} s
            where serial_id is not null and location_id in {_STOCKED} group by 1, 2, 3, 4 having sum(delta) <> 0) p
        group by 1 having count(*) > 1 or sum(quantity) <> 1""",
    "never_negative_at_any_time": f"""
        select distinct {_KEY} from (
            select {_KEY},
                   sum(delta) over (partition by {_KEY} order by effective_at range unbounded preceding) as running
            from {_SIDES} s where location_id in {_STOCKED}) r
        where running < 0""",
    "reversals_mirror_their_movement": """
        select r.seq, o.seq as reversed from move r join move o on o.seq = r.reverses
        where r.reverses is not null and (
           o.reverses is not null or r.quantity <> o.quantity or r.item_id <> o.item_id or r.owner <> o.owner
           or r.lot_id is distinct from o.lot_id or r.serial_id is distinct from o.serial_id
           or r.from_location_id <> o.to_location_id or r.to_location_id <> o.from_location_id
           or r.from_hu_id is distinct from o.to_hu_id or r.to_hu_id is distinct from o.from_hu_id
           or r.from_status <> o.to_status or r.to_status <> o.from_status)""",
    "lines_fulfilled_by_movements": """
        select l.line_id, l.fulfilled, l.shipped, coalesce(m.moved, 0) as moved, coalesce(m.sent, 0) as sent
        from document_line l
        left join (select line_id,
                       sum(case when reverses is null then quantity else -quantity end)
                           filter (where line_role = 'fulfil') as moved,
                       sum(case when reverses is null then quantity else -quantity end)
                           filter (where line_role = 'ship') as sent
                   from move where line_id is not null group by 1) m using (line_id)
        where l.fulfilled <> coalesce(m.moved, 0) or l.shipped <> coalesce(m.sent, 0)""",
    "value_is_sum_of_entries": """
        select item_id, lot_id, serial_id, sum(booked) as entries, sum(held) as pool from (
            select item_id, lot_id, serial_id, amount as booked, 0 as held from value_entry
            union all select item_id, lot_id, serial_id, 0, value from value_pool) both_sides
        group by 1, 2, 3 having sum(booked) <> sum(held)""",
    "valued_quantity_is_stock": """
        select item_id, lot_id, serial_id, sum(valued) as pool, sum(held) as balance from (
            select item_id, lot_id, serial_id, quantity as valued, 0 as held from value_pool
            union all
            select b.item_id, case i.tracking when 'lot' then b.lot_id end,
                   case i.tracking when 'serial' then b.serial_id end, 0, b.on_hand
            from balance b join item i using (item_id) where i.valuation <> 'none' and b.owner = '') both_sides
        group by 1, 2, 3 having sum(valued) <> sum(held)""",
    "scale_of_the_unit": """
        select m.seq, m.quantity, i.decimals from move m join item i using (item_id)
        where m.quantity <> round(m.quantity, i.decimals)""",
    "tracked_as_the_item_says": """
        select m.seq, i.tracking from move m join item i using (item_id)
        where i.tracking = 'serial' and m.serial_id is null or i.tracking = 'lot' and m.lot_id is null""",
    "append_only_is_enforced": f"""
        select t.name from unnest(array{list(APPEND_ONLY)}) as t (name)
        where (select count(*) from pg_trigger g where g.tgrelid = t.name::regclass and not g.tgisinternal
               and g.tgenabled in ('O', 'A') and g.tgname in (t.name || '_no_change', t.name || '_no_truncate')) <> 2
           or exists (select from pg_roles where rolname = '{SERVICE_ROLE}')
              and (has_table_privilege('{SERVICE_ROLE}', t.name, 'update')
                   or has_table_privilege('{SERVICE_ROLE}', t.name, 'delete')
                   or has_table_privilege('{SERVICE_ROLE}', t.name, 'truncate'))""",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken invariant: how many rows break it, and the first of them as text."""

    check: str
    count: int
    examples: tuple[str, ...]


def check(conn: Connection[Any]) -> list[Problem]:
    """The broken invariants; empty for a healthy ledger. The connection must be outside a transaction."""
    before = conn.isolation_level
    conn.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with conn.transaction():
            return broken(conn)
    finally:
        conn.isolation_level = before


def broken(conn: Connection[Any]) -> list[Problem]:
    """The same in the caller's transaction, which must read one snapshot (REPEATABLE READ)."""
    problems: list[Problem] = []
    # Every check reads whole tables, and a table just loaded still has the statistics of an empty one: its planner
    # would join them row by row, which takes minutes at 40,000 movements.
    conn.execute("set local enable_nestloop = off")
    for name, query in CHECKS.items():
        cursor = conn.execute(query.encode())
        titles = [column.name for column in cursor.description or ()]
        rows = cursor.fetchmany(SHOWN_MAX)
        if rows:
            shown = tuple(
                ", ".join(f"{title}={value}" for title, value in zip(titles, row, strict=True)) for row in rows
            )
            problems.append(Problem(name, cursor.rowcount, shown))
    return problems
