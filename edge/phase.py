"""Phase of runs of reads: circular mean and slope, aware of readers that report phase with an ambiguity of π.

A run is the reads of one tag at one antenna on one channel. Backscatter phase turns by 4π per wavelength of distance,
so its slope is radial speed: v = -λ/(4π) · slope. Unwrapping modulo π makes a reader's flips harmless; the price is
that true steps of π/2 and more between two reads alias.
"""

import numpy as np
from numpy.typing import NDArray

from edge.grouping import lengths_of, starts_of

_AMBIGUOUS_BY = 0.05
"""Doubled phases must agree better by this much (mean resultant length, 0 to 1) before a mean is taken modulo π."""


def phase_of_runs(
    phase_rad: NDArray[np.float32], at_us: NDArray[np.int64], run_start: NDArray[np.int64], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(circular mean in rad, slope in rad/s) of each chosen run; NaN where there is nothing to say.

    `phase_rad` and `at_us` are per row, NaN for no phase; runs begin at `run_start`.
    """
    none = np.full(len(chosen), np.nan, np.float32)
    known = ~np.isnan(phase_rad)
    if not known.any():
        return none, none
    sizes = lengths_of(run_start, len(phase_rad))[chosen]
    if len(chosen) == len(run_start):
        row = np.arange(len(phase_rad))
    else:
        row = np.arange(int(sizes.sum())) + np.repeat(run_start[chosen] - np.cumsum(sizes) + sizes, sizes)
    run = np.repeat(np.arange(len(chosen)), sizes)
    if not known.all():
        run, row = run[known[row]], row[known[row]]
    phase = phase_rad[row].astype(np.float64)
    mean = none.copy()
    number = np.bincount(run, minlength=len(chosen))
    single = number == 1
    mean[run[single[run]]] = phase[single[run]] % (2 * np.pi)
    several = ~single[run]
    if several.any():
        run, phase, at = run[several], phase[several], at_us[row[several]]
        slope = none.copy()
        start = starts_of(run)
        present = run[start]
        mean[present] = _circular_mean(phase, start)
        slope[present] = _slope(phase, at, run, start)
        return mean, slope
    return mean, none


def _circular_mean(phase: NDArray[np.float64], start: NDArray[np.int64]) -> NDArray[np.float64]:
    number = lengths_of(start, len(phase))
    cos, sin = np.cos(phase), np.sin(phase)
    x, y = np.add.reduceat(cos, start), np.add.reduceat(sin, start)
    # cos 2a = 2 cos² a − 1, sin 2a = 2 sin a cos a
    x2, y2 = 2 * np.add.reduceat(cos * cos, start) - number, 2 * np.add.reduceat(sin * cos, start)
    ambiguous = np.hypot(x2, y2) > np.hypot(x, y) + _AMBIGUOUS_BY * number
    return np.where(ambiguous, np.arctan2(y2, x2) / 2 % np.pi, np.arctan2(y, x) % (2 * np.pi))


def _slope(
    phase: NDArray[np.float64], at_us: NDArray[np.int64], run: NDArray[np.int64], start: NDArray[np.int64]
) -> NDArray[np.float64]:
    number = lengths_of(start, len(phase))
    if ((at_us[1:] < at_us[:-1]) & (run[1:] == run[:-1])).any():
        order = np.lexsort((at_us, run))
        phase, at_us = phase[order], at_us[order]
    step = np.empty(len(phase))
    np.subtract(phase[1:], phase[:-1], out=step[1:])
    step[:1] = 0.0
    step -= np.pi * np.rint(step / np.pi)
    step[start] = 0.0
    turned = np.cumsum(step)
    turned -= np.repeat(turned[start], number)
    time_s = (at_us - np.repeat(at_us[start], number)) * 1e-6
    sum_t, sum_p = np.add.reduceat(time_s, start), np.add.reduceat(turned, start)
    spread = number * np.add.reduceat(time_s * time_s, start) - sum_t * sum_t
    moved = number * np.add.reduceat(time_s * turned, start) - sum_t * sum_p
    same_time = at_us[start] == np.maximum.reduceat(at_us, start)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(same_time, np.nan, moved / spread)
