"""Time at one key: the minimum over its sources, and the order in which their items are taken.

A source is an edge agent. Its watermark promises that what it sends later is later (`EdgeBatch.watermark_us`). A key's
now is the minimum over its sources, so an operator never hears of a second that one of its antennas has yet to report.
Items wait until now covers them and are taken in the order of their watermarks (then agent, then arrival): what comes
out depends on what each source sent, not on whose message won the race.

A silent source is left out (`leave_out`), or it would stop the clock for the others. That decision is taken outside, by
the host's clock, and is an input like any other: it is logged, so replaying the log replays time. A source that speaks
again is back in; what it then reports from before now is late and is handed over at once. Now never goes back.

Bound: `HELD_MAX` items wait at a key. At the bound the source furthest behind is left out, which frees them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")

HELD_MAX = 4096


@dataclass(frozen=True, slots=True)
class WatermarkState(Generic[ItemT]):
    """A key's clock as stored: now, each source's mark, what is held as (watermark, agent, order, item)."""

    now_us: int
    marks: dict[str, int]
    held: tuple[tuple[int, str, int, ItemT], ...]
    order: int


class Watermark(Generic[ItemT]):
    """The clock of one key."""

    def __init__(self, state: WatermarkState[ItemT] | None = None) -> None:
        self.now_us = state.now_us if state else 0
        self._marks: dict[str, int] = dict(state.marks) if state else {}
        self._held: list[tuple[int, str, int, ItemT]] = list(state.held) if state else []
        self._order = state.order if state else 0

    @property
    def sources(self) -> frozenset[str]:
        """The agents whose time counts now."""
        return frozenset(self._marks)

    def advance(self, agent: str, watermark_us: int, item: ItemT | None) -> list[tuple[int, ItemT]]:
        """One batch of one source; returns the items that now covers, each with the now to take it at."""
        marks = self._marks
        if watermark_us > marks.get(agent, -1):
            marks[agent] = watermark_us
        if not self._held and len(marks) == 1:
            self.now_us = max(self.now_us, watermark_us)
            return [] if item is None else [(self.now_us, item)]
        if item is not None:
            # The order breaks ties before the item is ever compared.
            heappush(self._held, (watermark_us, agent, self._order, item))
            self._order += 1
        return self._release()

    def laggard(self) -> str | None:
        """The source to leave out because too much waits for it; None within the bound."""
        if len(self._held) <= HELD_MAX:
            return None
        return min(self._marks, key=lambda agent: (self._marks[agent], agent))

    def leave_out(self, agent: str) -> list[tuple[int, ItemT]]:
        """Go on without a source until it speaks again. Without any source time stands still."""
        if self._marks.pop(agent, None) is None:
            return []
        return self._release()

    def keep(self, agents: Iterable[str]) -> None:
        """Other sources than these count no more; what waited for them is taken with the next batch."""
        kept = frozenset(agents)
        self._marks = {agent: mark for agent, mark in self._marks.items() if agent in kept}

    def pass_time(self, to_us: int) -> list[tuple[int, ItemT]]:
        """Nothing more will come: everything held is taken, and now is `to_us` at least."""
        taken: list[tuple[int, ItemT]] = []
        while self._held:
            watermark_us, _, _, item = heappop(self._held)
            self.now_us = max(self.now_us, watermark_us)
            taken.append((self.now_us, item))
        self.now_us = max(self.now_us, to_us)
        return taken

    def snapshot(self) -> WatermarkState[ItemT]:
        """Everything needed to go on from here."""
        held = tuple(sorted(self._held, key=lambda h: h[:3]))
        return WatermarkState(self.now_us, dict(self._marks), held, self._order)

    def _release(self) -> list[tuple[int, ItemT]]:
        if not self._marks:
            return []
        floor_us = min(self._marks.values())
        taken: list[tuple[int, ItemT]] = []
        while self._held and self._held[0][0] <= floor_us:
            watermark_us, _, _, item = heappop(self._held)
            self.now_us = max(self.now_us, watermark_us)
            taken.append((self.now_us, item))
        self.now_us = max(self.now_us, floor_us)
        return taken


class Silence:
    """Which agents have been silent for too long, by the host's monotonic clock in seconds.

    A host that was itself stopped for more than half of `silent_s` between two looks (suspended, starved) has heard
    nobody meanwhile: that says nothing of the agents, and their silence begins anew.
    """

    def __init__(self, silent_s: float, agents: Iterable[str] = (), now_s: float = 0.0) -> None:
        self._silent_s = silent_s
        self._heard: dict[str, float] = dict.fromkeys(agents, now_s)
        self._looked_s = now_s

    def heard(self, agent: str, now_s: float) -> None:
        """A batch of this agent arrived."""
        self._heard[agent] = now_s

    def due(self, now_s: float) -> list[str]:
        """Agents to leave out now; each is named once per silence."""
        paused, self._looked_s = now_s - self._looked_s > self._silent_s / 2, now_s
        if paused:
            self._heard = dict.fromkeys(self._heard, now_s)
        silent = sorted(agent for agent, heard_s in self._heard.items() if now_s - heard_s > self._silent_s)
        for agent in silent:
            del self._heard[agent]
        return silent
