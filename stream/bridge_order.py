"""Which of an agent's batches the bridge may pass on: those that leave no hole behind them.

A worker takes a batch whose counter is above what it has of that agent, so a batch that overtook another would lose it
for ever. The bridge therefore passes an epoch on without holes, and keeps nothing (go-back-n): a batch that comes too
early is dropped, the edge is asked to send again from the hole on, and does, because nothing after it is acknowledged.
What was passed on before is passed on again: the edge sends it because it was not committed.

A hole is real when the edge has nothing to fill it with: `gap_wait_s` have passed since it was found, and the edge has
begun again (a counter not above the one before it) at a place behind the hole, `ROUNDS` times, asked each time. Time
alone would prove nothing: what was sent before the hole was found may still be under way. Nor would beginning again
once: an edge whose connection broke does so by itself, and our request may have been lost with that connection.

Pure. Bound: one entry for each agent and epoch that the database or a batch has named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from stream.model import BatchId

ROUNDS = 3


class Passing(Enum):
    """What becomes of a batch."""

    ON = "on"
    DROPPED = "dropped"
    DROPPED_ASK = "dropped, ask the edge to send again"


@dataclass(slots=True)
class _Epoch:
    upto: int = 0
    last_seen: int = 0
    hole_since_s: float | None = None
    asked_s: float = 0.0
    rounds: int = 0


class InOrder:
    """The epochs of all agents. Times are monotonic seconds. `committed` is by (agent, epoch)."""

    def __init__(self, gap_wait_s: float, committed: Mapping[tuple[str, str], int]) -> None:
        self._gap_wait_s = gap_wait_s
        self._epochs = {name: _Epoch(counter) for name, counter in committed.items()}
        self.holes = 0

    def next_of(self, agent: str, epoch: str) -> int:
        """The counter this epoch goes on with."""
        return self._epochs.get((agent, epoch), _Epoch()).upto + 1

    def reconnected(self, now_s: float) -> None:
        """The broker delivers again what was not acknowledged to it: that is not the edge beginning again."""
        for at in self._epochs.values():
            at.last_seen = 0
            if at.hole_since_s is not None:
                at.hole_since_s = now_s

    def go_back(self, agent: str, epoch: str, counter: int) -> None:
        """The database has this epoch up to `counter` only: it was restored."""
        self._epochs[agent, epoch] = _Epoch(counter)

    def offer(self, name: BatchId, now_s: float) -> Passing:
        """A batch as it came."""
        at = self._epochs.setdefault((name.agent, name.epoch), _Epoch())
        again, at.last_seen = name.counter <= at.last_seen, name.counter
        if name.counter <= at.upto:
            return Passing.ON
        if name.counter > at.upto + 1:
            if at.hole_since_s is None:
                at.hole_since_s = at.asked_s = now_s
                at.rounds = 0
                return Passing.DROPPED_ASK
            at.rounds += again
            if not (again and at.rounds >= ROUNDS and now_s - at.hole_since_s >= self._gap_wait_s):
                if not again and now_s - at.asked_s < self._gap_wait_s:
                    return Passing.DROPPED
                at.asked_s = now_s
                return Passing.DROPPED_ASK
            self.holes += 1
        at.upto = name.counter
        at.hole_since_s = None
        return Passing.ON
