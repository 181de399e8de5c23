"""The whole chain on real servers: an edge's spool, Mosquitto, the bridge, Kafka, a worker, PostgreSQL.

Bridge and worker are processes that a supervisor starts again when they end by themselves, as systemd would.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from edge.clock import WallClock
from edge.spool import Spool
from edge.uplink_mqtt import MqttUplink
from stream.batch_codec import encode_batch
from stream.dead_letters import Answer, DeadLetters
from stream.model import EMPTY, Colour, DeviceEvent, DeviceEventKind, Signal
from tests.kafka import Kafka
from tests.mosquitto import Mosquitto
from tests.stream.chain import Supervised, chain, messages_in
from tests.stream.plant_books import prepare, query
from tests.stream.quiet_edge import NoOrders
from tests.stream.traffic import AGENT, EPOCH, START_US, heartbeats, shifted, site, traffic
from warehouse.commands import ALL_RIGHTS, Actor, OverrideSignal, Result
from warehouse.loads import Expectation, Override, OverrideColour
from warehouse.postgres.commands import execute
from warehouse.postgres.goods.places import ensure_places
from warehouse.site_settings import UplinkSettings

pytest.importorskip("confluent_kafka", reason="needs the kafka extra")
pytest.importorskip("faust", reason="needs the kafka extra")
pytestmark = [pytest.mark.kafka, pytest.mark.mosquitto, pytest.mark.timeout(600)]

LOG = traffic(30)
LOG += heartbeats(LOG[-1], 12)


async def test_garbage_becomes_a_dead_letter_and_stops_nothing(
    database: str, kafka_broker: Kafka, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    import paho.mqtt.publish as publish

    prepare(database)
    async with chain(database, kafka_broker, mosquitto, tmp_path) as plant:
        plant.append(LOG[:5])
        await plant.until(lambda: messages_in(kafka_broker, plant.group) >= 5)
        assert plant.acked() == 0, "Kafka's acknowledgement is not the database's"
        plant.worker.start()
        await plant.until(lambda: plant.acked() == 5)
        topic = f"tagledger/v1/plant/edge/{AGENT}/batch"
        publish.single(topic, bytes(17 * 1024 * 1024), qos=1, hostname="127.0.0.1", port=mosquitto.port)
        publish.single(topic, b"garbage", qos=1, hostname="127.0.0.1", port=mosquitto.port)
        plant.append(LOG[5:10])
        await plant.until(lambda: plant.acked() == 10)
        await plant.until(lambda: len(DeadLetters(database).list()) == 1)
    (letter,) = DeadLetters(database).list()
    assert (letter.key, letter.body) == (topic, b"garbage")


async def test_a_second_bridge_waits_and_goes_on_when_the_first_has_died(
    database: str, kafka_broker: Kafka, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    prepare(database)
    (tmp_path / "second").mkdir()
    async with chain(database, kafka_broker, mosquitto, tmp_path) as plant:
        plant.worker.start()
        plant.append(LOG[:5])
        await plant.until(lambda: plant.acked() == 5)
        second = Supervised("bridge", plant.bridge._command[3:], tmp_path / "second")
        second.start()
        try:
            await plant.until(lambda: "standing by" in second.log.read_text())
            plant.append(LOG[5:10])
            await plant.until(lambda: plant.acked() == 10)
            plant.bridge.kill()
            plant.append(LOG[10:20])
            await plant.until(lambda: plant.acked() == 20)
        finally:
            second.kill()


class _Orders:
    """What an edge is told."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self.expectations: dict[str, Expectation] = {}
        self.overrides: list[Override] = []

    def on_override(self, override: Override) -> None:
        self.overrides.append(override)

    def on_signal(self, signal: Signal) -> None:
        self.signals.append(signal)

    def on_expectation(self, expectation: Expectation) -> None:
        self.expectations[expectation.portal] = expectation


