"""The edge's time: injected, so that a simulated plant can run faster than the wall and a test can stand still."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time in microseconds since the Unix epoch, UTC, and sleeping in the same time."""

    def now_us(self) -> int:
        """Now."""

    async def sleep(self, seconds: float) -> None:
        """Sleep this many seconds of this clock."""


class WallClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
