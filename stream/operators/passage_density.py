"""When a load is in a door without photo-eyes: tags that rise and fall together.

For every tag a fast and a slow mean of its amplitude (root of linear power: one flash of a stray counts less) is kept
per tick. A tag *rises* when the fast mean leaves the slow one, and that of the neighbours' antennas, behind; parked
goods do so only in flickers. The window opens when the sum of what the tags stand above their own past reaches
`open_share` of what one tag of the portal's loads typically shows (learned from confirmed ones). A tag has *fallen*
when its fast mean is under `fallen_share` of its peak. The window closes when most of the strong tags that rose
together have fallen together: a load that stops in the door has not fallen, and the tote behind it, which rose later,
does not keep the window open but opens the next one.

A load that stands still for `still_s` becomes part of the scenery; what it was until then has been said.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("fast", "slow", "other", "peak", "rise_s", "novel_s", "fall_s")


@dataclass(frozen=True, slots=True)
class DensityParams:
    """Amplitudes are roots of milliwatts: 0.001 is -60 dBm. Times in seconds."""

    fast_s: float = 0.9
    slow_s: float = 10.0
    warm_s: float = 3.0
    typical_amplitude: float = 0.002
    floor_share: float = 0.2
    open_share: float = 0.6
    novel_factor: float = 2.0
    fallen_share: float = 0.4
    fallen_s: float = 0.5
    close_share: float = 0.7
    strong_share: float = 0.25
    together_s: float = 2.5
    still_s: float = 12.0
    done_s: float = 4.0


@dataclass(slots=True)
class DensityState:
    """Seven float64 columns by tag id, and since when (seconds after `base_us`); encodable by msgspec."""

    base_us: int = 0
    ticked_us: int = 0
    columns: bytes = b""
    opened_us: int | None = None
    typical: float | None = None
    last_typical: float = 0.0
    closed_us: int = 0


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
        self._fast, self._slow, self._other, self._peak = (column.copy() for column in columns[:4])
        self._rise, self._novel, self._fall = (column.copy() for column in columns[4:])
        self._typical = state.typical or params.typical_amplitude
        self._last_typical = state.last_typical
        self._closed_us = state.closed_us

    @property
    def idle(self) -> bool:
        """No window open and no tag on the rise."""
        return self.opened_us is None and not (self._rise > 0).any()

    def snapshot(self) -> DensityState:
        """Everything needed to go on from here."""
        columns = np.stack([self._fast, self._slow, self._other, self._peak, self._rise, self._novel, self._fall])
        return DensityState(
            self._base_us, self._ticked_us, columns.tobytes(), self.opened_us, self._typical, self._last_typical
        )

    def start(self, at_us: int) -> None:
        """The first tick begins: what is heard within `warm_s` was there before."""
        self._base_us = self._ticked_us = at_us

    def confirm(self) -> None:
        """The window that closed last was a load's: learn how strong its tags were."""
        self._typical += 0.2 * (self._last_typical - self._typical)

    def keep(self, ids: NDArray[np.int64]) -> None:
        """Renumber after the tag dictionary was rebuilt."""
        self._grow(int(ids.max(initial=-1)) + 1)
        self._fast, self._slow, self._other = self._fast[ids], self._slow[ids], self._other[ids]
        self._peak = self._peak[ids]
        self._rise, self._novel, self._fall = self._rise[ids], self._novel[ids], self._fall[ids]

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
        self._age(end_us, tags, own, other, now)

        floor = params.floor_share * self._typical
        novel = (self._fast > params.novel_factor * self._slow) & (self._fast > np.maximum(self._other, floor))
        fresh = novel & (self._rise == 0)
        self._rise[fresh], self._peak[fresh], self._fall[fresh] = now, 0.0, 0.0
        self._novel[novel] = now
        risen = self._rise > 0
        self._peak = np.where(risen, np.maximum(self._peak, self._fast), 0.0)
        low = risen & (self._fast < params.fallen_share * self._peak)
        self._fall = np.where(low, np.where(self._fall > 0, self._fall, now), 0.0)
        over = (low & (now - self._fall > params.done_s)) | (risen & ~low & (now - self._novel > params.still_s))
        self._rise[over] = 0.0
        risen &= ~over
        above = float(np.maximum(self._fast - params.novel_factor * self._slow, 0.0)[risen].sum())
        if self.opened_us is None:
            if above < params.open_share * self._typical:
                return []
            self.opened_us = max(end_us - 2 * self._tick_us, self._closed_us)
            return [(self.opened_us, None)]
        return self._close(end_us, risen, now)

    def _age(
        self,
        end_us: int,
        tags: NDArray[np.int64],
        own: NDArray[np.float64],
        other: NDArray[np.float64],
        now: float,
    ) -> None:
        params, tick_s = self._params, self._tick_us / 1e6
        skipped_s = (end_us - self._ticked_us) / 1e6 - tick_s
        if skipped_s > 0:
            self._fast *= math.exp(-skipped_s / params.fast_s)
            self._slow *= math.exp(-skipped_s / params.slow_s)
            self._other *= math.exp(-skipped_s / params.fast_s)
        self._ticked_us = end_us
        heard = np.zeros(len(self._fast))
        heard[tags] = own
        beside = np.zeros(len(self._fast))
        beside[tags] = other
        quick = 1.0 - math.exp(-tick_s / params.fast_s)
        self._fast += quick * (heard - self._fast)
        self._other += quick * (beside - self._other)
        if now <= params.warm_s:
            self._slow = np.maximum(self._slow, self._fast)
        self._slow += (1.0 - math.exp(-tick_s / params.slow_s)) * (heard - self._slow)

    def _close(self, end_us: int, risen: NDArray[np.bool_], now: float) -> list[tuple[int, int | None]]:
        params = self._params
        opened_us = self.opened_us
        assert opened_us is not None
        if not risen.any() or end_us - opened_us >= self._open_max_us:
            self._rise[:] = 0.0
            self.opened_us, self._closed_us = None, end_us
            return [(opened_us, end_us)]
        typical = float(np.quantile(self._peak[risen], 0.8))
        strong = risen & (self._peak >= params.strong_share * typical)
        fallen = strong & (self._fall > 0) & (now - self._fall >= params.fallen_s)
        if not fallen.any():
            return []
        until = float(np.median(self._rise[fallen])) + params.together_s
        cohort = strong & (self._rise <= until)
        if self._peak[cohort & fallen].sum() < params.close_share * self._peak[cohort].sum():
            return []
        self._last_typical = typical
        over = risen & (self._rise <= until)
        # What just passed opens the next window only by coming nearer than it was.
        self._slow[over] = np.maximum(self._slow[over], self._peak[over] / params.novel_factor)
        self._rise[over] = 0.0
        self.opened_us, self._closed_us = None, end_us
        edges: list[tuple[int, int | None]] = [(opened_us, end_us)]
        rest = strong & (self._rise > 0) & (self._fall == 0)
        if self._peak[rest].sum() >= max(params.open_share * self._typical, 0.3 * self._peak[cohort].sum()):
            self.opened_us = end_us
            edges.append((self.opened_us, None))
        return edges

    def _grow(self, tag_count: int) -> None:
        missing = tag_count - len(self._fast)
        if missing > 0:
            more = np.zeros(missing)
            self._other = np.concatenate([self._other, more])
            self._fast, self._slow = np.concatenate([self._fast, more]), np.concatenate([self._slow, more])
            self._peak, self._rise = np.concatenate([self._peak, more]), np.concatenate([self._rise, more])
            self._novel, self._fall = np.concatenate([self._novel, more]), np.concatenate([self._fall, more])
