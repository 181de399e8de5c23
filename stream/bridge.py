"""The bridge MQTT → Kafka: edge batches cut to places, and what the workers have committed back to the edges.

    edge ─MQTT→ bridge ─places topic→ workers ─commit→ database ─positions→ bridge ─ack topic→ edge trims its spool

Two acknowledgements, as with the embedded host: the broker's (PUBACK) when Kafka has the batch, the edge's when the
workers' transactions have it. So the edge's spool, not Kafka, is what a batch is safe in until it is in the books:
whatever the bridge, the MQTT broker or Kafka forget is sent again.

The bridge keeps nothing on disk. A new one reads the positions, asks every edge for what follows them, and passes on
in order (`stream.bridge_order`); workers drop what they have. One bridge runs at a time for all agents of a site: a
lock in the database keeps the second waiting, the fence of Kafka's transactions keeps a lost one from writing.

Bytes that are no batch, and batches under another agent's topic, go the same way under their topic as key. No place has
such a name, so the worker makes them dead letters, in its transaction. An agent that serves no place of the site file
has nowhere to go: its batches are dropped and not acknowledged, so they stay in its spool, and an error is logged. A
message larger than the topics take (`MESSAGE_BYTES_MAX`; the edge seals far below it) is dropped with an error, and
becomes a gap when the edge has nothing else to offer in its place.

Whatever else may change an operator's state goes the same way, so that the topics hold it in one order: expectations,
dead letters given again, and that an agent has been silent for too long (`stream.kafka_messages`). In the other
direction go the signals that workers have committed, while they are valid by the wall clock, and expectations, retained
(`stream.bridge_news`).

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

from stream.batch_codec import BatchFormatError, decode_batch, encode_batch
from stream.bridge_kafka import MESSAGE_BYTES_MAX, KafkaSink
from stream.bridge_mqtt import BridgeMqtt, Received
from stream.bridge_news import CommittedNews, News
from stream.bridge_order import InOrder, Passing
from stream.bridge_positions import CommittedPositions, Stored
from stream.kafka_messages import encode_input, home_of
from stream.log import Redelivery, SourceLeftOut
from stream.mqtt_client import ack_to, expectation_to, override_to, resend_to, signal_to
from stream.mqtt_topics import ControlFormatError, agent_of
from stream.operators.presence import presence_key
from stream.partition import slices_of
from stream.partition_tags import partition_of
from stream.plausibility import why_impossible
from stream.routing import Router, agents_at, places_of
from stream.topology import SHARDS
from stream.watermark import Silence
from warehouse.loads import Expectation, Override
from warehouse.site import AntennaRef, Site

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
        self._wall_us = wall_us
        self._router = Router(site)
        self._order = InOrder(site.stream.gap_wait_s, {})
        self._portals = {portal.name for portal in site.portals}
        self._restored: queue.SimpleQueue[tuple[str, str, int]] = queue.SimpleQueue()
        self._reconnected = threading.Event()
        self._inputs: queue.Queue[Expectation | Redelivery] = queue.Queue(INPUTS_MAX)
        self._silence = Silence(site.stream.source_silent_s, {r.agent for r in site.readers if r.agent}, monotonic_s())
        self._youngest_us = 0
        self._unknown: set[AntennaRef] = set()
        self._told: dict[tuple[str, str], Stored] = {}
        self._homeless: set[str] = set()
        self._failure: Exception | None = None
        self.forwarded = 0

    def run(self) -> None:
        """Wait for the lock, then forward. Raises `BridgeReplacedError`, `KafkaSinkError`."""
        if not self._stand_by() or not self._sink.open():
            return
        begun = {name: at.everywhere or at.anywhere for name, at in self._told.items()}
        self._order = InOrder(self._site.stream.gap_wait_s, begun)
        self._broker.on_connected = self._tell_all
        self._broker.start()
        looking = threading.Thread(target=self._look_into_database, name="database", daemon=True)
        looking.start()
        _log.info("bridge", site=self._site.name, agents=len({agent for agent, _ in self._told}))
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
                    self._told = self._positions.read()
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
            self._order.reconnected(self._now_s())
        while not self._restored.empty():
            self._order.go_back(*self._restored.get())
        if not group and self._broker.taken_over:
            raise BridgeReplacedError("another client took over the MQTT session")
        messages = [message for one in group if self._fits(one) for message in self._messages(one)]
        others, reports = self._other_inputs()
        # First what the database had: an edge that heard what a portal expects may have sent these batches since.
        messages = others + messages
        if not (messages or reports) or self._sink.send(messages, reports):
            self._broker.acknowledge(group)
            self.forwarded += len(messages)

    def _other_inputs(self) -> tuple[list[tuple[str, bytes]], list[tuple[int, bytes]]]:
        """Silent agents and what the database had: for the places topic, and for the reports topic."""
        messages: list[tuple[str, bytes]] = []
        reports: list[tuple[int, bytes]] = []
        now_s = self._now_s()
        for agent in self._silence.due(now_s) if self._broker.connected else ():
            _log.warning("silent: going on without it", agent=agent)
            left_out = encode_input(SourceLeftOut(agent, self._youngest_us))
            messages += [(place, left_out) for place in places_of(self._site) if self._router.serves(agent, place)]
        for _ in range(self._inputs.qsize()):
            entry = self._inputs.get_nowait()
            if isinstance(entry, Redelivery) and home_of(entry) == "reports":
                partition = partition_of(presence_key(entry.key, SHARDS), self._site.kafka.partitions)
                reports.append((partition, encode_input(entry)))
            else:
                messages.append((entry.portal if isinstance(entry, Expectation) else entry.key, encode_input(entry)))
        return messages, reports

    def _fits(self, one: Received) -> bool:
        if len(one.payload) <= MESSAGE_BYTES_MAX:
            return True
        _log.error("larger than Kafka's topics take: dropped", topic=one.topic, size_bytes=len(one.payload))
        return False

    def _messages(self, one: Received) -> list[tuple[str, bytes]]:
        try:
            batch = decode_batch(one.payload)
            if batch.id.agent != agent_of(one.topic):
                raise BatchFormatError(f"a batch of agent {batch.id.agent!r}")
        except (BatchFormatError, ControlFormatError) as error:
            _log.warning("not an edge batch", topic=one.topic, error=str(error))
            return [(one.topic, one.payload)]
        name = batch.id
        self._silence.heard(name.agent, self._now_s())
        pieces = slices_of(self._router, batch)
        for antenna in set(batch.sightings.antennas) - self._unknown:
            if self._site.antenna_at(antenna) is None:
                self._unknown.add(antenna)
                _log.error("the site file does not name this antenna: its reads are left out", antenna=str(antenna))
        if not pieces:
            if name.agent not in self._homeless:
                self._homeless.add(name.agent)
                _log.error("this agent serves no place of the site file: its batches stay with it", agent=name.agent)
            return []
        passing = self._order.offer(name, self._now_s())
        if passing is Passing.DROPPED_ASK:
            wanted = self._order.next_of(name.agent, name.epoch)
            _log.warning("batches are missing", agent=name.agent, epoch=name.epoch, first=wanted, came=name.counter)
            self._broker.tell(resend_to(self._site.name, name.agent, name.epoch, wanted))
        if passing is not Passing.ON:
            return []
        if why_impossible(batch) is None:
            self._youngest_us = max(self._youngest_us, batch.watermark_us)
        return [(piece.place, encode_batch(piece.batch)) for piece in pieces]

    def _tell_all(self) -> None:
        """In paho's thread, on every connection: where each agent stands, and that it go on from there."""
        self._reconnected.set()
        for name, stored in list(self._told.items()):
            if stored.everywhere:  # else a place is new: the edge goes on from where it is
                self._broker.tell(ack_to(self._site.name, *name, stored.everywhere))
                self._broker.tell(resend_to(self._site.name, *name, stored.everywhere + 1))
        for standing in self._news.standing:
            self._tell_standing(standing)

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
                    self._tell_changes(self._positions.read())
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
            valid_s = (signal.valid_until_us - self._wall_us()) / 1e6
            if valid_s > 0 and signal.portal in self._portals:
                for agent in agents_at(self._site, signal.portal):
                    self._broker.tell(signal_to(self._site.name, agent, signal, valid_s))
        for expectation in news.expectations:
            self._enter(expectation)
            self._tell_standing(expectation)
        for override in news.overrides:
            self._tell_standing(override)
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

    def _tell_standing(self, standing: Expectation | Override) -> None:
        """What the broker keeps for an edge that comes back."""
        if standing.portal not in self._portals:
            return
        for agent in agents_at(self._site, standing.portal):
            if isinstance(standing, Expectation):
                self._broker.tell(expectation_to(self._site.name, agent, standing))
            else:
                self._broker.tell(override_to(self._site.name, agent, standing))

    def _tell_changes(self, committed: dict[tuple[str, str], Stored]) -> None:
        for name, told in self._told.items():
            stored = committed.get(name, Stored(0, 0))
            if stored.anywhere < told.anywhere:
                _log.warning("the database was restored", agent=name[0], epoch=name[1], stored=stored.everywhere)
                self._restored.put((*name, stored.everywhere))
                self._broker.tell(resend_to(self._site.name, *name, stored.everywhere + 1))
        for name, stored in committed.items():
            if stored.everywhere > self._told.get(name, Stored(0, 0)).everywhere:
                self._broker.tell(ack_to(self._site.name, *name, stored.everywhere))
        self._told = committed
