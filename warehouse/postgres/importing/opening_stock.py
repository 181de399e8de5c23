"""Opening stock: staged by COPY, checked by set-based SQL, posted through the ledger in large postings.

Every rule of the ledger that a receipt can break is checked here for all rows at once, so that one look tells every
problem; the ledger then judges each movement itself, and a refusal of it that was not foreseen is a problem as well.
A day without a time is its noon in UTC. Rows of quantity zero are left out and said.
"""

# ruff: noqa: S608  (what is put into the statements here are constants of this module, never a value)

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

from warehouse.commands import Actor
from warehouse.ledger import Circumstance, NewMove, Place, Refused, StockStatus
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.ledger import post
from warehouse.postgres.clock import database_now
from warehouse.postgres.importing.findings import PROBLEMS_MAX, Change, Findings, Found
from warehouse.postgres.importing.outcome import Effect, Outcome, Progress
from warehouse.postgres.importing.reading import Row
from warehouse.postgres.importing.ways import noon
from warehouse.units import UnitError, factor_of

MOVES_A_POSTING = 5_000
PROGRESS_EVERY = 20_000

_COLUMNS = (
    "item", "location", "quantity", "unit", "lot", "expires_on", "supplier_lot", "serial", "handling_unit", "status",
    "received_on", "unit_cost", "owner",
)  # fmt: skip

_STAGE = """
create temporary table import_staged (
    row_no bigint not null, item text, location text, quantity numeric, unit text, lot text, expires_on date,
    supplier_lot text, serial text, handling_unit text, status text, received_on date,
    unit_cost numeric, owner text) on commit drop"""

_RESOLVE = """
create temporary table import_line on commit drop as
select s.row_no, s.item, s.location, s.quantity, coalesce(s.unit, i.unit) as unit, s.lot, s.expires_on,
       coalesce(s.supplier_lot, '') as supplier_lot, s.serial, s.handling_unit,
       coalesce(s.status, 'available') as status, s.received_on, coalesce(s.received_on, %(as_of)s::date) as day,
       s.unit_cost, coalesce(s.owner, '') as owner, i.active,
       i.item_id, i.tracking, i.decimals, i.unit as base_unit, l.location_id, l.kind, l.closed,
       lo.lot_id, lo.expires_on as lot_expires_on, lo.blocked as lot_blocked, se.serial_id, se.lot_id as serial_lot_id,
       u.hu_id, null::numeric as base,
       coalesce(lo.expires_on, max(s.expires_on) over (partition by i.item_id, s.lot)) as last_day,
       row_number() over (partition by i.item_id, s.serial order by s.row_no) as serial_row,
       row_number() over (partition by i.item_id, s.lot, s.serial, s.location, s.handling_unit, s.status, s.received_on,
                                       s.owner order by s.row_no) as place_row
from import_staged s
left join (select code as named, item_id from item union all
           select gtin, item_id from item where gtin is not null and gtin not in (select code from item)) n
       on n.named = s.item
left join item i using (item_id)
left join location l on l.code = s.location
left join lot lo on lo.item_id = i.item_id and lo.code = s.lot
left join serial se on se.item_id = i.item_id and se.code = s.serial
left join handling_unit u on u.code = s.handling_unit"""

