"""Doors with everything real: an LLRP reader, a Modbus I/O module, a broker, the stream and the books.

The stream and the broker are killed in the middle. What was held back meanwhile drives no output when it comes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import paho.mqtt.publish as one_shot
import psycopg
import pytest

from edge.agent import EdgeAgent
from edge.clock import WallClock
from edge.uplink_mqtt import MqttUplink
from simulators.llrp.models import SPEEDWAY_R420
from simulators.llrp.plant_clock import ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from simulators.modbus.io_module import IoModuleSimulator
from stream.embedded import EmbeddedHost
from stream.model import Colour, Signal
from stream.mqtt_topics import encode_signal, signal_topic
from stream.source_mqtt import MqttSource
from stream.store import Store
from tagledger.edge_parts import edge_agent, run_edge_parts
from tests.mosquitto import Mosquitto
from warehouse.commands import ALL_RIGHTS, Actor, OverrideSignal, Result
from warehouse.loads import OverrideColour
from warehouse.postgres.commands import execute
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Antenna, Interlock, IoModule, OnLost, Portal, Reader, Side, Site, StackLight, Zone
from warehouse.site_settings import EdgeSettings, UplinkSettings

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(180)]
GREEN, AMBER, RED, GATE = 1, 2, 3, 4
S = 1_000_000


class Lamps:
    """The reader's outputs as its terminals have them, with the time of every change."""

    def __init__(self) -> None:
        self.on: dict[int, bool] = {}
        self.changes: list[tuple[int, bool, float]] = []

    def __call__(self, port: int, level: bool, _plant_us: int) -> None:
        self.on[port] = level
        self.changes.append((port, level, time.monotonic()))


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - waits for whatever the condition looks at
            await asyncio.sleep(0.02)


@pytest.fixture
def lamps() -> Lamps:
    return Lamps()


def site_of(reader: ReaderSimulator, io: IoModuleSimulator, broker: Mosquitto, state: Path, on_lost: OnLost) -> Site:
    antennas = (Antenna(1, "door", Side.OUTSIDE), Antenna(2, "door", Side.INSIDE))
    return Site(
        "plant",
        (Reader("dock-1", reader.host, reader.port, antennas=antennas),),
        (Zone("hall"), Zone("yard")),
        (
            Portal(
                "door",
                "hall",
                "yard",
                stack_light=StackLight("dock-1", GREEN, AMBER, RED),
                interlock=Interlock("io-1", GATE, on_lost=on_lost),
            ),
        ),
        state_dir=str(state),
        edge=EdgeSettings(agent="dock", uplink_lost_s=2.0),
        uplink=UplinkSettings("mqtt", broker.host, broker.port),
        io_modules=(IoModule("io-1", "127.0.0.1", port=io.port, refresh_ms=200),),
    )


@asynccontextmanager
async def edge_of(site: Site) -> AsyncIterator[EdgeAgent]:
    clock = WallClock()
    agent = edge_agent(site, MqttUplink(site.uplink, site.name, site.edge.agent, clock), clock, None)
    task = asyncio.create_task(run_edge_parts(site, agent, clock))
    try:
        yield agent
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def stream_of(site: Site, dsn: str) -> AsyncIterator[MqttSource]:
    host = EmbeddedHost(site, Store(dsn, site), look_around_s=0.1)
    running = asyncio.create_task(host.run())
    source = MqttSource(site, host, site.uplink)
    receiving = asyncio.create_task(source.run())
    try:
        yield source
    finally:
        for task in (receiving, running):
            task.cancel()
        await asyncio.gather(receiving, running, return_exceptions=True)


