"""Storing sightings: our packed batches through `Store.commit` against binary COPY of one row a sighting.

The same sightings of busy doors (`bench.capture_maker`, 1.3 reads a sighting) in the same chunks. `packed` is what the
stream writes: the log's packed columns, with the head, the inbox and the positions, one transaction a chunk. Peers, in
interleaved rounds: `copy_rows`, binary COPY into a plain table with an index on (epc, at), one transaction a chunk; and
`copy_bare`, the same without any index, which nobody could query.

CPU time is this process's; bytes are of table, indexes and TOAST after the load, by `pg_total_relation_size`.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import psycopg

from bench.capture_maker import bench_site, make_capture
from bench.replay import fresh_database
from stream.chunk import Chunk
from stream.log import BatchTaken
from stream.model import EdgeBatch
from stream.store import Store
from tagledger.replay_source import CsvOptions, open_source
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.times import from_us

ROUNDS = 3
READS = 300_000
DENSITY = 1.3
DOORS = 8
CHUNK_BATCHES = 20
COPY_TYPES = ["timestamptz", "timestamptz", "text", "text", "int2", "int4", "float8", "float4", "int2", "float4"]


def run(rounds: int = ROUNDS, reads: int = READS) -> dict[str, object]:
    """Median sightings/s and bytes a sighting, by contestant."""
    contestants: dict[str, tuple[Callable[[str, list[EdgeBatch]], None], str]] = {
        "packed": (_packed, "stream_log"),
        "copy_rows": (lambda dsn, batches: _copy(dsn, batches, indexed=True), "sighting_row"),
        "copy_bare": (lambda dsn, batches: _copy(dsn, batches, indexed=False), "sighting_row"),
    }
    wall: dict[str, list[float]] = {name: [] for name in contestants}
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    size: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        capture = Path(folder) / "capture"
        make_capture(capture, reads, DENSITY, DOORS)
        source = open_source(capture, None, CsvOptions())
        batches = [item for item in source.items if isinstance(item, EdgeBatch)]
        sightings = sum(len(batch.sightings) for batch in batches)
        for number in range(rounds):
            for name, (store, table) in contestants.items():
                dsn = fresh_database(server.dsn, f"{name}_{number}")
                began_s, began_cpu_s = time.perf_counter(), time.process_time()
                store(dsn, batches)
                wall[name].append(time.perf_counter() - began_s)
                cpu[name].append(time.process_time() - began_cpu_s)
                size[name] = _bytes_of(dsn, table)
    result: dict[str, object] = {"bench": "storage", "unit": "sightings/s", "rounds": rounds, "sightings": sightings}
    print(f"{'':12}{'sightings/s':>13}{'of CPU':>13}{'bytes each':>12}")
    for name in contestants:
        row = {
            "sightings_s": round(sightings / statistics.median(wall[name])),
            "sightings_cpu_s": round(sightings / statistics.median(cpu[name])),
            "bytes_each": round(size[name] / sightings, 1),
        }
        result[name] = row
        print(f"{name:12}{row['sightings_s']:13,}{row['sightings_cpu_s']:13,}{row['bytes_each']:12}")
    for name in ("copy_rows", "copy_bare"):
        pairs = zip(wall[name], wall["packed"], strict=True)
        result[f"x_{name}"] = round(statistics.median(theirs / ours for theirs, ours in pairs), 2)
    result["x_bytes_rows"] = round(size["packed"] / size["copy_rows"], 3)
    print(json.dumps(result))
    return result


def _packed(dsn: str, batches: list[EdgeBatch]) -> None:
    store = Store(dsn, bench_site(DOORS))
    store.standing()
    waiting, seq = iter(batches), 0
    while part := list(islice(waiting, CHUNK_BATCHES)):
        chunk = Chunk(seq, entries=[BatchTaken(batch, late=False) for batch in part])
        store.commit(chunk)
        seq = chunk.seq
    store.close()


def _copy(dsn: str, batches: list[EdgeBatch], *, indexed: bool) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "create table sighting_row (first_at timestamptz, last_at timestamptz, epc text, reader text,"
            " antenna int2, reads int4, power_mw float8, peak_dbm float4, channel int2, phase_rad float4)"
        )
        if indexed:
            connection.execute("create index on sighting_row (epc, first_at)")
        waiting = iter(batches)
        while part := list(islice(waiting, CHUNK_BATCHES)):
            with connection.cursor() as cursor, cursor.copy("copy sighting_row from stdin (format binary)") as copy:
                copy.set_types(COPY_TYPES)
                for batch in part:
                    rows = batch.sightings
                    columns = ("tag", "antenna", "first_us", "last_us", "reads", "power_mw", "peak_dbm", "channel")
                    for tag, antenna, first_us, last_us, reads, power, peak, channel, phase in zip(
                        *(getattr(rows, name).tolist() for name in (*columns, "phase_rad")), strict=True
                    ):
                        ref, first, last = rows.antennas[antenna], from_us(first_us), from_us(last_us)
                        epc = rows.tags[tag]
                        copy.write_row((first, last, epc, ref.reader, ref.port, reads, power, peak, channel, phase))


def _bytes_of(dsn: str, table: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "select coalesce(sum(pg_total_relation_size(c.oid)), 0) from pg_class c where c.relname = %(table)s"
            " or c.oid in (select inhrelid from pg_inherits where inhparent = %(table)s::regclass)",
            {"table": table},
        ).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    run()
