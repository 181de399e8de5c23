"""The bridge MQTT → Kafka: edge batches cut to places, and what the workers have committed back to the edges.

    edge ─MQTT→ bridge ─places topic→ workers ─commit→ database ─positions→ bridge ─ack topic→ edge trims its spool

Two acknowledgements, as with the embedded host: the broker's (PUBACK) when Kafka has the batch, the edge's when the
workers' transactions have it. So the edge's spool, not Kafka, is what a batch is safe in until it is in the books:
whatever the bridge, the MQTT broker or Kafka forget is sent again.

What becomes of a batch is in `stream.bridge_batches`, what edges are told in `stream.bridge_telling`.

The bridge keeps nothing on disk. A new one reads the positions, asks every edge for what follows them, and passes on
in order (`stream.bridge_order`); workers drop what they have. One bridge runs at a time for all agents of a site: a
lock in the database keeps the second waiting, the fence of Kafka's transactions keeps a lost one from writing.

Whatever else may change an operator's state goes the same way, so that the topics hold it in one order: expectations,
dead letters given again, and that an agent has been silent for too long (`stream.kafka_messages`). In the other
direction go signals and expectations that workers have committed (`stream.bridge_news`).

Two threads beside paho's: `run` forwards, the other looks into the database as soon as something is committed, and for
positions every `ACK_EVERY_S`. A database that is away stops acknowledgements, not forwarding; a Kafka that is away
stops forwarding, and the broker holds back.

Bound: `INPUTS_MAX` inputs other than batches wait for Kafka, then looking into the database waits.
"""

import queue
import threading
import time
from collections.abc import Callable

import psycopg
import structlog

from stream.bridge_batches import ArrivingBatches, Keyed, Onward
from stream.bridge_kafka import KafkaSink
from stream.bridge_mqtt import BridgeMqtt
from stream.bridge_news import CommittedNews, News
from stream.bridge_positions import CommittedPositions
from stream.bridge_telling import EdgesTold
from stream.kafka_messages import encode_input, home_of
from stream.log import Redelivery
from stream.operators.presence import presence_key
from stream.partition_tags import partition_of
from stream.topology import SHARDS
from warehouse.loads import Expectation
from warehouse.site import Site

GROUP_MAX = 256
WAIT_S = 0.2
ACK_EVERY_S = 0.2
NEWS_EVERY_S = 0.02
INPUTS_MAX = 1000
STANDBY_S = 1.0

_log = structlog.get_logger(__name__)


class BridgeReplacedError(Exception):
    """Another bridge of this name is at work: this one must end."""