def order(dsn: str, colour: OverrideColour | None, seconds: int, number: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        command = OverrideSignal("door", "checked by hand", colour, seconds)
        done = execute(
            connection, command, actor=Actor("keeper", rights=ALL_RIGHTS), source="test", client_event_id=number
        )
        assert isinstance(done, Result), done


@pytest.mark.parametrize("on_lost", [OnLost.HOLD, OnLost.RELEASE])
async def test_light_and_gate_follow_and_what_was_held_back_drives_nothing(
    mosquitto: Mosquitto, database: str, tmp_path: Path, lamps: Lamps, on_lost: OnLost
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        ensure_places(connection, Site("plant", portals=(Portal("door", "hall", "yard"),)))
    clock = ScaledClock(WallClock().now_us())
    radio = SteadyRadio([bytes.fromhex("3034257BF7194E4000000001")], reads_per_s=20.0)
    async with ReaderSimulator(SPEEDWAY_R420, radio, clock, on_gpo=lamps) as reader, IoModuleSimulator() as io:
        site = site_of(reader, io, mosquitto, tmp_path, on_lost)
        lost_gate = on_lost is OnLost.RELEASE
        async with edge_of(site) as agent:
            # Nobody answers yet: the door says that it is not watched, the gate is as the site wants it.
            await eventually(lambda: lamps.on.get(AMBER) and io.coils[GATE] is lost_gate)
            async with stream_of(site, database) as source:
                await eventually(lambda: source.connected.is_set() and not agent.outputs.uplink_lost)
                await eventually(lambda: not lamps.on[AMBER] and not io.coils[GATE])

                await asyncio.to_thread(order, database, OverrideColour.GREEN, 600, "order-1")
                await eventually(lambda: lamps.on[GREEN] and io.coils[GATE])
                await asyncio.to_thread(order, database, OverrideColour.RED, 600, "order-2")
                await eventually(lambda: lamps.on[RED] and not lamps.on[GREEN] and not io.coils[GATE])
                await asyncio.to_thread(order, database, None, 600, "order-3")
                await eventually(lambda: not lamps.on[RED] and not io.coils[GATE])

                await asyncio.to_thread(order, database, OverrideColour.GREEN, 1, "order-4")
                await eventually(lambda: lamps.on[GREEN] and io.coils[GATE])
                await eventually(lambda: not lamps.on[GREEN] and not io.coils[GATE])

            # The stream is gone, the broker stays: connected, and yet lost.
            await eventually(lambda: agent.outputs.uplink_lost and lamps.on[AMBER] and io.coils[GATE] is lost_gate)
            assert agent.health().uplink_connected

            # A green that the broker held back comes when its time is over, and one that is of yesterday.
            refused = agent.health().refused_signals
            writes, changes = len(io.writes), len(lamps.changes)
            now_us = WallClock().now_us()
            late = [
                encode_signal(Signal("door", Colour.GREEN, "late", now_us - ago, now_us - ago + 5 * S))
                for ago in (6 * S, 86_400 * S)
            ]
            await asyncio.to_thread(publish, mosquitto, late)
            await eventually(lambda: agent.health().refused_signals == refused + 2)
            mosquitto.kill()
            mosquitto.start()
            await eventually(lambda: agent.health().uplink_connected)
            await eventually(lambda: len(io.writes) > writes + 3)  # written again from time to time
            assert not any(level for port, level, _ in lamps.changes[changes:] if port == GREEN)
            assert {level for coil, level in io.writes[writes:] if coil == GATE} == {lost_gate}

            async with stream_of(site, database):
                await eventually(lambda: not agent.outputs.uplink_lost and not lamps.on[AMBER] and not io.coils[GATE])
            # A module that lost its power comes back closed or open as it then should be.
            await io.stop()
            io.coils[GATE] = not lost_gate
            await eventually(lambda: agent.outputs.uplink_lost)
            await io.start()
            await eventually(lambda: io.coils[GATE] is lost_gate)
        assert io.coils[GATE] is lost_gate  # the edge has ended: nobody watches
        assert not any(lamps.on[port] for port in (GREEN, AMBER, RED))


def publish(broker: Mosquitto, payloads: list[bytes]) -> None:
    topic = signal_topic("plant", "dock", "door")
    messages = [{"topic": topic, "payload": payload, "qos": 1} for payload in payloads]
    one_shot.multiple(messages, hostname=broker.host, port=broker.port)
