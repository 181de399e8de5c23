"""The second look at a load, once it is gone: what left with it falls silent as it did, what is parked answers on.

The first look ends with the window, within 2 s of the load's leaving. `hindsight_s` after the close the same tags are
told apart once more, by the same features over the longer time, with the load the first look found as the crowd, and
with weights of their own (`PassageModel.hindsight`). Windows, and which way the load went, stay as they were. Of two
loads that met each is looked at with its own crowd and way.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stream.model import TagVerdict
from stream.operators.passage_facts import Cut, tag_facts
from stream.operators.passage_features import TagFeatures, tag_features
from stream.operators.passage_judge import Judged, looked_at, shared_out
from stream.operators.passage_model import Costs, TagModel

DOUBTFUL = 0.02, 0.98
"""Scores that a second look may turn; nobody is looked at again for the sake of the others."""

DOUBT_TURNS = 0.6
"""What the first look said is posted by now. A second one in doubt itself leaves a tag that belonged in the load from
this score on, and one that was left out of it below."""


def is_doubtful(cut: Cut, loads: Sequence[Judged]) -> bool:
    """Whether a second look may tell more: of loads in doubt or that met, at a known door, no boxes beside them."""
    (low, high), scores = DOUBTFUL, loads[0].scores
    told = not loads[0].bare and cut.convoy is None
    return told and (len(loads) > 1 or bool(((scores > low) & (scores < high)).any()))


def look_back(cut: Cut, loads: Sequence[Judged], model: TagModel, costs: Costs) -> list[Judged]:
    """The loads as they are known by then; `costs` are those of the first look's verdicts.

    Of two that met a tag can only be the one's that it fits better.
    """
    seen = [seen_since(cut, load) for load in loads]
    scores = [model.score(tags.matrix) for tags in seen]
    if len(loads) > 1:
        scores = list(shared_out(*scores))
    return [
        replace(load, tags=tags, scores=_standing(load.scores, score, costs))
        for load, tags, score in zip(loads, seen, scores, strict=True)
    ]


def seen_since(cut: Cut, first: Judged) -> TagFeatures:
    """The features of the first look's tags over a cut whose tail reaches to the second one."""
    if first.way:
        cut = replace(cut, eyes_way=first.way, eyes_back=False)
    if cut.side[cut.own].any():
        facts = tag_facts(cut)
    else:
        cut, facts, _ = looked_at(cut)
    assert facts is not None  # the first look's tags are heard in it
    known = np.searchsorted(facts.tags, first.tags.tags)
    said = np.zeros(len(facts.tags))
    said[known] = first.scores
    since = tag_features(cut, said, facts, scored=True)
    return replace(first.tags, matrix=since.matrix[known])


def _standing(said: NDArray[np.float64], now: NDArray[np.float64], costs: Costs) -> NDArray[np.float64]:
    """What is known now, where it is sure enough to change what was said."""
    stands = [
        costs.verdict(score) is TagVerdict.UNSURE and _stands(costs.verdict(before), score)
        for before, score in zip(said.tolist(), now.tolist(), strict=True)
    ]
    return np.where(stands, said, now)


def _stands(said: TagVerdict, score: float) -> bool:
    return said is (TagVerdict.BELONGS if score >= DOUBT_TURNS else TagVerdict.STRAY)
