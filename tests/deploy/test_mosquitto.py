"""The shipped broker configuration on a real Mosquitto: TLS, users, topics that nobody else may write; and every client
of ours behind it, each as the user that the access list means.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.exchange.messages import HeldTask, OpenTask
from edge.exchange.service import TaskExchange
from edge.fleet.service import FleetService
from edge.push_mqtt import PushSubscriber
from edge.spool import Spool
from edge.uplink_mqtt import MqttUplink
from readers.model import ReadBatch, ReaderEvent, ReaderEventKind
from readers.push.driver import PushDriver
from readers.vda5050.codec import encode
from readers.vda5050.connection import Connection, ConnectionState
from readers.vda5050.header import Header, VehicleId, Version
from stream.batch_codec import encode_batch
from stream.bridge_mqtt import BridgeMqtt
from stream.mqtt_client import ack_to
from tests.edge.fleet.yard import MemoryBook, settings, yard
from tests.ports import free_port
from tests.stream.quiet_edge import NoOrders
from tests.stream.traffic import AGENT, EPOCH, traffic
from warehouse.commands import Actor, Command, Refusal, Result
from warehouse.site import Antenna, Reader
from warehouse.site_settings import TaskExchangeSettings, UplinkSettings

pytestmark = pytest.mark.mosquitto
SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto"
PATIENCE_S = 60.0
NOT_AUTHORIZED = 0x87
_CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Port and certificate authority of a broker with our configuration, only its paths moved."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("mosquitto_passwd") is None or shutil.which("openssl") is None:
        pytest.skip("no Mosquitto broker here: apt-get install mosquitto openssl")
    folder = tmp_path_factory.mktemp("broker")
    (folder / "tls").mkdir()
    ca = folder / "tls" / "ca.pem"
    subprocess.run(
        [*_CERTIFICATE.split(), "-keyout", folder / "tls" / "server.key", "-out", ca],
        check=True,
        capture_output=True,
    )
    shutil.copy(ca, folder / "tls" / "server.pem")
    shutil.copy(SHIPPED / "tagledger.acl", folder)
    for n, name in enumerate(("dock", "other", "stream", AGENT, "r700", "tasks", "fleet", "r-1")):
        create = ["-c"] if n == 0 else []
        subprocess.run(["mosquitto_passwd", *create, "-b", folder / "tagledger.passwd", name, "secret"], check=True)
    port = free_port()
    text = (SHIPPED / "mosquitto.conf").read_text()
    text = text.replace("/etc/mosquitto", str(folder)).replace("/var/lib/mosquitto", str(folder))
    text = text.replace("listener 8883", f"listener {port}") + f"\nlog_dest file {folder}/log\n"
    if os.geteuid() == 0:
        text += "user root\n"
    (folder / "mosquitto.conf").write_text(text)
    process = subprocess.Popen([program, "-c", folder / "mosquitto.conf"], stderr=subprocess.PIPE)
    try:
        end_s = time.monotonic() + PATIENCE_S
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < end_s
            time.sleep(0.02)
        yield port, ca
    finally:
        process.kill()
        process.wait()


class Client:
    """One connection, and what it heard."""

    def __init__(self, broker: tuple[int, Path], user: str, password: str = "secret") -> None:
        self.heard: list[str] = []
        self.refused: dict[int, bool] = {}
        self._answered = threading.Event()
        self._subscribed = threading.Event()
        self.connected: Any = None
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(user, password)
        self._client.tls_set(str(broker[1]))
        self._client.on_connect = self._on_connect
        self._client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_publish = self._on_publish
        self._client.connect("localhost", broker[0])
        self._client.loop_start()
        assert self._answered.wait(PATIENCE_S)

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)
        assert self._subscribed.wait(PATIENCE_S)

    def publish(self, topic: str, payload: bytes = b"x") -> bool:
        """Whether the broker took it."""
        info = self._client.publish(topic, payload, qos=1)
        end_s = time.monotonic() + PATIENCE_S
        while info.mid not in self.refused:
            assert time.monotonic() < end_s
            time.sleep(0.01)
        return not self.refused[info.mid]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.connected = not reason.is_failure
        self._answered.set()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self.refused[mid] = reason.value == NOT_AUTHORIZED


def test_an_edge_speaks_for_itself_only_and_the_stream_acknowledges(broker: tuple[int, Path]) -> None:
    stream, dock = Client(broker, "stream"), Client(broker, "dock")
    try:
        stream.subscribe("tagledger/v1/plant/edge/+/batch")
        dock.subscribe("tagledger/v1/plant/edge/dock/ack")
        assert dock.publish("tagledger/v1/plant/edge/dock/batch")
        assert not dock.publish("tagledger/v1/plant/edge/other/batch")
        assert not dock.publish("tagledger/v1/plant/edge/dock/ack")
        assert not dock.publish("anything")
        assert stream.publish("tagledger/v1/plant/edge/dock/ack")
        assert stream.publish("tagledger/v1/plant/edge/dock/signal/door-1")
        assert not stream.publish("tagledger/v1/plant/edge/dock/batch/other")
        end_s = time.monotonic() + PATIENCE_S
        while not (stream.heard and dock.heard):
            assert time.monotonic() < end_s
            time.sleep(0.01)
        assert stream.heard == ["tagledger/v1/plant/edge/dock/batch"]
        assert dock.heard == ["tagledger/v1/plant/edge/dock/ack"]
    finally:
        stream.close()
        dock.close()


def test_a_wrong_password_is_refused(broker: tuple[int, Path]) -> None:
    stranger = Client(broker, "dock", "guess")
    assert stranger.connected is False
    stranger.close()


def uplink_of(broker: tuple[int, Path], user: str) -> UplinkSettings:
    return UplinkSettings("mqtt", "localhost", broker[0], user, "secret", True, str(broker[1]))


async def until(condition: Callable[[], bool], *running: "asyncio.Task[None]") -> None:
    """Within patience; what runs beside it is ended with it."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                for task in running:
                    assert not task.done(), task
                await asyncio.sleep(0.02)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def test_an_edges_batches_reach_the_bridge_and_its_spool_is_trimmed(
    broker: tuple[int, Path], tmp_path: Path
) -> None:
    log = traffic(1)
    with closing(Spool(tmp_path / "spool.sqlite", AGENT, 64, 24.0, new_epoch=lambda: EPOCH)) as spool:
        for batch in log:
            spool.append(batch)
        bridge = BridgeMqtt(uplink_of(broker, "stream"), "plant", "tagledger-bridge-plant")
        bridge.start()
        arrived: list[bytes] = []

        def forwarded() -> bool:
            group = bridge.receive(64, 0.0)
            arrived.extend(one.payload for one in group)
            bridge.acknowledge(group)
            if len(arrived) == len(log):
                bridge.tell(ack_to("plant", AGENT, EPOCH, len(log)))
            return not spool.depth().unacked

        uplink = MqttUplink(uplink_of(broker, AGENT), "plant", AGENT)
        try:
            await until(forwarded, asyncio.create_task(uplink.run(spool, NoOrders())))
        finally:
            bridge.close()
        assert arrived == [encode_batch(batch) for batch in log]


