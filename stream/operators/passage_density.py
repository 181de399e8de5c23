"""When a load is in a door without photo-eyes: followed by what it is made of.

For every tag a fast and a slow mean of its amplitude (root of linear power: one flash of a stray counts less) is kept
per tick. What a tag stands above its own past, and above what the neighbours' antennas hear of it, is its *excess*;
parked goods have some only in flickers. The window opens when all excess together reaches `open_share` of what one tag
of the portal's loads typically shows (learned from confirmed ones).

From then on the excess of every tag is summed up, until `together_s` after the load was strongest: what comes nearer
later is the next load. That sum is the load's *make-up*, and the part of the present excess that lies along it is the
load's signal. One tag fades now and then; the signal of the whole load falls when
the load leaves, and also when others take its place: the tote behind it, or its neighbour's load, are made of other
tags. The window closes when the signal stayed under `fallen_share` of its best for `fallen_s`; its beginning is then
put to where the signal first reached `begun_share`, so that a flicker long before does not stretch it.

Two things of a door are learned while it runs. Its *pace*: how long a tag rests between two answers (a running median
by strength; a first answer counts as a long rest). Where tags answer once and rest, or a reader reads seldom, means
fade as much more slowly and a fall is waited for longer. And what is typical: a rise and fall that opened nothing makes
the next window open at less (readers turned down, a scale that is not dBm), a window that was nobody's at more.

A window closes too when tags that rose `behind_s` after the load together come near to what it was at its best: on a
slow belt the next tote stands beside the one that leaves.

What has passed opens the next window only by coming nearer than it was until then. A load that stands still for
`still_s` becomes part of the scenery; what it was until then has been said.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("fast", "slow", "other", "peak", "make_up", "risen_s")
PACE_FIRST_S = 0.5
NEVER_S = -1e9
PACE_BOUNDS_S = (0.25, 3.0)
PACE_STEP = 0.03
"""Share by which one strong answer, sooner or later than the pace, moves it."""


@dataclass(frozen=True, slots=True)
class DensityParams:
    """Amplitudes are roots of milliwatts: 0.001 is -60 dBm. Times in seconds, or in paces where they are longer so."""

    attack: float = 0.6
    fast_s: float = 0.85
    slow_s: float = 15.0
    warm_s: float = 3.0
    typical_amplitude: float = 0.002
    floor_share: float = 0.01
    open_share: float = 0.6
    novel_factor: float = 2.0
    leaving_share: float = 0.4
    fallen_share: float = 0.3
    fallen_s: float = 0.75
    fallen_many_s: float = 0.4
    many_tags: float = 6.0
    begun_share: float = 0.1
    together_s: float = 0.75
    still_s: float = 20.0
    missed_share: float = 0.3
    missed_s: float = 0.75
    missed_factor: float = 0.8
    refuted_factor: float = 1.25
    typical_range: float = 8.0
    fast_paces: float = 1.0
    fallen_paces: float = 0.5
    together_paces: float = 0.5
    behind_s: float = 4.0
    behind_share: float = 0.7


@dataclass(slots=True)
class DensityState:
    """Six float64 columns by tag id, and since when; when each was heard last (seconds after `base_us`); `signal` is
    the open window's, by tick.

    Encodable by msgspec.
    """

    base_us: int = 0
    ticked_us: int = 0
    columns: bytes = b""
    opened_us: int | None = None
    signal: bytes = b""
    fallen_us: int | None = None
    typical: float | None = None
    last_typical: float = 0.0
    closed_us: int = 0
    heard_s: bytes = b""
    pace_s: float = PACE_FIRST_S
    rise: float = 0.0
    risen_us: int = 0


class DensityTracker:
    """Follows the tags of one portal. `tick` returns the times (opened, closed) of windows that open or close."""

    def __init__(self, params: DensityParams, tick_us: int, open_max_s: float, state: DensityState | None) -> None:
        state = state or DensityState()
        self._params = params
        self._tick_us = tick_us
        self._open_max_us = int(open_max_s * 1e6)
        self._base_us, self._ticked_us = state.base_us, state.ticked_us
        self.opened_us = state.opened_us
        columns = np.frombuffer(state.columns, np.float64).reshape(len(COLUMNS), -1)
        self._fast, self._slow, self._other = (column.copy() for column in columns[:3])
        self._peak, self._make_up, self._risen = (column.copy() for column in columns[3:])
        heard = np.frombuffer(state.heard_s, np.float64)
        # A state of before paces were learned knows no answers.
        self._heard = heard.copy() if len(heard) == len(self._fast) else np.full(len(self._fast), NEVER_S)
        self._signal: list[float] = np.frombuffer(state.signal, np.float64).tolist()
        self._fallen_us = state.fallen_us
        self._typical = state.typical or params.typical_amplitude
        self._last_typical = state.last_typical
        self._closed_us = state.closed_us
        self._pace_s = state.pace_s
        self._rise, self._risen_us = state.rise, state.risen_us

    @property
    def idle(self) -> bool:
        """No window open, and nothing that could open one by itself."""
        return self.opened_us is None and not (self._fast > self._params.floor_share * self._typical).any()

    def has_fallen(self, since_us: int) -> bool:
        """Whether a window closed since, or the signal of the open one is well below its best."""
        if self.opened_us is None:
            return self._closed_us > since_us
        return bool(self._signal) and self._signal[-1] < self._params.leaving_share * max(self._signal)

    def snapshot(self) -> DensityState:
        """Everything needed to go on from here."""
        columns = np.stack([self._fast, self._slow, self._other, self._peak, self._make_up, self._risen])
        return DensityState(
            self._base_us,
            self._ticked_us,
            columns.tobytes(),
            self.opened_us,
            np.array(self._signal, np.float64).tobytes(),
            self._fallen_us,
            self._typical,
            self._last_typical,
            self._closed_us,
            self._heard.tobytes(),
            self._pace_s,
            self._rise,
            self._risen_us,
        )

    def start(self, at_us: int) -> None:
        """The first tick begins: what is heard within `warm_s` was there before."""
        self._base_us = self._ticked_us = at_us

    def confirm(self) -> None:
        """The window that closed last was a load's: learn how strong its tags were."""
        self._typical += 0.2 * (self._last_typical - self._typical)

    def refute(self) -> None:
        """The window that closed last was nobody's: it takes more to open the next."""
        most = max(self._params.typical_amplitude, self._typical)
        self._typical = min(self._typical * self._params.refuted_factor, most)

    def keep(self, ids: NDArray[np.int64]) -> None:
        """Renumber after the tag dictionary was rebuilt."""
        self._grow(int(ids.max(initial=-1)) + 1)
        self._fast, self._slow, self._other = self._fast[ids], self._slow[ids], self._other[ids]
        self._peak, self._make_up, self._risen = self._peak[ids], self._make_up[ids], self._risen[ids]
        self._heard = self._heard[ids]

    def tick(
        self,
        end_us: int,
        tag_count: int,
        tags: NDArray[np.int64],
        own: NDArray[np.float64],
        other: NDArray[np.float64],
    ) -> list[tuple[int, int | None]]:
        """One tick ending at `end_us`: distinct tags heard, their amplitudes here and next door.

        A window's close comes as (opened, closed), its opening as (opened, None).
        """
        params = self._params
        self._grow(tag_count)
        now = (end_us - self._base_us) / 1e6
        self._keep_pace(tags, own, now)
        self._age(end_us, tags, own, other, now)
        floor = params.floor_share * self._typical
        nearer = np.clip(2.0 * self._fast / np.maximum(self._other, 1e-12) - 1.0, 0.0, 1.0)
        excess = nearer * np.maximum(self._fast - params.novel_factor * self._slow - floor, 0.0)
        edges: list[tuple[int, int | None]] = []
        if self.opened_us is not None:
            closed = self._follow(end_us, excess, now)
            if closed is None:
                return edges
            edges.append(closed)
            excess = nearer * np.maximum(self._fast - params.novel_factor * self._slow - floor, 0.0)
        if float(excess.sum()) >= params.open_share * self._typical:
            self.opened_us = max(end_us - 2 * self._tick_us, self._closed_us)
            edges.append((self.opened_us, None))
            self._follow(end_us, excess, now)
            self._rise = 0.0
        else:
            self._rises(end_us, float(excess.sum()))
        return edges

    def _rises(self, end_us: int, excess: float) -> None:
        """What rose and fell without opening a window: readers turned down, or a scale that is not dBm."""
        params = self._params
        if excess > self._rise:
            self._rise, self._risen_us = excess, self._risen_us if self._rise else end_us
        elif excess < params.fallen_share * self._rise:
            enough = self._rise >= params.missed_share * params.open_share * self._typical
            if enough and end_us - self._risen_us >= params.missed_s * 1e6:
                least = params.typical_amplitude / params.typical_range
                self._typical = max(self._typical * params.missed_factor, min(least, self._typical))
            self._rise = 0.0

    def _keep_pace(self, tags: NDArray[np.int64], own: NDArray[np.float64], now: float) -> None:
        """How long a tag usually rests between two answers: a running median, by how strongly they are heard."""
        near = own > self._params.floor_share * self._typical
        tags, weight = tags[near], np.minimum(own[near] / self._typical, 1.0)
        gap = now - self._heard[tags]
        self._heard[tags] = now
        told = float(weight @ np.sign(gap - self._pace_s))
        least_s, most_s = PACE_BOUNDS_S
        pace_s = self._pace_s * math.exp(PACE_STEP * min(max(told, -5.0), 5.0))
        self._pace_s = min(max(pace_s, least_s), most_s)

    def _age(
        self,
        end_us: int,
        tags: NDArray[np.int64],
        own: NDArray[np.float64],
        other: NDArray[np.float64],
        now: float,
    ) -> None:
        params, tick_s = self._params, self._tick_us / 1e6
        fast_s = max(params.fast_s, params.fast_paces * self._pace_s)
        skipped_s = (end_us - self._ticked_us) / 1e6 - tick_s
        if skipped_s > 0:
            self._fast *= math.exp(-skipped_s / fast_s)
            self._slow *= math.exp(-skipped_s / params.slow_s)
            self._other *= math.exp(-skipped_s / fast_s)
        self._ticked_us = end_us
        heard = np.zeros(len(self._fast))
        heard[tags] = own
        beside = np.zeros(len(self._fast))
        beside[tags] = other
        fading = 1.0 - math.exp(-tick_s / fast_s)
        # Up at once and slowly down: a tag that answers once in a while (one target, low rate) still shows.
        for mean, level in ((self._fast, heard), (self._other, beside)):
            mean += np.where(level > mean, params.attack, fading) * (level - mean)
        if now <= params.warm_s:
            self._slow = np.maximum(self._slow, self._fast)
        # What is being followed does not become scenery while it may still be on its way.
        followed = (self._risen > 0.0) & (now - self._risen < params.still_s)
        slowly = np.where(followed, 0.0, 1.0 - math.exp(-tick_s / params.slow_s))
        self._slow += slowly * (self._fast - self._slow)

    def _follow(self, end_us: int, excess: NDArray[np.float64], now: float) -> tuple[int, int] | None:
        """One tick of an open window; its (opened, closed) when it closes with it."""
        params, opened_us = self._params, self.opened_us
        assert opened_us is not None
        self._risen = np.where((excess > 0.0) & (self._risen == 0.0), now, self._risen)
        best_at = int(np.argmax(self._signal)) if self._signal else 0
        best_s = now - (len(self._signal) - best_at) * self._tick_us / 1e6
        if now <= best_s + max(params.together_s, params.together_paces * self._pace_s):
            self._make_up += excess
            self._peak = np.maximum(self._peak, np.where(self._make_up > 0.0, self._fast, 0.0))
        signal = float(excess @ self._make_up) / max(float(np.sqrt(self._make_up @ self._make_up)), 1e-12)
        self._signal.append(signal)
        best = max(self._signal)
        if signal >= params.fallen_share * best:
            self._fallen_us = None
        elif self._fallen_us is None:
            self._fallen_us = end_us - self._tick_us
        # How many tags the make-up amounts to: the signal of many does not fade, and need not be waited for.
        tags = float(self._make_up.sum()) ** 2 / max(float(self._make_up @ self._make_up), 1e-12)
        patience_s = params.fallen_s if tags < params.many_tags else params.fallen_many_s
        patience_s = max(patience_s, params.fallen_paces * self._pace_s)
        fallen = self._fallen_us is not None and end_us - self._fallen_us >= patience_s * 1e6
        fallen |= self._outweighed(excess, best)
        if not fallen and end_us - opened_us < self._open_max_us:
            return None
        begun = next(number for number, value in enumerate(self._signal) if value >= params.begun_share * best)
        first_us = end_us - len(self._signal) * self._tick_us
        load = self._make_up > 0.25 * self._make_up.max(initial=0.0)
        self._last_typical = float(np.quantile(self._peak[load], 0.8)) if load.any() else self._typical
        # What just passed opens the next window only by coming nearer than it was.
        self._slow = np.maximum(self._slow, self._peak / params.novel_factor)
        self._make_up[:], self._peak[:], self._risen[:] = 0.0, 0.0, 0.0
        self._signal, self._fallen_us = [], None
        self.opened_us, self._closed_us = None, end_us
        return max(opened_us, first_us + (begun - 1) * self._tick_us), end_us

    def _outweighed(self, excess: NDArray[np.float64], best: float) -> bool:
        """Whether what rose long after the load comes near to what that was at its best: the next one is here."""
        mass = float(self._make_up.sum())
        if not mass:
            return False
        since = float(self._risen @ self._make_up) / mass
        behind = float(excess[self._risen > since + self._params.behind_s].sum())
        return behind > self._params.behind_share * best * mass / float(np.sqrt(self._make_up @ self._make_up))

    def _grow(self, tag_count: int) -> None:
        missing = tag_count - len(self._fast)
        if missing > 0:
            more = np.zeros(missing)
            self._fast, self._slow = np.concatenate([self._fast, more]), np.concatenate([self._slow, more])
            self._other, self._peak = np.concatenate([self._other, more]), np.concatenate([self._peak, more])
            self._make_up, self._risen = np.concatenate([self._make_up, more]), np.concatenate([self._risen, more])
            self._heard = np.concatenate([self._heard, more + NEVER_S])
