"""Whether a tag keeps company with the load: cell by cell, a cell being one antenna in one quarter of a second.

What travels together changes together. In every cell the crowd says how fast it comes nearer or goes away (Doppler, and
the turning of the phase), how strong it is, and what share of it is heard; a tag is compared with what the *others* of
the crowd say there (its own part is taken out, or a tote of three would agree with itself). A parked tag does not move
whatever the crowd does, a load that meets this one moves the other way, one behind it is heard in cells where this one
is silent. Signs and units of readers differ; comparing like with like makes that harmless.

Motion is told as a log-likelihood ratio, moving with the crowd against standing still, with the noise estimated from
the crowd itself: Σ w (2qQ - Q²) / 2σ².
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_sums import Floats, mean_of, median_of, summed

CELL_US = 250_000
PRIOR_READS = 1.0
"""So many reads that say "nothing moves" are added to a cell: a crowd of one or two says little."""
TURN_GAP_S = 0.04
"""Phases further apart alias at walking pace (a half turn is 4 cm): such slopes are left out."""
TURN_NOISE_RAD = 0.15


@dataclass(frozen=True, slots=True)
class Rates:
    """One measure of radial speed by row: `tag` and `cell` as the facts number them; `weight` is 1/variance, of which
    `typical` is the median.
    """

    tag: NDArray[np.int64]
    cell: NDArray[np.int64]
    rate: NDArray[np.float64]
    weight: NDArray[np.float64]
    typical: float


@dataclass(frozen=True, slots=True)
class Company:
    """Own rows in the window by cell; what does not depend on who the load is."""

    cells: int
    tag: NDArray[np.int64]
    cell: NDArray[np.int64]
    level_db: NDArray[np.float64]
    doppler: Rates
    turning: Rates


def company(
    tag: NDArray[np.int64],
    antenna: NDArray[np.int32],
    rows: NDArray[np.void],
    power: NDArray[np.float64],
) -> Company:
    """From own rows in the window; `tag` numbers the tags of the facts."""
    window = rows["first_us"] // CELL_US
    window = window - (window.min() if len(window) else 0)
    code = antenna.astype(np.int64) * (int(window.max(initial=0)) + 1) + window
    # Cells that were heard, in the order of antennas and time.
    number_of = (np.bincount(code) > 0).cumsum() - 1
    cell = number_of[code]
    reads = rows["reads"].astype(np.float64)
    doppler = rows["doppler_hz"].astype(np.float64)
    known = np.isfinite(doppler)
    slope = rows["phase_slope_rad_s"].astype(np.float64)
    span_s = (rows["last_us"] - rows["first_us"]) / 1e6
    near = np.isfinite(slope) & (reads > 1) & (span_s <= TURN_GAP_S * (reads - 1.0)) & (span_s > 0.0)
    certain = reads * span_s**2 / (12.0 * TURN_NOISE_RAD**2)
    return Company(
        int(number_of.max(initial=-1)) + 1,
        tag,
        cell,
        10.0 * np.log10(np.maximum(power / np.maximum(reads, 1.0), 1e-12)),
        _rates(known, tag, cell, doppler, reads),
        _rates(near, tag, cell, slope, certain),
    )


def _rates(
    known: NDArray[np.bool_], tag: NDArray[np.int64], cell: NDArray[np.int64], rate: Floats, sure: Floats
) -> Rates:
    at = known.nonzero()[0]
    return Rates(tag[at], cell[at], rate[at], sure[at], median_of(sure[at]) if len(at) else 0.0)


def company_features(facts: Company, weight: NDArray[np.float64], count: int) -> dict[str, NDArray[np.float64] | float]:
    """The features of company with the crowd of that weight (tags,)."""
    doppler, turning = _together(facts.doppler, facts.cells, weight), _together(facts.turning, facts.cells, weight)
    return {
        "doppler_llr": doppler[0],
        "doppler_follows": doppler[1],
        "doppler_told": doppler[2],
        "turning_llr": turning[0],
        "turning_follows": turning[1],
        "turning_told": turning[2],
        **level_features(facts, weight, count),
    }


def level_features(facts: Company, weight: Floats, count: int) -> dict[str, Floats]:
    """Those of them that strength and being heard give, which readers without phase and Doppler tell too."""
    mass = weight[facts.tag]
    present = summed(facts.cell, mass, facts.cells)
    corr, residual = _levels(facts, mass, present, count)
    shared, share = _heard(facts, mass, present, float(weight.sum()), count)
    return {"level_corr": corr, "level_residual_db": residual, "heard_with": shared, "heard_share": share}


def _together(rates: Rates, cells: int, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """(log-likelihood ratio, how much of the crowd's rate it follows, how much there was to follow) by tag."""
    count = len(weight)
    if not len(rates.tag):
        return np.zeros(count), np.full(count, 0.5), np.zeros(count)
    mass = rates.weight * weight[rates.tag]
    moment = mass * rates.rate
    total = summed(rates.cell, mass, cells)[rates.cell] - mass
    crowd = (summed(rates.cell, moment, cells)[rates.cell] - moment) / (
        np.maximum(total, 0.0) + PRIOR_READS * rates.typical
    )
    apart = (rates.rate - crowd) ** 2
    # Outliers (aliased phases, reflections) must not blow the noise up: a weighted mean of bounded squares.
    everything = max(float(mass.sum()), 1e-12)
    rough = float((mass * apart).sum()) / everything
    noise = float((mass * np.minimum(apart, 4.0 * rough)).sum()) / everything + 1e-9
    # Per unit of weight the variance is noise × typical weight of a row.
    scale = rates.weight / (noise * mean_of(rates.weight, mass + 1e-12))
    cross = summed(rates.tag, scale * rates.rate * crowd, count)
    square = summed(rates.tag, scale * crowd**2, count)
    return (
        (cross - square / 2.0).clip(-30.0, 30.0),
        ((cross + 0.5) / (square + 1.0)).clip(-1.5, 2.5),
        np.log2(1.0 + square),
    )


def _levels(facts: Company, mass: Floats, present: Floats, count: int) -> tuple[Floats, Floats]:
    """Correlation of a tag's strength with the others' over cells, and what is left unexplained in dB.

    `mass` is the weight of each row, `present` the sum of it in each cell.
    """
    tag, mine, moment = facts.tag, facts.level_db, mass * facts.level_db
    total = np.maximum(present[facts.cell] - mass, 0.0)
    sums = summed(facts.cell, moment, facts.cells)[facts.cell] - moment
    # Where nobody else was heard, nothing is compared.
    told = total > 0.1
    theirs = sums / np.where(told, total, 1.0)
    sure = np.minimum(total, 3.0) * told
    size = np.maximum(summed(tag, sure, count), 1e-9)
    mean_mine, mean_theirs = summed(tag, sure * mine, count) / size, summed(tag, sure * theirs, count) / size
    a, b = mine - mean_mine[tag], theirs - mean_theirs[tag]
    aa, bb, ab = (summed(tag, sure * product, count) for product in (a * a, b * b, a * b))
    # Two cells correlate perfectly by chance: six dB² of disagreement a cell are added.
    return ab / np.sqrt((aa + 18.0) * (bb + 18.0)), np.sqrt(summed(tag, sure * (a - b) ** 2, count) / size)


def _heard(facts: Company, mass: Floats, present: Floats, everyone: float, count: int) -> tuple[Floats, Floats]:
    """Mean share of the others heard where it is heard, and in how much of what they are heard in it is heard too."""
    everyone = max(everyone, 1e-9)
    others = np.maximum(present[facts.cell] - mass, 0.0) / np.maximum(everyone - mass, 0.3)
    heard = np.maximum(np.bincount(facts.tag, minlength=count), 1)
    with_them = summed(facts.tag, others, count)
    return with_them / heard, with_them / max(float((present / everyone).sum()), 1e-9)
