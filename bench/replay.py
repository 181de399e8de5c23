"""A capture file to a committed ledger: the whole way of `tagledger replay`, with the embedded PostgreSQL.

Captures of busy doors (`bench.capture_maker`) at 1.3, 5 and 20 reads a sighting go through `open_source` and
`EmbeddedHost.process_sync`: decoded, reduced, decided, posted, the log and all outputs committed with fsync on. As in
`tagledger replay`, loads are judged once, at their close: what they look like meanwhile nobody would see.

Peer, in the same rounds on the first bytes of the same captures: `plain`, the way it is usually begun. sllurp's decoder
makes dicts, a dict loop keeps the last sighting of each tag, and every read is an event that is inserted and committed.
`plain_commit_per_message` is kinder to it: one commit for all reads of a message.

Where a read's time goes, in µs of the computing thread: decoded and reduced 0.9 at 1.3 reads a sighting and 0.5 at 20,
decided 1.8 and 0.65, at 1.3 nearly half of it the two looks at each load, the rest what every batch and tick costs at
every door. The committing thread shares the interpreter's lock with it, and PostgreSQL has the other core.

`reads_s` is by the wall clock, in which PostgreSQL works on the other core; `reads_cpu_s` is by this process's CPU
time. `rss_mb` is this process's peak so far, whatever the length of the capture.
"""

import json
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import psycopg
from psycopg import conninfo

from bench.capture_maker import make_capture
from edge.capture import CaptureReader, FramesRecord
from stream.embedded import EmbeddedHost
from stream.model import EdgeBatch
from stream.store import Store
from stream.topology import OperatorParams, operators_of
from tagledger.replay_source import CsvOptions, open_source
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.times import from_us

ROUNDS = 3
READS = {1.3: 1_200_000, 5.0: 1_200_000, 20.0: 3_000_000}
"""By reads per sighting."""

PLAIN_READS = 1_500


def run(rounds: int = ROUNDS) -> dict[str, object]:
    """Median reads/s of the replay and of the plain way, and the ratio within a round."""
    result: dict[str, object] = {"bench": "replay", "unit": "reads/s", "rounds": rounds}
    heads = f"{'reads/sighting':>14}{'reads/s':>12}{'of CPU':>12}{'plain':>9}{'1 commit/msg':>14}"
    print(f"{heads}{'x plain':>9}{'RSS MB':>8}")
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        for density, reads in READS.items():
            capture = Path(folder) / f"capture-{density:g}"
            make_capture(capture, reads, density)
            result[f"at_{density:g}"] = row = _measure(server.dsn, capture, density, rounds) | {"reads": reads}
            print(
                f"{density:14g}{row['reads_s']:12,.0f}{row['reads_cpu_s']:12,.0f}{row['plain_s']:9,.0f}"
                f"{row['plain_commit_per_message_s']:14,.0f}{row['x_plain']:9,.0f}{row['rss_mb']:8,.0f}"
            )
    print(json.dumps(result))
    return result


def _measure(dsn: str, capture: Path, density: float, rounds: int) -> dict[str, float]:
    ours: list[dict[str, float]] = []
    plain: list[float] = []
    kinder: list[float] = []
    for number in range(rounds):
        ours.append(_replay(fresh_database(dsn, f"r{density:g}_{number}".replace(".", "_")), capture))
        plain.append(_plain(fresh_database(dsn, f"p{density:g}_{number}".replace(".", "_")), capture, each=True))
        kinder.append(_plain(fresh_database(dsn, f"k{density:g}_{number}".replace(".", "_")), capture, each=False))
    row = {name: statistics.median(figures[name] for figures in ours) for name in ours[0]}
    rates = [figures["reads_s"] for figures in ours]
    return row | {
        "plain_s": statistics.median(plain),
        "plain_commit_per_message_s": statistics.median(kinder),
        "x_plain": statistics.median(a / b for a, b in zip(rates, plain, strict=True)),
        "x_plain_commit_per_message": statistics.median(a / b for a, b in zip(rates, kinder, strict=True)),
    }


def _replay(dsn: str, capture: Path) -> dict[str, float]:
    source = open_source(capture, None, CsvOptions())
    operators = operators_of(source.site, OperatorParams(is_recording=True))
    host = EmbeddedHost(source.site, Store(dsn, source.site), operators)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    counts = host.process_sync(item for item in source.items if isinstance(item, EdgeBatch))
    wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    reads = source.outcome.count.reads
    return {
        "reads_s": reads / wall_s,
        "reads_cpu_s": reads / cpu_s,
        "reads_per_sighting": reads / counts.sightings,
        "passages": counts.passages,
        "postings": counts.postings,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _plain(dsn: str, capture: Path, *, each: bool) -> float:
    """Reads/s of the plain way on the first messages."""
    from sllurp.llrp import LLRPMessage  # type: ignore[import-untyped]

    seen: dict[tuple[str, int], dict[str, object]] = {}
    done = 0
    with psycopg.connect(dsn, autocommit=each) as connection:
        connection.execute(
            "create table plain_event (at timestamptz not null, epc text not null, reader text not null,"
            " antenna int not null, rssi real, new boolean not null, primary key (epc, at, reader, antenna))"
        )
        connection.execute("create index on plain_event (at)")
        connection.commit()
        began_s = time.perf_counter()
        for reader, frame in _messages(capture):
            message = LLRPMessage(msgbytes=frame)
            for tag in message.msgdict["RO_ACCESS_REPORT"].get("TagReportData", ()):
                read = {
                    "epc": tag["EPC"].decode(),
                    "antenna": tag["AntennaID"],
                    "rssi": tag["PeakRSSI"],
                    "at_us": tag["FirstSeenTimestampUTC"],
                }
                key = (read["epc"], read["antenna"])
                new = key not in seen
                seen[key] = read
                connection.execute(
                    "insert into plain_event (at, epc, reader, antenna, rssi, new) values (%s, %s, %s, %s, %s, %s)"
                    " on conflict do nothing",
                    (from_us(read["at_us"]), read["epc"], reader, read["antenna"], read["rssi"], new),
                )
                done += 1
            connection.commit()
            if done >= PLAIN_READS:
                break
        return done / (time.perf_counter() - began_s)


def _messages(capture: Path) -> Iterator[tuple[str, bytes]]:
    for record in CaptureReader(capture):
        if isinstance(record, FramesRecord):
            ends = accumulate(np.frombuffer(record.lengths, "<u4").tolist(), initial=0)
            for start, end in pairwise(ends):
                yield record.reader, record.data[start:end]


def fresh_database(dsn: str, name: str) -> str:
    """A new database with our schema; its DSN."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    fresh = conninfo.make_conninfo(dsn, dbname=name)
    migrate(fresh)
    return fresh


if __name__ == "__main__":
    run()