# code, column, severity, which lines, what to say, the fix. In the order of the ledger's precedence.
_RULES: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("unknown_item", "item", "error", "item_id is null", "'no item ' || item", "import the items first"),
    ("item_retired", "item", "error", "not active", "item || ' is retired'", "use it again first, or leave it out"),
    (
        "unknown_owner", "owner", "error", "owner <> '' and owner not in (select code from partner where active)",
        "'no partner ' || owner", "import the partners first",
    ),
    (
        "negative_cost", "unit_cost", "error", "unit_cost < 0", "unit_cost || ' is below zero'", "correct it",
    ),
    (
        "unknown_location", "location", "error", "location_id is null", "'no location ' || location",
        "import the locations first",
    ),
    (
        "not_a_store", "location", "error", "kind not in ('internal', 'transit')", "location || ' is ' || kind",
        "name a place that holds stock",
    ),
    (
        "quantity_not_positive", "quantity", "error", "quantity < 0", "quantity || ' is below zero'",
        "settle it in the old system: stock is never negative",
    ),
    (
        "unknown_unit", "unit", "error", "base is null and item_id is not null and quantity > 0",
        "unit || ' cannot be converted to ' || base_unit", "give the quantity in the item's own unit",
    ),
    (
        "quantity_scale", "quantity", "error", "base <> round(base, decimals)",
        "trim_scale(base) || ' ' || base_unit || ' has more than ' || decimals || ' decimals'",
        "round it, or give the item more decimals",
    ),
    (
        "lot_required", "lot", "error", "tracking = 'lot' and lot is null", "item || ' is tracked by lot'",
        "name the lot",
    ),
    (
        "serial_required", "serial", "error", "tracking = 'serial' and serial is null",
        "item || ' is tracked by serial'", "name the serial, one row each",
    ),
    (
        "serial_quantity", "quantity", "error", "serial is not null and base <> 1", "'a serial is one piece'",
        "one row for each serial, with quantity 1",
    ),
    (
        "serial_of_other_lot", "lot", "error", "serial_id is not null and serial_lot_id is distinct from lot_id",
        "'serial ' || serial || ' is of another lot'", "name the serial's own lot",
    ),
    (
        "location_closed", "location", "error", "closed", "location || ' is closed'", "open it, or use another place",
    ),
    (
        "period_closed", "received_on", "error", "day <= (select max(closed_through) from period_close)",
        "day || ' is closed'", "date it after the last close",
    ),
    (
        "in_the_future", "received_on", "error", "day > (now() at time zone 'utc')::date + 1",
        "day || ' has not come yet'", "correct the day, or the day that the import is dated",
    ),
    (
        "lot_expiry_differs", "expires_on", "error",
        "lot_id is not null and expires_on is not null and lot_expires_on is distinct from expires_on",
        "'lot ' || lot || ' expires ' || coalesce('on ' || lot_expires_on, 'never') || ' in the books'",
        "correct the day, or leave it empty",
    ),
    (
        "lot_expiry_differs", "expires_on", "error",
        """lot_id is null and (item_id, lot) in (select item_id, lot from import_line where lot is not null
           group by 1, 2 having count(distinct expires_on) > 1)""",
        "'lot ' || lot || ' has more than one expiry in this file'", "make them the same",
    ),
    (
        "lot_expired", "status", "error",
        "status = 'available' and lot is not null and last_day < day",
        "'lot ' || coalesce(lot, '') || ' expired on ' || last_day",
        "give it the status blocked, or leave it out",
    ),
    (
        "lot_blocked", "status", "error", "status = 'available' and lot_blocked", "'lot ' || lot || ' is blocked'",
        "give it the status blocked",
    ),
    (
        "serial_in_stock", "serial", "error",
        """serial_id is not null
           and exists (select from balance b where b.serial_id = import_line.serial_id and b.on_hand > 0)""",
        "'serial ' || serial || ' is in stock already'", "remove the row",
    ),
    (
        "serial_in_stock", "serial", "error",
        "serial is not null and item_id is not null and serial_row > 1",
        "'serial ' || serial || ' is on another row already'", "remove one of them",
    ),
    (
        "unit_in_two_places", "handling_unit", "error",
        """handling_unit in (select handling_unit from import_line where handling_unit is not null group by 1
           having count(distinct location) > 1)
           or hu_id is not null and exists (select from balance b where b.hu_id = import_line.hu_id
                                            and b.location_id <> import_line.location_id)""",
        "'handling unit ' || handling_unit || ' would be in two places'", "correct the place",
    ),
    ("zero_quantity", "quantity", "warning", "quantity = 0", "'nothing lies there: left out'", ""),
    (
        "same_place_twice", "item", "warning",
        "serial is null and item_id is not null and place_row > 1",
        "'an earlier row has the same item, lot and place: both count'", "see that it is not the same stock twice",
    ),
)  # fmt: skip


