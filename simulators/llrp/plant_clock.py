"""Plant time and the reader's own clock.

Plant time is what a simulated plant agrees on: integer microseconds since the Unix epoch. It runs at `speed` times
real time, or by hand in tests. A reader's clock is plant time seen through an offset and a drift, as cheap crystals
have (20 ppm is 1.7 s a day), and it can be made to jump.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class PlantClock(Protocol):
    """Plant time for everything simulated in one process."""

    def now_us(self) -> int:
        """Plant time, microseconds since the Unix epoch."""

    async def sleep_until(self, plant_us: int) -> None:
        """Return when plant time has reached `plant_us`; may return early, so callers look again."""


class ScaledClock:
    """Plant time that runs `speed` times as fast as real time, from `origin_us` on, once it is started.

    `monotonic_ns` is the real clock. Two processes of one machine that start theirs at the same reading share plant
    time.
    """

    def __init__(
        self,
        origin_us: int,
        *,
        speed: float = 1.0,
        running: bool = True,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._origin_us = origin_us
        self._speed = speed
        self._monotonic_ns = monotonic_ns
        self._start_ns = monotonic_ns() if running else None

    @property
    def speed(self) -> float:
        return self._speed

    def start(self, at_ns: int) -> None:
        """Plant time leaves its origin when the real clock reads `at_ns`."""
        self._start_ns = at_ns

    def now_us(self) -> int:
        if self._start_ns is None:
            return self._origin_us
        return self._origin_us + max(0, int((self._monotonic_ns() - self._start_ns) * self._speed / 1000))

    async def sleep_until(self, plant_us: int) -> None:
        # 2 ms is the finest real step: it bounds the wake-ups per reader however fast the plant runs.
        await asyncio.sleep(max(0.002, (plant_us - self.now_us()) / 1e6 / self._speed))


class ManualClock:
    """Plant time moved by hand: `advance` wakes every sleeper whose time has come."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return self._now_us

    def advance(self, by_us: int) -> None:
        self._now_us += by_us
        waiting = []
        for due_us, future in self._sleepers:
            if due_us <= self._now_us and not future.done():
                future.set_result(None)
            elif not future.done():
                waiting.append((due_us, future))
        self._sleepers = waiting

    async def sleep_until(self, plant_us: int) -> None:
        if plant_us <= self._now_us:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((plant_us, future))
        await future


class ReaderClock:
    """A reader's idea of the time: `plant + offset + drift`, counted from `origin_us`; uptime when it has no UTC."""

    def __init__(self, origin_us: int, *, offset_us: int = 0, drift_ppm: float = 0.0, has_utc: bool = True) -> None:
        self._origin_us = origin_us
        self._offset_us = offset_us
        self._drift_ppm = drift_ppm
        self.has_utc = has_utc

    def read_us(self, plant_us: int) -> int:
        """The reader's time at a plant time: UTC, or time since `origin_us` when it has no UTC clock."""
        elapsed_us = plant_us - self._origin_us
        drifted_us = elapsed_us + int(elapsed_us * self._drift_ppm / 1e6)
        return drifted_us + self._offset_us + (self._origin_us if self.has_utc else 0)

    def shift_us(self, plant_us: int) -> int:
        """What to add to plant times near `plant_us` to get the reader's."""
        return self.read_us(plant_us) - plant_us

    def jump(self, by_us: int) -> None:
        """Step the clock, as a bad NTP answer does."""
        self._offset_us += by_us
