"""Loads that follow one another closely: with which of them a tag came.

On a belt a box is heard while the one before it is under the antenna, and while the one behind it is. Each window has a
cell of time that reaches half way to the windows before and behind; while the one behind is not known, as far as to the
one before. A tag belongs to the window in whose cell the mean of its time lies, weighted by amplitude (weighted by
power, one read in a lobe of the antenna's decides), so to one only. What is still becoming stronger when a window is
first judged is left to the next; once that one closed, all is known, and the window is judged again.

An eye need not stand where the antennas hear best, nor do they all hear best in one place: by how much later than its
middle a window's tags are heard on the average is learned (`Lag`) where windows stand far enough apart to tell, and
cells are later by that; by how much later than the others each antenna hears a tag, from every tag that several heard,
and its times are earlier by that.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_past import peaks, read_power_mw
from stream.operators.passage_sums import Floats, summed

REACH_US = 6_000_000
"""Windows further apart than this do not hear each other's loads; so far is looked on either side of a cell."""
LAG_SHARE = 0.1
LAG_MAX_S = 1.5
ANTENNA_LAG_MAX_S = 4.0
LAG_GAP_S = 2.0
RISING_MIN = 0.9
RISING_US = 500_000
COURSE = (
    "spread_s",  # width of the tag's course by the windows
    "cell_share",  # of its amplitude within the window's cell
    "beam_share",  # and while the beam was broken
    "strongest_s",  # its strongest row after the window's middle
    "reads_log2",  # reads near the window
    "peak_dbm",  # the strongest of them
)


@dataclass(frozen=True, slots=True)
class Passed:
    """What a window that has closed tells of each tag id: columns `COURSE`; and how long after the window's middle each
    antenna heard it, s, (tags, antennas), NaN where one did not.
    """

    course: Floats
    antennas_late_s: Floats


@dataclass(frozen=True, slots=True)
class Convoy:
    """By tag id: whether no window beside this one is nearer, and how long after its middle the tag was heard, s.

    The window's middle, and when its cell begins and ends; how much later its tags are heard as a rule, s; how far the
    nearest other window is, s, at most the reach; whether which is behind it is known; `passed` once it has closed.
    """

    here: NDArray[np.bool_]
    late_s: Floats
    middle_us: float
    start_us: int
    end_us: int
    lag_s: float
    gap_s: float
    behind_known: bool
    passed: Passed | None = None


@dataclass(slots=True)
class Lag:
    """How much later than a window's middle its tags are heard: a running mean, of so many windows; and by antenna id
    how much later than by the others, likewise.
    """

    seconds: float = 0.0
    windows: int = 0
    antennas: dict[int, tuple[float, int]] = field(default_factory=dict)

    def learn(self, convoy: Convoy, tags: NDArray[np.int64]) -> None:
        """What the tags of one more window say: of all antennas nothing where a neighbour's would say the same."""
        if len(tags) and convoy.gap_s >= LAG_GAP_S:
            self.windows += 1
            late_s = float(np.median(convoy.late_s[tags].clip(-LAG_MAX_S, LAG_MAX_S)))
            self.seconds += _share(self.windows) * (late_s - self.seconds)
        if convoy.passed is None:
            return
        late = convoy.passed.antennas_late_s[tags]
        late = late[np.isfinite(late).sum(axis=1) > 1]
        apart = late - np.nanmean(late - self.by_antenna(late.shape[1]), axis=1, keepdims=True)
        for antenna in np.isfinite(apart).any(axis=0).nonzero()[0].tolist():
            known_s, windows = self.antennas.get(antenna, (0.0, 0))
            apart_s = float(np.nanmedian(apart[:, antenna].clip(-ANTENNA_LAG_MAX_S, ANTENNA_LAG_MAX_S)))
            self.antennas[antenna] = known_s + _share(windows + 1) * (apart_s - known_s), windows + 1

    def by_antenna(self, count: int) -> Floats:
        """By antenna id, s."""
        out = np.zeros(count)
        for antenna, (late_s, _) in self.antennas.items():
            out[antenna] = late_s
        return out

    def copy(self) -> "Lag":
        return replace(self, antennas=dict(self.antennas))


def _share(windows: int) -> float:
    """What the last of so many windows counts."""
    return max(LAG_SHARE, 1.0 / (1.0 + windows))


