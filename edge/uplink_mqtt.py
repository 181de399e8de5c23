"""The uplink over MQTT (aiomqtt, MQTT 5): topics and payloads are those of `stream.mqtt_topics`.

QoS 1 both ways. Batches are published in order, several in flight; PUBACKs are awaited so that the broker sets the
pace, and are not taken for storage. The session is clean: after any disconnection the window begins again with the
oldest batch that is not acknowledged, which makes resuming and losing the broker's memory the same case. Reconnects for
ever, waiting between `_RETRY_S_MIN` and `_RETRY_S_MAX` with jitter. A broker that refuses our publishes by its access
list answers with a reason code that aiomqtt does not hand out; it shows as a lag that grows while connected.
"""

import asyncio
import random
import time
from contextlib import suppress

import aiomqtt
import structlog

from edge.clock import Clock, WallClock
from edge.mqtt_broker import client_of
from edge.spool import Spool
from edge.spool_values import AckResult
from edge.uplink import STALLED_S, EdgeOrders, SendWindow
from stream.mqtt_client import AT_ONCE
from stream.mqtt_topics import (
    ControlFormatError,
    ack_topic,
    batch_topic,
    decode_ack,
    decode_expectation,
    decode_override,
    decode_resend,
    decode_signal,
    expected_topic,
    override_topic,
    resend_topic,
    signal_topic,
)
from warehouse.site_settings import UplinkSettings

_READ_AT_ONCE = 64
_RETRY_S_MIN = 0.2
_RETRY_S_MAX = 10.0
_KEEPALIVE_S = 10

_log = structlog.get_logger(__name__)


class MqttUplink:
    """Implements `Uplink`."""

    def __init__(
        self,
        settings: UplinkSettings,
        site: str,
        agent: str,
        clock: Clock | None = None,
        stalled_s: float = STALLED_S,
    ) -> None:
        self._settings = settings
        self._batch_topic = batch_topic(site, agent)
        self._ack_topic = ack_topic(site, agent)
        self._resend_topic = resend_topic(site, agent)
        self._signal_topics = signal_topic(site, agent, "+")
        self._expected_topics = expected_topic(site, agent, "+")
        self._override_topics = override_topic(site, agent, "+")
        self._identifier = f"tagledger-{site}-{agent}"
        self._clock = clock or WallClock()
        self._stalled_s = stalled_s
        self._wake = asyncio.Event()
        self._connected = False
        self.control_errors = 0

    @property
    def is_connected(self) -> bool:
        """Whether there is a session with the broker."""
        return self._connected

    def notify(self) -> None:
        """The spool has something new."""
        self._wake.set()

    async def run(self, spool: Spool, orders: EdgeOrders) -> None:
        """Publish until cancelled, reconnecting for ever."""
        retry_s = _RETRY_S_MIN
        ending = False
        while True:
            try:
                async with self._client() as client:
                    client.pending_calls_threshold = _READ_AT_ONCE + 8  # aiomqtt warns above it
                    try:
                        await self._session(client, spool, orders)
                    except asyncio.CancelledError:
                        ending = True
                        raise
            except* (aiomqtt.MqttError, OSError) as errors:
                was_connected, self._connected = self._connected, False
                retry_s = _RETRY_S_MIN if was_connected else min(retry_s * 2, _RETRY_S_MAX)
                _log.warning("uplink lost", error=str(errors.exceptions[0]), retry_s=round(retry_s, 1))
            finally:
                self._connected = False
            if ending:
                raise asyncio.CancelledError  # leaving the client failed, and that error took the cancellation's place
            await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))

    def _client(self) -> aiomqtt.Client:
        return client_of(
            self._settings,
            identifier=self._identifier,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            keepalive=_KEEPALIVE_S,
            max_inflight_messages=_READ_AT_ONCE,
            socket_options=(AT_ONCE,),
        )

    async def _session(self, client: aiomqtt.Client, spool: Spool, orders: EdgeOrders) -> None:
        window = SendWindow(spool, time.monotonic(), stalled_s=self._stalled_s)
        told = (self._signal_topics, self._expected_topics, self._override_topics)
        for topic in (self._ack_topic, self._resend_topic, *told):
            await client.subscribe(topic, qos=1)
        self._connected = True
        _log.info("uplink connected", host=self._settings.host, port=self._settings.port)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._receive(client, window, orders))
            group.create_task(self._send(client, window))

    async def _send(self, client: aiomqtt.Client, window: SendWindow) -> None:
        while True:
            self._wake.clear()
            batches = window.next(_READ_AT_ONCE, time.monotonic())
            if batches:
                # Tasks start in order, and publishing hands the message over before it first waits.
                await asyncio.gather(*(client.publish(self._batch_topic, batch.body, qos=1) for batch in batches))
                continue
            # Not for ever, to see whether sending has stalled. Not wait_for: before Python 3.12 it loses a cancellation
            # that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(min(1.0, self._stalled_s)):
                    await self._wake.wait()

    async def _receive(self, client: aiomqtt.Client, window: SendWindow, orders: EdgeOrders) -> None:
        async for message in client.messages:
            topic, payload = message.topic.value, message.payload
            if not isinstance(payload, bytes) or not payload:
                continue  # a retained message taken back
            try:
                self._take(topic, payload, window, orders)
            except ControlFormatError as error:
                self.control_errors += 1
                _log.warning("control message refused", topic=topic, error=str(error))

    def _take(self, topic: str, payload: bytes, window: SendWindow, orders: EdgeOrders) -> None:
        now_s = time.monotonic()
        if topic == self._ack_topic:
            ack = decode_ack(payload)
            if window.acked(ack.epoch, ack.counter, self._clock.now_us(), now_s) is AckResult.AHEAD:
                _log.error("spool is older than its acknowledgements, new epoch", epoch=ack.epoch, acked=ack.counter)
            self._wake.set()
        elif topic == self._resend_topic:
            resend = decode_resend(payload)
            window.send_again(resend.epoch, resend.counter, now_s)
            self._wake.set()
        elif topic.startswith(self._signal_topics[:-1]):
            orders.on_signal(decode_signal(payload))
        elif topic.startswith(self._override_topics[:-1]):
            orders.on_override(decode_override(payload))
        else:
            orders.on_expectation(decode_expectation(payload))
