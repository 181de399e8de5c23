"""One window's rows to one load, or to two that met in the door: verdict scores and direction for each.

Every tag is judged against the crowd it might belong to (`passage_features`). When tags of weight wander both ways, the
crowd is taken apart by the sign of that wandering, each part is judged as a load of its own, and each tag's scores
towards both are weighed against each other. Two loads abreast in one direction stay one.

What is driven by on one side of the door while a load crosses it is heard as loud and at the same time, but not first
without and then within. So the tags are judged once more against the part of the crowd that crosses; where that takes
two bodies apart, it counts. Tags whose crossing nobody can tell are not taken from their load by it: nothing changes.
Nor does anything where the beams say that what came went back: nothing crossed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_belt import belt_matrix
from stream.operators.passage_direction import decide_direction, direction_evidence
from stream.operators.passage_facts import Cut, TagFacts, tag_facts
from stream.operators.passage_features import FEATURES, TagFeatures, tag_features
from stream.operators.passage_model import PassageModel, TagModel
from stream.operators.passage_sums import mean_of, sigmoid, weighted_quantile
from stream.operators.passage_window import BeamBreak
from warehouse.site import Direction, PhotoEye

MINORITY_SHARE = 0.25
MINORITY_SHARE_APART = 0.1
MINORITY_TAGS = 3.0
APART_MIN = 0.8
"""How much surer the tags of each of two loads are of their own than of the other, in mean score: what turned round
splits into halves that know neither well (0.74 at most in 80 fitting and dev recordings), loads that met do not."""
WANDER_MIN = 0.5
ENDS_MIN = 0.75
ENDS_MIN_BACK = 0.9
SIDES_TOLD, POWER_TOLD = FEATURES.index("sides_told"), FEATURES.index("power_told")
POWER_TOLD_MIN = 0.5
SHARPER, SURE = 1.4, 1e-6
"""By how much log-odds count more where a tag can be one load's only; fitted on 446 drawn loads that met. Scores nearer
to 0 or 1 than that are no surer."""
CROSSING_LAG_MIN_S = 0.2
"""A load that is heard no later than that on the side it goes to does not tell who crosses."""
CROSSING_SHARE = 0.25
"""In shares of the lag of the tags that cross best: one with less does not cross."""
BYSTANDERS_MIN = 1.0
BYSTANDERS_MAYBE, BYSTANDERS_APART, BYSTANDERS_GAIN = 0.3, 0.75, 0.02
"""How much surer those that cross are of their crowd than the rest, in mean score: after one pass to go on asking,
after all to believe it, and by how much more than without asking."""
CROSSED_MAYBE, CROSSED_APART, CROSSED_GAIN = 0.2, 0.6, 0.3
"""Where the beams say which way it went, so sure is enough too, if it is by so much more than without asking."""
BARE_MAYBE, BARE_APART, BARE_GAIN = 0.0, 0.4, 0.1
"""The same of doors of which little is known: their weights take nearly everything near for the load."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One load: `scores` (tags,) are probabilities of belonging to it; `bare` where little is known of the door.

    `way` is +1 or -1 for loads that met, by which they were told apart, else 0.
    """

    tags: TagFeatures
    scores: NDArray[np.float64]
    direction: Direction
    direction_score: float
    bare: bool = False
    way: int = 0


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
    told = cut
    cut, facts, guess = looked_at(cut)
    if facts is None:
        return [
            Judged(guess, np.empty(0), *_direction(told, guess, np.empty(0), eyes, breaks, model, direction_score_min))
        ]
    bare_passes = model.bare if _bare(guess.matrix) else None
    bare = bare_passes is not None
    passes = bare_passes or model.passes
    if may_part and (parts := _parted(cut, facts, guess, passes)):
        return [
            Judged(tags, scores, *_direction(told, tags, scores, eyes, (), model, direction_score_min), bare, way)
            for tags, scores, way in parts
        ]
    convoy = cut.convoy
    here = None if convoy is None else convoy.here[facts.tags]
    tags, scores = _scored(cut, facts, guess, passes, here)
    if convoy is None or here is None:
        tags, scores = _without_bystanders(cut, facts, guess, passes, (tags, scores), bare=bare)
    else:
        if model.belts is not None and convoy.passed is not None:
            bare, scores = False, model.belts.score(belt_matrix(convoy, convoy.passed, tags, scores))
        scores = np.where(here, scores, 0.0)
    return [Judged(tags, scores, *_direction(told, tags, scores, eyes, breaks, model, direction_score_min), bare)]


def judged(
    cut: Cut,
    tags: TagFeatures,
    scores: NDArray[np.float64],
    eyes: Sequence[PhotoEye],
    model: PassageModel,
    direction_score_min: float,
) -> Judged:
    """One load whose scores are known, with its direction."""
    return Judged(tags, scores, *_direction(cut, tags, scores, eyes, (), model, direction_score_min))


def _scored(
    cut: Cut,
    facts: TagFacts,
    guess: TagFeatures,
    passes: Sequence[TagModel],
    mine: NDArray[np.bool_] | None = None,
    first: NDArray[np.float64] | None = None,
) -> tuple[TagFeatures, NDArray[np.float64]]:
    """The last pass's features and scores; none but the tags that are `mine` join a crowd. `first` are the first
    pass's scores, where they are known.
    """
    tags, scores = guess, passes[0].score(guess.matrix) if first is None else first
    for later in passes[1:]:
        crowd = scores if mine is None else scores * mine
        tags = tag_features(cut, crowd, facts, scored=True)
        scores = later.score(tags.matrix)
    return tags, scores


def _without_bystanders(
    cut: Cut,
    facts: TagFacts,
    guess: TagFeatures,
    passes: Sequence[TagModel],
    plain: tuple[TagFeatures, NDArray[np.float64]],
    *,
    bare: bool,
) -> tuple[TagFeatures, NDArray[np.float64]]:
    """The `plain` judgement, or that against the part of the crowd that crosses, which way photo-eyes or crowd say."""
    # Without the eyes' word the crowd's: what goes by lags neither way.
    told = np.isfinite(guess.lag_s)
    way = cut.eyes_way or np.sign(mean_of(np.where(told, guess.lag_s, 0.0).clip(-1.0, 1.0), guess.weight))
    lag = way * guess.lag_s
    best = weighted_quantile(lag[told], guess.weight[told], 0.8) if told.any() else 0.0
    if best < CROSSING_LAG_MIN_S or cut.eyes_back:
        return plain
    crosses = np.where(told, sigmoid((lag / best - CROSSING_SHARE) / 0.08), 0.5)
    crowd, rest = guess.weight * crosses, guess.weight * (1.0 - crosses)
    if min(float(crowd.sum()), float(rest.sum())) < BYSTANDERS_MIN:
        return plain

    def apart(scores: NDArray[np.float64]) -> float:
        return mean_of(scores, crowd) - mean_of(scores, rest)

    maybe, enough, gain = (
        (BARE_MAYBE, BARE_APART, BARE_GAIN) if bare else (BYSTANDERS_MAYBE, BYSTANDERS_APART, BYSTANDERS_GAIN)
    )
    crossed = bool(cut.eyes_way) and not bare
    crossing = tag_features(cut, crowd, facts)
    first = passes[0].score(crossing.matrix)
    if apart(first) < (CROSSED_MAYBE if crossed else maybe):
        return plain
    judged = _scored(cut, facts, crossing, passes, crosses >= 0.5, first)
    better = apart(judged[1])
    more = better - apart(plain[1])
    believed = better >= enough and more > gain
    return judged if believed or (crossed and better >= CROSSED_APART and more >= CROSSED_GAIN) else plain


def shared_out(
    to_one: NDArray[np.float64], to_other: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores towards each of two loads, told that a tag belongs to one of them at most."""
    one, other = ((score / np.maximum(1.0 - score, SURE)) ** SHARPER for score in (to_one, to_other))
    either = 1.0 + one + other
    return one / either, other / either