class Heard:
    """A reader's sink that keeps events only."""

    def __init__(self) -> None:
        self.events: list[ReaderEvent] = []

    def on_frames(self, reader: str, arrival_us: int, frames: Sequence[bytes]) -> None:
        """Nothing."""

    def on_clock(self, reader: str, arrival_us: int, offset_us: int) -> None:
        """Nothing."""

    def on_reads(self, batch: ReadBatch) -> None:
        """Nothing."""

    def on_event(self, event: ReaderEvent) -> None:
        self.events.append(event)


async def test_a_reader_that_pushes_reaches_its_edge(broker: tuple[int, Path]) -> None:
    topic = "tagledger/v1/plant/edge/dock/reads/r700"
    driver = PushDriver(Reader("r700", "192.0.2.1", driver="impinj-iot", antennas=(Antenna(1, "rack"),)), lambda: 0)
    sink = Heard()
    pushing = PushSubscriber(uplink_of(broker, "dock"), "tagledger-plant-dock-push", {topic: driver})
    reader = Client(broker, "r700")
    try:
        await until(
            lambda: reader.publish(topic, b"no json") and bool(sink.events),
            asyncio.create_task(driver.run(sink)),
            asyncio.create_task(pushing.run()),
        )
        assert not reader.publish(topic + "0")
        assert sink.events[0].kind is ReaderEventKind.PROTOCOL_ERROR
    finally:
        reader.close()


async def test_the_master_of_the_fleet_hears_its_vehicles(broker: tuple[int, Path]) -> None:
    port, ca = broker
    given = settings(host="localhost", port=port, username="fleet", password="secret", tls=True, tls_ca=str(ca))
    master = FleetService(yard(), given, MemoryBook([]))
    vehicle = Client(broker, "r-1")
    online = Connection(connection_state=ConnectionState.ONLINE)
    message = encode(Header(0, 0, Version.V2_1, VehicleId("acme", "r-1")), online)
    try:
        await until(
            lambda: (
                vehicle.publish("uagv/v2/acme/r-1/connection", message)
                and master.master.vehicles["agv-1"].connection == ConnectionState.ONLINE
            ),
            asyncio.create_task(master.run()),
        )
        assert not vehicle.publish("uagv/v2/acme/r-0/connection", message)
    finally:
        vehicle.close()


class OneTask:
    """Implements `TaskSource`: one open task, and nobody asks."""

    async def execute(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        raise AssertionError(command)

    async def open_tasks(self, limit: int) -> Sequence[OpenTask]:
        return [OpenTask(UUID(int=7), "putaway", "1", "door-1", "dock", "bin", 5, None, "0")]

    async def claims(self, client: str, limit: int) -> Sequence[HeldTask]:
        return []

    async def keep(self, topic: str, payload: bytes, reason: str) -> None:
        raise AssertionError(reason)

    async def given_again(self) -> Sequence[tuple[UUID, str, bytes]]:
        return []

    async def settle(self, letter_id: UUID, reason: str) -> None:
        raise AssertionError(letter_id)


async def test_a_controller_sees_the_open_tasks(broker: tuple[int, Path]) -> None:
    port, ca = broker
    given = TaskExchangeSettings("localhost", port, "tasks", "secret", True, str(ca), clients=("other",))
    controller = Client(broker, "other")
    try:
        controller.subscribe("tagledger/v1/plant/tasks/open/+")
        controller.subscribe("tagledger/v1/plant/tasks/claims/other")
        exchange = TaskExchange("plant", given, OneTask())
        expected = {f"tagledger/v1/plant/tasks/open/{UUID(int=7)}", "tagledger/v1/plant/tasks/claims/other"}
        await until(lambda: set(controller.heard) == expected, asyncio.create_task(exchange.run()))
    finally:
        controller.close()
