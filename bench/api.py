"""Where is a tag, what stock has an item, a list of 1,000 tags: requests per second of the server's CPU.

200,000 tags, 1,000,000 rows of location history and 20,000 balances of 1,000 items, made inside the database; size adds
levels of index and little else. API_TAGS=1000000 API_HISTORY=50000000 asks for the large ones (minutes and 12 GB): the
rows are written before their indexes are built, and nothing is flushed until all is there.

Peer, in interleaved rounds: a bare FastAPI application, whose handlers do one psycopg select from a pool and return the
rows: no key, no paging, no identity of the tag, no typed answer, FastAPI's own JSON. Each application runs in a process
of its own under uvicorn and is asked over kept-alive connections by `CLIENTS` threads here. CPU time is that of the
server's process (PostgreSQL and the clients are not in it), from /proc. `pgbench` runs the bare select of one row over
as many connections without any web server in front, by wall clock: what the database itself can give here.
"""

import asyncio
import contextlib
import http.client
import io
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
from fastapi import FastAPI
from psycopg import sql

from bench.served import cpu_s_of, serve, served_app
from tagledger.bench_api import KEY
from warehouse.postgres.database.binaries import find_binaries
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer

ROUNDS = 3
SECONDS = 1.5
CLIENTS = 8
TAGS = int(os.environ.get("API_TAGS", "200000"))
HISTORY = int(os.environ.get("API_HISTORY", "1000000"))
ITEMS = 1_000
PATHS = {"tag": "/v1/tags/{epc}", "stock": "/v1/stock?item=I{item}", "list": "/v1/tags?limit=1000"}
COLUMNS = "select t.epc, l.code as location, t.event, t.at from tag_location t join location l using (location_id)"
ONE_TAG = f"{COLUMNS} where t.epc = %s"
_EPC_SQL = "'3034257BF7194E40' || lpad(upper(to_hex(cast(:n as bigint))), 8, '0')"
FILL = """
insert into item (code) select 'I' || n from generate_series(1, 1000) n;
insert into location (code, kind) select 'B' || n, 'internal' from generate_series(1, 1000) n;
insert into tag (epc, item_id) select '3034257BF7194E40' || lpad(upper(to_hex(n)), 8, '0'), 1 + n % 1000
  from generate_series(1, {tags}) n;
insert into tag_location (epc, location_id, event, at, update_id)
  select epc, 100 + hashtext(epc) % 50, 'moved', now(), gen_random_uuid() from tag;
insert into location_history (at, update_id, epc, location_id, event)
  select now() - n * interval '1 second', gen_random_uuid(),
         '3034257BF7194E40' || lpad(upper(to_hex(1 + n % {tags})), 8, '0'), 100 + n % 50, 'moved'
  from generate_series(1, {history}) n;
insert into balance (item_id, location_id, on_hand, last_seq, last_effective_at, first_in_at)
  select i.item_id, l.location_id, 5, 1, now(), now() from item i
  join lateral (select location_id from location where kind = 'internal' and code like 'B%'
                offset i.item_id % 900 limit 20) l on true;
"""


def run(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, object]:
    """Median requests per CPU-second and per second by path, and the ratio within a round."""
    result: dict[str, object] = {"bench": "api", "unit": "requests/CPU-s", "rounds": rounds, "tags": TAGS}
    result["history_rows"] = HISTORY
    figures: dict[str, dict[str, list[tuple[float, float]]]] = {path: {"ours": [], "bare": []} for path in PATHS}
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        migrate(server.dsn)
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            _fill(connection)
        with served_app("bench.api", "ours", server.dsn) as ours, served_app("bench.api", "bare", server.dsn) as bare:
            for _ in range(rounds):
                for path in PATHS:
                    for name, served in (("ours", ours), ("bare", bare)):
                        figures[path][name].append(_drive(*served, PATHS[path], seconds))
        pgbench_s = _pgbench(server.dsn, Path(folder), seconds)
    print(f"{'':8}{'ours/CPU-s':>12}{'bare/CPU-s':>12}{'ratio':>8}{'ours/s':>9}{'bare/s':>9}")
    for path, by in figures.items():
        row = {f"{name}_cpu_s": round(statistics.median(cpu for cpu, _ in by[name])) for name in by}
        row |= {f"{name}_s": round(statistics.median(wall for _, wall in by[name])) for name in by}
        ratio = round(statistics.median(a / b for (a, _), (b, _) in zip(by["ours"], by["bare"], strict=True)), 2)
        result[path] = row | {"x_bare": ratio}
        print(
            f"{path:8}{row['ours_cpu_s']:12,}{row['bare_cpu_s']:12,}{ratio:8}{row['ours_s']:9,}{row['bare_s']:9,}",
            flush=True,
        )
    tag: Any = result["tag"]
    result["pgbench_s"] = pgbench_s
    result["tag_s_x_pgbench"] = round(tag["ours_s"] / pgbench_s, 3)
    print(f"pgbench, one tag: {pgbench_s:,}/s; ours {result['tag_s_x_pgbench']} of it")
    print(json.dumps(result))
    return result