async def test_lists_and_signals_reach_the_edge_while_they_are_valid_and_letters_are_given_again(
    database: str, kafka_broker: Kafka, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    import paho.mqtt.publish as publish

    prepare(database)
    orders = _Orders()
    weight = DeviceEvent("scale-1", DeviceEventKind.WEIGHT, START_US + 100, value=512.5)
    first = [replace(LOG[0], events=(*LOG[0].events, weight)), *LOG[1:60]]
    # The first load goes by an hour ago, as in a backlog; the second one so that however busy the machine is, what it
    # leads to is decided while it is valid.
    # By whole minutes: what a load is taken for hangs a little on how it lies in the windows it is looked at through.
    now_us = time.time_ns() // 60_000_000_000 * 60_000_000 - START_US
    log = shifted(first, now_us - 3_600_000_000) + shifted(LOG[60:], now_us + 600_000_000)
    async with chain(database, kafka_broker, mosquitto, tmp_path, orders) as plant:
        plant.worker.start()
        await plant.until(lambda: set(orders.expectations) == {"dock1", "dock2"})
        assert [document.number for document in orders.expectations["dock1"].documents] == ["ASN-dock1"]
        plant.append(log[:60])
        await plant.until(lambda: plant.acked() == 60)
        # The light went on and off in the books, an hour late; nothing of it reached the door. The edge hears when
        # Kafka has its batches; the worker follows.
        lit = "select exists (select from signal where portal = 'dock1' and colour <> 'off')"
        await plant.until(lambda: query(database, lit) == [(True,)])
        assert orders.signals == []
        plant.append(log[60:])
        await plant.until(lambda: any(signal.colour is not Colour.OFF for signal in orders.signals))
        assert min(signal.at_us for signal in orders.signals) > log[59].watermark_us
        await plant.until(lambda: plant.acked() == len(log))
        # What documents expect changes when the books do.
        await plant.until(lambda: orders.expectations["dock1"].documents != () and _left(orders, "dock1") < 24)
        assert query(database, "select device, kind, value from device_event where kind = 'weight'") == [
            ("scale-1", "weight", 512.5)
        ]

        order_light(database, "dock1")
        await plant.until(lambda: orders.overrides != [])
        assert (orders.overrides[-1].portal, orders.overrides[-1].colour) == ("dock1", OverrideColour.RED)

        # A batch that nobody could read, missed, and given again after the edge is repaired.
        topic = f"tagledger/v1/plant/edge/{AGENT}/batch"
        publish.single(topic, b"garbage", qos=1, hostname="127.0.0.1", port=mosquitto.port)
        letters = DeadLetters(database)
        await plant.until(lambda: len(letters.list()) == 1)
        (letter,) = letters.list()
        assert letters.replay(letter.letter_id, "test") is Answer.DONE
        await plant.until(lambda: "not an edge batch" in letters.list()[0].reason if letters.list() else False)
        lost = log[20]
        with psycopg.connect(database) as connection:
            connection.execute(
                "insert into data_gap (gap_id, agent, epoch, first, last) values (gen_random_uuid(), %s, %s, 21, 21)",
                (AGENT, EPOCH),
            )
            connection.execute("update dead_letter set body = %s, status = 'replay'", (encode_batch(lost),))
        await plant.until(
            lambda: query(database, "select count(*) from dead_letter where status <> 'replayed'")[0][0] == 0
        )
        assert query(database, "select filled from data_gap") == [(1,)]
        kinds = query(database, "select kind, count(*) > 0 from dead_letter group by kind order by kind")
        assert kinds == [("batch_bytes", True), ("place_slice", True)]


async def test_a_door_goes_on_without_an_edge_that_fell_silent(
    database: str, kafka_broker: Kafka, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    prepare(database)
    async with chain(database, kafka_broker, mosquitto, tmp_path, silent_s=2.0) as plant:
        plant.worker.start()
        other = Spool(tmp_path / "other.sqlite", "other", 64, 24.0, new_epoch=lambda: EPOCH)
        uplink = MqttUplink(UplinkSettings("mqtt", "127.0.0.1", mosquitto.port), "plant", "other", WallClock())
        run = asyncio.create_task(uplink.run(other, NoOrders()))
        try:
            for each in LOG[:8]:
                other.append(replace(each, id=replace(each.id, agent="other"), sightings=EMPTY, events=()))
            uplink.notify()
            await plant.until(lambda: other.depth().unacked == 0)
        finally:
            run.cancel()
            with suppress(asyncio.CancelledError):
                await run
            other.close()
        # Nothing closes while the other agent's time stands; the bridge leaves it out.
        plant.append(LOG)
        await plant.until(lambda: query(database, "select count(*) from passage")[0][0] >= 2)
        # So may the edge itself, which says nothing until the other's batches are stored; it is back with its next one.
        left_out = query(database, "select distinct agent from stream_note where kind = 'source_left_out'")
        assert ("other",) in left_out


def order_light(dsn: str, portal: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        ensure_places(connection, site())
        order = OverrideSignal(portal, "spill", OverrideColour.RED, 60)
        outcome = execute(
            connection, order, actor=Actor("test", "", ALL_RIGHTS), source="test", client_event_id="order"
        )
        assert isinstance(outcome, Result), outcome


def _left(orders: _Orders, portal: str) -> int:
    return sum(quantity for document in orders.expectations[portal].documents for _, quantity in document.items)
