"""What the bridge makes of what arrives over MQTT: messages for the places topic, in an order that leaves no hole.

Bytes that are no batch, and batches under another agent's topic, go on under their topic as key. No place has such a
name, so the worker makes them dead letters, in its transaction. An agent that serves no place of the site file has
nowhere to go: its batches are dropped and not acknowledged, so they stay in its spool, and an error is logged. A
message larger than the topics take (`MESSAGE_BYTES_MAX`; the edge seals far below it) is dropped with an error, and
becomes a gap when the edge has nothing else to offer in its place.

No input or output; times are arguments. What an edge is to be asked for is returned with the messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from stream.batch_codec import BatchFormatError, decode_batch, encode_batch
from stream.bridge_kafka import MESSAGE_BYTES_MAX
from stream.bridge_order import InOrder, Passing
from stream.kafka_messages import encode_input
from stream.log import SourceLeftOut
from stream.model import EdgeBatch
from stream.mqtt_client import ToEdge, resend_to
from stream.mqtt_topics import ControlFormatError, agent_of
from stream.partition import slices_of
from stream.plausibility import why_impossible
from stream.routing import Router, places_of
from stream.watermark import Silence
from warehouse.site import AntennaRef, Site

_log = structlog.get_logger(__name__)

Keyed = tuple[str, bytes]
"""A message of the places topic: its place, and its value."""


@dataclass(slots=True)
class Onward:
    """What follows from some messages: what goes to the places topic, what edges are asked."""

    messages: list[Keyed] = field(default_factory=list)
    requests: list[ToEdge] = field(default_factory=list)


class ArrivingBatches:
    """The batches of a site's edges. `committed` is the last counter of each agent and epoch in the database."""

    def __init__(self, site: Site, committed: Mapping[tuple[str, str], int], now_s: float) -> None:
        self._site = site
        self._router = Router(site)
        self._order = InOrder(site.stream.gap_wait_s, committed)
        self._silence = Silence(site.stream.source_silent_s, {r.agent for r in site.readers if r.agent}, now_s)
        self._youngest_us = 0
        self._unknown: set[AntennaRef] = set()
        self._homeless: set[str] = set()

    def reconnected(self, now_s: float) -> None:
        """The MQTT broker delivers again what was not acknowledged to it."""
        self._order.reconnected(now_s)

    def go_back(self, agent: str, epoch: str, counter: int) -> None:
        """The database was restored, and has this epoch up to `counter`."""
        self._order.go_back(agent, epoch, counter)

    def take(self, topic: str, payload: bytes, now_s: float, onward: Onward) -> None:
        """One message of an edge."""
        if len(payload) > MESSAGE_BYTES_MAX:
            _log.error("larger than Kafka's topics take: dropped", topic=topic, size_bytes=len(payload))
            return
        try:
            batch = decode_batch(payload)
            if batch.id.agent != agent_of(topic):
                raise BatchFormatError(f"a batch of agent {batch.id.agent!r}")
        except (BatchFormatError, ControlFormatError) as error:
            _log.warning("not an edge batch", topic=topic, error=str(error))
            onward.messages.append((topic, payload))
            return
        self._silence.heard(batch.id.agent, now_s)
        self._take_batch(batch, now_s, onward)

    def left_out(self, now_s: float) -> list[Keyed]:
        """Agents that have been silent for too long, for every place that waits for them."""
        messages: list[Keyed] = []
        for agent in self._silence.due(now_s):
            _log.warning("silent: going on without it", agent=agent)
            value = encode_input(SourceLeftOut(agent, self._youngest_us))
            messages += [(place, value) for place in places_of(self._site) if self._router.serves(agent, place)]
        return messages

    def _take_batch(self, batch: EdgeBatch, now_s: float, onward: Onward) -> None:
        name = batch.id
        for antenna in set(batch.sightings.antennas) - self._unknown:
            if self._site.antenna_at(antenna) is None:
                self._unknown.add(antenna)
                _log.error("the site file does not name this antenna: its reads are left out", antenna=str(antenna))
        pieces = slices_of(self._router, batch)
        if not pieces:
            if name.agent not in self._homeless:
                self._homeless.add(name.agent)
                _log.error("this agent serves no place of the site file: its batches stay with it", agent=name.agent)
            return
        passing = self._order.offer(name, now_s)
        if passing is Passing.DROPPED_ASK:
            wanted = self._order.next_of(name.agent, name.epoch)
            _log.warning("batches are missing", agent=name.agent, epoch=name.epoch, first=wanted, came=name.counter)
            onward.requests.append(resend_to(self._site.name, name.agent, name.epoch, wanted))
        if passing is not Passing.ON:
            return
        if why_impossible(batch) is None:
            self._youngest_us = max(self._youngest_us, batch.watermark_us)
        onward.messages += [(piece.place, encode_batch(piece.batch)) for piece in pieces]
