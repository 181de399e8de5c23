"""Devices start and end by name; the others never notice."""

import asyncio

import pytest

from edge.device_tasks import DeviceTasks


class Device:
    """Counts its lives."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    async def run(self) -> None:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_started_and_ended_leaves_the_others_alone() -> None:
    one, two, three = Device(), Device(), Device()
    tasks = DeviceTasks()
    tasks.start("one", one.run)
    running = asyncio.create_task(tasks.run())
    await turns()
    tasks.start("two", two.run)
    tasks.start("three", three.run)
    await turns()
    await tasks.end(["two", "nobody"])
    assert [(device.begun, device.ended) for device in (one, two, three)] == [(1, 0), (1, 1), (1, 0)]
    tasks.start("two", two.run)
    await turns()
    assert (two.begun, two.ended) == (2, 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [(device.begun, device.ended) for device in (one, two, three)] == [(1, 1), (2, 2), (1, 1)]


async def test_what_ends_before_it_ran_never_runs() -> None:
    one, tasks = Device(), DeviceTasks()
    tasks.start("one", one.run)
    await tasks.end(["one"])
    running = asyncio.create_task(tasks.run())
    await turns()
    assert one.begun == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_device_that_fails_ends_all() -> None:
    async def fails() -> None:
        raise OSError("a bug")

    one, tasks = Device(), DeviceTasks()
    tasks.start("one", one.run)
    running = asyncio.create_task(tasks.run())
    await turns()
    tasks.start("bad", fails)
    with pytest.raises(ExceptionGroup):
        await running
    assert one.ended == 1