def run(
    conn: Conn,
    rows: Iterable[Row],
    actor: Actor,
    run_id: UUID,
    reason: str,
    as_of: datetime,
    findings: Findings,
    tell: Progress,
    *,
    posting: bool,
) -> Outcome:
    """Check, and with `posting` also post, in the caller's transaction. What was refused is among the findings."""
    outcome = Outcome(findings)
    # Sorts and hashes of some hundred thousand rows belong into memory.
    conn.execute("set local work_mem = '64MB'")
    conn.execute(_STAGE)
    _stage(conn, rows, outcome, tell)
    tell("checking", 0, outcome.rows)
    conn.execute(_RESOLVE, {"as_of": as_of.date()})
    conn.execute("analyze import_line")
    _convert(conn, outcome)
    for rule in _RULES:
        _check(conn, rule, outcome)
    row = conn.execute("select count(*) filter (where quantity = 0) from import_line").fetchone()
    outcome.left_out = row[0] if row else 0
    if outcome.good:
        conn.execute(
            """insert into import_total select %s, item_id, count(*), sum(base) from import_line where quantity > 0
               group by item_id""",
            (run_id,),
        )
    if posting and outcome.good:
        _make(conn, outcome)
        _post(conn, outcome, actor, run_id, reason, as_of, tell)
    conn.execute("drop table import_staged, import_line")
    return outcome


def _stage(conn: Conn, rows: Iterable[Row], outcome: Outcome, tell: Progress) -> None:
    columns = ", ".join(_COLUMNS)
    with conn.cursor() as cursor, cursor.copy(f"copy import_staged (row_no, {columns}) from stdin".encode()) as copy:
        for row in rows:
            values = row.values
            copy.write_row((row.row_no, *(values.get(name) for name in _COLUMNS)))
            outcome.rows += 1
            quantity = values["quantity"]
            if isinstance(quantity, Decimal):
                outcome.quantity += quantity
            if outcome.rows % PROGRESS_EVERY == 0:
                tell("reading", outcome.rows, 0)


def _convert(conn: Conn, outcome: Outcome) -> None:
    """`base`: the quantity in the item's own unit, exactly; null where there is no way from unit to unit."""
    pairs = conn.execute(
        """select l.item_id, l.unit, l.base_unit, u.factor_num, u.factor_den
           from (select distinct item_id, unit, base_unit from import_line where unit <> base_unit) l
           left join item_unit u on u.item_id = l.item_id and u.unit = l.unit and u.active"""
    ).fetchall()
    factors: list[tuple[int, str, int, int]] = []
    for item_id, given, base, num, den in pairs:
        try:
            factor = factor_of(given, base, {} if num is None else {given: Fraction(num, den)})
        except UnitError:
            continue
        factors.append((item_id, given, factor.numerator, factor.denominator))
    conn.execute("update import_line set base = quantity where unit = base_unit")
    if factors:
        # Seen to be exact by multiplying back: what is not keeps digits that its scale refuses.
        conn.execute(
            """update import_line l set base = trim_scale(quantity * f.num / f.den)
               from unnest(%s::bigint[], %s::text[], %s::numeric[], %s::numeric[]) as f (item_id, given, num, den)
               where l.item_id = f.item_id and l.unit = f.given""",
            [list(column) for column in zip(*factors, strict=True)],
        )
    for row_no, quantity, given, base, base_unit in conn.execute(
        "select row_no, quantity, unit, base, base_unit from import_line where unit <> base_unit and base is not null"
    ):
        outcome.findings.changed(
            Change(row_no, "quantity", "unit_converted", f"{quantity} {given}", f"{base} {base_unit}")
        )


def _check(conn: Conn, rule: tuple[str, str, str, str, str, str], outcome: Outcome) -> None:
    code, column, severity, condition, message, fix = rule
    found = conn.execute(
        f"""select row_no, coalesce({column}::text, ''), coalesce({message}, ''), count(*) over () from import_line
            where {condition} order by row_no limit {PROBLEMS_MAX}""".encode()
    ).fetchall()
    for row_no, value, words, _ in found:
        outcome.findings.add(Found(row_no, column, code, words, fix, value, severity))
    if found and found[0][3] > len(found):
        outcome.findings.count_on(column, code, found[0][3] - len(found), severity)


