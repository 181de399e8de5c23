"""Requests about tasks in, replies and open tasks out, over one broker connection (paho, MQTT 5).

A request is acknowledged to the broker after its command is committed and its reply handed over, so that what was not
committed is sent again to the next process of this name. Requests are executed one after the other, in the order of
their arrival: a controller's `progress` cannot overtake its `claim`. While the database is away nothing is acknowledged
and the broker keeps the rest. What each controller has is retained for it, so that one that was started again knows,
and one whose task was taken from it hears.

What is no request becomes a dead letter, and its sender is told the field; a letter given again is taken up here. Open
tasks are retained, looked at every `LOOK_S` and after every request; what an earlier process left retained and is open
no more is cleared.

Bounds: `RECEIVE_MAX` unacknowledged requests (MQTT 5.0, 3.3.4), `OPEN_MAX` open tasks shown, the most urgent first,
and `OPEN_MAX` claims of a controller, the oldest first.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import msgspec
import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.exchange.messages import (
    Claims,
    HeldTask,
    OpenTask,
    Reply,
    RequestError,
    answer,
    claims_topic,
    decode_request,
    malformed,
    open_topic,
    parse_request_topic,
    reply_topic,
    requests_topic,
)
from warehouse.commands import Actor, Command, Permission, Refusal, RefusalCode, Result, Rights
from warehouse.site_settings import TaskExchangeSettings

RECEIVE_MAX = 64
OPEN_MAX = 500
LOOK_S = 0.5
RETRY_S = 1.0
KEEPALIVE_S = 20
SESSION_EXPIRY_S = 24 * 3600
RIGHTS = Rights(frozenset({Permission.TASK, Permission.BACK_DATE}))

_log = structlog.get_logger(__name__)


class TaskSource(Protocol):
    """The warehouse behind the exchange. Each raises OSError (or a subclass) while it cannot be reached."""

    async def execute(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """Execute once per source and id; returns when it is committed."""

    async def open_tasks(self, limit: int) -> Sequence[OpenTask]:
        """What can be claimed, the most urgent first."""

    async def claims(self, client: str, limit: int) -> Sequence[HeldTask]:
        """What a controller has claimed and is not over."""

    async def keep(self, topic: str, payload: bytes, reason: str) -> None:
        """Keep what is no request as a dead letter; returns when it is committed."""

    async def given_again(self) -> Sequence[tuple[UUID, str, bytes]]:
        """Dead letters of ours that a person gave again: id, topic, payload."""

    async def settle(self, letter_id: UUID, reason: str) -> None:
        """A letter given again was taken, or is open again for this reason."""


class TaskExchange:
    """One broker connection. `run` until cancelled."""

    def __init__(self, site: str, settings: TaskExchangeSettings, source: TaskSource) -> None:
        self._site = site
        self._settings = settings
        self._source = source
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: asyncio.Queue[mqtt.MQTTMessage] = asyncio.Queue()
        self._look = asyncio.Event()
        self._shown: dict[str, bytes] = {}
        self._stale: set[str] = set()
        self._held: dict[str, bytes] = {}
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Connect, and serve."""
        self._loop = asyncio.get_running_loop()
        client = self._client()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAX
        client.connect_async(
            self._settings.host, self._settings.port, KEEPALIVE_S, clean_start=False, properties=properties
        )
        client.loop_start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._serve(client))
                group.create_task(self._show(client))
        finally:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    def _client(self) -> mqtt.Client:
        settings = self._settings
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"tagledger-tasks-{self._site}",
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        if settings.username:
            client.username_pw_set(settings.username, settings.password)
        if settings.tls:
            client.tls_set_context(ssl.create_default_context(cafile=settings.tls_ca or None))
        client.reconnect_delay_set(1, 30)
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
        own = SubscribeOptions(qos=1, noLocal=True)
        client.subscribe([(requests_topic(self._site), own), (open_topic(self._site, "+"), own)])

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        """In paho's thread. An ACL may refuse the subscription though the connection stands."""
        if any(reason.is_failure for reason in reasons):
            _log.error("the broker refuses us the requests", reasons=[str(reason) for reason in reasons])
            return
        self._on_loop(self._reset)

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        _log.info("disconnected from the broker", reason=str(reason))
        self._on_loop(self.connected.clear)

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        """In paho's thread."""
        if message.topic.startswith(open_topic(self._site, "")):
            task_id = message.topic.rpartition("/")[2]
            client.ack(message.mid, message.qos)
            if message.payload:
                self._on_loop(lambda: self._found_retained(task_id))
            return
        self._on_loop(lambda: self._waiting.put_nowait(message))

    def _reset(self) -> None:
        """A broker that lost what it retained hears all of it again."""
        self._shown.clear()
        self._held.clear()
        self.connected.set()
        self._look.set()

    def _found_retained(self, task_id: str) -> None:
        if task_id not in self._shown:
            self._stale.add(task_id)
            self._look.set()

    def _on_loop(self, call: Callable[[], object]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    async def _serve(self, client: mqtt.Client) -> None:
        while True:
            message = await self._waiting.get()
            await self._take(client, message)
            client.ack(message.mid, message.qos)
            self._look.set()

    async def _take(self, client: mqtt.Client, message: mqtt.MQTTMessage) -> str:
        """Execute and reply; why it is no request, empty when it is one."""
        topic, payload = message.topic, bytes(message.payload)
        operation, who = topic.rpartition("/")[2], topic.split("/")[-2]
        try:
            asked = parse_request_topic(self._site, topic)
            request = decode_request(asked.operation, payload)
        except RequestError as error:
            reason = f"{error.field or 'payload'}: {error}"
            await self._reached(lambda: self._source.keep(topic, payload, reason))
            self._reply(client, message, who, malformed(operation, error))
            return reason
        outcome: Result | Refusal
        if asked.client not in self._settings.clients:
            message_text = f"{asked.client!r} is none of the site's task_exchange.clients"
            outcome = Refusal(RefusalCode.FORBIDDEN, "topic", message_text)
        else:
            actor = Actor(asked.client, getattr(request, "vehicle", ""), RIGHTS)
            source = f"mqtt:{asked.client}"
            outcome = await self._reached(lambda: self._source.execute(request.command(), actor, source, request.id))
        self._reply(client, message, asked.client, answer(asked.operation, request.id, outcome))
        return ""

    def _reply(self, client: mqtt.Client, message: mqtt.MQTTMessage, who: str, reply: Reply) -> None:
        given = message.properties
        topic = reply_topic(self._site, who, getattr(given, "ResponseTopic", None))
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if getattr(given, "CorrelationData", None) is not None:
            properties.CorrelationData = given.CorrelationData  # type: ignore[union-attr]
        client.publish(topic, msgspec.json.encode(reply), qos=1, properties=properties)

    async def _show(self, client: mqtt.Client) -> None:
        while True:
            await self.connected.wait()
            self._look.clear()
            found = await self._reached(lambda: self._source.open_tasks(OPEN_MAX))
            wanted = {str(task.task_id): msgspec.json.encode(task) for task in found}
            for task_id in sorted((self._shown.keys() | self._stale) - wanted.keys()):
                client.publish(open_topic(self._site, task_id), b"", qos=1, retain=True)
            for task_id, payload in wanted.items():
                if self._shown.get(task_id) != payload:
                    client.publish(open_topic(self._site, task_id), payload, qos=1, retain=True)
            self._shown, self._stale = wanted, set()
            await self._show_claims(client)
            for letter_id, topic, payload in await self._reached(self._source.given_again):
                await self._give_again(client, letter_id, topic, payload)
            await self._news_or_later()

    async def _show_claims(self, client: mqtt.Client) -> None:
        for name in self._settings.clients:
            held = await self._reached(partial(self._source.claims, name, OPEN_MAX))
            payload = msgspec.json.encode(Claims(held))
            if self._held.get(name) != payload:
                client.publish(claims_topic(self._site, name), payload, qos=1, retain=True)
                self._held[name] = payload

    async def _give_again(self, client: mqtt.Client, letter_id: UUID, topic: str, payload: bytes) -> None:
        """As if it had come now: the reply goes to the controller's own topic."""
        message = mqtt.MQTTMessage(topic=topic.encode())
        message.payload = payload
        reason = await self._take(client, message)
        await self._reached(lambda: self._source.settle(letter_id, reason))

    async def _news_or_later(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._look.wait()
        except TimeoutError:
            pass

    async def _reached(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until the warehouse can be reached; nothing is acknowledged meanwhile."""
        while True:
            try:
                return await ask()
            except OSError as error:
                _log.warning("the warehouse is not reached", error=str(error))
                await asyncio.sleep(RETRY_S)
