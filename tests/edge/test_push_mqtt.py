"""Readers that push over MQTT, as far as it needs no broker; with one: `tests/deploy/test_mosquitto.py`."""

import asyncio
import contextlib

import aiomqtt

from edge.push_mqtt import PushSubscriber
from readers.push.driver import PushDriver
from warehouse.site import Antenna, Reader
from warehouse.site_settings import UplinkSettings


class Counted(PushSubscriber):
    """Counts how often a connection is begun."""

    begun = 0

    def _client(self) -> aiomqtt.Client:
        self.begun += 1
        raise OSError("no broker here")


async def test_without_topics_nothing_is_connected_to_however_often_the_site_changes() -> None:
    pushing = Counted(UplinkSettings("mqtt", "127.0.0.1", 1), "test-push", {})
    running = asyncio.create_task(pushing.run())
    try:
        for _ in range(3):
            pushing.reload({})
            for _ in range(10):  # turns of the loop: it begins to connect in the first in which it may
                await asyncio.sleep(0)
        assert pushing.begun == 0
        reader = Reader("r700", "192.0.2.1", driver="impinj-iot", antennas=(Antenna(1, "rack"),))
        pushing.reload({"plant/r700": PushDriver(reader, lambda: 0)})
        async with asyncio.timeout(60):
            while not pushing.begun:  # noqa: ASYNC110 - waits for the other task
                await asyncio.sleep(0)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
