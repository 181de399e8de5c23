"""Devices driven by one task each, started and ended by name while the others go on.

Bounded by the devices of the site file. A task that fails ends all of them, as in any group: a device that cannot be
reached is no failure, its driver tries again for ever.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any


class DeviceTasks:
    """`run` until cancelled; what is started before it begins with it."""

    def __init__(self) -> None:
        self._wanted: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Drive what is started, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for name, drive in self._wanted.items():
                    self._tasks[name] = group.create_task(drive(), name=name)
                await asyncio.Event().wait()  # devices may come later
        finally:
            self._group = None
            self._tasks.clear()

    def start(self, name: str, drive: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Drive a device from now on."""
        assert name not in self._wanted, name
        self._wanted[name] = drive
        if self._group is not None:
            self._tasks[name] = self._group.create_task(drive(), name=name)

    async def end(self, names: Iterable[str]) -> None:
        """Drive these no more; returns when their connections are closed in order. Unknown names are passed over."""
        ending = []
        for name in names:
            self._wanted.pop(name, None)
            if (task := self._tasks.pop(name, None)) is not None:
                task.cancel()
                ending.append(task)
        await asyncio.gather(*ending, return_exceptions=True)