class Bridge:
    """One site's bridge. `run` until `stop` is set."""

    def __init__(
        self,
        site: Site,
        positions: CommittedPositions,
        news: CommittedNews,
        sink: KafkaSink,
        broker: BridgeMqtt,
        stop: threading.Event,
        monotonic_s: Callable[[], float] = time.monotonic,
        wall_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._site = site
        self._positions = positions
        self._news = news
        self._sink = sink
        self._broker = broker
        self._stop = stop
        self._now_s = monotonic_s
        self._told = EdgesTold(site, broker.tell, wall_us)
        self._batches = ArrivingBatches(site, {}, monotonic_s())
        self._restored: queue.SimpleQueue[tuple[str, str, int]] = queue.SimpleQueue()
        self._reconnected = threading.Event()
        self._inputs: queue.Queue[Expectation | Redelivery] = queue.Queue(INPUTS_MAX)
        self._failure: Exception | None = None
        self.forwarded = 0

    def run(self) -> None:
        """Wait for the lock, then forward. Raises `BridgeReplacedError`, `KafkaSinkError`."""
        if not self._stand_by() or not self._sink.open():
            return
        self._batches = ArrivingBatches(self._site, self._told.counters, self._now_s())
        self._broker.on_connected = self._on_connected
        self._broker.start()
        looking = threading.Thread(target=self._look_into_database, name="database", daemon=True)
        looking.start()
        _log.info("bridge", site=self._site.name, agents=self._told.agents)
        try:
            while not self._stop.is_set():
                self._forward()
        finally:
            self._stop.set()
            looking.join()
            self._broker.close()
            self._positions.close()
            self._news.close()
        if self._failure is not None:
            raise self._failure

    def _stand_by(self) -> bool:
        said = False
        while not self._stop.is_set():
            try:
                if self._positions.locked():
                    self._told.begin(self._positions.read())
                    return True
                if not said:
                    _log.info("another bridge is at work: standing by")
                    said = True
            except psycopg.OperationalError as error:
                _log.warning("no database", error=str(error).strip())
                self._positions.close()
            self._stop.wait(STANDBY_S)
        return False

    def _forward(self) -> None:
        group = self._broker.receive(GROUP_MAX, WAIT_S)
        if self._reconnected.is_set():
            self._reconnected.clear()
            self._batches.reconnected(self._now_s())
        while not self._restored.empty():
            self._batches.go_back(*self._restored.get())
        if not group and self._broker.taken_over:
            raise BridgeReplacedError("another client took over the MQTT session")
        onward = Onward()
        for one in group:
            self._batches.take(one.topic, one.payload, self._now_s(), onward)
        for request in onward.requests:
            self._broker.tell(request)
        others, reports = self._other_inputs()
        # First what the database had: an edge that heard what a portal expects may have sent these batches since.
        messages = others + onward.messages
        if not (messages or reports) or self._sink.send(messages, reports):
            self._broker.acknowledge(group)
            self.forwarded += len(messages)

    def _other_inputs(self) -> tuple[list[Keyed], list[tuple[int, bytes]]]:
        """Silent agents and what the database had: for the places topic, and for the reports topic."""
        messages = self._batches.left_out(self._now_s()) if self._broker.connected else []
        reports: list[tuple[int, bytes]] = []
        for _ in range(self._inputs.qsize()):
            entry = self._inputs.get_nowait()
            if isinstance(entry, Redelivery) and home_of(entry) == "reports":
                partition = partition_of(presence_key(entry.key, SHARDS), self._site.kafka.partitions)
                reports.append((partition, encode_input(entry)))
            else:
                messages.append((entry.portal if isinstance(entry, Expectation) else entry.key, encode_input(entry)))
        return messages, reports

    def _on_connected(self) -> None:
        """In paho's thread."""
        self._reconnected.set()
        self._told.all(self._news.standing)

    def _look_into_database(self) -> None:
        """In a thread of its own."""
        positions_at_s = self._now_s()
        while not self._stop.wait(NEWS_EVERY_S):
            try:
                if self._now_s() >= positions_at_s:
                    if not self._positions.locked():
                        self._failure = BridgeReplacedError("another bridge took the lock while our database was away")
                        self._stop.set()
                        return
                    for name, counter in self._told.changes(self._positions.read()).items():
                        self._restored.put((*name, counter))
                    positions_at_s = self._now_s() + ACK_EVERY_S
                self._news.wait(max(0.0, positions_at_s - self._now_s()))
                self._pass_on(self._news.read())
            except psycopg.OperationalError as error:
                _log.warning("no database", error=str(error).strip())
                self._positions.close()
                self._news.close()
                self._stop.wait(STANDBY_S)
            except Exception as error:
                self._failure = error
                self._stop.set()
                return

    def _pass_on(self, news: News) -> None:
        for signal in news.signals:
            self._told.signal(signal)
        for expectation in news.expectations:
            self._enter(expectation)
            self._told.standing(expectation)
        for override in news.overrides:
            self._told.standing(override)
        for letter in news.letters:
            self._enter(letter)

    def _enter(self, entry: Expectation | Redelivery) -> None:
        """Hand an input to the forwarding thread; waits for room."""
        while not self._stop.is_set():
            try:
                self._inputs.put(entry, timeout=WAIT_S)
            except queue.Full:
                continue
            return
