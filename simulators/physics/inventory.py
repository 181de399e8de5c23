"""Gen2 inventory: who answers, who collides, who is read, and when (GS1 EPC Gen2v2, "Inventorying Tag populations").

A round is frames of 2^Q slots. Tags that are powered and whose inventoried flag is the round's target draw a slot;
alone in it and decoded, they are read and flip the flag. Readers adapt Q within a frame; here it is set frame by frame
from the collisions of the last (Schoute's estimate, 2.39 tags a collision).
No capture effect: a collision reads nobody. A round is over when a frame has neither collisions nor lost replies.
Flags are kept per reader: neighbouring readers are taken to use sessions of their own.
"""

import math
from dataclasses import dataclass

import numpy as np

from simulators.physics.parameters import Inventory, Persistence, Session
from simulators.physics.propagation import Ints
from simulators.physics.timing import slot_times
from simulators.physics.world import Bools, Floats

TAGS_PER_COLLISION = 2.39
Q_MOST = 10


@dataclass(frozen=True, slots=True)
class Reads:
    """When each read ended (s), and which column of the powered matrix it was."""

    t_s: Floats
    tag: Ints


class TagFlags:
    """Inventoried flags of all tags of a world, as one reader's session sees them."""

    def __init__(self, session: Session, persistence: Persistence, count: int, rng: np.random.Generator) -> None:
        self._model = persistence
        self._luck: Floats = rng.random(count)
        self._b: Bools = np.zeros(count, dtype=bool)
        self._since_s: Floats = np.zeros(count)
        self.change_session(session)

    def change_session(self, session: Session) -> None:
        """Look at another session's flags from now on, all A."""
        self._session = session
        low, high = self._model.s1_s if session is Session.S1 else self._model.s2_s
        self._persistence_s: Floats = low + (high - low) * self._luck
        self._b[:] = False

    def view(self, tags: Ints) -> "FlagsInField":
        """The flags of the tags in the field, to work on; `put_back` ends it. S0 has forgotten while there was none."""
        b = self._b[tags]
        if self._session is Session.S0:
            b[:] = False
        return FlagsInField(self._session, b, self._since_s[tags], self._persistence_s[tags])

    def put_back(self, tags: Ints, flags: "FlagsInField") -> None:
        """Keep what changed."""
        self._b[tags] = flags.b
        self._since_s[tags] = flags.since_s


@dataclass(slots=True)
class FlagsInField:
    """Flags of n tags during one dwell; `b` is True where the flag is B, `since_s` when it was last set or powered."""

    session: Session
    b: Bools
    since_s: Floats
    persistence_s: Floats

    def settle(self, powered: Bools, now_s: float) -> None:
        """Let persistence run out."""
        if self.session is Session.S0:
            self.b &= powered
            return
        if self.session is not Session.S1:
            self.since_s[powered & self.b] = now_s
        self.b &= now_s - self.since_s < self.persistence_s

    def flip(self, tags: Ints, now_s: Floats) -> None:
        """These were read."""
        self.b[tags] ^= True
        self.since_s[tags] = now_s


class Inventorying:
    """One reader's inventory over time."""

    def __init__(self, settings: Inventory, flags: TagFlags, antennas: int, rng: np.random.Generator) -> None:
        self._settings = settings
        self._flags = flags
        self._times = slot_times(settings.link)
        self._slot_s = np.array([self._times.empty_s, self._times.success_s, self._times.collision_s])
        self._rng = rng
        self._target_b = False
        self._q = [math.log2(max(1, settings.tag_population))] * antennas

    def change_session(self, session: Session) -> None:
        """Take inventory in another session from now on."""
        self._flags.change_session(session)
        self._target_b = False

    def dwell(self, start_s: float, antenna: int, step_s: float, powered: Bools, decode: Floats, tags: Ints) -> Reads:
        """One stay on one antenna. powered, decode: (steps, n) every `step_s` from start; tags (n,): their flags."""
        if not powered.any():
            return Reads(np.zeros(0), np.zeros(0, dtype=np.int64))
        settings, times, rng = self._settings, self._times, self._rng
        last_row = powered.shape[0] - 1
        end_s = start_s + powered.shape[0] * step_s
        flags = self._flags.view(tags)
        read_at: list[Floats] = []
        read_tag: list[Ints] = []
        t = start_s + settings.switch_s
        q, done = self._q[antenna], 0
        while t < end_s:
            row = min(int((t - start_s) / step_s), last_row)
            on = powered[row]
            flags.settle(on, t)
            waiting = (on & (flags.b if self._target_b else ~flags.b)).nonzero()[0]
            slots = 1 << max(0, min(Q_MOST, round(q)))
            t += times.query_s
            lost = 0
            if waiting.size:
                slot = rng.integers(0, slots, waiting.size)
                counts = np.bincount(slot, minlength=slots)
                ends = t + self._slot_s.take(counts, mode="clip").cumsum()
                alone = counts[slot] == 1
                singled, at = waiting[alone], ends[slot[alone]]
                good = (rng.random(singled.size) < decode[row, singled]) & (at < end_s)
                singled, at, garbled = singled[good], at[good], singled.size
                flags.flip(singled, at)
                read_at.append(at)
                read_tag.append(singled)
                done += singled.size
                collisions = int(np.count_nonzero(counts > 1))
                lost = collisions + garbled - singled.size
                q = math.log2(max(1.0, TAGS_PER_COLLISION * collisions))
                t = float(ends[-1])
            else:
                t += slots * times.empty_s
            if not lost:
                q = math.log2(max(1, done))
                self._q[antenna] = q
                done = 0
                if settings.dual_target:
                    self._target_b = not self._target_b
                t += settings.round_gap_s
            elif t < end_s:
                self._q[antenna] = q
        self._flags.put_back(tags, flags)
        if not read_at:
            return Reads(np.zeros(0), np.zeros(0, dtype=np.int64))
        at_s, tag = np.concatenate(read_at), np.concatenate(read_tag)
        order = np.argsort(at_s, kind="stable")
        return Reads(at_s[order], tag[order])
