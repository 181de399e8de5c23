"""The master on the wire: MQTT on one side (aiomqtt, MQTT 5), the task book on the other.

Three tasks share one `FleetMaster` and never wait inside it:

    session  messages in, orders and instant actions out; reconnects for ever, `_RETRY_S_MIN` to `_RETRY_S_MAX`
    ticking  time passes
    book     reports first, then claims, then a look at the book every `_BOOK_S`; while the book cannot be reached the
             reports wait in order and nothing new is claimed

Orders are QoS 0 and not retained (VDA 5050 2.1.0, 6.2). One that cannot go out at once is dropped: there is no queue
that could drive a vehicle later, and with MQTT 5 the broker is given the same time to live as message expiry. The
master decides again from the next state.

Bound: reports and claims waiting for the book are at most a few per vehicle, because a vehicle gets no other order
before its last report is taken.
"""

import asyncio
import random
from collections import deque

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.clock import Clock, WallClock
from edge.fleet.effects import Claim, Effect, Report, Send
from edge.fleet.master import OPEN_MAX, FleetMaster
from edge.fleet.tasks import Failure, TaskBook, TaskStep
from edge.mqtt_broker import client_of
from readers.vda5050.codec import decode, encode, topic_of
from readers.vda5050.connection import Connection
from readers.vda5050.errors import Vda5050Error
from readers.vda5050.factsheet import Factsheet
from readers.vda5050.header import Header, HeaderCounter, Topic, VehicleId, Version
from readers.vda5050.state import State
from readers.vda5050.topics import Address, parse_topic, qos, subscription
from warehouse.roads import FleetSettings, RoadMap

_RETRY_S_MIN = 0.2
_RETRY_S_MAX = 10.0
# Also the bound on a connection that died in a way the client did not notice.
_KEEPALIVE_S = 5
# What is not written to the socket by then is dropped; the vehicle's next state decides again.
_PUBLISH_S = 2.0
_TICK_S = 0.25
_BOOK_S = 1.0
_LISTEN = (Topic.CONNECTION, Topic.STATE, Topic.FACTSHEET)

_log = structlog.get_logger(__name__)


