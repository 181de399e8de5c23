"""Master and four vehicles over a real Mosquitto in fast plant time: killed brokers, masters and connections."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import aiomqtt
import pytest

from edge.fleet.service import FleetService
from readers.vda5050.header import Topic, VehicleId, Version
from readers.vda5050.topics import parse_topic
from simulators.vda5050.floor import Floor
from simulators.vda5050.service import VehicleService
from simulators.vda5050.vehicle import SimulatedVehicle
from tests.mosquitto import Mosquitto
from tests.readers.vda5050.messages import faults

from .yard import MemoryBook, settings, tasks, yard

pytestmark = pytest.mark.mosquitto
SPEED = 30.0


class FastClock:
    """Plant time at `SPEED` times the machine's."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def now_us(self) -> int:
        return 1_700_000_000_000_000 + int((time.monotonic() - self._start_s) * SPEED * 1e6)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


class Yard:
    """Everything that runs, and what was said on the wire."""

    def __init__(self, broker: Mosquitto, number: int) -> None:
        found = tasks(number)
        loads: dict[str, list[str]] = {}
        for task in found:
            loads.setdefault(f"at-{task.source}", []).append(task.load_id)
        self.broker, self.floor, self.book, self.clock = broker, Floor(loads), MemoryBook(found), FastClock()
        self.settings = settings(port=broker.port, silent_s=300.0)
        self.heard: list[tuple[str, bytes]] = []
        self.listening = asyncio.Event()
        self.vehicles: dict[str, VehicleService] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        at = {node.name: node for node in yard().nodes}
        for config in self.settings.vehicles:
            home = at[f"at-{config.home}"]
            vehicle = SimulatedVehicle(config.name, Version(config.version), self.floor, home.name, home.x_m, home.y_m)
            identity = VehicleId(config.manufacturer, config.serial_number)
            service = VehicleService(vehicle, identity, self.clock, broker.host, broker.port, keepalive_s=2)
            self.vehicles[config.name] = service

    def start(self, name: str) -> None:
        """`master`, `listener` or a vehicle."""
        if name == "master":
            self.master = FleetService(yard(), self.settings, self.book, self.clock)
            self._running[name] = asyncio.create_task(self.master.run())
        elif name == "listener":
            self._running[name] = asyncio.create_task(self._listen())
        else:
            self._running[name] = asyncio.create_task(self.vehicles[name].run())

    async def stop(self, names: Sequence[str]) -> None:
        stopped = [self._running.pop(name) for name in names]
        for task in stopped:
            task.cancel()
        if stopped:
            _, left = await asyncio.wait(stopped, timeout=20)
            assert not left, left

    async def stop_all(self) -> None:
        await self.stop(list(self._running))

    async def _listen(self) -> None:
        while True:
            try:
                async with aiomqtt.Client(self.broker.host, self.broker.port, keepalive=2) as client:
                    await client.subscribe("uagv/#")
                    self.listening.set()
                    async for message in client.messages:
                        if isinstance(message.payload, bytes):
                            self.heard.append((message.topic.value, message.payload))
            except aiomqtt.MqttError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise asyncio.CancelledError from None
                await asyncio.sleep(0.05)

    async def until(self, condition: Callable[[], bool]) -> None:
        end_s = time.monotonic() + 60
        while not condition():
            for task in self._running.values():
                if task.done():
                    task.result()
            assert time.monotonic() < end_s, self._as_it_is()
            await asyncio.sleep(0.02)

    def _as_it_is(self) -> str:
        lines = [str(self.book.states()), str(self.master.master.settings.silent_s)]
        for name, view in self.master.master.vehicles.items():
            lines.append(f"{name} {view.connection} {view.job and (view.job.order_id, view.job.phase)} {view.heard_us}")
            lines.append(str(self.vehicles[name].vehicle.state()))
        return "\n".join(lines)

    def done(self) -> int:
        return sum(state == "done" for state in self.book.states().values())

    def assert_each_exactly_once(self) -> None:
        assert set(self.book.states().values()) == {"done"}
        for entry in self.book.entries.values():
            assert entry.history[-1] == (entry.attempt, "done")
            assert self.floor.drops_of(entry.task.load_id) == 1
            assert entry.task.load_id in self.floor.at(f"at-{entry.task.target}")
        taken = [name for service in self.vehicles.values() for name in service.vehicle.orders_taken]
        assert len(taken) == len(set(taken))


@asynccontextmanager
async def working(broker: Mosquitto, number: int) -> AsyncIterator[Yard]:
    running = Yard(broker, number)
    try:
        running.start("listener")
        await running.listening.wait()
        for name in (*running.vehicles, "master"):
            running.start(name)
        yield running
    finally:
        await running.stop_all()


async def test_every_message_satisfies_its_schema_and_every_task_is_done_once(mosquitto: Mosquitto) -> None:
    async with working(mosquitto, 6) as run:
        await run.until(lambda: run.done() == 6)
        run.assert_each_exactly_once()
        await run.until(lambda: any(parse_topic(topic).topic is Topic.FACTSHEET for topic, _ in run.heard))
        kinds = set()
        for topic, payload in run.heard:
            address = parse_topic(topic)
            kinds.add((address.version, address.topic))
            assert faults(address.version, address.topic, payload) == [], (topic, payload)
        wanted = {Topic.ORDER, Topic.INSTANT_ACTIONS, Topic.STATE, Topic.CONNECTION, Topic.FACTSHEET}
        assert kinds >= {(version, topic) for version in Version for topic in wanted}
        for name in {topic for topic, _ in run.heard if not topic.endswith("/connection")}:
            numbers = [json.loads(payload)["headerId"] for topic, payload in run.heard if topic == name]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_the_broker_dies_in_the_middle(mosquitto: Mosquitto) -> None:
    async with working(mosquitto, 8) as run:
        for wanted in (2, 5):
            await run.until(lambda wanted=wanted: run.done() >= wanted)
            mosquitto.kill()
            mosquitto.forget()
            await asyncio.sleep(0.3)  # plant time passes without a broker
            mosquitto.start(persistence=False)
        await run.until(lambda: run.done() == 8)
        run.assert_each_exactly_once()


async def test_vehicles_lose_their_connection_and_the_last_will_tells(mosquitto: Mosquitto) -> None:
    async with working(mosquitto, 6) as run:
        await run.until(lambda: any(e.step is not None for e in run.book.entries.values()))
        for service in run.vehicles.values():
            service.lose_connection(20.0)
        broken = ("CONNECTION_BROKEN", "CONNECTIONBROKEN")
        await run.until(lambda: sum(json.loads(p).get("connectionState") in broken for _, p in run.heard) >= 4)
        await run.until(lambda: run.done() == 6)
        run.assert_each_exactly_once()


async def test_the_master_dies_again_and_again(mosquitto: Mosquitto) -> None:
    async with working(mosquitto, 8) as run:
        for wanted in range(1, 7):
            await run.until(lambda wanted=wanted: run.done() >= wanted)
            await run.stop(["master"])
            run.start("master")
        await run.until(lambda: run.done() == 8)
        run.assert_each_exactly_once()


async def test_a_vehicle_that_leaves_in_order_says_so(mosquitto: Mosquitto) -> None:
    async with working(mosquitto, 0) as run:
        await run.until(lambda: run.master.master.vehicles["agv-0"].is_online)
        await run.stop(["agv-0"])
        await run.until(lambda: run.master.master.vehicles["agv-0"].connection == "OFFLINE")
