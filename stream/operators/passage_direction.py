"""Which way a load went: the order of its photo-eyes, and the wander of its power from one side to the other.

Every piece of evidence is signed, positive for IN (from outside to inside) and negative for OUT, so the fitted weights
need no intercept and a mirrored passage gives the mirrored answer. A load that came back out on the side it entered
from contributes eyes of opposite sign. Without sides on antennas or eyes there is no evidence and the answer is UNSURE.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_facts import Cut
from stream.operators.passage_features import TagFeatures
from stream.operators.passage_sums import median_of
from stream.operators.passage_window import BeamBreak
from warehouse.site import Direction, PhotoEye, Side

EVIDENCE = (
    "eye_first",  # +1 when an outside beam broke first
    "eye_last",  # +1 when an inside beam cleared last
    "lag",  # the belonging tags' mean side lag, in standard errors, clipped to ±6
    "lag_s",  # the same in seconds, clipped to ±2
    "share_trend",  # inside share of the load's power, late half minus early half
    "ends",  # inside minus outside power share at the end, minus the same at the start
)


def direction_evidence(
    cut: Cut, tags: TagFeatures, belongs: NDArray[np.float64], eyes: Sequence[PhotoEye], breaks: Sequence[BeamBreak]
) -> NDArray[np.float64]:
    """The evidence, shape (len(EVIDENCE),); zero where there is none."""
    evidence = np.zeros(len(EVIDENCE))
    if breaks:
        first = min(breaks, key=lambda b: b.at_us)
        last = max(breaks, key=lambda b: b.until_us if b.until_us is not None else np.iinfo(np.int64).max)
        two_sided = len({eye.side for eye in eyes}) > 1
        evidence[0] = (1.0 if eyes[first.eye].side is Side.OUTSIDE else -1.0) if two_sided else 0.0
        evidence[1] = (1.0 if eyes[last.eye].side is Side.INSIDE else -1.0) if two_sided else 0.0
    known = np.isfinite(tags.lag_s) & (belongs > 0.5)
    if known.any() and cut.side[cut.own].any():
        lags = tags.lag_s[known]
        mean = median_of(lags)
        error = 1.2533 * (float(np.std(lags)) + 0.15) / np.sqrt(len(lags))
        evidence[2] = float(np.clip(mean / error, -6.0, 6.0))
        evidence[3] = float(np.clip(mean, -2.0, 2.0))
    evidence[4], evidence[5] = _share_trend(cut, tags, belongs)
    return evidence


def decide_direction(
    evidence: NDArray[np.float64], weights: Mapping[str, float], score_min: float
) -> tuple[Direction, float]:
    """Direction and its probability; UNSURE below `score_min` (the probability of the likelier way)."""
    log_odds = float(sum(weights.get(name, 0.0) * value for name, value in zip(EVIDENCE, evidence, strict=True)))
    score = 1.0 / (1.0 + float(np.exp(-min(abs(log_odds), 30.0))))
    if score < score_min:
        return Direction.UNSURE, score
    return (Direction.IN if log_odds > 0 else Direction.OUT), score


def eyes_way(eyes: Sequence[PhotoEye], breaks: Sequence[BeamBreak]) -> int:
    """+1 in, -1 out by the first beam broken and the last one cleared; 0 when they are on one side or none broke."""
    if not breaks:
        return 0
    first = min(breaks, key=lambda b: b.at_us)
    last = max(breaks, key=lambda b: b.until_us if b.until_us is not None else np.iinfo(np.int64).max)
    sides = eyes[first.eye].side, eyes[last.eye].side
    return {(Side.OUTSIDE, Side.INSIDE): 1, (Side.INSIDE, Side.OUTSIDE): -1}.get(sides, 0)


def _share_trend(cut: Cut, tags: TagFeatures, belongs: NDArray[np.float64]) -> tuple[float, float]:
    members = tags.tags[belongs > 0.5]
    rows = cut.rows
    if not len(members) or not cut.side.any():
        return 0.0, 0.0
    side = cut.side[rows["antenna"]]
    is_member = np.zeros(int(rows["tag"].max()) + 1, np.bool_)
    is_member[members] = True
    keep = is_member[rows["tag"]] & (side != 0)
    keep &= (rows["first_us"] >= cut.opened_us - cut.approach_us) & (rows["first_us"] <= cut.closed_us + cut.tail_us)
    kept = keep.nonzero()[0]
    if not len(kept):
        return 0.0, 0.0
    rows, side = rows.take(kept), side[kept].astype(np.float64)
    # Each row weighs as the root of its power: linear power would let one tag's flash decide.
    power = rows["power_mw"]
    weight = np.sqrt(np.where(np.isnan(power), 0.0, power)) + 1e-12
    seconds = rows["first_us"].astype(np.float64)
    order = np.argsort(seconds, kind="stable")
    weight, side = weight[order], side[order]
    place = np.cumsum(weight) / weight.sum()

    def share(mask: NDArray[np.bool_]) -> float:
        return float((weight[mask] * side[mask]).sum() / max(weight[mask].sum(), 1e-12))

    return share(place > 0.5) - share(place <= 0.5), share(place > 0.8) - share(place <= 0.2)
