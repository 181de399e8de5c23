"""`tagledger bench load`: a large and consistent warehouse, made by the database itself, for measuring queries.

Every handling unit lives the same five movements, each with its own times, places and quantities, all from one seed:
received at a dock on a document line, put away, moved to another bin, partly issued, and then either used up or moved
back. Nothing is below zero at any time and every sum agrees: `tagledger doctor --ledger` finds nothing to say.
Items follow a skewed draw, so some have a hundred thousand movements and most have a few dozen.

Rows are written by INSERT ... SELECT in one transaction, with the ledger's secondary indexes and its foreign key checks
put aside meanwhile: indexes are made again at the end, and the constraints are those of the migrations.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from warehouse.postgres.books import snapshots

DOCKS = 4
BINS_A_WAREHOUSE = 2_500
BINS_A_ZONE = 100
MOVES_A_UNIT = 5


@dataclass(frozen=True, slots=True)
class LoadSize:
    """How much to make. Movements are five a handling unit."""

    items: int = 100_000
    units: int = 1_000_000
    days: int = 730
    seed: int = 1

    @property
    def moves(self) -> int:
        return self.units * MOVES_A_UNIT


class NotEmptyError(Exception):
    """The database has movements that this did not make."""


def loaded(conn: psycopg.Connection[Any]) -> int:
    """How many movements of an earlier load are there; raises NotEmptyError when there are others."""
    row = conn.execute("select count(*) filter (where actor = 'bench'), count(*) from move").fetchone()
    assert row is not None
    if row[0] != row[1]:
        raise NotEmptyError("the database has movements of its own: give an empty one")
    return int(row[0])


def load(dsn: str, size: LoadSize, tell: Callable[[str, float], None]) -> None:
    """Fill an empty, migrated database; `tell` hears of each step and its seconds. Raises psycopg.Error.

    The user must be able to set `session_replication_role` (a superuser), which skips foreign key checks.
    """
    values = {
        "items": size.items,
        "units": size.units,
        "days": size.days,
        "seed": size.seed,
        "docks": DOCKS,
        "bins": BINS_A_WAREHOUSE,
        "zone": BINS_A_ZONE,
    }
    with psycopg.connect(dsn, autocommit=True) as conn:
        with conn.transaction():
            conn.execute("set local session_replication_role = replica")
            conn.execute("set local maintenance_work_mem = '512MB'")
            conn.execute("set local work_mem = '256MB'")
            indexes = _drop_indexes(conn, ("move", "balance", "document_line"))
            for name, statement in _STEPS:
                began_s = time.perf_counter()
                conn.execute(statement.encode(), values)
                tell(name, time.perf_counter() - began_s)
            for definition in indexes:
                began_s = time.perf_counter()
                conn.execute(definition.encode())
                tell(definition.split(" USING")[0].lower(), time.perf_counter() - began_s)
        began_s = time.perf_counter()
        conn.execute("vacuum (analyze)")
        tell("vacuum and analyze", time.perf_counter() - began_s)
        _close_quarters(conn, tell)


def _close_quarters(conn: psycopg.Connection[Any], tell: Callable[[str, float], None]) -> None:
    """As a company would, every quarter that is over, so that the past has snapshots."""
    conn.execute(
        """insert into period_close (closed_through, closed_by)
           select (quarter - interval '1 day')::date, 'bench'
           from generate_series(date_trunc('quarter', (select min(effective_at) from move)) + interval '3 months',
                                date_trunc('quarter', now()), interval '3 months') quarter"""
    )
    conn.execute("set work_mem = '256MB'")
    for day in snapshots.missing(conn):
        began_s = time.perf_counter()
        with conn.transaction():
            snapshots.take(conn, day)
            # As if it had been taken then, a few days after the close: what the books said is read from it.
            conn.execute("set local session_replication_role = replica")
            conn.execute("update snapshot_day set taken_at = day + interval '4 days' where day = %s", (day,))
        tell(f"snapshot of {day}", time.perf_counter() - began_s)
    conn.execute("vacuum (analyze) stock_snapshot")


def _drop_indexes(conn: psycopg.Connection[Any], tables: tuple[str, ...]) -> list[str]:
    """Drop what only finds rows; keep primary keys and unique keys. Their definitions, to make them again."""
    definitions = []
    for name, definition in conn.execute(
        """select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
           where indrelid = any(%s::regclass[]) and not indisunique order by 1""",
        (list(tables),),
    ).fetchall():
        definitions.append(definition)
        conn.execute(f"drop index {name}".encode())
    return definitions


def _random(of: str, number: int) -> str:
    """Between 0 and 1, the same for the same seed."""
    return f"((hashint8extended({of}, %(seed)s + {number}) & 16777215) / 16777216.0)"


def _steps() -> Iterator[tuple[str, str]]:
    yield (
        "items",
        """insert into item (code, name, tracking, category)
           select 'BENCH-' || lpad(i::text, 6, '0'), 'Bench item ' || i, 'lot', 'C' || mod(i, 40)
           from generate_series(1, %(items)s) i""",
    )
    yield (
        "warehouses, zones and bins",
        """with site as (
               insert into location (code, kind, level) select 'BW-' || w, 'internal', 'warehouse'
               from generate_series(1, %(docks)s) w returning location_id, code),
           dock as (
               insert into location (code, kind, level, parent_id)
               select code || '-DOCK', 'internal', 'zone', location_id from site),
           zone as (
               insert into location (code, kind, level, parent_id)
               select code || '-Z' || lpad(z::text, 2, '0'), 'internal', 'zone', location_id
               from site, generate_series(1, %(bins)s / %(zone)s) z returning location_id, code)
           insert into location (code, kind, level, parent_id)
           select code || '-' || lpad(b::text, 3, '0'), 'internal', 'bin', location_id
           from zone, generate_series(1, %(zone)s) b order by code, b""",
    )
    yield (
        "handling units",
        """insert into handling_unit (code, kind) select 'BHU-' || lpad(u::text, 9, '0'), 'pallet'
           from generate_series(1, %(units)s) u order by u""",
    )
    yield (
        "numbers",
        """create temporary table bench_item on commit drop as
           select row_number() over (order by item_id) as n, item_id from item where starts_with(code, 'BENCH-')""",
    )
    yield "", "create index on bench_item (n)"
    yield (
        "",
        """create temporary table bench_bin on commit drop as
           select split_part(code, '-', 2)::int as w, row_number() over (
                      partition by split_part(code, '-', 2) order by code) as n, location_id
           from location where starts_with(code, 'BW-') and level = 'bin'""",
    )
    yield "", "create index on bench_bin (w, n)"
    yield (
        "lives of the units",
        f"""create temporary table bench_unit on commit drop as
            select u, h.hu_id, i.item_id, mod(u, %(docks)s) + 1 as w, d.location_id as dock_id,
                   1 + floor({_random("u", 2)} * 99)::numeric as quantity,
                   date_trunc('day', now()) - make_interval(days => %(days)s)
                       + make_interval(secs => {_random("u", 4)} * (%(days)s - 100) * 86400) as at,
                   a.location_id as bin_1, b.location_id as bin_2, {_random("u", 7)} as fate
            from generate_series(1, %(units)s) u
            join handling_unit h on h.code = 'BHU-' || lpad(u::text, 9, '0')
            join bench_item i on i.n = 1 + floor(power({_random("u", 1)}, 3) * %(items)s)::int
            join location d on d.code = 'BW-' || (mod(u, %(docks)s) + 1) || '-DOCK'
            join bench_bin a on a.w = mod(u, %(docks)s) + 1 and a.n = 1 + floor({_random("u", 5)} * %(bins)s)::int
            join bench_bin b on b.w = a.w
                 and b.n = 1 + mod(a.n + floor({_random("u", 6)} * (%(bins)s - 1))::int, %(bins)s)""",  # noqa: S608
    )
    yield (
        "lots",
        """insert into lot (item_id, code, supplier_lot, created_at)
           select item_id, 'L' || to_char(at, 'YYYYMM'), '', min(at) from bench_unit group by 1, 2""",
    )
    yield (
        "receipts",
        """insert into document (kind, number, partner, status, created_by, created_at, closed_at)
           select 'purchase_receipt', 'BR-' || u / 20, 'Supplier ' || mod(u / 20, 500), 'complete', 'bench', min(at),
                  min(at)
           from bench_unit group by u / 20""",
    )
    yield (
        "deliveries",
        """insert into document (kind, number, partner, status, created_by, created_at, closed_at)
           select 'delivery', 'BD-' || u / 10, 'Customer ' || mod(u / 10, 2000), 'complete', 'bench', min(at), min(at)
           from bench_unit where quantity > 1 group by u / 10""",
    )
    yield (
        "",
        """create temporary table bench_life on commit drop as
           select b.*, l.lot_id, r.document_id as receipt_id, d.document_id as delivery_id,
                  floor(b.quantity / 2) as issued
           from bench_unit b join lot l on l.item_id = b.item_id and l.code = 'L' || to_char(b.at, 'YYYYMM')
           join document r on r.kind = 'purchase_receipt' and r.number = 'BR-' || b.u / 20
           left join document d on d.kind = 'delivery' and d.number = 'BD-' || b.u / 10""",
    )
    yield (
        "lines",
        """insert into document_line (document_id, line_no, item_id, lot_id, quantity, fulfilled)
           select receipt_id, 1 + mod(u, 20), item_id, lot_id, quantity, quantity from bench_life
           union all
           select delivery_id, 1 + mod(u, 10), item_id, lot_id, issued, issued from bench_life where issued > 0""",
    )
    yield (
        "movements",
        """insert into move (move_id, kind, line_id, item_id, lot_id, quantity, from_location_id, to_location_id,
                             from_hu_id, to_hu_id, effective_at, recorded_at, actor)
           select md5(m.u::text || '/' || m.n)::uuid, m.kind, l.line_id, m.item_id, m.lot_id, m.quantity, m.source,
                  m.target, case when m.n > 1 then m.hu_id end, case when m.target_in then m.hu_id end, m.at,
                  m.at + interval '3 s', 'bench'
           from (
               select u, 1 as n, 'purchase_receipt' as kind, receipt_id as document_id, 1 + mod(u, 20) as line_no,
                      item_id, lot_id, quantity, s.supplier as source, dock_id as target, true as target_in, hu_id, at
               from bench_life, place s
               union all
               select u, 2, 'move', null, null, item_id, lot_id, quantity, dock_id, bin_1, true, hu_id,
                      at + make_interval(hours => 1 + mod(u, 8)) from bench_life
               union all
               select u, 3, 'move', null, null, item_id, lot_id, quantity, bin_1, bin_2, true, hu_id,
                      at + make_interval(days => 1 + mod(u, 30)) from bench_life
               union all
               select u, 4, case when issued > 0 then 'delivery' else 'move' end,
                      case when issued > 0 then delivery_id end, 1 + mod(u, 10), item_id, lot_id,
                      case when issued > 0 then issued else quantity end, bin_2,
                      case when issued > 0 then s.customer else bin_1 end, issued = 0, hu_id,
                      at + make_interval(days => 32 + mod(u, 30)) from bench_life, place s
               union all
               select u, 5, case when fate < 0.4 then 'adjustment' else 'move' end, null, null, item_id, lot_id,
                      quantity - issued, case when issued > 0 then bin_2 else bin_1 end,
                      case when fate < 0.4 then s.scrap when issued > 0 then bin_1 else bin_2 end, fate >= 0.4, hu_id,
                      at + make_interval(days => 63 + mod(u, 30)) from bench_life, place s) m
           left join document_line l on l.document_id = m.document_id and l.line_no = m.line_no
           order by m.at""",
    )
    yield (
        "balances",
        """insert into balance (item_id, lot_id, location_id, hu_id, on_hand, last_seq, last_effective_at, first_in_at)
           select item_id, lot_id, location_id, hu_id, sum(delta), max(seq), max(effective_at), min(effective_at)
           from (select seq, effective_at, item_id, lot_id, to_location_id as location_id, to_hu_id as hu_id,
                        quantity as delta from move
                 union all
                 select seq, effective_at, item_id, lot_id, from_location_id, from_hu_id, -quantity from move) s
           join location l using (location_id) where l.kind = 'internal'
           group by 1, 2, 3, 4 having sum(delta) <> 0""",
    )


_PLACES = """(select (select location_id from location where code = 'SUPPLIER') as supplier,
                     (select location_id from location where code = 'CUSTOMER') as customer,
                     (select location_id from location where code = 'SCRAP') as scrap)"""


# Put where the statements say `place s`.
_STEPS = tuple((name, statement.replace("place s", f"{_PLACES} s")) for name, statement in _steps())
