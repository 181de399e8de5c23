"""The stream at full speed: recorded batches of busy doors to passages and postings in PostgreSQL, as a replay does it.

Each door delivers 1,150 sightings/s (1,500 reads/s at 1.3 reads a sighting, a reader's practical maximum) of 150 parked
tags and, a quarter of the time, of 60 tags of a load in the door; two neighbouring doors hear it. Everything is decided
and stored by `EmbeddedHost.process_sync` into an embedded PostgreSQL with fsync on.

Peer, in interleaved rounds on the same sightings: `copy_rows`, binary COPY of one row a sighting into a plain table
with the two indexes that a query for a tag or a time needs. It stores only, and decides nothing.

`reads_s` is by the wall clock and depends on what else the machine does; `reads_cpu_s` is by this process's CPU time
(PostgreSQL's own is not in it).
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psycopg
from psycopg import conninfo

from stream.embedded import EmbeddedHost
from stream.model import BatchId, DeviceEvent, DeviceEventKind, EdgeBatch, Sightings
from stream.store import Store
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.site import Antenna, AntennaRef, Effect, PhotoEye, Portal, Reader, Side, Site, Zone
from warehouse.times import from_us

ROUNDS = 3
DOORS = 8
SECONDS = 20
FLUSH_MS = 250
SIGHTINGS_S = 1150
START_US = 1_767_600_000_000_000


def run() -> dict[str, object]:
    """Median reads/s of the stream and of its peer, and the ratio."""
    site, batches = _site(), _batches()
    reads = sum(int(batch.sightings.reads.sum()) for batch in batches)
    contestants: dict[str, Callable[[str], object]] = {
        "stream": lambda dsn: EmbeddedHost(site, Store(dsn, site)).process_sync(batches),
        "copy_rows": lambda dsn: _copy_rows(dsn, batches),
    }
    wall: dict[str, list[float]] = {name: [] for name in contestants}
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        for number in range(ROUNDS):
            for name, contestant in contestants.items():
                dsn = _fresh_database(server.dsn, f"{name}_{number}")
                began_s, began_cpu_s = time.perf_counter(), time.process_time()
                contestant(dsn)
                wall[name].append(time.perf_counter() - began_s)
                cpu[name].append(time.process_time() - began_cpu_s)
    result: dict[str, object] = {"bench": "stream", "unit": "reads/s", "rounds": ROUNDS, "doors": DOORS, "reads": reads}
    print(f"{'':12}{'reads/s':>12}{'reads/s of CPU':>18}")
    for name in contestants:
        by_wall, by_cpu = (round(reads / statistics.median(times[name])) for times in (wall, cpu))
        result[name] = {"reads_s": by_wall, "reads_cpu_s": by_cpu}
        print(f"{name:12}{by_wall:12,}{by_cpu:18,}")
    result["x_copy_rows"] = round(statistics.median(wall["copy_rows"]) / statistics.median(wall["stream"]), 2)
    return result


def _fresh_database(dsn: str, name: str) -> str:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    fresh = conninfo.make_conninfo(dsn, dbname=name)
    migrate(fresh)
    return fresh


def _copy_rows(dsn: str, batches: list[EdgeBatch]) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "create table read_row (at timestamptz, epc text, reader text, antenna int2, rssi float4);"
            "create index on read_row (at desc); create index on read_row (epc, at desc)"
        )
        for batch in batches:
            rows = batch.sightings
            with (
                connection.cursor() as cursor,
                cursor.copy("copy read_row from stdin (format binary)") as copy,
            ):
                copy.set_types(["timestamptz", "text", "text", "int2", "float4"])
                for tag, antenna, first_us, dbm in zip(
                    rows.tag.tolist(),
                    rows.antenna.tolist(),
                    rows.first_us.tolist(),
                    rows.peak_dbm.tolist(),
                    strict=True,
                ):
                    ref = rows.antennas[antenna]
                    copy.write_row((from_us(first_us), rows.tags[tag], ref.reader, ref.port, dbm))


def _site() -> Site:
    sides = (Side.OUTSIDE, Side.OUTSIDE, Side.INSIDE, Side.INSIDE)
    readers = tuple(
        Reader(f"r{door}", "127.0.0.1", antennas=tuple(Antenna(n, f"d{door}", side) for n, side in enumerate(sides, 1)))
        for door in range(DOORS)
    )
    portals = tuple(
        Portal(
            f"d{door}",
            "hall",
            "yard",
            Effect.POST,
            neighbours=tuple(f"d{other}" for other in (door - 1, door + 1) if 0 <= other < DOORS),
            photo_eyes=(PhotoEye(f"r{door}", 1, Side.OUTSIDE), PhotoEye(f"r{door}", 2, Side.INSIDE)),
        )
        for door in range(DOORS)
    )
    return Site("bench", readers=readers, zones=(Zone("hall"), Zone("yard")), portals=portals)


def _batches() -> list[EdgeBatch]:
    rng = np.random.default_rng(5)
    return [_batch(rng, n, n * FLUSH_MS / 1000) for n in range(SECONDS * 1000 // FLUSH_MS)]


def _batch(rng: np.random.Generator, number: int, second: float) -> EdgeBatch:
    """All doors at once: a load is in the door from second 3 to 8 of every twenty."""
    n = SIGHTINGS_S * FLUSH_MS // 1000 * DOORS
    start_us = START_US + int(second * 1e6)
    within_s, load = second % 20, int(second // 20)
    at = np.sort(rng.integers(0, FLUSH_MS * 1000, n)) + start_us
    door, port = rng.integers(0, DOORS, n), rng.integers(0, 4, n)
    of_load = (3 <= within_s < 8) & (rng.random(n) < 0.8)
    tag_number = np.where(
        of_load, 100_000 + (load * DOORS + door) * 100 + rng.integers(0, 60, n), door * 1000 + rng.integers(0, 150, n)
    )
    nearness = np.where(of_load, -50 - 3 * np.abs(within_s - 5.5 - (port > 1)), -66.0)
    dbm = (nearness + rng.normal(0, 3, n)).astype(np.float32)
    tags, tag = np.unique(tag_number, return_inverse=True)
    nan = np.full(n, np.nan, np.float32)
    events = [
        DeviceEvent(f"r{each}", DeviceEventKind.GPI, start_us + int((edge_s - within_s) * 1e6), gpi, state)
        for each in range(DOORS)
        for gpi, edges in ((1, ((4.5, True), (6.0, False))), (2, ((5.2, True), (7.0, False))))
        for edge_s, state in edges
        if within_s <= edge_s < within_s + FLUSH_MS / 1000
    ]
    return EdgeBatch(
        BatchId("edge", "bench", number + 1),
        watermark_us=start_us + FLUSH_MS * 1000,
        sealed_us=start_us + FLUSH_MS * 1000,
        sightings=Sightings(
            tags=tuple(f"3034257BF7194E4000{each:06X}" for each in tags.tolist()),
            antennas=tuple(AntennaRef(f"r{each}", ant) for each in range(DOORS) for ant in (1, 2, 3, 4)),
            tag=tag.astype(np.uint32),
            antenna=(door * 4 + port).astype(np.uint16),
            first_us=at,
            last_us=at,
            reads=np.where(rng.random(n) < 0.3, 2, 1).astype(np.uint32),
            power_mw=np.power(10.0, dbm.astype(np.float64) / 10.0),
            peak_dbm=dbm,
            channel=rng.integers(1, 50, n).astype(np.uint16),
            phase_rad=rng.random(n).astype(np.float32),
            phase_slope_rad_s=nan,
            doppler_hz=nan,
        ),
        events=tuple(events),
    )