def _fill(connection: psycopg.Connection[Any]) -> None:
    connection.execute("alter system set fsync = off")
    connection.execute("alter system set max_wal_size = '20GB'")
    connection.execute("select pg_reload_conf()")
    made = connection.execute(
        "select indexname, indexdef from pg_indexes where tablename = 'location_history' and indexname not in"
        " (select conname from pg_constraint where conrelid = 'location_history'::regclass)"
    ).fetchall()
    keys = connection.execute(
        "select conname, pg_get_constraintdef(oid) from pg_constraint"
        " where conrelid = 'location_history'::regclass and contype in ('p', 'u')"
    ).fetchall()
    for name, _ in made:
        connection.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
    for name, _ in keys:
        connection.execute(sql.SQL("alter table location_history drop constraint {}").format(sql.Identifier(name)))
    connection.execute(FILL.format(tags=TAGS, history=HISTORY).encode())
    connection.execute("set maintenance_work_mem = '1GB'")
    for name, definition in keys:
        connection.execute(f"alter table location_history add constraint {name} {definition}".encode())
    for _, definition in made:
        connection.execute(definition.encode())
    connection.execute("alter system reset fsync")
    connection.execute("select pg_reload_conf()")
    connection.execute("vacuum analyze")
    connection.execute("checkpoint")


def _pgbench(dsn: str, folder: Path, seconds: float) -> int:
    """Transactions a second of the select of one tag."""
    script = folder / "tag.sql"
    script.write_text(f"\\set n random(1, {TAGS})\n{ONE_TAG.replace('%s', _EPC_SQL)};\n")
    command = [str(find_binaries().program("pgbench")), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2"]
    done = subprocess.run(
        [*command, "-T", str(max(1, round(seconds))), "-f", str(script), dsn],
        capture_output=True,
        text=True,
        check=True,
    )
    return round(float(done.stdout.partition("tps = ")[2].split()[0]))


def _drive(pid: int, port: int, path: str, seconds: float) -> tuple[float, float]:
    """Requests per second of the server's CPU, and per second."""
    numbers, counts = itertools.count(1), [0] * CLIENTS
    began_s, began_cpu_s = time.perf_counter(), cpu_s_of(pid)
    until_s = began_s + seconds

    def client(index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.perf_counter() < until_s:
            n = next(numbers) * 7919
            wanted = path.format(epc=f"3034257BF7194E40{1 + n % TAGS:08X}", item=1 + n % ITEMS)
            connection.request("GET", wanted, headers={"X-API-Key": KEY})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, body
            counts[index] += 1
        connection.close()

    clients = [threading.Thread(target=client, args=(index,)) for index in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    done, wall_s, cpu_s = sum(counts), time.perf_counter() - began_s, cpu_s_of(pid) - began_cpu_s
    assert min(counts) > 0, "a client failed"
    return done / cpu_s, done / wall_s


def _bare(pool: Any) -> FastAPI:
    @contextlib.asynccontextmanager
    async def nothing(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(lifespan=nothing)
    app.state.feeds = contextlib.closing(io.StringIO())  # `serving` ends the feeds of what it serves

    async def asked(statement: str, values: tuple[object, ...]) -> list[dict[str, object]]:
        async with pool.connection() as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            await cursor.execute(statement, values)
            found: list[dict[str, object]] = await cursor.fetchall()
            return found

    @app.get("/v1/tags/{epc}")
    async def tag(epc: str) -> dict[str, object]:
        return (await asked(ONE_TAG, (epc,)))[0]

    @app.get("/v1/tags")
    async def tags(limit: int) -> list[dict[str, object]]:
        return await asked(f"{COLUMNS} order by t.epc limit %s", (limit,))

    @app.get("/v1/stock")
    async def stock(item: str) -> list[dict[str, object]]:
        return await asked(
            "select i.code as item, l.code as location, b.status, b.on_hand, b.reserved from balance b"
            " join item i using (item_id) join location l using (location_id) where i.code = %s order by b.balance_id",
            (item,),
        )

    return app


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(serve(sys.argv[1], sys.argv[2], _bare))
    else:
        run()
