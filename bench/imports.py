"""Opening stock of an old system: 500,000 rows of CSV cleaned, checked, posted through the ledger, and taken back.

The file is what such files are: GB18030, Chinese headers, leading zeros, full-width digits and thousands separators in
one row of fifty, units that need converting, lots on a third of the items, a year of receipt dates. The server is the
embedded one with its own settings, fsync on; nothing runs beside it.
"""

import io
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from warehouse.commands import Actor
from warehouse.postgres.books.integrity import check
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.postgres.importing import work

ROWS = 500_000
ITEMS, BINS = 20_000, 5_000
KEEPER = Actor("bench", "bench")


def run(rows: int = ROWS) -> dict[str, object]:
    """Seconds for each step, and rows posted a second."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        migrate(server.dsn)
        with psycopg.connect(server.dsn, autocommit=True) as conn:
            seconds = {"items": _import(conn, "items", _items())[1], "bins": _import(conn, "locations", _bins())[1]}
            stock = "\n".join(_stock(chance, rows)).encode("gb18030")
            seconds["check"] = _import(conn, "opening-stock", stock, applying=False)[1]
            run_id, seconds["apply"] = _import(conn, "opening-stock", stock)
            begun = time.perf_counter()
            problems = check(conn)
            seconds["integrity"] = time.perf_counter() - begun
            assert problems == [], problems
            begun = time.perf_counter()
            with conn.transaction():
                work.work_on_undo(conn, run_id, KEEPER, "bench", lambda *_: None)
            seconds["undo"] = time.perf_counter() - begun
    for name, took in seconds.items():
        print(f"{name:<10} {took:8.1f} s")
    print(f"{rows:,} rows, {len(stock) >> 20} MiB: {rows / seconds['apply']:,.0f} rows/s into the ledger")
    return {"rows": rows, "seconds": seconds, "rows_s": rows / seconds["apply"]}


def _import(
    conn: psycopg.Connection[Any], template: str, content: bytes, *, applying: bool = True
) -> tuple[UUID, float]:
    run_id = uuid4()
    begun = time.perf_counter()
    with conn.transaction():
        options = work.options_of(None, None, None)
        file = io.BytesIO(content)
        work.receive(conn, run_id, template, uuid4(), "bench.csv", "text/csv", KEEPER, options, file)
    with conn.transaction():
        result = work.work_on_file(conn, run_id, KEEPER, lambda *_: None, applying=applying)
    assert result["state"] in ("applied", "checked"), result
    return run_id, time.perf_counter() - begun


def _items() -> bytes:
    lines = ["物料编码,名称,单位,小数位,管理方式"]
    for n in range(ITEMS):
        unit, decimals = ("千克", 3) if n % 10 == 0 else ("个", 0)
        lines.append(f"{n:06},轴承（{n}）,{unit},{decimals},{'批次' if n % 3 == 0 else '无'}")
    return "\n".join(lines).encode("gb18030")


def _bins() -> bytes:
    return "\n".join(["code,level", *(f"B-{n:05},bin" for n in range(BINS))]).encode()


def _stock(chance: random.Random, rows: int) -> Iterator[str]:
    yield "物料编码,库位,数量,单位,批次,入库日期"
    for n in range(rows):
        item = chance.randrange(ITEMS)
        quantity = '"１，２００"' if n % 50 == 0 else str(chance.randrange(1, 1_000))
        unit = "吨" if item % 10 == 0 and n % 2 else ""
        lot = f"L{item % 7}" if item % 3 == 0 else ""
        day = f"2025-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
        yield f"{item:06},B-{chance.randrange(BINS):05},{quantity},{unit},{lot},{day}"
