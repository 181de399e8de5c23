"""Time of a simulated plant that waits for those who live in it.

The plant's readers and the edge are two processes on a machine that may be too slow, or too busy, for the speed asked
for. If plant time ran on regardless, reports would arrive late, and late reads are what decisions are made without:
the score would measure the machine. So each party promises until when it has nothing to say or to look at, and time
stops at the earliest promise until that party has promised anew (conservative synchronisation, Chandy and Misra 1979).

- A reader promises the time it sleeps until. Its report is on the wire before time passes the moment it was due.
- The edge promises a little more than the time it last looked at its connections.

Time that was lost is caught up with when everyone is quick enough again.
"""

import multiprocessing
from collections.abc import MutableSequence
from typing import cast

from simulators.llrp.plant_clock import ScaledClock

Promises = MutableSequence[int]
"""One plant time per party, in memory that processes share. Elements are aligned machine words, so need no lock."""

EDGE = 0
"""The first edge's place among the promises; readers follow, then further edges."""
_FOR_EVER_US = 1 << 62


def new_promises(readers: int, edges: int = 1) -> Promises:
    """For so many edges and readers; nobody holds time up yet. Give it to the other process when it is spawned."""
    shared = multiprocessing.get_context("spawn").RawArray("q", edges + readers)
    shared[:] = [_FOR_EVER_US] * (edges + readers)
    return cast(Promises, shared)


def edge_party(number: int, readers: int) -> int:
    """An edge's place among the promises, edges counted from 0."""
    return EDGE if number == 0 else readers + number


class PromisedClock:
    """Implements `PlantClock`. With `party`, sleeping is that party's promise. Not to be shared between threads."""

    def __init__(self, scaled: ScaledClock, promises: Promises, party: int | None = None) -> None:
        self._scaled = scaled
        self._promises = promises
        self._party = party
        self._now_us = 0

    @property
    def speed(self) -> float:
        """At most so many plant seconds pass per real second, once nothing has to be caught up with."""
        return self._scaled.speed

    def start(self, at_ns: int) -> None:
        """Plant time leaves its origin when the machine's monotonic clock reads `at_ns`."""
        self._scaled.start(at_ns)

    def now_us(self) -> int:
        # A promise may be taken back (a command makes a reader speak earlier), time that was told may not.
        self._now_us = max(self._now_us, min(self._scaled.now_us(), *self._promises))
        return self._now_us

    async def sleep_until(self, plant_us: int) -> None:
        if self._party is not None:
            self._promises[self._party] = plant_us
        await self._scaled.sleep_until(plant_us)

    def promise(self, party: int, plant_us: int) -> None:
        """Hold time up at `plant_us` until this party promises again."""
        self._promises[party] = plant_us