def convoy_of(
    rows: NDArray[np.void],
    count: int,
    window_us: tuple[int, int],
    before_us: int | None,
    behind_us: int | None,
    until_us: int,
    lag: Lag,
    antennas: int,
    start_us: int | None = None,
    *,
    over: bool = True,
) -> Convoy:
    """From the rows of a portal's own antennas.

    `window_us` is when it opened and closed, `before_us` when the one before closed, `behind_us` when the one behind
    opened, None where none is known; nothing from `until_us` on is known yet. `count` is of tag ids, `antennas` of
    antenna ids. `start_us` is when the cell of the one before ended, if that was said; `over` says that it has closed.
    """
    opened_us, closed_us = window_us
    before = REACH_US if before_us is None else min(max(opened_us - before_us, 0), REACH_US)
    behind = before if behind_us is None else min(max(behind_us - closed_us, 0), REACH_US)
    lag_us = round(lag.seconds * 1e6)
    start_us, end_us = start_us or opened_us - before // 2 + lag_us, closed_us + behind // 2 + lag_us
    near = (rows["first_us"] >= start_us - REACH_US) & (rows["first_us"] < min(end_us + REACH_US, until_us))
    rows = rows.take(near.nonzero()[0])
    at, tag, power = rows["first_us"] - opened_us, rows["tag"].astype(np.int64), read_power_mw(rows)
    antenna = rows["antenna"].astype(np.int64)
    amplitude = np.sqrt(power * rows["reads"])
    own_at = at - 1e6 * lag.by_antenna(antennas)[antenna]
    mean_us = summed(tag, amplitude * own_at, count) / np.maximum(summed(tag, amplitude, count), 1e-15) + opened_us
    here = np.ones(count, np.bool_)
    if before < REACH_US:
        here &= mean_us >= start_us
    if behind < REACH_US:
        here &= mean_us < end_us
        if behind_us is None:
            ago = (until_us - opened_us - 1 - at) // (RISING_US // 2)
            here &= _last(ago, tag, power, count) < RISING_MIN
    middle_us = (opened_us + closed_us) / 2.0
    passed = None
    if over:
        spans = (start_us - middle_us, end_us - middle_us), (opened_us - middle_us, closed_us - middle_us)
        by_antenna = _means(tag * antennas + antenna, amplitude, at, count * antennas).reshape(count, antennas)
        passed = Passed(
            course=_course(rows, own_at + opened_us - middle_us, amplitude, mean_us - middle_us, spans),
            antennas_late_s=(by_antenna + opened_us - middle_us) / 1e6,
        )
    return Convoy(
        here=here,
        late_s=(mean_us - middle_us) / 1e6,
        middle_us=middle_us,
        start_us=start_us,
        end_us=end_us,
        lag_s=lag.seconds,
        gap_s=min(before, behind) / 1e6,
        behind_known=behind_us is not None,
        passed=passed,
    )


def _course(
    rows: NDArray[np.void], after: Floats, amplitude: Floats, mean: Floats, spans: Iterable[tuple[float, float]]
) -> Floats:
    """`COURSE` by tag id; `after`, `mean` and `spans`, cell and beam, are in microseconds after the window's middle."""
    tag, count, dbm = rows["tag"].astype(np.int64), len(mean), peaks(rows)
    total = np.maximum(summed(tag, amplitude, count), 1e-15)
    shares = [summed(tag, amplitude * ((after >= low) & (after < high)), count) / total for low, high in spans]
    spread = np.sqrt(summed(tag, amplitude * (after - mean[tag]) ** 2, count) / total)
    order = np.lexsort((-after, dbm))
    strongest, peak_dbm = np.zeros(count), np.full(count, -200.0)
    strongest[tag[order]], peak_dbm[tag[order]] = after[order], dbm[order]
    reads = np.log2(1.0 + summed(tag, rows["reads"].astype(np.float64), count))
    return np.stack([spread / 1e6, *shares, strongest / 1e6, reads, peak_dbm], axis=1)


def _means(key: NDArray[np.int64], weight: Floats, values: Floats, count: int) -> Floats:
    """Weighted means by key; NaN where there is nothing."""
    total = summed(key, weight, count)
    out = np.full(count, np.nan)
    np.divide(summed(key, weight * values, count), total, out=out, where=total > 0.0)
    return out


def _last(ago: NDArray[np.int64], tag: NDArray[np.int64], power: Floats, count: int) -> Floats:
    """A tag's power in the last half second over that in its best; `ago` counts quarters of a second."""
    bins = int(ago.max(initial=0)) + 2
    by_bin = np.bincount(tag * bins + ago, power, count * bins).reshape(count, bins)
    pairs = by_bin[:, :-1] + by_bin[:, 1:]
    return np.asarray(pairs[:, 0] / np.maximum(pairs.max(axis=1), 1e-15), np.float64)
