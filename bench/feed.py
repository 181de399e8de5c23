"""The live feed to 100 clients: events delivered per second, and per second of the server's CPU.

Transactions of `ROWS` outbox rows are committed as fast as one writer can; every client gets every event. Measured from
the first commit until the last client has the last event. CPU time is that of the server's process alone.

Peer, in interleaved rounds: a bare FastAPI `StreamingResponse` with a queue a client, which polls the same table by its
sequence number and serialises each event for each client. It skips rows of transactions that commit out of order,
cannot be resumed, and never cuts a slow client off.
"""

import asyncio
import contextlib
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from psycopg.types.json import Jsonb

from bench.served import cpu_s_of, serve, served_app
from tagledger.bench_api import KEY
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer

CLIENTS = 100
ROUNDS = 3
TRANSACTIONS, ROWS = 100, 20
POLL_S = 0.02
WAIT_S = 120.0
EVENTS = TRANSACTIONS * ROWS
PAYLOAD = {"command": "MoveStock", "actor": "keeper", "response": {"move_id": "5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa"}}


def run(rounds: int = ROUNDS) -> dict[str, object]:
    """Median events/s to all clients, by wall clock and by the server's CPU, and the ratio within a round."""
    figures: dict[str, list[tuple[float, float]]] = {"ours": [], "bare": []}
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        migrate(server.dsn)
        for _ in range(rounds):
            for name, of_server in figures.items():
                with served_app("bench.feed", name, server.dsn) as (pid, port):
                    of_server.append(asyncio.run(_drive(pid, port, server.dsn)))
    result: dict[str, object] = {"bench": "feed", "unit": "events/s to all clients", "rounds": rounds}
    result |= {"clients": CLIENTS, "events": EVENTS}
    print(f"{'':8}{'events/s':>12}{'events/CPU-s':>14}")
    for name, measured in figures.items():
        wall, cpu = (round(statistics.median(values)) for values in zip(*measured, strict=True))
        result[name] = {"events_s": wall, "events_cpu_s": cpu}
        print(f"{name:8}{wall:12,}{cpu:14,}")
    ratio = statistics.median(a[1] / b[1] for a, b in zip(figures["ours"], figures["bare"], strict=True))
    result["x_bare"] = round(ratio, 2)
    print(json.dumps(result))
    return result


async def _drive(pid: int, port: int, dsn: str) -> tuple[float, float]:
    """Events delivered per second, and per second of the server's CPU."""
    streams = await asyncio.gather(*(_connect(port) for _ in range(CLIENTS)))
    began_s, began_cpu_s = time.perf_counter(), cpu_s_of(pid)
    writing = asyncio.create_task(asyncio.to_thread(_write, dsn))
    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*(_receive(reader) for reader, _ in streams))
    wall_s, cpu_s = time.perf_counter() - began_s, cpu_s_of(pid) - began_cpu_s
    await writing
    for _, writer in streams:
        writer.close()
    return CLIENTS * EVENTS / wall_s, CLIENTS * EVENTS / cpu_s


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /v1/feed?type=command HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n\r\n".encode())
    await reader.readuntil(b": start\n\n")
    return reader, writer


async def _receive(reader: asyncio.StreamReader) -> None:
    """Until every event has come. Events are counted by their data lines, which may be cut between two pieces."""
    count, rest = 0, b""
    while count < EVENTS:
        piece = await reader.read(1 << 18)
        assert piece, "the server closed the stream"
        text = rest + piece
        count += text.count(b"\ndata: ")
        rest = text[-6:]


def _write(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for number in range(TRANSACTIONS):
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(
                    "insert into outbox (topic, key, payload) values ('command', %s, %s)",
                    [(f"{number}-{row}", Jsonb(PAYLOAD)) for row in range(ROWS)],
                )


def _bare(pool: Any) -> FastAPI:
    queues: set[asyncio.Queue[dict[str, Any]]] = set()

    async def follow() -> None:
        async with pool.connection() as connection:
            cursor = await connection.execute("select coalesce(max(seq), 0) from outbox")
            (seq,) = await cursor.fetchone()
            while True:
                cursor = await connection.execute(
                    "select seq, topic, payload from outbox where seq > %s order by seq limit 500", (seq,)
                )
                found = await cursor.fetchall()
                for seq, topic, payload in found:
                    for queue in queues:
                        queue.put_nowait({"id": seq, "topic": topic, "payload": payload})
                await asyncio.sleep(0 if found else POLL_S)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(follow())
        yield
        following.cancel()

    app = FastAPI(lifespan=lifespan)
    app.state.feeds = contextlib.closing(io.StringIO())  # `serving` ends the feeds of what it serves

    @app.get("/v1/feed")
    async def feed() -> StreamingResponse:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        queues.add(queue)

        async def events() -> AsyncIterator[str]:
            yield ": start\n\n"
            while True:
                event = await queue.get()
                yield f"id: {event['id']}\nevent: {event['topic']}\ndata: {json.dumps(event['payload'])}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    return app


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(serve(sys.argv[1], sys.argv[2], _bare))
    else:
        run()
