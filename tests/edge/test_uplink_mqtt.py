"""The uplink over a real Mosquitto that dies, forgets and comes back; the stream's end is paho, acking by hand."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.spool import Spool
from edge.uplink import SENT_MAX
from edge.uplink_mqtt import MqttUplink
from stream.batch_codec import decode_batch
from stream.model import BatchId, Colour, Signal
from stream.mqtt_topics import (
    BatchAck,
    Resend,
    ack_topic,
    batch_topic,
    encode_ack,
    encode_expectation,
    encode_override,
    encode_resend,
    encode_signal,
    expected_topic,
    override_topic,
    resend_topic,
    signal_topic,
)
from tests.mosquitto import Mosquitto
from warehouse.loads import Expectation, ExpectedDocument, Override, OverrideColour
from warehouse.site_settings import UplinkSettings

from .batches import batch_named

pytestmark = pytest.mark.mosquitto

SITE, AGENT = "plant", "edge-1"


class Orders:
    """Remembers what the stream told the edge."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self.expectations: list[Expectation] = []
        self.overrides: list[Override] = []

    def on_signal(self, signal: Signal) -> None:
        self.signals.append(signal)

    def on_expectation(self, expectation: Expectation) -> None:
        self.expectations.append(expectation)

    def on_override(self, override: Override) -> None:
        self.overrides.append(override)


