"""A foreign VDA 5050 vehicle, a plain paho-mqtt script in its own process, works for the built-in master."""

import asyncio
import json
import sys
from pathlib import Path

import aiomqtt
import pytest

from edge.fleet.service import FleetService
from edge.fleet.tasks import FleetTask, TaskStep
from readers.vda5050.header import Topic, Version
from tests.edge.fleet.yard import MemoryBook, yard
from tests.mosquitto import Mosquitto
from tests.readers.vda5050.messages import faults
from warehouse.roads import FleetSettings, Vehicle

pytestmark = pytest.mark.mosquitto
SCRIPT = Path(__file__).with_name("vda5050_vehicle.py")


@pytest.mark.parametrize("version", list(Version))
async def test_it_does_tasks_one_after_the_other_and_its_death_is_told(mosquitto: Mosquitto, version: Version) -> None:
    vehicle = Vehicle("foreign", "foreign-works", "fw-1", str(version), "park-0")
    settings = FleetSettings(vehicles=(vehicle,), port=mosquitto.port)
    book = MemoryBook([FleetTask(f"t-{i}", f"dock-{i}", f"rack-{i + 4}", f"pallet-{i}") for i in range(2)])
    heard: list[tuple[str, bytes]] = []
    ready = asyncio.Event()

    async def listen() -> None:
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
            await client.subscribe(f"uagv/{version.topic_level}/foreign-works/fw-1/#")
            ready.set()
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                heard.append((message.topic.value.rsplit("/", 1)[1], message.payload))

    listening = asyncio.create_task(listen())
    await ready.wait()
    service = FleetService(yard(), settings, book)
    running = asyncio.create_task(service.run())
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), mosquitto.host, str(mosquitto.port), "foreign-works", "fw-1", "at-park-0",
        str(version),
    )  # fmt: skip
    try:
        async with asyncio.timeout(40):
            while set(book.states().values()) != {"done"}:
                assert process.returncode is None
                await asyncio.sleep(0.05)
        for entry in book.entries.values():
            assert entry.history == [(1, TaskStep.ACCEPTED), (1, TaskStep.PICKED), (1, "done")]
        for topic, payload in heard:
            if topic in ("order", "instantActions"):
                assert faults(version, Topic(topic), payload) == []
        assert any(json.loads(payload).get("orderUpdateId", 0) > 0 for topic, payload in heard if topic == "order")
        process.kill()
        async with asyncio.timeout(40):
            while service.master.vehicles["foreign"].connection != "CONNECTION_BROKEN":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        running.cancel()
        listening.cancel()
        await asyncio.gather(running, listening, return_exceptions=True)
