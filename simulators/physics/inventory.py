"""Gen2 inventory: who answers, who collides, who is read, and when (GS1 EPC Gen2v2, "Inventorying Tag populations").

A round is frames of 2^Q slots. Tags that are powered and whose inventoried flag is the round's target draw a slot;
alone in it and decoded, they are read and flip the flag. Readers adapt Q within a frame; here it is set frame by frame
from the collisions of the last (Schoute's estimate, 2.39 tags a collision).
No capture effect: a collision reads nobody. A round is over when a frame has neither collisions nor lost replies.
Flags are kept per reader: neighbouring readers are taken to use sessions of their own.
"""

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
        self._session = session
        low, high = persistence.s1_s if session is Session.S1 else persistence.s2_s
        self._persistence_s = rng.uniform(low, high, count)
        self._b: Bools = np.zeros(count, dtype=bool)
        self._since_s: Floats = np.zeros(count)

    def field_off(self, tags: Ints) -> None:
        """The field went away for a moment (switch, hop): S0 forgets."""
        if self._session is Session.S0:
            self._b[tags] = False

    def settle(self, tags: Ints, powered: Bools, now_s: float) -> Bools:
        """Let persistence run out; True where the flag is B."""
        if self._session is Session.S0:
            self._b[tags] &= powered
        else:
            if self._session is not Session.S1:
                self._since_s[tags] = np.where(powered & self._b[tags], now_s, self._since_s[tags])
            self._b[tags] &= now_s - self._since_s[tags] < self._persistence_s[tags]
        return self._b[tags]

    def flip(self, tags: Ints, now_s: Floats) -> None:
        """These were read."""
        self._b[tags] ^= True
        self._since_s[tags] = now_s


class Inventorying:
    """One reader's inventory over time."""

    def __init__(self, settings: Inventory, flags: TagFlags, antennas: int, rng: np.random.Generator) -> None:
        self._settings = settings
        self._flags = flags
        self._times = slot_times(settings.link)
        self._rng = rng
        self._target_b = False
        self._q = np.full(antennas, np.log2(max(1, settings.tag_population)))

    def dwell(self, start_s: float, antenna: int, step_s: float, powered: Bools, decode: Floats, tags: Ints) -> Reads:
        """One stay on one antenna. powered, decode: (steps, n) every `step_s` from start; tags (n,): their flags."""
        settings, times, rng = self._settings, self._times, self._rng
        end_s = start_s + powered.shape[0] * step_s
        read_at: list[Floats] = []
        read_tag: list[Ints] = []
        if powered.any():
            self._flags.field_off(tags)
            t = start_s + settings.switch_s
            q, done = self._q[antenna], 0
            while t < end_s:
                row = min(int((t - start_s) / step_s), powered.shape[0] - 1)
                on = powered[row]
                is_b = self._flags.settle(tags, on, t)
                waiting = np.flatnonzero(on & (is_b == self._target_b))
                slots = 1 << int(np.clip(round(float(q)), 0, Q_MOST))
                t += times.query_s
                lost = 0
                if waiting.size:
                    slot = rng.integers(0, slots, waiting.size)
                    counts = np.bincount(slot, minlength=slots)
                    cost = np.where(
                        counts == 0, times.empty_s, np.where(counts == 1, times.success_s, times.collision_s)
                    )
                    ends = t + np.cumsum(cost)
                    alone = counts[slot] == 1
                    singled, at = waiting[alone], ends[slot[alone]]
                    good = (rng.random(singled.size) < decode[row, singled]) & (at < end_s)
                    self._flags.flip(tags[singled[good]], at[good])
                    read_at.append(at[good])
                    read_tag.append(singled[good])
                    done += int(good.sum())
                    collisions = int((counts > 1).sum())
                    lost = collisions + int(singled.size - good.sum())
                    q = np.log2(max(1.0, TAGS_PER_COLLISION * collisions))
                    t = float(ends[-1])
                else:
                    t += slots * times.empty_s
                if not lost:
                    q = np.log2(max(1, done))
                    self._q[antenna] = q
                    done = 0
                    if settings.dual_target:
                        self._target_b = not self._target_b
                    t += settings.round_gap_s
                elif t < end_s:
                    self._q[antenna] = q
        if not read_at:
            return Reads(np.zeros(0), np.zeros(0, dtype=np.int64))
        at_s, tag = np.concatenate(read_at), np.concatenate(read_tag)
        order = np.argsort(at_s, kind="stable")
        return Reads(at_s[order], tag[order])
