"""Batches over a real Mosquitto: acknowledged after the commit, redelivered until then, and what else edges hear."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from stream.batch_codec import encode_batch
from stream.dead_letters import DeadLetters
from stream.embedded import EmbeddedHost
from stream.model import Colour, EdgeBatch
from stream.mqtt_topics import (
    BatchAck,
    Resend,
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
from stream.source_mqtt import MqttSource
from stream.store import Store
from tests.mosquitto import Mosquitto
from tests.stream.plant_books import prepare, query, results
from tests.stream.test_embedded import LOG, PATIENCE_S, host_on, running, until
from tests.stream.traffic import AGENT, EPOCH, site
from warehouse.commands import ALL_RIGHTS, Actor, OverrideSignal, Result
from warehouse.loads import OverrideColour
from warehouse.postgres.commands import execute
from warehouse.postgres.goods.places import ensure_places
from warehouse.site_settings import UplinkSettings

pytest_plugins = ("tests.mosquitto",)
pytestmark = pytest.mark.mosquitto
SITE = "plant"


@pytest.fixture
def broker(mosquitto: Mosquitto) -> int:
    """The port of a broker of our own."""
    return mosquitto.port


class Edge:
    """The other end: publishes batches, keeps what it hears by topic."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "edge", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = lambda _c, _u, m: self.heard.append((m.topic, bytes(m.payload), m.retain))
        self._client.connect("127.0.0.1", port)
        for topic in (ack_topic(SITE, AGENT), resend_topic(SITE, AGENT)):
            self._client.subscribe(topic, qos=1)
        for topic in (signal_topic, expected_topic, override_topic):
            self._client.subscribe(topic(SITE, AGENT, "+"), qos=1)
        self._client.loop_start()

    def send(self, *batches: EdgeBatch) -> None:
        for batch in batches:
            self._client.publish(batch_topic(SITE, AGENT), encode_batch(batch), qos=1)

    def send_bytes(self, payload: bytes) -> None:
        self._client.publish(batch_topic(SITE, AGENT), payload, qos=1)

    def on(self, topic: str) -> list[bytes]:
        return [payload for heard, payload, _ in list(self.heard) if heard == topic]

    def acked(self) -> list[BatchAck]:
        return [decode_ack(payload) for payload in self.on(ack_topic(SITE, AGENT))]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def edge(port: int) -> Iterator[Edge]:
    made = Edge(port)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def plant(database: str) -> str:
    prepare(database)
    return database


async def receiving(host: EmbeddedHost, port: int, work: Callable[[], Any], **options: Any) -> None:
    """Run host and source while `work` (a coroutine function) runs."""
    async with running(host):
        source = MqttSource(site(), host, UplinkSettings("mqtt", "127.0.0.1", port), **options)
        run = asyncio.create_task(source.run())
        try:
            await asyncio.wait_for(source.connected.wait(), PATIENCE_S)
            await work()
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


@pytest.mark.parametrize("protocol", [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311])
async def test_batches_are_committed_then_acknowledged(plant: str, broker: int, protocol: MQTTProtocolVersion) -> None:
    with edge(broker) as sender:

        async def work() -> None:
            sender.send(*LOG)
            await until(lambda: BatchAck(EPOCH, len(LOG)) in sender.acked())
            assert query(plant, "select counter from stream_inbox") == [(len(LOG),)]

        await receiving(host_on(plant), broker, work, protocol=protocol)
    assert results(plant)["movements"]


async def test_what_was_not_committed_is_redelivered_to_the_next_process(plant: str, broker: int) -> None:
    async def nothing() -> None:
        pass

    await receiving(host_on(plant), broker, nothing)  # the session exists from here on
    with edge(broker) as sender:
        sender.send(*LOG[:30])
        site_ = site()

        class DeadStore(Store):
            def commit(self, chunk: Any) -> Any:
                raise ConnectionResetError("the process dies here")

        dying = EmbeddedHost(site_, DeadStore(plant, site_), look_around_s=60.0)
        run = asyncio.create_task(dying.run())
        source = asyncio.create_task(MqttSource(site_, dying, UplinkSettings("mqtt", "127.0.0.1", broker)).run())
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(run, PATIENCE_S)
        source.cancel()
        await asyncio.gather(source, return_exceptions=True)
        assert sender.acked() == []

        async def work() -> None:
            await until(lambda: BatchAck(EPOCH, 30) in sender.acked())

        await receiving(host_on(plant), broker, work)


