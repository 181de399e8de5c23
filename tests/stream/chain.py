"""The whole chain on real servers: an edge's spool, Mosquitto, the bridge, Kafka, a worker, PostgreSQL.

Bridge and worker are processes that a supervisor starts again when they end by themselves, as systemd would.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from edge.clock import WallClock
from edge.spool import Spool
from edge.uplink import EdgeOrders
from edge.uplink_mqtt import MqttUplink
from stream.routing import places_of
from tagledger.site_text import site_text
from tests.kafka import Kafka
from tests.mosquitto import Mosquitto
from tests.stream.cluster_process import plant
from tests.stream.plant_books import query
from tests.stream.quiet_edge import NoOrders
from tests.stream.traffic import AGENT, EPOCH
from warehouse.site import Site
from warehouse.site_settings import UplinkSettings

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("cluster_process.py")
PATIENCE_S = 120.0
_STORED = "select max(counter) from stream_inbox where agent = any(%s) group by agent"


class Supervised:
    """A process of the cluster; started again when it ends by itself."""

    def __init__(self, role: str, arguments: list[str], folder: Path) -> None:
        self._command = [sys.executable, str(SCRIPT), role, *arguments]
        self.log = folder / f"{role}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = 0
        self.log.touch()

    def start(self) -> None:
        with self.log.open("ab") as output:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output, env=environment)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def memory_bytes(self) -> int:
        """What it holds in memory now."""
        assert self._process is not None
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def peak_bytes(self) -> int:
        """The most it has held."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))

    def look(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._ended += 1
            assert self._ended <= 5, self.log.read_text()[-3000:]
            self.start()


class Chain:
    """The running chain, seen from the edge."""

    def __init__(
        self, dsn: str, kafka: Kafka, broker: Mosquitto, folder: Path, silent_s: float, site: Site | None
    ) -> None:
        self.group = f"b{uuid4().hex[:8]}"
        self.dsn = dsn
        arguments = [dsn, kafka.bootstrap, str(broker.port), self.group, str(silent_s)]
        self._running = plant(dsn, kafka.bootstrap, broker.port, self.group, silent_s)
        self._site_file = folder / "site.toml"
        if site is not None:
            self.write(site)
            arguments.append(str(self._site_file))
        self.bridge = Supervised("bridge", arguments, folder)
        self.worker = Supervised("worker", arguments, folder)
        self.spool = Spool(folder / "spool.sqlite", AGENT, 64, 24.0, new_epoch=lambda: EPOCH)
        self.uplink = MqttUplink(
            UplinkSettings("mqtt", "127.0.0.1", broker.port), "plant", AGENT, WallClock(), stalled_s=3.0
        )

    def write(self, site: Site) -> None:
        """The site file is like this now, for processes that follow it."""
        self._running = there = replace(
            self._running,
            readers=site.readers,
            zones=site.zones,
            portals=site.portals,
            state_dir=str(self._site_file.parent),
        )
        beside = self._site_file.with_suffix(".new")
        beside.write_text(site_text(there))
        os.replace(beside, self._site_file)

    def append(self, batches: list[Any]) -> None:
        for batch in batches:
            self.spool.append(batch)
        self.uplink.notify()

    def acked(self) -> int:
        """What the edge holds as acknowledged, which the database must have."""
        depth = self.spool.depth()
        acked = depth.retained - depth.unacked
        if acked:
            served = [f"{AGENT}@{place}" for place in places_of(self._running)]
            stored = min(counter for (counter,) in query(self.dsn, _STORED, (served,)))
            assert stored >= acked, f"acknowledged to {acked}, stored to {stored}"
        return acked

    async def until(self, condition: Callable[[], bool]) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end_s, self.bridge.log.read_text()[-3000:] + self.worker.log.read_text()[-3000:]
            self.bridge.look()
            self.worker.look()
            await asyncio.sleep(0.1)


@asynccontextmanager
async def chain(
    dsn: str,
    kafka: Kafka,
    broker: Mosquitto,
    folder: Path,
    orders: EdgeOrders | None = None,
    silent_s: float = 600.0,
    site: Site | None = None,
) -> AsyncIterator[Chain]:
    """The chain on the traffic site; with `site`, bridge and worker follow a file that says it."""
    made = Chain(dsn, kafka, broker, folder, silent_s, site)
    run = asyncio.create_task(made.uplink.run(made.spool, orders or NoOrders()))
    try:
        made.bridge.start()
        yield made
    finally:
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
        made.bridge.kill()
        made.worker.kill()
        made.spool.close()


def messages_in(kafka: Kafka, group: str) -> int:
    """Offsets of the places topic used so far, transaction markers included."""
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    consumer: Any = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "looking", "log_level": 0})
    try:
        topic = consumer.list_topics(timeout=30).topics.get(f"{group}.places")
        parts = [] if topic is None else list(topic.partitions)
        return sum(int(consumer.get_watermark_offsets(TopicPartition(f"{group}.places", p))[1]) for p in parts)
    except KafkaException:
        return 0  # no leader yet
    finally:
        consumer.close()
