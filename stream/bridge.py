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

Two threads beside paho's: `run` forwards, the other asks the database for positions every `ACK_EVERY_S`. A database
that is away stops acknowledgements, not forwarding; a Kafka that is away stops forwarding, and the broker holds back.
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
from stream.bridge_order import InOrder, Passing
from stream.bridge_positions import CommittedPositions, Stored
from stream.mqtt_topics import ControlFormatError, agent_of
from stream.partition import slices_of
from stream.routing import Router
from warehouse.site import Site

GROUP_MAX = 256
WAIT_S = 0.2
ACK_EVERY_S = 0.2
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
        sink: KafkaSink,
        broker: BridgeMqtt,
        stop: threading.Event,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = site
        self._positions = positions
        self._sink = sink
        self._broker = broker
        self._stop = stop
        self._now_s = monotonic_s
        self._router = Router(site)
        self._order = InOrder(site.stream.gap_wait_s, {})
        self._restored: queue.SimpleQueue[tuple[str, str, int]] = queue.SimpleQueue()
        self._reconnected = threading.Event()
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
        acks = threading.Thread(target=self._acknowledge, name="acks", daemon=True)
        acks.start()
        _log.info("bridge", site=self._site.name, agents=len({agent for agent, _ in self._told}))
        try:
            while not self._stop.is_set():
                self._forward()
        finally:
            self._stop.set()
            acks.join()
            self._broker.close()
            self._positions.close()
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
        if not group:
            if self._broker.taken_over:
                raise BridgeReplacedError("another client took over the MQTT session")
            return
        messages = [message for one in group if self._fits(one) for message in self._messages(one)]
        if not messages or self._sink.send(messages):
            self._broker.acknowledge(group)
            self.forwarded += len(messages)

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
        pieces = slices_of(self._router, batch)
        if not pieces:
            if name.agent not in self._homeless:
                self._homeless.add(name.agent)
                _log.error("this agent serves no place of the site file: its batches stay with it", agent=name.agent)
            return []
        passing = self._order.offer(name, self._now_s())
        if passing is Passing.DROPPED_ASK:
            wanted = self._order.next_of(name.agent, name.epoch)
            _log.warning("batches are missing", agent=name.agent, epoch=name.epoch, first=wanted, came=name.counter)
            self._broker.tell_resend(name.agent, name.epoch, wanted)
        if passing is not Passing.ON:
            return []
        return [(piece.place, encode_batch(piece.batch)) for piece in pieces]

    def _tell_all(self) -> None:
        """In paho's thread, on every connection: where each agent stands, and that it go on from there."""
        self._reconnected.set()
        for name, stored in list(self._told.items()):
            if stored.everywhere:  # else a place is new: the edge goes on from where it is
                self._broker.tell_ack(*name, stored.everywhere)
                self._broker.tell_resend(*name, stored.everywhere + 1)

    def _acknowledge(self) -> None:
        """In a thread of its own."""
        while not self._stop.wait(ACK_EVERY_S):
            try:
                if not self._positions.locked():
                    self._failure = BridgeReplacedError("another bridge took the lock while our database was away")
                    self._stop.set()
                    return
                self._tell_changes(self._positions.read())
            except psycopg.OperationalError as error:
                _log.warning("no database", error=str(error).strip())
                self._positions.close()
            except Exception as error:
                self._failure = error
                self._stop.set()
                return

    def _tell_changes(self, committed: dict[tuple[str, str], Stored]) -> None:
        for name, told in self._told.items():
            stored = committed.get(name, Stored(0, 0))
            if stored.anywhere < told.anywhere:
                _log.warning("the database was restored", agent=name[0], epoch=name[1], stored=stored.everywhere)
                self._restored.put((*name, stored.everywhere))
                self._broker.tell_resend(*name, stored.everywhere + 1)
        for name, stored in committed.items():
            if stored.everywhere > self._told.get(name, Stored(0, 0)).everywhere:
                self._broker.tell_ack(*name, stored.everywhere)
        self._told = committed
