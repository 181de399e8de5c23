"""The two workers of `bench.faust_host`: `ours | theirs` DSN BROKER GROUP PREFIX PARTITIONS WORKDIR [READS]."""

import asyncio
import json
import sys
import time
from dataclasses import replace
from typing import Any

import faust
import msgspec
import numpy as np

from bench.faust_host import PLANT_S, Read
from edge.reduce import Reducer
from readers.model import ReadBatch
from simulators.plant import Plant
from stream.batch_codec import encode_batch
from stream.faust_host import FaustHost, FaustSettings, run_worker
from stream.model import BatchId, EdgeBatch
from stream.partition import PlacePartition, slices_of
from stream.routing import Router
from stream.store import Store
from stream.topology import operators_of
from warehouse.site import Site

WINDOW_US = 250_000


def ours(site: Site, dsn: str, settings: FaustSettings, workdir: str) -> None:
    """The Faust host."""
    run_worker(FaustHost(site, dsn, settings), workdir)


def theirs(site: Site, dsn: str, settings: FaustSettings, workdir: str, wanted: int) -> None:
    """One message a read: reduce, decide and commit a window at a time."""
    app = faust.App(
        settings.group,
        broker=f"kafka://{settings.broker}",
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.partitions,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        datadir=None,
    )
    topic = app.topic(settings.places_topic, key_type=bytes, value_type=bytes, value_serializer="raw")
    agent = PerRead(site, dsn, settings.group, wanted)
    app.agent(topic, concurrency=1, name="reads")(agent.take)
    faust.Worker(app, loglevel="WARNING", workdir=workdir, redirect_stdouts=False).execute_from_commandline()


class PerRead:
    """The agent: the same reducer, operators and store as ours, a window at a time."""

    def __init__(self, site: Site, dsn: str, consumer: str, wanted: int) -> None:
        self._router = Router(site)
        self._store = Store(dsn, site, consumer)
        self._places = PlacePartition(site, operators_of(site), self._store.standing())
        self._reducer = Reducer(250)
        self._waiting: list[Read] = []
        self._window = self._counter = self._taken = 0
        self._wanted = wanted
        self._started_s = self._started_cpu_s = 0.0

    async def take(self, stream: Any) -> None:
        """Reads until all that are wanted are committed."""
        decoder = msgspec.msgpack.Decoder(Read)
        async for event in stream.events():
            if not self._taken:
                self._started_s, self._started_cpu_s = time.monotonic(), time.process_time()
            read = decoder.decode(event.value)
            window = read.at_us // WINDOW_US
            if window > self._window and self._waiting:
                await asyncio.to_thread(self._commit)
            self._window = window
            self._waiting.append(read)
            self._taken += 1
            if self._taken == self._wanted:
                await asyncio.to_thread(self._commit)
                seconds = time.monotonic() - self._started_s
                cpu_s = time.process_time() - self._started_cpu_s
                print(json.dumps({"reads": self._taken, "seconds": seconds, "cpu_s": cpu_s}), flush=True)

    def _commit(self) -> None:
        for reader in sorted({read.reader for read in self._waiting}):
            self._reducer.add(read_batch(reader, [read for read in self._waiting if read.reader == reader]))
        self._waiting = []
        self._counter += 1
        batch = EdgeBatch(
            BatchId("recorded", "1", self._counter), (self._window + 1) * WINDOW_US - 1, 0, self._reducer.seal(None)
        )
        for piece in slices_of(self._router, batch):
            self._places.take(piece.place, encode_batch(piece.batch), "bench")
        chunk, _ = self._places.cut()
        self._store.commit(chunk)


def read_batch(reader: str, reads: list[Read]) -> ReadBatch:
    """Reads of one reader as columns."""
    n = len(reads)
    epcs = [bytes.fromhex(read.epc) for read in reads]
    width = max(map(len, epcs))
    at_us = np.array([read.at_us for read in reads], np.int64)
    return ReadBatch(
        reader=reader,
        epc=np.frombuffer(b"".join(epc.ljust(width, b"\0") for epc in epcs), np.uint8).reshape(n, width),
        epc_bits=np.array([8 * len(epc) for epc in epcs], np.uint16),
        antenna=np.array([read.antenna for read in reads], np.uint16),
        first_us=at_us,
        last_us=at_us,
        rssi_dbm=np.array([read.rssi_dbm for read in reads], np.float32),
        channel=np.zeros(n, np.uint16),
        phase_rad=np.array([read.phase_rad for read in reads], np.float32),
        doppler_hz=np.full(n, np.nan, np.float32),
        count=np.ones(n, np.uint16),
    )


if __name__ == "__main__":
    role, dsn, broker, group, prefix, partitions, workdir, *more = sys.argv[1:]
    plant_site = Plant(1, PLANT_S, doors=2).site
    made = FaustSettings(broker, group=group, prefix=prefix, partitions=int(partitions))
    if role == "ours":
        ours(plant_site, dsn, replace(made), workdir)
    else:
        theirs(plant_site, dsn, made, workdir, int(more[0]))
