"""Edge batches from an MQTT broker into the embedded host, and what the stream tells the edges back.

A batch is acknowledged twice, both after its commit: to the broker (manual PUBACK, so that what was not committed is
redelivered to the next process of this name) and to the edge (the retained `ack` topic, which alone trims its spool).
A batch that has to wait for one before it is acknowledged to the broker at once: the broker sends only so many
unacknowledged ones, and the missing one may come behind them. The edge's spool has it until it is committed.
On every connect the edges are asked for what follows the last committed batch: a database restored from yesterday gets
the rest from their spools that way, and for others nothing follows.

Signals are passed on while they are valid by the wall clock, expectations and overrides retained. Topics and payloads
are `stream.mqtt_topics`'. Bytes that are no batch, and a batch under another agent's topic, become dead letters.

paho runs its network thread and reconnects by itself, 1 to 30 s apart; the host is spoken to on its event loop only.
Bound: the broker sends at most `RECEIVE_MAX` unacknowledged batches (MQTT 5.0, 3.3.4); with MQTT 3.1.1 the broker's
own limit holds (mosquitto: `max_inflight_messages`).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import MQTTProtocolVersion

from stream.batch_codec import BatchFormatError, decode_batch
from stream.embedded import EmbeddedHost
from stream.live import Ack
from stream.model import Signal
from stream.mqtt_client import ack_to, begin, broker_client, expectation_to, override_to, resend_to, signal_to, tell
from stream.mqtt_topics import (
    ControlFormatError,
    agent_of,
    batch_topic,
)
from stream.routing import agents_at
from stream.sequencer import ResendWanted
from warehouse.loads import Expectation, Override
from warehouse.site import Site
from warehouse.site_settings import UplinkSettings

RECEIVE_MAX = 256

_log = structlog.get_logger(__name__)


class MqttSource:
    """One broker connection feeding one host. `run` until cancelled."""

    def __init__(
        self,
        site: Site,
        host: EmbeddedHost,
        settings: UplinkSettings,
        *,
        client_id: str = "",
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        wall_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._site = site
        self._host = host
        self._settings = settings
        self._client_id = client_id or f"tagledger-stream-{site.name}"
        self._protocol = protocol
        self._wall_us = wall_us
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Connect once the host has recovered; receive until cancelled."""
        await self._host.ready.wait()
        self._loop = asyncio.get_running_loop()
        client = self._client()
        self._host.on_ack.append(tell_ack := lambda ack: self._tell_ack(client, ack))
        self._host.on_resend.append(tell_resend := lambda wanted: self._tell_resend(client, wanted))
        live = self._host.subscribe()
        begin(client, self._settings, RECEIVE_MAX)
        try:
            async for item in live:
                if isinstance(item, Signal | Expectation | Override):
                    self._tell_live(client, item)
        finally:
            self._host.unsubscribe(live)
            self._host.on_ack.remove(tell_ack)
            self._host.on_resend.remove(tell_resend)
            for task in self._tasks:
                task.cancel()
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    def _client(self) -> mqtt.Client:
        client = broker_client(self._settings, self._client_id, self._protocol)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        """In paho's thread."""
        if reason.is_failure:
            _log.warning("the broker refused us", reason=str(reason))
            return
        client.subscribe(batch_topic(self._site.name, "+"), qos=1)
        for item in self._host.standing():  # a broker that was started anew has forgotten what it retained
            self._tell_live(client, item)
        for position in self._host.positions():
            self._tell_resend(client, ResendWanted(position.agent, position.epoch, position.counter + 1))

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        """In paho's thread. An ACL may refuse the subscription though the connection stands."""
        if any(reason.is_failure for reason in reasons):
            _log.error("the broker refuses us the batches", reasons=[str(reason) for reason in reasons])
            return
        self._on_loop(self.connected.set)

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        _log.info("disconnected from the broker", reason=str(reason))
        self._on_loop(self.connected.clear)

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        """In paho's thread."""

        def start() -> None:
            task = asyncio.ensure_future(self._take(client, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._on_loop(start)

    def _on_loop(self, call: Callable[[], object]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    async def _take(self, client: mqtt.Client, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        unacknowledged = [message]

        def acknowledge() -> None:
            while unacknowledged:
                client.ack(unacknowledged[0].mid, unacknowledged.pop().qos)

        try:
            batch = decode_batch(payload)
            if batch.id.agent != agent_of(message.topic):
                raise BatchFormatError(f"a batch of agent {batch.id.agent!r} on {message.topic}")
        except (BatchFormatError, ControlFormatError) as error:
            committed = await self._host.submit_bytes_unreadable(message.topic, payload, error)
        else:
            committed = await self._host.submit(batch, acknowledge)
        await committed
        acknowledge()

    def _tell_ack(self, client: mqtt.Client, ack: Ack) -> None:
        tell(client, ack_to(self._site.name, ack.agent, ack.epoch, ack.counter))

    def _tell_resend(self, client: mqtt.Client, wanted: ResendWanted) -> None:
        tell(client, resend_to(self._site.name, wanted.agent, wanted.epoch, wanted.counter))

    def _tell_live(self, client: mqtt.Client, item: Signal | Expectation | Override) -> None:
        for agent in agents_at(self._host.site, item.portal):
            if isinstance(item, Expectation):
                tell(client, expectation_to(self._site.name, agent, item))
            elif isinstance(item, Override):
                tell(client, override_to(self._site.name, agent, item))
            elif (left_us := item.valid_until_us - self._wall_us()) > 0:
                tell(client, signal_to(self._site.name, agent, item, left_us / 1e6))
