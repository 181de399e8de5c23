"""The bridge's end at the MQTT broker (paho): batches in, acknowledged by hand; acks, requests, signals, lists out.

A batch is acknowledged to the broker only after Kafka has it, so what a bridge held when it died is delivered to the
next one, which has the same client id and so the same session. After a reconnect the broker delivers again what was
not acknowledged, and packet ids may mean other messages: what was received before is then forgotten.

Bound: the broker sends at most `RECEIVE_MAX` unacknowledged messages (MQTT 5.0, 3.3.4).
"""

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
import structlog

from stream.mqtt_client import ToEdge, begin, broker_client, tell
from stream.mqtt_topics import (
    batch_topic,
)
from warehouse.site_settings import UplinkSettings

RECEIVE_MAX = 512
SESSION_TAKEN_OVER = 0x8E

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """One message and which connection it came over."""

    topic: str
    payload: bytes
    mid: int
    connection: int


class BridgeMqtt:
    """One session with the broker. `on_connected` is called in paho's thread."""

    def __init__(self, settings: UplinkSettings, site: str, client_id: str) -> None:
        self._settings = settings
        self._site = site
        self._received: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self._connection = 0
        self._lock = threading.Lock()
        self.on_connected: Callable[[], None] = lambda: None
        self.taken_over = False
        self.connected = False
        self._client = self._made(client_id)

    def start(self) -> None:
        """Connect, and reconnect for ever."""
        begin(self._client, self._settings, RECEIVE_MAX)

    def close(self) -> None:
        """End the connection; the session stays at the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def receive(self, most: int, wait_s: float) -> list[Received]:
        """What has come over this connection, up to `most`; waits for the first."""
        group: list[Received] = []
        try:
            group.append(self._received.get(timeout=wait_s))
            while len(group) < most:
                group.append(self._received.get_nowait())
        except queue.Empty:
            pass
        return [one for one in group if one.connection == self._connection]

    def acknowledge(self, group: Sequence[Received]) -> None:
        """Kafka has these."""
        for one in group:
            with self._lock:
                if one.connection == self._connection:
                    self._client.ack(one.mid, 1)

    def tell(self, message: ToEdge) -> None:
        """Nothing is queued for a broker that is away: what still counts is told again on connecting."""
        if self.connected:
            tell(self._client, message)

    def _made(self, client_id: str) -> mqtt.Client:
        client = broker_client(self._settings, client_id)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.warning("the broker refused us", reason=str(reason))
            return
        client.subscribe(batch_topic(self._site, "+"), qos=1)
        self.connected = True
        self.on_connected()

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            _log.error("the broker refuses us the batches", reasons=[str(reason) for reason in reasons])

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.connected = False
        with self._lock:
            self._connection += 1
        _log.info("disconnected from the broker", reason=str(reason))
        if getattr(reason, "value", None) == SESSION_TAKEN_OVER:
            self.taken_over = True

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._received.put(Received(message.topic, bytes(message.payload), message.mid, self._connection))