class FleetService:
    """The built-in master of one site. `run` until cancelled; a new one takes up where a killed one was."""

    def __init__(self, roads: RoadMap, settings: FleetSettings, book: TaskBook, clock: Clock | None = None) -> None:
        self.master = FleetMaster(roads, settings)
        self._settings = settings
        self._v5 = settings.mqtt == "5"
        self._book = book
        self._clock = clock or WallClock()
        self._names = {VehicleId(v.manufacturer, v.serial_number): v.name for v in settings.vehicles}
        self._ids = {name: vehicle for vehicle, name in self._names.items()}
        self._counters = {name: HeaderCounter() for name in self._ids}
        self._client: aiomqtt.Client | None = None
        self._waiting: deque[Claim | Report] = deque()
        self._news = asyncio.Event()
        self.dropped = 0
        self.refused_messages = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sessions())
            group.create_task(self._ticking())
            group.create_task(self._booking())

    async def instant(self, vehicle: str, action_type: str) -> None:
        """Send an instant action: startPause, stopPause, factsheetRequest… Raises KeyError for an unknown vehicle."""
        await self._do(self.master.instant(self._clock.now_us(), vehicle, action_type))

    async def cancel(self, task_id: str, detail: str) -> None:
        """Stop a task under way; nothing when no vehicle has it."""
        await self._do(self.master.cancel(self._clock.now_us(), task_id, detail))

    async def _sessions(self) -> None:
        retry_s = _RETRY_S_MIN
        while True:
            try:
                async with self._connection() as client:
                    await self._session(client)
            except (aiomqtt.MqttError, OSError) as error:
                retry_s = _RETRY_S_MIN if self._client is not None else min(retry_s * 2, _RETRY_S_MAX)
                _log.warning("fleet broker lost", error=str(error), retry_s=round(retry_s, 1))
            finally:
                self._client = None
            _heed_cancellation()
            await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))

    def _connection(self) -> aiomqtt.Client:
        return client_of(
            self._settings,
            protocol=aiomqtt.ProtocolVersion.V5 if self._v5 else aiomqtt.ProtocolVersion.V311,
            clean_session=None if self._v5 else True,
            keepalive=_KEEPALIVE_S,
            timeout=_PUBLISH_S,
        )

    async def _session(self, client: aiomqtt.Client) -> None:
        for version in sorted({Version(v.version) for v in self._settings.vehicles}):
            for topic in _LISTEN:
                await client.subscribe(subscription(self._settings.interface, version, topic), qos=1)
        self._client = client
        _log.debug("fleet connected", host=self._settings.host, port=self._settings.port)
        async for message in client.messages:
            # A state that a vehicle had the broker retain is of then, not of now.
            stale = message.retain and message.topic.value.endswith(f"/{Topic.STATE}")
            if isinstance(message.payload, bytes) and message.payload and not stale:
                await self._take(message.topic.value, message.payload)

    async def _take(self, topic: str, payload: bytes) -> None:
        try:
            address = parse_topic(topic)
            name = self._names.get(address.vehicle)
            if name is None or address.version is not self.master.vehicles[name].version:
                return
            header, message = decode(address.topic, payload)
        except Vda5050Error as error:
            self.refused_messages += 1
            _log.warning("vehicle message refused", topic=topic, error=str(error))
            return
        now_us = self._clock.now_us()
        if isinstance(message, State):
            await self._do(self.master.on_state(now_us, name, message, header))
        elif isinstance(message, Connection):
            await self._do(self.master.on_connection(now_us, name, message))
        elif isinstance(message, Factsheet):
            self.master.on_factsheet(name, message)

    async def _ticking(self) -> None:
        while True:
            await self._clock.sleep(_TICK_S)
            await self._do(self.master.tick(self._clock.now_us()))

    async def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                await self._send(effect)
            else:
                self._waiting.append(effect)
                self._news.set()

    async def _send(self, send: Send) -> None:
        client, now_us = self._client, self._clock.now_us()
        topic = topic_of(send.message)
        if client is None or now_us > send.valid_until_us:
            self._unsent(send)
            return
        version, vehicle = self.master.vehicles[send.vehicle].version, self._ids[send.vehicle]
        header = Header(self._counters[send.vehicle].next(topic), now_us, version, vehicle)
        properties = None
        if self._v5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = max(1, int(self._settings.order_valid_s))
        address = str(Address(self._settings.interface, version, vehicle, topic))
        try:
            await client.publish(address, encode(header, send.message), qos=qos(topic), properties=properties)
        except aiomqtt.MqttError:
            self._unsent(send)
        _heed_cancellation()

    def _unsent(self, send: Send) -> None:
        self.dropped += 1
        self.master.on_unsent(send)

    async def _booking(self) -> None:
        while True:
            self._news.clear()
            try:
                while self._waiting:
                    await self._tell(self._waiting[0])
                    self._waiting.popleft()
                claims = await self._book.claims()
                open_tasks = await self._book.open_tasks(OPEN_MAX)
            except OSError as error:
                _log.warning("task book not reached", error=str(error))
                await self._clock.sleep(_BOOK_S)
                continue
            # What was decided while we asked is told before the book is looked at again.
            if not self._waiting:
                await self._do(self.master.on_tasks(self._clock.now_us(), claims, open_tasks))
            if not self._waiting:
                await self._news_or_later()

    async def _tell(self, item: Claim | Report) -> None:
        if isinstance(item, Claim):
            attempt = await self._book.claim(item.task.task_id, item.vehicle)
            await self._do(self.master.on_claimed(self._clock.now_us(), item, attempt))
            return
        what = item.what
        if isinstance(what, TaskStep):
            await self._book.progress(item.task_id, item.attempt, what, item.at_us)
        elif isinstance(what, Failure):
            await self._book.failed(item.task_id, item.attempt, what, item.at_us)
        else:
            await self._book.done(item.task_id, item.attempt, item.at_us)
        await self._do(self.master.on_reported(self._clock.now_us(), item))

    async def _news_or_later(self) -> None:
        later = asyncio.ensure_future(self._clock.sleep(_BOOK_S))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({later, news}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            later.cancel()
            news.cancel()


def _heed_cancellation() -> None:
    """End here if asked to: leaving a client may raise over the cancellation, wait_for of Python 3.11 may eat it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