class Stream:
    """The other end: takes batches in a thread of paho's, "commits" them in memory and then acknowledges."""

    def __init__(self, broker: Mosquitto, acknowledges: bool = True) -> None:
        self.received: list[BatchId] = []
        self.committed: dict[str, int] = {}
        self.acknowledges = acknowledges
        self.client = paho.Client(CallbackAPIVersion.VERSION2, "stream", protocol=paho.MQTTv5)
        self.client.reconnect_delay_set(0.05, 0.2)
        self.subscribed = threading.Event()
        self.client.on_connect = lambda client, *_: client.subscribe(batch_topic(SITE, AGENT), qos=1)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._take
        self.client.connect_async(broker.host, broker.port)
        self.client.loop_start()

    def _take(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        name = decode_batch(message.payload).id
        self.received.append(name)
        if self.acknowledges and name.counter <= self.committed.get(name.epoch, 0) + 1:
            self.committed[name.epoch] = max(name.counter, self.committed.get(name.epoch, 0))
            ack = BatchAck(name.epoch, self.committed[name.epoch])
            client.publish(ack_topic(SITE, AGENT), encode_ack(ack), qos=1, retain=True)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool.sqlite", AGENT, 64, 24.0)


def append(spool: Spool, number: int) -> None:
    for _ in range(number):
        assert spool.append(batch_named(spool.next_id, 20)).is_stored


async def eventually(condition: Callable[[], bool], poke: Callable[[], object] | None = None) -> None:
    """Wait until it holds; `poke` is called meanwhile."""
    async with asyncio.timeout(120):
        while not condition():
            if poke is not None:
                poke()
            await asyncio.sleep(0.02)


class Running:
    """A running uplink."""

    def __init__(self, broker: Mosquitto, spool: Spool, stalled_s: float = 30.0) -> None:
        settings = UplinkSettings(kind="mqtt", host=broker.host, port=broker.port)
        self.uplink = MqttUplink(settings, SITE, AGENT, stalled_s=stalled_s)
        self.orders = Orders()
        self.task = asyncio.create_task(self.uplink.run(spool, self.orders))

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


@asynccontextmanager
async def meeting(
    broker: Mosquitto, spool: Spool, acknowledges: bool = True, stalled_s: float = 30.0
) -> AsyncIterator[tuple[Stream, Running]]:
    """A subscribed stream, then a running edge."""
    stream = Stream(broker, acknowledges)
    try:
        await eventually(stream.subscribed.is_set)
        edge = Running(broker, spool, stalled_s)
        try:
            yield stream, edge
        finally:
            await edge.end()
    finally:
        stream.close()


async def test_batches_arrive_once_in_order_and_are_acknowledged(mosquitto: Mosquitto, spool: Spool) -> None:
    append(spool, 100)
    async with meeting(mosquitto, spool) as (stream, edge):
        await eventually(lambda: len(stream.received) >= 100)
        append(spool, 50)
        edge.uplink.notify()
        await eventually(lambda: spool.depth().unacked == 0)
        assert [name.counter for name in stream.received] == list(range(1, 151))
        assert edge.uplink.is_connected
    assert not edge.uplink.is_connected


async def test_the_broker_killed_and_returned_with_nothing_loses_no_batch(mosquitto: Mosquitto, spool: Spool) -> None:
    async with meeting(mosquitto, spool, stalled_s=1.0) as (stream, edge):
        for death in range(3):
            append(spool, 80)
            edge.uplink.notify()
            await eventually(lambda expected=80 * death + 20: len(set(stream.received)) >= expected)
            mosquitto.kill()
            mosquitto.forget()
            append(spool, 10)
            stream.subscribed.clear()
            mosquitto.start(persistence=death % 2 == 0)
            await eventually(stream.subscribed.is_set)
            edge.uplink.notify()
        await eventually(lambda: spool.depth().unacked == 0)
        assert sorted(name.counter for name in set(stream.received)) == list(range(1, 271))
        assert stream.committed == {spool.next_id.epoch: 270}


async def test_what_the_broker_dropped_because_nobody_listened_is_sent_again(
    mosquitto: Mosquitto, spool: Spool
) -> None:
    append(spool, SENT_MAX + 30)
    edge = Running(mosquitto, spool, stalled_s=1.0)
    await eventually(lambda: edge.uplink.is_connected)
    assert spool.depth().unacked == SENT_MAX + 30
    stream = Stream(mosquitto)
    await eventually(lambda: spool.depth().unacked == 0)
    assert {name.counter for name in stream.received} == set(range(1, SENT_MAX + 31))
    await edge.end()
    stream.close()


async def test_a_restored_database_gets_again_what_it_asks_for(mosquitto: Mosquitto, spool: Spool) -> None:
    append(spool, 60)
    async with meeting(mosquitto, spool) as (stream, _):
        await eventually(lambda: spool.depth().unacked == 0)
        stream.received.clear()
        stream.client.publish(resend_topic(SITE, AGENT), encode_resend(Resend(spool.next_id.epoch, 41)), qos=1)
        await eventually(lambda: len(stream.received) >= 20)
        assert [name.counter for name in stream.received] == list(range(41, 61))


async def test_signals_and_expectations_reach_the_edge_and_nonsense_does_not_stop_it(
    mosquitto: Mosquitto, spool: Spool
) -> None:
    expectation = Expectation("door", 1, (ExpectedDocument("ASN-1", items=(("04012345678901", 2),)),))
    signal = Signal("door", Colour.GREEN, "complete", 1, 2)
    override = Override("door", OverrideColour.RED, "blocked", "keeper", 1, 2)
    async with meeting(mosquitto, spool) as (stream, edge):
        await eventually(lambda: edge.uplink.is_connected)
        stream.client.publish(expected_topic(SITE, AGENT, "door"), encode_expectation(expectation), qos=1, retain=True)
        for topic in (ack_topic(SITE, AGENT), resend_topic(SITE, AGENT), signal_topic(SITE, AGENT, "door")):
            stream.client.publish(topic, b"\xffnonsense", qos=1)
        stream.client.publish(signal_topic(SITE, AGENT, "door"), encode_signal(signal), qos=1)
        stream.client.publish(override_topic(SITE, AGENT, "door"), encode_override(override), qos=1, retain=True)
        orders = edge.orders
        await eventually(lambda: bool(orders.signals and orders.expectations and orders.overrides))
        assert (orders.signals, orders.expectations, orders.overrides) == ([signal], [expectation], [override])
        assert edge.uplink.control_errors == 3
        await edge.end()
        later = Running(mosquitto, spool)
        await eventually(lambda: later.orders.expectations == [expectation])
        await later.end()


async def test_an_ack_beyond_the_spool_starts_a_new_epoch_that_is_sent(mosquitto: Mosquitto, spool: Spool) -> None:
    append(spool, 3)
    old = spool.next_id.epoch
    async with meeting(mosquitto, spool, acknowledges=False) as (stream, edge):
        await eventually(lambda: len(stream.received) >= 3)
        stream.client.publish(ack_topic(SITE, AGENT), encode_ack(BatchAck(old, 50)), qos=1, retain=True)
        await eventually(lambda: spool.next_id.epoch != old)
        append(spool, 1)
        edge.uplink.notify()
        await eventually(lambda: stream.received[-1] == BatchId(AGENT, spool.next_id.epoch, 1))


class BadLeaving:
    """A client whose disconnection fails, as aiomqtt's does when the broker goes at the same moment."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def __aenter__(self) -> aiomqtt.Client:
        return await self._client.__aenter__()

    async def __aexit__(self, *how: Any) -> None:
        await self._client.__aexit__(*how)
        raise aiomqtt.MqttError("Operation timed out")


class BadlyLeavingUplink(MqttUplink):
    """Leaves the broker with an error every time."""

    def _client(self) -> Any:
        return BadLeaving(super()._client())


async def test_a_cancelled_uplink_ends_although_leaving_the_broker_fails(mosquitto: Mosquitto, spool: Spool) -> None:
    settings = UplinkSettings(kind="mqtt", host=mosquitto.host, port=mosquitto.port)
    uplink = BadlyLeavingUplink(settings, SITE, AGENT)
    task = asyncio.create_task(uplink.run(spool, Orders()))
    await eventually(lambda: uplink.is_connected)
    task.cancel()
    await asyncio.wait([task], timeout=20)
    assert task.cancelled()
