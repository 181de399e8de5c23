"""One window's rows to one load, or to two that met in the door: verdict scores and direction for each.

Every tag is judged against the crowd it might belong to (`passage_features`). When tags of weight wander both ways, the
crowd is taken apart by the sign of that wandering, each part is judged as a load of its own, and each tag goes the way
it wanders or, wandering little, to the load it fits better. Two loads abreast in one direction stay one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_direction import decide_direction, direction_evidence
from stream.operators.passage_facts import Cut, TagFacts, tag_facts
from stream.operators.passage_features import FEATURES, TagFeatures, tag_features
from stream.operators.passage_model import PassageModel
from stream.operators.passage_window import BeamBreak
from warehouse.site import Direction, PhotoEye

MINORITY_SHARE = 0.25
MINORITY_TAGS = 3.0
WANDER_MIN = 0.5
ENDS_MIN = 0.75
ENDS_MIN_BACK = 0.9
WENT_THROUGH = {FEATURES.index("load_trend_abs"): 0.93, FEATURES.index("lag_agreement"): 0.5}
"""What loads that went through doors with sides show at least of their way, most of them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One load: `scores` (tags,) are probabilities of belonging to it."""

    tags: TagFeatures
    scores: NDArray[np.float64]
    direction: Direction
    direction_score: float


def judge(
    cut: Cut,
    eyes: Sequence[PhotoEye],
    breaks: Sequence[BeamBreak],
    model: PassageModel,
    direction_score_min: float,
    *,
    may_part: bool,
) -> list[Judged]:
    """One load, or with `may_part` two; the second is the smaller one."""
    told, facts = cut, tag_facts(cut)
    sideless = not cut.side[cut.own].any()
    guess = tag_features(cut, facts=facts)
    if facts is None:
        return [
            Judged(guess, np.empty(0), *_direction(cut, guess, np.empty(0), eyes, breaks, model, direction_score_min))
        ]
    if sideless:
        cut = _sided(cut, facts, guess)
        facts = tag_facts(cut) or facts
        guess = tag_features(cut, facts=facts)
    first = model.first.score(_asked(guess.matrix, sideless))
    if may_part and (parts := _parted(cut, facts, guess, model)):
        return [
            Judged(tags, scores, *_direction(told, tags, scores, eyes, (), model, direction_score_min))
            for tags, scores in parts
        ]
    tags = tag_features(cut, first, facts)
    scores = model.second.score(_asked(tags.matrix, sideless))
    return [Judged(tags, scores, *_direction(told, tags, scores, eyes, breaks, model, direction_score_min))]


def _asked(matrix: NDArray[np.float64], sideless: bool) -> NDArray[np.float64]:
    """What the model is asked: of a door without told sides, about a load that wandered as one that went through.

    That a load did not wander from side to side says that it stood, or turned round, only where sides are known. One
    antenna, or antennas along the load, cannot show it. The price is paid where antennas do stand on both sides and the
    site does not say so: of five simulated conveyors without sides 0.80 of the tags said to belong do, not 0.93, and
    recall stays at 0.7; a door whose ports each hear both sides goes from 0.43 recall to 1. Sides are worth telling.
    """
    if not sideless:
        return matrix
    asked = matrix.copy()
    for column, least in WENT_THROUGH.items():
        asked[:, column] = np.maximum(asked[:, column], least)
    return asked


def _sided(cut: Cut, facts: TagFacts, guess: TagFeatures) -> Cut:
    """The cut of a door whose antennas have no sides, with those the load tells: first heard by some, then by others.

    Which of them is inside is not known and not claimed: tags are compared with the load by it, no direction follows.
    """
    own, size = facts.own, len(cut.own)
    mass = own.amplitude * guess.weight[own.tag]
    heard = np.bincount(own.antenna, weights=mass, minlength=size)
    centroid = np.bincount(own.antenna, weights=mass * own.seconds, minlength=size) / np.maximum(heard, 1e-15)
    antennas = np.flatnonzero(cut.own & (heard > 0.0))
    side = np.zeros(size, np.int8)
    if len(antennas) > 1:
        order = antennas[np.argsort(centroid[antennas], kind="stable")]
        # The widest gap between centroids parts them.
        gap = int(np.argmax(np.diff(centroid[order]))) + 1
        side[order[:gap]], side[order[gap:]] = -1, 1
    return replace(cut, side=side)


def _parted(
    cut: Cut, facts: TagFacts, guess: TagFeatures, model: PassageModel
) -> list[tuple[TagFeatures, NDArray[np.float64]]] | None:
    """Both loads, when there are two: the guessed crowd wanders both ways, and both parts hold when judged."""
    wander = guess.trend + np.clip(np.nan_to_num(guess.lag_s), -1.0, 1.0)
    total = float(guess.weight.sum())
    inward, outward = (guess.weight * (sign * wander > WANDER_MIN) for sign in (1.0, -1.0))
    smaller = min(float(inward.sum()), float(outward.sum()))
    if smaller < max(MINORITY_TAGS, MINORITY_SHARE * total):
        return None
    judged = []
    for way, crowd in ((1, inward), (-1, outward)):
        toward = replace(cut, eyes_way=way, eyes_back=False)
        first = model.first.score(tag_features(toward, crowd, facts).matrix) * (way * wander > 0.0)
        tags = tag_features(toward, first, facts)
        judged.append((tags, model.second.score(tags.matrix)))
    (tags_in, score_in), (tags_out, score_out) = judged
    mine = np.where(np.abs(wander) > WANDER_MIN, wander > 0.0, score_in >= score_out)
    score_in, score_out = np.where(mine, score_in, 0.0), np.where(mine, 0.0, score_out)
    members = float((score_in > 0.5).sum()), float((score_out > 0.5).sum())
    if min(members) < max(MINORITY_TAGS, MINORITY_SHARE * sum(members)):
        return None
    # A load that turned round ends on the side it began on; two that met end where the other began.
    clear = min(float(np.median(guess.ends[score_in > 0.5])), float(np.median(-guess.ends[score_out > 0.5])))
    if clear < (ENDS_MIN_BACK if cut.eyes_back else ENDS_MIN):
        return None
    parts = [(tags_in, score_in), (tags_out, score_out)]
    return parts if members[0] >= members[1] else parts[::-1]


def _direction(
    cut: Cut,
    tags: TagFeatures,
    scores: NDArray[np.float64],
    eyes: Sequence[PhotoEye],
    breaks: Sequence[BeamBreak],
    model: PassageModel,
    score_min: float,
) -> tuple[Direction, float]:
    return decide_direction(direction_evidence(cut, tags, scores, eyes, breaks), model.direction, score_min)
