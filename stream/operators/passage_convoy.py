"""Loads that follow one another closely: with which of them a tag came.

On a belt a box is heard while the one before it is under the antenna, and while the one behind it is. Each window has a
cell of time that reaches half way to the windows before and behind; while the one behind is not known, as far as to the
one before. A tag belongs to the window in whose cell the power-weighted mean of its time lies, so to one only. What is
still becoming stronger when a window is first judged is left to the next; once that one closed, all is known, and the
window is judged again.

An eye need not stand where the antennas hear best: by how much later than its middle a window's tags are heard on the
average is learned (`Lag`) where windows stand far enough apart to tell, and cells are later by that.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_past import read_power_mw
from stream.operators.passage_sums import Floats, summed

REACH_US = 6_000_000
"""Windows further apart than this do not hear each other's loads; so far is looked on either side of a cell."""
LAG_SHARE = 0.1
LAG_MAX_S = 1.5
LAG_GAP_S = 2.0
RISING_MIN = 0.9
RISING_US = 500_000


@dataclass(frozen=True, slots=True)
class Convoy:
    """By tag id: whether no window beside this one is nearer, and how long after its middle the tag was heard, s; when
    the window's cell ends; and how far the nearest other window is, s, at most the reach.
    """

    here: NDArray[np.bool_]
    late_s: Floats
    end_us: int
    gap_s: float


@dataclass(slots=True)
class Lag:
    """How much later than a window's middle its tags are heard: a running mean, of so many windows."""

    seconds: float = 0.0
    windows: int = 0

    def learn(self, late_s: Floats, gap_s: float) -> None:
        """What the tags of one more window say: nothing where a neighbour's would say the same."""
        if len(late_s) and gap_s >= LAG_GAP_S:
            self.windows += 1
            share = max(LAG_SHARE, 1.0 / (1.0 + self.windows))
            self.seconds += share * (float(np.median(late_s.clip(-LAG_MAX_S, LAG_MAX_S))) - self.seconds)


def convoy_of(
    rows: NDArray[np.void],
    count: int,
    window_us: tuple[int, int],
    before_us: int | None,
    behind_us: int | None,
    until_us: int,
    lag_s: float,
    start_us: int | None = None,
) -> Convoy:
    """From the rows of a portal's own antennas.

    `window_us` is when it opened and closed, `before_us` when the one before closed, `behind_us` when the one behind
    opened, None where none is known; nothing from `until_us` on is known yet. `count` is of tag ids. `start_us` is when
    the cell of the one before ended, if that was said.
    """
    opened_us, closed_us = window_us
    before = REACH_US if before_us is None else min(max(opened_us - before_us, 0), REACH_US)
    behind = before if behind_us is None else min(max(behind_us - closed_us, 0), REACH_US)
    lag_us = round(lag_s * 1e6)
    start_us, end_us = start_us or opened_us - before // 2 + lag_us, closed_us + behind // 2 + lag_us
    near = (rows["first_us"] >= start_us - REACH_US) & (rows["first_us"] < min(end_us + REACH_US, until_us))
    rows = rows.take(near.nonzero()[0])
    at, tag, power = rows["first_us"] - opened_us, rows["tag"].astype(np.int64), read_power_mw(rows)
    total = np.maximum(summed(tag, power, count), 1e-15)
    mean_us = summed(tag, power * at, count) / total + opened_us
    here = np.ones(count, np.bool_)
    if before < REACH_US:
        here &= mean_us >= start_us
    if behind < REACH_US:
        here &= mean_us < end_us
        if behind_us is None:
            ago = (until_us - opened_us - 1 - at) // (RISING_US // 2)
            here &= _last(ago, tag, power, count) < RISING_MIN
    return Convoy(here, (mean_us - (opened_us + closed_us) / 2.0) / 1e6, end_us, min(before, behind) / 1e6)


def _last(ago: NDArray[np.int64], tag: NDArray[np.int64], power: Floats, count: int) -> Floats:
    """A tag's power in the last half second over that in its best; `ago` counts quarters of a second."""
    bins = int(ago.max(initial=0)) + 2
    by_bin = np.bincount(tag * bins + ago, power, count * bins).reshape(count, bins)
    pairs = by_bin[:, :-1] + by_bin[:, 1:]
    return np.asarray(pairs[:, 0] / np.maximum(pairs.max(axis=1), 1e-15), np.float64)