def _make(conn: Conn, outcome: Outcome) -> None:
    """The lots, serials and handling units the file names first."""
    made = {
        "lot": """insert into lot (item_id, code, supplier_lot, expires_on)
                  select item_id, lot, max(supplier_lot), max(expires_on) from import_line
                  where lot is not null and lot_id is null and quantity > 0 group by 1, 2 returning lot_id""",
        "handling_unit": """insert into handling_unit (code) select distinct handling_unit from import_line
                            where handling_unit is not null and hu_id is null and quantity > 0 returning hu_id""",
    }
    for entity, statement in made.items():
        outcome.effects += [Effect(entity, str(key)) for (key,) in conn.execute(statement.encode())]
    conn.execute(
        """update import_line l set lot_id = lo.lot_id from lot lo
           where l.lot_id is null and lo.item_id = l.item_id and lo.code = l.lot"""
    )
    outcome.effects += [
        Effect("serial", str(key))
        for (key,) in conn.execute(
            """insert into serial (item_id, lot_id, code) select item_id, lot_id, serial from import_line
               where serial is not null and serial_id is null and quantity > 0 returning serial_id"""
        )
    ]
    conn.execute(
        """update import_line l set serial_id = s.serial_id from serial s
           where l.serial_id is null and s.item_id = l.item_id and s.code = l.serial"""
    )
    conn.execute(
        """update import_line l set hu_id = u.hu_id from handling_unit u
           where l.hu_id is null and u.code = l.handling_unit"""
    )


def _post(
    conn: Conn, outcome: Outcome, actor: Actor, run_id: UUID, reason: str, as_of: datetime, tell: Progress
) -> None:
    other = conn.execute("select location_id from location where code = 'ADJUSTMENT'").fetchone()
    assert other is not None
    total = outcome.rows - outcome.left_out
    first = last = None
    now = database_now(conn)
    for day, lines in _postings(conn):
        moves = [_move(line, other[0], run_id) for line in lines]
        at = min(as_of if day is None else noon(day), now)  # today's noon may be yet to come
        posted = post(conn, moves, Circumstance(actor.name, at, actor.device, request_id=run_id, reason=reason))
        if isinstance(posted, Refused):
            outcome.findings.add(Found(lines[posted.index][0], "", posted.reason, posted.detail))
            return
        first = min(posted) if first is None else min(first, *posted)
        last = max(posted) if last is None else max(last, *posted)
        outcome.made += len(moves)
        tell("posting", outcome.made, total)
    if first is not None:
        outcome.effects.append(Effect("move", f"{first}-{last}"))


def _postings(conn: Conn) -> Iterator[tuple[date | None, list[tuple[Any, ...]]]]:
    """Lines by day received, at most MOVES_A_POSTING together, in the order balances are locked."""
    with conn.cursor("import_lines") as cursor:
        cursor.itersize = MOVES_A_POSTING
        cursor.execute(
            """select row_no, received_on, item_id, lot_id, serial_id, location_id, hu_id, status, base,
                      unit_cost, owner from import_line
               where quantity > 0
               order by received_on nulls last, item_id, lot_id nulls first, serial_id nulls first, location_id"""
        )
        for day, lines in groupby(cursor, key=lambda line: line[1]):
            batch: list[tuple[Any, ...]] = []
            for line in lines:
                batch.append(line)
                if len(batch) == MOVES_A_POSTING:
                    yield day, batch
                    batch = []
            if batch:
                yield day, batch


def _move(line: tuple[Any, ...], other_id: int, run_id: UUID) -> NewMove:
    row_no, _, item_id, lot_id, serial_id, location_id, hu_id, status, base, unit_cost, owner = line
    return NewMove(
        uuid5(run_id, str(row_no)),
        "opening",
        item_id,
        base,
        Place(other_id, None, StockStatus(status)),
        Place(location_id, hu_id, StockStatus(status)),
        lot_id,
        serial_id,
        owner,
        unit_cost=unit_cost,
    )