async def test_an_edge_hears_where_the_stream_stands_even_when_it_comes_late(plant: str, broker: int) -> None:
    host_on(plant).process_sync(LOG[:10])
    with edge(broker) as sender:

        async def work() -> None:
            await until(lambda: bool(sender.on(resend_topic(SITE, AGENT))))
            sender.send(LOG[9])  # again: its acknowledgement was lost
            await until(lambda: BatchAck(EPOCH, 10) in sender.acked())

        await receiving(host_on(plant), broker, work)
        assert decode_resend(sender.on(resend_topic(SITE, AGENT))[0]) == Resend(EPOCH, 11)
    with edge(broker) as late:
        await until(lambda: late.acked() == [BatchAck(EPOCH, 10)])


async def test_garbage_and_another_agent_s_batch_become_dead_letters(plant: str, broker: int) -> None:
    with edge(broker) as sender:

        async def work() -> None:
            sender.send_bytes(b"garbage")
            sender.send(replace(LOG[0], id=replace(LOG[0].id, agent="somebody")))
            sender.send(*LOG[:5])
            await until(lambda: BatchAck(EPOCH, 5) in sender.acked())
            await until(lambda: len(DeadLetters(plant).list()) == 2)

        await receiving(host_on(plant), broker, work)
    assert {letter.source for letter in DeadLetters(plant).list()} == {batch_topic(SITE, AGENT)}


async def test_the_edge_hears_expectations_and_signals_that_are_still_valid(plant: str, broker: int) -> None:
    with edge(broker) as sender:

        async def work() -> None:
            await until(lambda: bool(sender.on(expected_topic(SITE, AGENT, "dock1"))))
            sender.send(*LOG[:40])
            await until(lambda: BatchAck(EPOCH, 40) in sender.acked())
            await until(lambda: bool(sender.on(signal_topic(SITE, AGENT, "dock1"))))

        # The recording's time is now: its signals are valid.
        await receiving(host_on(plant), broker, work, wall_us=lambda: 0)
        expectation = decode_expectation(sender.on(expected_topic(SITE, AGENT, "dock1"))[0])
        (document,) = expectation.documents
        assert (document.number, [count for _, count in document.items]) == ("ASN-dock1", [24])
        colours = [decode_signal(payload).colour for payload in sender.on(signal_topic(SITE, AGENT, "dock1"))]
        assert set(colours) <= set(Colour)


async def test_a_backlog_drives_no_light(plant: str, broker: int) -> None:
    with edge(broker) as sender:

        async def work() -> None:
            await until(lambda: bool(sender.on(expected_topic(SITE, AGENT, "dock1"))))
            sender.send(*LOG)
            await until(lambda: BatchAck(EPOCH, len(LOG)) in sender.acked())

        await receiving(host_on(plant), broker, work, wall_us=lambda: 2**62)
        assert query(plant, "select count(*) > 0 from signal") == [(True,)]
        assert [topic for topic, _, _ in sender.heard if "/signal/" in topic] == []


async def test_a_persons_order_reaches_the_edge_and_its_end_too_also_through_a_broker_that_forgot(
    plant: str, mosquitto: Mosquitto
) -> None:
    def order(colour: OverrideColour | None, number: str) -> None:
        with psycopg.connect(plant, autocommit=True) as connection:
            ensure_places(connection, site())
            command = OverrideSignal("dock1", "checked by hand", colour, 600)
            done = execute(
                connection, command, actor=Actor("keeper", rights=ALL_RIGHTS), source="test", client_event_id=number
            )
            assert isinstance(done, Result), done

    host = host_on(plant)

    async def work() -> None:
        topic = override_topic(SITE, AGENT, "dock1")

        def heard(edge: Edge) -> list[OverrideColour | None]:
            return [decode_override(payload).colour for payload in edge.on(topic)]

        with edge(mosquitto.port) as first:
            await asyncio.to_thread(order, OverrideColour.GREEN, "order-1")
            await until(lambda: heard(first)[-1:] == [OverrideColour.GREEN])
        mosquitto.kill()
        mosquitto.forget()
        mosquitto.start()
        with edge(mosquitto.port) as second:
            await until(lambda: heard(second)[-1:] == [OverrideColour.GREEN])
            await asyncio.to_thread(order, None, "order-2")
            await until(lambda: heard(second)[-1:] == [None])

    await receiving(host, mosquitto.port, work)
