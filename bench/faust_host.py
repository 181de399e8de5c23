"""The Faust host against an agent that takes one message a read and decides the same: reads/s, Kafka to committed.

Both are one worker process on the same real Kafka (`deploy/services/kafka.sh install`), the same plant, the same
operators and the same tables. What differs is what a message is:

- ours: one edge batch cut to a place, taken in groups, one transaction a group;
- the other: one read; the agent reduces the reads of a 250 ms window and commits what the window led to.

That agent is no straw man: it reads raw bytes, reduces in columns and commits a window at a time, as ours does, so what
is compared is the message. Both then decide, which is most of what ours does: `decisions` is the same slices through
the places' operators alone, in this process, by CPU time, and no host of them is faster on one core.

Where a worker's time goes: on two idle cores it makes about nine tenths of the reads that the decisions alone do, so
nearly all of it are decisions, and of these three quarters are provisional verdicts, judged anew at every tick in which
a load is in the door. A worker that did nothing but decide would make hardly more (`x_decisions`): more is not to be
had of a message format, only of cheaper judgements or of more workers.

The topics are filled first. Time runs from a worker's first message to its last commit, so starting up does not count.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
import psycopg

from bench.door_cases import recorded as as_recorded
from bench.served import cpu_s_of
from simulators.plant import Plant
from simulators.plant_recording import recorded
from stream.batch_codec import encode_batch
from stream.bridge_kafka import ensure_topics, places_topic
from stream.chunk import Standing
from stream.faust_host import TAKE_MAX
from stream.model import EdgeBatch
from stream.partition import PlacePartition, slices_of
from stream.recorded import RecordedReads
from stream.routing import Router
from stream.topology import operators_of
from tagledger.decide import batches, reduce_reads
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Site
from warehouse.site_settings import KafkaSettings

PLANT_S = 120.0
DAYS = 4
BASELINE_READS = 20_000
PARTITIONS = 2
PATIENCE_S = 600.0
ROOT = Path(__file__).parents[1]
KAFKA = ROOT / "deploy" / "services" / "kafka.sh"
INSTALLED = Path(os.environ.get("TAGLEDGER_KAFKA_HOME", "/var/cache/tagledger/kafka"))


class Read(msgspec.Struct, array_like=True):
    """One read as a message."""

    epc: str
    reader: str
    antenna: int
    at_us: int
    rssi_dbm: float
    phase_rad: float


def run() -> dict[str, object]:
    """Reads/s of both, and the ratio."""
    plant = Plant(1, PLANT_S, doors=2)
    recording, _ = recorded(plant)
    reads = as_recorded(recording)
    made = list(batches(reduce_reads(reads), reads.events))
    with tempfile.TemporaryDirectory() as folder, kafka() as (bootstrap, name), EmbeddedServer(Path(folder)) as server:
        migrate(server.dsn)
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            ensure_places(connection, plant.site)
        total = DAYS * len(reads.time_us)
        seconds, cpu_s = _ours(plant.site, list(_days(made)), server.dsn, bootstrap, folder)
        ours_rate, ours_cpu = total / seconds, total / cpu_s
        theirs_rate, theirs_cpu = _theirs(plant, reads, server.dsn, bootstrap, folder)
    decided = total / DAYS / _decisions_cpu_s(plant.site, made)
    print(f"{name}, two doors, one worker{'reads/s':>16}{'of its CPU':>16}")
    print(f"Faust host, {total:,} reads{ours_rate:24,.0f}{ours_cpu:16,.0f}")
    print(f"one message a read, {BASELINE_READS:,} reads{theirs_rate:17,.0f}{theirs_cpu:16,.0f}")
    print(f"the decisions alone, one thread{'':16}{decided:16,.0f}")
    result: dict[str, object] = {
        "bench": "faust_host",
        "kafka": name,
        "reads_per_s": round(ours_rate),
        "message_a_read_per_s": round(theirs_rate),
        "decisions_per_cpu_s": round(decided),
        "x_decisions": round(ours_rate / decided, 2),
        "ratio": round(ours_rate / theirs_rate, 1),
        "ratio_cpu": round(ours_cpu / theirs_cpu, 1),
    }
    print(json.dumps(result))
    return result


def _decisions_cpu_s(site: Site, made: list[EdgeBatch]) -> float:
    """This process's CPU seconds for the slices of one day through the places' operators; nothing is stored."""
    router = Router(site)
    slices = [(piece.place, encode_batch(piece.batch)) for batch in made for piece in slices_of(router, batch)]
    places = PlacePartition(site, operators_of(site), Standing(0, 0, {}, (), 0))
    began_s = time.process_time()
    for n, (place, value) in enumerate(slices, 1):
        places.take(place, value, "bench")
        if n % TAKE_MAX == 0:
            places.cut()
    places.cut()
    return time.process_time() - began_s


def _days(made: list[EdgeBatch]) -> Iterator[EdgeBatch]:
    """The recording again and again, each day after the last: what is measured should not be its first seconds."""
    for day in range(DAYS):
        by_us = day * round((PLANT_S + 60) * 1e6)
        for batch in made:
            rows = batch.sightings
            yield replace(
                batch,
                id=replace(batch.id, epoch=f"day-{day}"),
                watermark_us=batch.watermark_us + by_us,
                sightings=replace(rows, first_us=rows.first_us + by_us, last_us=rows.last_us + by_us),
                events=tuple(replace(event, at_us=event.at_us + by_us) for event in batch.events),
            )


def _ours(site: Site, made: list[EdgeBatch], dsn: str, bootstrap: str, folder: str) -> tuple[float, float]:
    """Seconds, and seconds of the worker's CPU."""
    settings = KafkaSettings(
        bootstrap, group=f"ours-{uuid4().hex[:6]}", prefix=f"ours-{uuid4().hex[:6]}", partitions=PARTITIONS
    )
    producer = _producer(bootstrap, settings)
    router, sent = Router(site), 0
    for batch in made:
        for piece in slices_of(router, batch):
            producer.produce(places_topic(settings), encode_batch(piece.batch), key=piece.place)
            sent += 1
        producer.poll(0)
    producer.flush(60)
    with _worker("ours", dsn, settings, folder) as process, psycopg.connect(dsn, autocommit=True) as connection:
        query = "select coalesce(sum(next_offset), 0), count(*) from stream_position where topic = %s"
        first: tuple[float, float, int] | None = None
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            row = connection.execute(query, (places_topic(settings),)).fetchone()
            done = int(row[0]) if row else 0
            if done and first is None:
                first = time.monotonic(), cpu_s_of(process.pid), done
            if done >= sent and first is not None:
                # The messages of the first commit were taken before the clock was read.
                share = max(1, sent - first[2]) / sent
                return (time.monotonic() - first[0]) / share, (cpu_s_of(process.pid) - first[1]) / share
            time.sleep(0.005)
    raise TimeoutError("the Faust host took too long")


