"""How long the questions people ask of stock take on a large warehouse, and by which plan PostgreSQL answers them.

Each question is the very query the API runs, asked for other items, lots and places each time, drawn from a seed; the
hottest item is asked for apart. Times are of the query over a local connection, rows decoded. Each is asked twice: the
first time reads pages nobody has read for long, the second finds them in memory, as it is where people work. Then the
API is asked the same over HTTP. On a machine with other work to do these are mostly waiting: `busy_ms` is what the
database's process worked for an answer, and hardly depends on what else runs.
Plans are PostgreSQL's own (auto_explain), each the plan of the slowest time, without the costs.
"""

import math
import os
import random
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

from warehouse.postgres.queries.movements import movements
from warehouse.postgres.queries.past import Clock, stock_as_of
from warehouse.postgres.queries.stock import named_quantities, quantities_by_item, stock, stock_totals
from warehouse.postgres.queries.tracing import Trace, genealogy, lot_things

Conn = psycopg.AsyncConnection[Any]
Ask = Callable[[Conn, "Draw"], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Draw:
    """What to ask for this time."""

    item: str
    lot: tuple[str, str]
    unit: str
    bin: str
    zone: str
    warehouse: str
    hottest: str
    hottest_lot: tuple[str, str]
    then: datetime


async def _trace(conn: Conn, lot: tuple[str, str]) -> Sequence[Trace]:
    """The steps of all that the lot came from and went into."""
    return (await genealogy(conn, await lot_things(conn, *lot))).steps


@dataclass(frozen=True, slots=True)
class Measured:
    """One question: milliseconds of the query when asked again (half of them, 99 of 100), half when asked first, what
    the database worked for each (None where its process cannot be seen), the API's (None where it was not asked), rows,
    and the plan of the slowest.
    """

    question: str
    median_ms: float
    p99_ms: float
    first_ms: float
    busy_ms: float | None
    api_median_ms: float | None
    api_p99_ms: float | None
    rows: int
    plan: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """In words, as a query, and as a path of the API."""

    words: str
    ask: Ask
    path: Callable[["Draw"], str]


def _at(place: str, **query: Any) -> str:
    return f"/v1/{place}?{urlencode(query)}"


def _as_of(draw: Draw, **query: Any) -> str:
    return _at("stock/as-of", at=draw.then.isoformat(), **query)


QUESTIONS: tuple[Question, ...] = tuple(
    Question(words, ask, path)
    for words, ask, path in (
        ("stock of an item", lambda c, d: stock(c, None, 101, item=d.item), lambda d: _at("stock", item=d.item)),
        (
            "stock of the hottest item, a page",
            lambda c, d: stock(c, None, 101, item=d.hottest),
            lambda d: _at("stock", item=d.hottest),
        ),
        (
            "stock of a lot",
            lambda c, d: stock(c, None, 101, item=d.lot[0], lot=d.lot[1]),
            lambda d: _at("stock", item=d.lot[0], lot=d.lot[1]),
        ),
        (
            "stock in a handling unit",
            lambda c, d: stock(c, None, 101, unit=d.unit),
            lambda d: _at("stock", unit=d.unit),
        ),
        ("stock in a bin", lambda c, d: stock(c, None, 101, location=d.bin), lambda d: _at("stock", location=d.bin)),
        (
            "stock in a zone, a page",
            lambda c, d: stock(c, None, 101, location=d.zone),
            lambda d: _at("stock", location=d.zone),
        ),
        (
            "stock in a warehouse, a page",
            lambda c, d: stock(c, None, 101, location=d.warehouse),
            lambda d: _at("stock", location=d.warehouse),
        ),
        (
            "totals of an item by warehouse",
            lambda c, d: stock_totals(c, None, 101, item=d.item, level="warehouse"),
            lambda d: _at("stock/totals", item=d.item, level="warehouse"),
        ),
        (
            "named quantities of an item",
            lambda c, d: named_quantities(c, d.item),
            lambda d: f"/v1/items/{d.item}/quantities",
        ),
        (
            "named quantities of an item in a warehouse",
            lambda c, d: named_quantities(c, d.item, location=d.warehouse),
            lambda d: _at(f"items/{d.item}/quantities", location=d.warehouse),
        ),
        (
            "named quantities of the hottest item",
            lambda c, d: named_quantities(c, d.hottest),
            lambda d: f"/v1/items/{d.hottest}/quantities",
        ),
        (
            "named quantities, 100 items",
            lambda c, d: quantities_by_item(c, d.item, 101),
            lambda d: _at("stock/quantities", limit=100),
        ),
        (
            "where a lot came from and went to",
            lambda c, d: _trace(c, d.lot),
            lambda d: _at("lots/trace", item=d.lot[0], lot=d.lot[1]),
        ),
        (
            "where the hottest item's largest lot went, first 1,000",
            lambda c, d: _trace(c, d.hottest_lot),
            lambda d: _at("lots/trace", item=d.hottest_lot[0], lot=d.hottest_lot[1]),
        ),
        (
            "movements of an item, a page",
            lambda c, d: movements(c, None, 101, item=d.item),
            lambda d: _at("movements", item=d.item),
        ),
        (
            "movements of a bin, a page",
            lambda c, d: movements(c, None, 101, location=d.bin),
            lambda d: _at("movements", location=d.bin),
        ),
        ("as of then: an item", lambda c, d: stock_as_of(c, d.then, item=d.item), lambda d: _as_of(d, item=d.item)),
        (
            "as of then: the hottest item, first 1,000",
            lambda c, d: stock_as_of(c, d.then, item=d.hottest),
            lambda d: _as_of(d, item=d.hottest),
        ),
        (
            "as of then: a lot",
            lambda c, d: stock_as_of(c, d.then, item=d.lot[0], lot=d.lot[1]),
            lambda d: _as_of(d, item=d.lot[0], lot=d.lot[1]),
        ),
        ("as of then: a bin", lambda c, d: stock_as_of(c, d.then, location=d.bin), lambda d: _as_of(d, location=d.bin)),
        (
            "as of then: a zone, first 1,000",
            lambda c, d: stock_as_of(c, d.then, location=d.zone),
            lambda d: _as_of(d, location=d.zone),
        ),
        (
            "as recorded then: an item",
            lambda c, d: stock_as_of(c, d.then, clock=Clock.RECORDED, item=d.item),
            lambda d: _as_of(d, clock="recorded", item=d.item),
        ),
        (
            "as recorded then: a bin",
            lambda c, d: stock_as_of(c, d.then, clock=Clock.RECORDED, location=d.bin),
            lambda d: _as_of(d, clock="recorded", location=d.bin),
        ),
    )
)


async def measure(
    dsn: str,
    times: int,
    seed: int,
    tell: Callable[[Measured], None],
    questions: Sequence[Question] = QUESTIONS,
    get: Callable[[str], Awaitable[None]] | None = None,
) -> list[Measured]:
    """Every question, `times` times; `get` asks the API for a path. Raises psycopg.Error."""
    found = []
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
        await conn.execute("set jit = off")  # as in the API's pool
        await conn.execute("set max_parallel_workers_per_gather = 0")
        plans: list[str] = []
        explained = await _explain(conn, plans)
        for question in questions:
            dice = random.Random(f"{seed}/{question.words}")
            took: list[float] = []
            first: list[float] = []
            over_http: list[float] = []
            slowest: tuple[str, ...] = ()
            rows, worked_s = 0, 0.0
            await question.ask(conn, await _draw(conn, dice))
            for _ in range(times):
                draw = await _draw(conn, dice)
                for times_of in (first, took):
                    before_s, began_s = _worked_s(conn), time.perf_counter()
                    answer = await question.ask(conn, draw)
                    times_of.append((time.perf_counter() - began_s) * 1e3)
                    worked_s += _worked_s(conn) - before_s
                rows = len(answer) if isinstance(answer, list) else 1
                if explained and took[-1] == max(took):
                    plans.clear()
                    async with conn.transaction():
                        await conn.execute("set local auto_explain.log_min_duration = 0")
                        await question.ask(conn, draw)
                    slowest = short_plan(plans[-1]) if plans else ()
                if get is not None:
                    began_s = time.perf_counter()
                    await get(question.path(draw))
                    over_http.append((time.perf_counter() - began_s) * 1e3)
            measured = Measured(
                question.words,
                round(statistics.median(took), 2),
                round(_p99(took), 2),
                round(statistics.median(first), 2),
                None if math.isnan(worked_s) else round(worked_s * 1e3 / (2 * times), 2),
                round(statistics.median(over_http), 2) if over_http else None,
                round(_p99(over_http), 2) if over_http else None,
                rows,
                slowest,
            )
            tell(measured)
            found.append(measured)
    return found


def _p99(took: Sequence[float]) -> float:
    """The nearest rank; the slowest of fewer than a hundred."""
    return sorted(took)[math.ceil(0.99 * len(took)) - 1]


def _worked_s(conn: Conn) -> float:
    """Processor time of the connection's server process, in hundredths that add up; NaN where it is elsewhere."""
    try:
        said = Path(f"/proc/{conn.info.backend_pid}/stat").read_text()
    except OSError:
        return math.nan
    name, _, rest = said.rpartition(")")
    if "postgres" not in name:
        return math.nan
    fields = rest.split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def short_plan(text: str) -> tuple[str, ...]:
    """The nodes of a plan as PostgreSQL explains it, with real rows and loops, without costs and conditions."""
    lines = []
    for line in text.splitlines():
        node = re.match(r"^(\s*)(->\s+)?(.*?)\s+\(cost=[^)]*\)\s+\((actual [^)]*|never executed)\)", line)
        if node is not None:
            rows = re.search(r"rows=(\S+) loops=(\S+)", node[4])
            seen = f" ({rows[1]} rows × {rows[2]})" if rows is not None else " (never)"
            lines.append(f"{' ' * (len(node[1]) // 3)}{node[3]}{seen}")
    return tuple(lines)


async def _explain(conn: Conn, plans: list[str]) -> bool:
    """Have the server send plans along; whether it can."""
    try:
        for setting in (
            "load 'auto_explain'",
            "set auto_explain.log_min_duration = -1",
            "set auto_explain.log_analyze = on",
            "set auto_explain.log_timing = off",
            "set client_min_messages = log",
        ):
            await conn.execute(setting.encode())
    except psycopg.Error:
        return False
    conn.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
    return True


async def _draw(conn: Conn, dice: random.Random) -> Draw:
    """An item is drawn as often as the load uses it, so popular ones come up more often."""
    unit = dice.randrange(1, 1 + await _count(conn, "handling_unit", "hu_id"))
    row = await (
        await conn.execute(
            """select i.code, lo.code, h.code from move m join item i using (item_id) join lot lo using (lot_id)
               join handling_unit h on h.hu_id = m.to_hu_id
               where m.seq >= %s and m.to_hu_id is not null order by m.seq limit 1""",
            (unit * 4,),
        )
    ).fetchone()
    assert row is not None
    hot = await (
        await conn.execute(
            """select i.code, lo.code from item i join lot lo using (item_id)
               where i.code = (select min(code) from item where starts_with(code, 'BENCH-')) limit 1"""
        )
    ).fetchone()
    assert hot is not None
    site, zone, place = dice.randrange(1, 5), dice.randrange(1, 26), dice.randrange(1, 101)
    then = (await (await conn.execute("select date_trunc('hour', now())")).fetchone() or (None,))[0]
    assert isinstance(then, datetime)
    return Draw(
        row[0],
        (row[0], row[1]),
        row[2],
        f"BW-{site}-Z{zone:02}-{place:03}",
        f"BW-{site}-Z{zone:02}",
        f"BW-{site}",
        hot[0],
        (hot[0], hot[1]),
        then - timedelta(days=dice.randrange(1, 700)),
    )


async def _count(conn: Conn, table: str, key: str) -> int:
    row = await (await conn.execute(f"select max({key}) from {table}".encode())).fetchone()  # noqa: S608
    return int(row[0]) if row is not None and row[0] is not None else 1
