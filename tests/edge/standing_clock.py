"""A clock that moves only when told; sleepers wake when it passes their time."""

import asyncio


class StandingClock:
    """Implements `edge.clock.Clock`."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return self._now_us

    async def sleep(self, seconds: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now_us + int(seconds * 1e6), waiter))
        await waiter

    def advance_to(self, now_us: int) -> None:
        """Let it be this time."""
        assert now_us >= self._now_us
        self._now_us = now_us
        due = [waiter for until, waiter in self._sleepers if until <= now_us]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > now_us]
        for waiter in due:
            if not waiter.done():
                waiter.set_result(None)