def _theirs(plant: Plant, reads: RecordedReads, dsn: str, bootstrap: str, folder: str) -> tuple[float, float]:
    """Reads/s, and reads per second of the agent's CPU."""
    settings = KafkaSettings(
        bootstrap, group=f"theirs-{uuid4().hex[:6]}", prefix=f"theirs-{uuid4().hex[:6]}", partitions=PARTITIONS
    )
    producer = _producer(bootstrap, settings)
    encoder = msgspec.msgpack.Encoder()
    order = np.arange(min(BASELINE_READS, len(reads.time_us)))
    for n in order.tolist():
        read = Read(
            reads.tags[reads.tag[n]],
            reads.readers[reads.reader[n]],
            int(reads.antenna[n]),
            int(reads.time_us[n]),
            float(reads.rssi_dbm[n]),
            float(reads.phase_rad[n]),
        )
        producer.produce(places_topic(settings), encoder.encode(read), key="plant")
        if n % 1000 == 0:
            producer.poll(0)
    producer.flush(60)
    with _worker("theirs", dsn, settings, folder, str(len(order))) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                told = json.loads(line)
                return told["reads"] / told["seconds"], told["reads"] / told["cpu_s"]
    raise RuntimeError("the agent ended")


def _producer(bootstrap: str, settings: KafkaSettings) -> Any:

    from confluent_kafka import Producer

    ensure_topics(settings, threading.Event())
    return Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})


@contextmanager
def _worker(role: str, dsn: str, settings: KafkaSettings, folder: str, *more: str) -> Iterator["subprocess.Popen[str]"]:
    command = [
        sys.executable,
        "-m",
        "bench.faust_workers",
        role,
        dsn,
        settings.bootstrap,
        settings.group,
        settings.prefix,
    ]
    process = subprocess.Popen(
        [*command, str(PARTITIONS), folder, *more],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def kafka() -> Iterator[tuple[str, str]]:
    """A broker of our own: where, and what it is."""
    given = os.environ.get("TAGLEDGER_TEST_KAFKA")
    if given:
        yield given, "Kafka"
        return
    if not any(INSTALLED.glob(".complete-*")):
        raise RuntimeError("no Kafka here: run deploy/services/kafka.sh install")
    name = f"bench-{os.getpid()}"
    port = _free_pair()
    try:
        up = subprocess.run([KAFKA, "up", name, str(port)], capture_output=True, text=True, check=False)
        if up.returncode:
            raise RuntimeError(f"Kafka did not start: {up.stderr.strip()[-1000:]}")
        yield up.stdout.strip().splitlines()[-1], "Kafka 3.9, one node"
    finally:
        subprocess.run([KAFKA, "drop", name], check=False, capture_output=True)


def _free_pair() -> int:
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            if port < 65535 and second.connect_ex(("127.0.0.1", port + 1)) != 0:
                return port
    raise OSError("no two free ports side by side")
