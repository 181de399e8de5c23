"""Sums, means and quantiles of a few dozen values, bit by bit as numpy's, without what its general ones do around them.

A judgement asks for hundreds of them. `numpy.average`, `median` and `quantile` of the tags of a load spend nine tenths
of their time on axes, types and NaN. Here values are finite and there is at least one.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def summed(tag: NDArray[np.int64], values: Floats, count: int) -> Floats:
    """Sums by tag, shape (count,), added in the order of the rows."""
    return np.asarray(np.bincount(tag, values, count), np.float64)


def mean_of(values: Floats, weights: Floats) -> float:
    """The weighted mean."""
    return float((values * weights).sum() / weights.sum())


def median_of(values: Floats) -> float:
    """The value in the middle, or the mean of both."""
    rising = np.sort(values)
    return float((rising[(len(rising) - 1) // 2] + rising[len(rising) // 2]) / 2.0)


def quantile_of(values: Floats, share: float) -> float:
    """Between the two values beside it, in proportion."""
    rising = sorted(values.tolist())
    place = (len(rising) - 1) * share
    below = int(place)
    low, high, part = rising[below], rising[min(below + 1, len(rising) - 1)], place - below
    return float(high - (high - low) * (1.0 - part) if part >= 0.5 else low + (high - low) * part)


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """The first value in rising order at which that share of all weight is reached."""
    order = values.argsort(kind="stable")
    reached = weights[order].cumsum()
    return float(values[order[min(int(reached.searchsorted(share * reached[-1])), len(values) - 1)]])


def weighted_median(values: Floats, weights: Floats) -> float:
    """The value at which half of all weight is reached."""
    return weighted_quantile(values, weights, 0.5)


def sigmoid(value: Floats) -> Floats:
    """1 / (1 + e^-value)."""
    return np.asarray(1.0 / (1.0 + np.exp(-value.clip(-40.0, 40.0))), np.float64)