def wander(guess: TagFeatures) -> NDArray[np.float64]:
    """How far each tag's power wandered from side to side, in trend and time: positive inward."""
    return guess.trend + np.clip(np.nan_to_num(guess.lag_s), -1.0, 1.0)


def _bare(matrix: NDArray[np.float64]) -> bool:
    """Whether the door's two sides are not told, or its reads have no strengths.

    There a load that does not wander from side to side need not have stood or turned round, and no strength speaks for
    nearness: such doors have weights of their own, fitted on recordings of which as little is known.
    """
    return bool(matrix[0, SIDES_TOLD] < 2.0 or matrix[0, POWER_TOLD] < POWER_TOLD_MIN)


def looked_at(cut: Cut) -> tuple[Cut, TagFacts | None, TagFeatures]:
    """The cut as it is judged, with sides guessed where none are told; its facts and its guessed crowd's features."""
    facts = tag_facts(cut)
    guess = tag_features(cut, facts=facts)
    if facts is None or cut.side[cut.own].any():
        return cut, facts, guess
    cut = _sided(cut, facts, guess)
    facts = tag_facts(cut)
    return cut, facts, tag_features(cut, facts=facts)


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
        # First heard is outside of a load that goes in, and of one whose way nobody knows.
        way = -1 if cut.eyes_way < 0 else 1
        side[order[:gap]], side[order[gap:]] = -way, way
    return replace(cut, side=side, sides_guessed=True)


def _parted(
    cut: Cut, facts: TagFacts, guess: TagFeatures, passes: Sequence[TagModel]
) -> list[tuple[TagFeatures, NDArray[np.float64], int]] | None:
    """Both loads, when there are two: the guessed crowd wanders both ways, and both parts hold when judged."""
    wandering = wander(guess)
    total = float(guess.weight.sum())
    inward, outward = (guess.weight * (sign * wandering > WANDER_MIN) for sign in (1.0, -1.0))
    smaller = min(float(inward.sum()), float(outward.sum()))
    if smaller < max(MINORITY_TAGS, MINORITY_SHARE_APART * total):
        return None
    judged = []
    for way, crowd in ((1, inward), (-1, outward)):
        toward = replace(cut, eyes_way=way, eyes_back=False)
        judged.append(_scored(toward, facts, tag_features(toward, crowd, facts), passes, way * wandering > 0.0))
    (tags_in, to_in), (tags_out, to_out) = judged
    mine = np.where(np.abs(wandering) > WANDER_MIN, wandering > 0.0, to_in >= to_out)
    ours, theirs = mine & (to_in > 0.5), ~mine & (to_out > 0.5)
    members = float(ours.sum()), float(theirs.sum())
    if min(members) < max(MINORITY_TAGS, MINORITY_SHARE_APART * sum(members)):
        return None
    surely = min(float(to_in[ours].mean()), float(to_out[theirs].mean()))
    apart = surely - max(float(to_out[ours].mean()), float(to_in[theirs].mean()))
    even = smaller >= MINORITY_SHARE * total and min(members) >= MINORITY_SHARE * sum(members)
    # A load that turned round ends on the side it began on; two that met end where the other began.
    clear = min(float(np.median(guess.ends[ours])), float(np.median(-guess.ends[theirs])))
    if apart < APART_MIN and not (even and clear >= (ENDS_MIN_BACK if cut.eyes_back else ENDS_MIN)):
        return None
    score_in, score_out = shared_out(to_in, to_out)
    parts = [(tags_in, score_in, 1), (tags_out, score_out, -1)]
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
