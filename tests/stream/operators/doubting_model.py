"""Models by hand of which the first look is sure of little, so that every load is looked at again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stream.operators.passage_features import FEATURES
from stream.operators.passage_model import PassageModel, TagModel, parse_model
from tests.stream.operators.analytic_door import plain_model


def doubting() -> PassageModel:
    """The plain model, a third as sure of everything."""
    plain, at, third = plain_model(), np.array([-9.0, 9.0]), np.array([-3.0, 3.0])
    return replace(plain, passes=tuple(replace(one, calibration_x=at, calibration_y=third) for one in plain.passes))


def by_hand(weights: Mapping[str, float], bias: float, features: Sequence[str] = FEATURES) -> TagModel:
    """A logistic model of these features."""
    tag = {"features": features, "weights": [weights.get(name, 0.0) for name in features], "bias": bias}
    return parse_model(json.dumps({"passes": [tag], "direction": {}})).passes[0]


def nothing_belongs(features: Sequence[str] = FEATURES) -> TagModel:
    """Whatever is seen."""
    return by_hand({}, -20.0, features)


def parked_is_heard_for_long() -> TagModel:
    """What the first look said, but for what was heard for longer than a load is."""
    return by_hand({"said": 1.0, "spread_s": -10.0}, 20.0)
