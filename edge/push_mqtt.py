"""Reads that readers push over MQTT (aiomqtt): each reader's own topic on the uplink's broker, into its driver.

QoS 1, a session that the broker keeps for `SESSION_S`, so that what is published while the edge restarts is not lost;
the broker bounds what it keeps. A message that is not what the reader's maker documents becomes a `protocol_error` of
that reader, with the field named, and a dead letter, and the next one is taken. Reconnects for ever, `_RETRY_S_MIN` to
`_RETRY_S_MAX` apart.
"""

import asyncio
import random
from collections.abc import Mapping

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.mqtt_broker import client_of
from readers.port import ReaderUnavailable
from readers.push.driver import PushDriver
from readers.push.pushed_tag import PushFormatError
from warehouse.site_settings import UplinkSettings

SESSION_S = 3600
_RETRY_S_MIN = 0.2
_RETRY_S_MAX = 10.0

_log = structlog.get_logger(__name__)


class PushSubscriber:
    """Follows the topics of some readers. Topics are literal, one reader each. Without any it connects to nothing."""

    def __init__(self, settings: UplinkSettings, identifier: str, drivers: Mapping[str, PushDriver]) -> None:
        self._settings = settings
        self._identifier = identifier
        self._drivers = dict(drivers)
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Receive until cancelled."""
        retry_s = _RETRY_S_MIN
        while True:
            while not self._drivers:  # a site that changed otherwise wakes this too
                self._changed.clear()
                await self._changed.wait()
            try:
                async with self._client() as client, asyncio.TaskGroup() as group:
                    retry_s = _RETRY_S_MIN
                    group.create_task(self._follow(client))
                    group.create_task(self._receive(client))
            except* (aiomqtt.MqttError, OSError) as errors:
                error = str(errors.exceptions[0])
                _log.warning("pushed reads lost their broker", error=error, retry_s=round(retry_s, 1))
            await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))
            retry_s = min(retry_s * 2, _RETRY_S_MAX)

    def reload(self, drivers: Mapping[str, PushDriver]) -> None:
        """These are the topics from now on, on the same connection."""
        self._drivers = dict(drivers)
        self._changed.set()

    async def _follow(self, client: aiomqtt.Client) -> None:
        """Subscribe to what is there, and to what comes."""
        subscribed: set[str] = set()
        while True:
            self._changed.clear()
            wanted = set(self._drivers)
            for topic in sorted(wanted - subscribed):
                await client.subscribe(topic, qos=1)
            for topic in sorted(subscribed - wanted):
                await client.unsubscribe(topic)
            subscribed = wanted
            await self._changed.wait()

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self._take(message.topic.value, message.payload)

    def _take(self, topic: str, payload: object) -> None:
        driver = self._drivers.get(topic)
        if driver is None or not isinstance(payload, bytes):
            return
        try:
            driver.take(payload)
        except (PushFormatError, ReaderUnavailable) as error:
            _log.warning("pushed message refused", topic=topic, error=str(error))

    def _client(self) -> aiomqtt.Client:
        return _client(self._settings, self._identifier, SESSION_S)


async def push_again(settings: UplinkSettings, topic: str, body: bytes) -> None:
    """Publish what a reader once pushed, as it did. Raises OSError while the broker cannot be reached."""
    try:
        async with _client(settings, None, 0) as client:
            await client.publish(topic, body, qos=1)
    except aiomqtt.MqttError as error:
        raise ConnectionError(f"broker {settings.host}:{settings.port}: {error}") from error


def _client(settings: UplinkSettings, identifier: str | None, session_s: int) -> aiomqtt.Client:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session_s
    return client_of(
        settings,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=session_s == 0,
        properties=properties,
    )
