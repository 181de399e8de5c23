"""What the tags most like a tag are said to be: what a look at a window adds once its tags have scores.

A score compares a tag with the load. It does not know what this window's strays are like, and the same faint tag is a
shadowed carton in one window and a parked pallet in another. With the scores of the pass before, each tag is asked whom
it resembles (the correlation of its trace, its strength by antenna and quarter of a second, with the others' traces:
what travels together fades together, what is parked fades as its neighbours do), how well it keeps company with those
that do not belong, and where its score lies among the others': between two heaps a gap says more than the value.

Nothing here depends on how tags are numbered, but for whom more than `REFERENCE_MAX` tags are compared with. A window's
traces take 8 bytes a tag, antenna and quarter of a second: 8 MB for 1,000 tags, four antennas and a minute.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stream.operators.passage_company import Company, level_features
from stream.operators.passage_past import FLOOR_DBM
from stream.operators.passage_sums import Floats, summed, weighted_quantile

LIKENESS = (
    "said",  # log-odds the pass before gave it
    "alike_said",  # mean score of the others, weighted by likeness
    "most_alike_said",  # the same, of those most like it
    "alike",  # likeness of the five most like it, the mean
    "alike_load",  # likeness to the load's tag most like it, by score
    "alike_others",  # the same for tags that do not belong
    "beside_said",  # mean score of the tags scored about like it
    "above_share",  # share of the tags with a higher score
    "gap_above",  # log-odds up to the next higher one; 9 for the highest
    "gap_below",  # log-odds down to the next lower one; 9 for the lowest
    "doubt",  # how doubtful the window is: mean of p (1 - p)
    "others_log2",  # how many tags do not belong, by score
    "others_level_corr",  # `level_corr` and the rest of its company, with those that do not belong as the crowd
    "others_residual_db",
    "others_heard_with",
    "others_heard_share",
    "level_corr_more",  # `level_corr` with the load less that with the others
    "heard_with_more",
    "others_reads_log2",  # reads of a tag that does not belong, the 80th percentile
    "peak_over_others_db",  # its strongest read over theirs, the 90th percentile
)
REFERENCE_MAX = 400
"""Tags that each tag is compared with: those read most."""
SURE = 1e-5
NEAREST = 5
GAP_MAX = 9.0
DECIMALS = 6
"""Sums over tags differ in their last bits with the order of the tags; what is compared is rounded."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What does not depend on scores: `unit` (tags, cells) are traces about their mean, of length 1."""

    unit: Floats
    reads_log2: Floats


def traces(company: Company, reads: Floats) -> Traces:
    """Of own rows in the window; `reads` (tags,) are own reads there."""
    shape = len(reads), company.cells
    flat = company.tag * company.cells + company.cell
    heard = np.bincount(flat, minlength=shape[0] * shape[1])
    level = summed(flat, np.maximum(company.level_db - FLOOR_DBM, 0.0), len(heard))
    trace = (level / np.maximum(heard, 1)).reshape(shape)
    trace -= trace.mean(axis=1, keepdims=True)
    length = np.sqrt((trace * trace).sum(axis=1, keepdims=True))
    return Traces(trace / np.maximum(length, 1e-9), np.log2(1.0 + reads))


def likeness_features(
    told: Traces,
    company: Company,
    kept_with: Mapping[str, Floats | float],
    peak_dbm: Floats,
    score: Floats,
) -> dict[str, Floats | float]:
    """The features of likeness, after a pass that gave those scores (tags,).

    `kept_with` are the features of company with the load of those scores.
    """
    count = len(score)
    sure = np.clip(score, SURE, 1.0 - SURE)
    said = np.round(np.log(sure / (1.0 - sure)), DECIMALS)
    kept = np.argsort(-told.reads_log2, kind="stable")[:REFERENCE_MAX]
    mine = kept, np.arange(len(kept))
    alike = np.round(told.unit @ told.unit[kept].T, DECIMALS)
    alike[mine] = -1.0
    others, theirs = 1.0 - score, score[kept]
    likely = np.maximum(alike, 0.0)
    weight = likely * likely * likely
    nearer = weight * weight
    nearer *= nearer
    beside = np.exp(-np.abs(said[:, None] - said[kept]))
    beside[mine] = 0.0
    rank = np.sort(said)
    values = rank[np.concatenate([[True], rank[1:] != rank[:-1]])]
    place = np.searchsorted(values, said)
    steps = np.concatenate([[GAP_MAX], np.diff(values), [GAP_MAX]])
    typical = float(score.mean())
    apart = level_features(company, others, count)
    return {
        "said": said,
        "alike_said": _leaning(weight, theirs, typical),
        "most_alike_said": _leaning(nearer, theirs, typical),
        "alike": _mean_of_largest(likely, min(NEAREST, likely.shape[1])),
        "alike_load": (alike * theirs).max(axis=1),
        "alike_others": (alike * others[kept]).max(axis=1),
        "beside_said": (beside @ theirs + 0.25) / (beside.sum(axis=1) + 0.5),
        "above_share": (count - np.searchsorted(rank, said, side="right")) / max(count - 1, 1),
        "gap_above": steps[place + 1],
        "gap_below": steps[place],
        "doubt": float((score * others).mean()),
        "others_log2": float(np.log2(1.0 + others.sum())),
        "others_level_corr": apart["level_corr"],
        "others_residual_db": apart["level_residual_db"],
        "others_heard_with": apart["heard_with"],
        "others_heard_share": apart["heard_share"],
        "level_corr_more": kept_with["level_corr"] - apart["level_corr"],
        "heard_with_more": kept_with["heard_with"] - apart["heard_with"],
        "others_reads_log2": weighted_quantile(told.reads_log2, others + 1e-6, 0.8),
        "peak_over_others_db": peak_dbm - weighted_quantile(peak_dbm, others + 1e-6, 0.9),
    }


def _mean_of_largest(values: Floats, count: int) -> Floats:
    """Mean of each row's `count` largest values, none below 0, which are used up.

    A few passes that look for the largest are several times faster than `np.partition` where many values are equal.
    """
    row, total = np.arange(len(values)), np.zeros(len(values))
    for _ in range(count):
        at = values.argmax(axis=1)
        total += values[row, at]
        values[row, at] = -1.0
    return total / count


def _leaning(weight: Floats, score: Floats, typical: float) -> Floats:
    """Mean score by tag with those weights (tags, others); near `typical` where hardly anything is alike."""
    return np.asarray((weight @ score + 0.05 * typical) / (weight.sum(axis=1) + 0.05), np.float64)
