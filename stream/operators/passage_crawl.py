"""Loads that crawl one behind the other, told apart by when each of their tags crossed the door.

What crawls is heard for many seconds before and after, and the next load with it: how reads rise and fall does not part
them. But a tag is loud on one side of the door first and then on the other. Half way between those two times (their
power-weighted means) it *crossed*, and the time from one to the other, its *lag*, is the pace. Tags of one load cross
together; loads that do not touch cross at times apart. So the crossings are cut where few of them lie, in units of the
lag. What is parked is heard on both sides all the time: it has no lag, or spreads over more time than a lag.

A tag's score is a logistic function of three of these (`WEIGHTS`), fitted on belts of 0.25 to 0.5 m/s by
`bench.fit_crossings`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_past import peaks, read_power_mw
from stream.operators.passage_sums import Floats, median_of, quantile_of, sigmoid, summed

CRAWL_S = 2.5
"""A load of at least that lag crawls: below some 0.8 m/s, of what antennas hear two or three metres around."""
TAGS_MIN = 2
"""So many tags tell of a load: one that is parked may look as if it crossed."""
LEAST_S = 1.0
SPREAD_MAX = 1.0
NEAR_DB = 14.0
"""A tag says when a load crossed whose lag is that long, whose power spreads over no more than so many lags, and which
is not so much weaker than the others that do."""
WIDTH = 0.12
VALLEY = 0.7
STEP_S = 0.1
"""Crossings are smoothed over so many lags, and cut where they are fewer than this share of what is on either side."""
EVEN = 0.6
"""Loads on one belt have one pace: lags down to this share of it, up to its inverse."""
DONE = 0.6
"""So many lags after it crossed a load has left."""
WEIGHTS = {"lag": 10.1, "off": -8.9, "spread": -2.7, "bias": -1.7}


@dataclass(frozen=True, slots=True)
class Crossings:
    """By tag id, in seconds after some time: when it crossed (NaN: not heard on both sides), its lag (positive inward),
    over how long its power spreads; and its strongest read.
    """

    at_s: Floats
    lag_s: Floats
    spread_s: Floats
    peak_dbm: Floats


@dataclass(frozen=True, slots=True)
class Crossed:
    """One load: when it crossed, s, and its lag, s, positive inward."""

    at_s: float
    lag_s: float


def crossings_of(rows: NDArray[np.void], side: NDArray[np.int8], count: int, base_us: int) -> Crossings:
    """Of a portal's own rows; `side` by antenna id, `count` of tag ids."""
    tag, power = rows["tag"].astype(np.int64), read_power_mw(rows)
    at = ((rows["first_us"] - base_us) + (rows["last_us"] - base_us)) / 2e6
    sides = side[rows["antenna"]]

    def mean_of(mw: Floats, values: Floats) -> Floats:
        total, mean = summed(tag, mw, count), np.full(count, np.nan)
        np.divide(summed(tag, mw * values, count), total, out=mean, where=total > 0)
        return mean

    inside, outside = (mean_of(power * (sides == wanted), at) for wanted in (1, -1))
    variance = mean_of(power, at * at) - mean_of(power, at) ** 2
    peak = np.full(count, -200.0)
    np.maximum.at(peak, tag, peaks(rows))
    # Rounded: equal reads come in the order their batches had.
    return Crossings(
        ((inside + outside) / 2.0).round(6),
        (inside - outside).round(6),
        np.sqrt(np.maximum(variance, 0.0)).round(6),
        peak,
    )


def crawling(crossings: Crossings, pace_s: float, among: NDArray[np.bool_]) -> list[Crossed]:
    """The loads that crossed at about that pace (a lag), in order of time, by the tags `among` which they are."""
    lag = np.abs(np.nan_to_num(crossings.lag_s))
    told = among & (lag >= LEAST_S) & (crossings.spread_s <= SPREAD_MAX * lag)
    if not told.any():
        return []
    told &= crossings.peak_dbm >= quantile_of(crossings.peak_dbm[told], 0.8) - NEAR_DB
    inward = told & (crossings.lag_s > 0)
    ids = (inward if 2 * int(inward.sum()) >= int(told.sum()) else told & ~inward).nonzero()[0]
    at = crossings.at_s[ids]
    grid = np.arange(at.min() - pace_s, at.max() + pace_s + STEP_S, STEP_S)
    crowd = np.exp(-0.5 * ((grid[:, None] - at[None]) / (WIDTH * pace_s)) ** 2).sum(axis=1)
    group = np.searchsorted(grid[_valleys(crowd)], at)
    of = [ids[group == each] for each in np.unique(group).tolist()]
    loads = [
        Crossed(median_of(crossings.at_s[each]), median_of(crossings.lag_s[each]))
        for each in of
        if len(each) >= TAGS_MIN
    ]
    return [load for load in loads if EVEN * pace_s <= abs(load.lag_s) <= pace_s / EVEN]


def _valleys(crowd: Floats) -> list[int]:
    """Where to cut: the lowest places between tops that stand out."""
    rises = crowd[1:] > crowd[:-1]
    tops = ((rises[:-1] & ~rises[1:]).nonzero()[0] + 1).tolist()
    cuts: list[int] = []
    best: int | None = None
    for top in tops:
        if best is None:
            best = top
            continue
        low = best + int(np.argmin(crowd[best : top + 1]))
        if crowd[low] < VALLEY * min(crowd[best], crowd[top]):
            cuts.append(low)
            best = top
        elif crowd[top] > crowd[best]:
            best = top
    return cuts


def crossed_with(crossings: Crossings, load: Crossed, loads: Sequence[Crossed]) -> Floats:
    """By tag id: the probability that it crossed with this one of the loads."""
    evidence = crossing_evidence(crossings, load, loads)
    odds = np.full(len(crossings.lag_s), WEIGHTS["bias"]) + sum(WEIGHTS[name] * evidence[name] for name in evidence)
    return np.where(np.isfinite(crossings.lag_s), sigmoid(odds), 0.0)


def crossing_evidence(crossings: Crossings, load: Crossed, loads: Sequence[Crossed]) -> dict[str, Floats]:
    """By tag id, what `WEIGHTS` weigh: its lag in the load's, how far it crossed from the load on the way to the next
    one, and over how many of the load's lags its power spreads.
    """
    off = np.nan_to_num(crossings.at_s) - load.at_s
    ends, begins = (_half_way(load, loads, way) for way in (1, -1))
    return {
        "lag": (np.nan_to_num(crossings.lag_s) / load.lag_s).clip(-0.5, 1.0),
        "off": np.where(off > 0, off / ends, -off / begins).clip(0.0, 1.2),
        "spread": (np.nan_to_num(crossings.spread_s) / abs(load.lag_s)).clip(0.0, 2.0),
    }


def _half_way(load: Crossed, loads: Sequence[Crossed], way: int) -> float:
    """Seconds to half way to the next load behind (1) or ahead (-1); a lag where there is none."""
    beside = [way * (each.at_s - load.at_s) for each in loads if way * (each.at_s - load.at_s) > 0]
    return min(min(beside, default=2.0 * abs(load.lag_s)), 2.0 * abs(load.lag_s)) / 2.0
