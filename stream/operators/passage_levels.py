"""How loud the load is as it goes by, antenna by antenna, and how a tag that is heard once or twice compares with that.

A tag that answers once is heard where and when hardly another tag is: cell by cell (`passage_company`) it has nobody to
be compared with. So the crowd's strength and presence are smoothed over a second to either side, on every antenna,
neighbours' too (a tag read next door rests and is not read here). Its own part is taken out, as there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_sums import Floats, summed

STEP_US = 250_000
REACH = 4
"""Steps to either side over which the crowd is smoothed; the nearer ones count more."""
TOLD_MIN = 0.1
TOLD_MAX = 3.0
"""So much of the crowd says all there is to say; with less of it than `TOLD_MIN` nothing is compared."""
PRIOR = 0.5


@dataclass(frozen=True, slots=True)
class Levels:
    """Rows of the window by antenna and step of time; what does not depend on who the load is."""

    shape: tuple[int, int]
    tag: NDArray[np.int64]
    antenna: NDArray[np.int64]
    cell: NDArray[np.int64]
    level_db: Floats


def levels(
    tag: NDArray[np.int64], antenna: NDArray[np.int32], first_us: NDArray[np.int64], power: Floats, reads: Floats
) -> Levels:
    """From the rows of one window, own and others' antennas; `tag` numbers the tags of the facts."""
    step = first_us // STEP_US
    step = step - step.min()
    shape = int(antenna.max()) + 1, int(step.max()) + 1
    level_db = 10.0 * np.log10(np.maximum(power / np.maximum(reads, 1.0), 1e-12))
    at = antenna.astype(np.int64)
    return Levels(shape, tag, at, at * shape[1] + step, level_db)


def level_course(told: Levels, weight: Floats, count: int) -> dict[str, Floats]:
    """The features of a tag's strength against the load's course, with the crowd of that weight (tags,)."""
    mass = weight[told.tag]
    present, moment = _smooth(told, mass, mass * told.level_db)
    loudest = np.maximum(present.max(axis=1), 0.3)
    # The middle of the smoothing counts its own part in full.
    total = np.maximum(present.ravel()[told.cell] - mass, 0.0)
    known = total > TOLD_MIN
    theirs = (moment.ravel()[told.cell] - mass * told.level_db) / np.where(known, total, 1.0)
    apart = told.level_db - theirs
    sure = np.minimum(total, TOLD_MAX) * known
    size = summed(told.tag, sure, count)
    heard = np.maximum(np.bincount(told.tag, minlength=count), 1)
    return {
        "course_db": summed(told.tag, sure * apart, count) / (size + PRIOR),
        "course_residual_db": np.sqrt(summed(told.tag, sure * apart**2, count) / (size + PRIOR)),
        "course_told": np.log2(1.0 + size),
        "course_present": summed(told.tag, total / loudest[told.antenna], count) / heard,
    }


def _smooth(told: Levels, *values: Floats) -> Floats:
    """Sums by antenna and step, each step with those within `REACH` of it, the nearer the more; one entry a value."""
    antennas, steps = told.shape
    sums = np.zeros((len(values), antennas, steps + 2 * REACH))
    for at, each in zip(sums, values, strict=True):
        at[:, REACH : REACH + steps] = np.bincount(told.cell, each, antennas * steps).reshape(told.shape)
    out = np.zeros((len(values), antennas, steps))
    for shift in range(2 * REACH + 1):
        out += (1.0 - abs(shift - REACH) / (REACH + 1.0)) * sums[:, :, shift : shift + steps]
    return out
