"""The order of one agent's batches: each once, in order, and a gap only after waiting for it.

Within an epoch counters run from 1 without a gap. The next counter is taken at once. An earlier one is a duplicate and
dropped. A later one is held, and the missing ones are asked for again (`Resend`), every `ASK_EVERY_S` while nothing
comes of it: a request may be lost with the connection it was sent over. After `gap_wait_s` in which the agent was heard
of they are declared lost (`GapFound`) and the held ones are taken. An agent that is away may have them in its spool, so
its gaps wait `AWAY_WAIT_S`. A lost batch that turns up after all is taken then, once, marked `late`.

An epoch is one life of the agent's spool. Each is ordered on its own, from counter 1; an epoch that starts later than 1
(the stream's database is younger than the spool) is a gap like any other. Batches of an older epoch that still arrive
are taken in their own order.

Time is the host's monotonic clock in seconds, as an argument. Bounds: `HELD_MAX` batches are held per agent and epoch,
and at the bound the gap is declared at once; `RANGES_MAX` lost ranges are remembered per epoch, and beyond it the
oldest is forgotten, so that a batch from it would count as a duplicate. Positions of ended epochs are kept: an epoch
ends when a spool is lost, which is rare.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from stream.model import EdgeBatch

HELD_MAX = 1024
RANGES_MAX = 1024
ASK_EVERY_S = 1.0
AWAY_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Position:
    """How far an epoch is taken: up to `counter`, but for the `lost` ranges (first, last), ascending."""

    agent: str
    epoch: str
    counter: int
    lost: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch in its order; `late` when it had been declared lost."""

    batch: EdgeBatch
    late: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A batch that was taken before."""

    batch: EdgeBatch


@dataclass(frozen=True, slots=True)
class GapFound:
    """Batches that did not come in time: counters `first` to `last`."""

    agent: str
    epoch: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ResendWanted:
    """The first sign of a gap: the agent may still have these."""

    agent: str
    epoch: str
    counter: int


Sequenced = Taken | Duplicate | GapFound | ResendWanted


@dataclass(slots=True)
class _Epoch:
    counter: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)
    held: dict[int, EdgeBatch] = field(default_factory=dict)
    heard_s: float = 0.0
    looked_s: float = 0.0
    asked_s: float = 0.0
    waited_s: float = 0.0
    since_s: float = 0.0

    def wait(self, now_s: float) -> None:
        """A gap begins, or is another one now."""
        self.looked_s = self.asked_s = self.since_s = now_s
        self.waited_s = 0.0


class Sequencer:
    """The batches of all agents, ordered per agent and epoch."""

    def __init__(self, gap_wait_s: float, positions: Iterable[Position] = ()) -> None:
        self._gap_wait_s = gap_wait_s
        self._epochs: dict[tuple[str, str], _Epoch] = {
            (p.agent, p.epoch): _Epoch(p.counter, list(p.lost)) for p in positions
        }

    def position(self, agent: str, epoch: str) -> Position:
        """How far this epoch is taken."""
        at = self._epochs.get((agent, epoch), _Epoch())
        return Position(agent, epoch, at.counter, tuple(at.lost))

    def offer(self, batch: EdgeBatch, now_s: float) -> list[Sequenced]:
        """A batch as it arrived; returns what is decided by it, in order."""
        name = batch.id
        at = self._epochs.setdefault((name.agent, name.epoch), _Epoch())
        at.heard_s = now_s
        if name.counter <= at.counter:
            if self._was_lost(at, name.counter):
                return [Taken(batch, late=True)]
            return [Duplicate(batch)]
        if name.counter in at.held:
            # The first copy is held and will be acknowledged; this one is not yet known to be stored.
            return []
        if name.counter > at.counter + 1:
            at.held[name.counter] = batch
            if len(at.held) == 1:
                at.wait(now_s)
                return [ResendWanted(name.agent, name.epoch, at.counter + 1)]
            return self._give_up(name.agent, name.epoch, at, now_s) if len(at.held) > HELD_MAX else []
        at.counter = name.counter
        at.wait(now_s)  # what is missing is coming
        taken: list[Sequenced] = [Taken(batch)]
        return taken + self._follow(at, now_s)

    def expire(self, now_s: float) -> list[Sequenced]:
        """Declare the gaps that have been waited for long enough, and ask again for the others."""
        decided: list[Sequenced] = []
        for (agent, epoch), at in self._epochs.items():
            if at.held and at.heard_s >= at.looked_s:
                at.waited_s += now_s - at.looked_s
            at.looked_s = now_s
            while at.held and (at.waited_s >= self._gap_wait_s or now_s - at.since_s >= AWAY_WAIT_S):
                decided += self._give_up(agent, epoch, at, now_s)
            if at.held and now_s - at.asked_s >= ASK_EVERY_S:
                at.asked_s = now_s
                decided.append(ResendWanted(agent, epoch, at.counter + 1))
        return decided

    def end(self) -> list[Sequenced]:
        """No more input will come: declare every gap and take what is held."""
        decided: list[Sequenced] = []
        for (agent, epoch), at in self._epochs.items():
            while at.held:
                decided += self._give_up(agent, epoch, at, at.looked_s)
        return decided

    def _give_up(self, agent: str, epoch: str, at: _Epoch, now_s: float) -> list[Sequenced]:
        first_held = min(at.held)
        gap = (at.counter + 1, first_held - 1)
        at.lost.append(gap)
        del at.lost[:-RANGES_MAX]
        at.counter = first_held - 1
        found: list[Sequenced] = [GapFound(agent, epoch, *gap)]
        return found + self._follow(at, now_s)

    def _follow(self, at: _Epoch, now_s: float) -> list[Sequenced]:
        taken: list[Sequenced] = []
        while (batch := at.held.pop(at.counter + 1, None)) is not None:
            at.counter += 1
            at.wait(now_s)  # a further gap has its own wait
            taken.append(Taken(batch))
        return taken

    def _was_lost(self, at: _Epoch, counter: int) -> bool:
        """Whether the counter is in a lost range; takes it out."""
        i = bisect_right(at.lost, (counter, 2**63)) - 1
        if i < 0 or counter > at.lost[i][1]:
            return False
        first, last = at.lost[i]
        at.lost[i : i + 1] = [r for r in ((first, counter - 1), (counter + 1, last)) if r[0] <= r[1]]
        return True
