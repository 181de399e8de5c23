"""From features to a calibrated probability, and from the probability to a verdict by what mistakes cost.

The model is data (`passage_weights.json`, made by `bench/fit_passages.py`): a logistic regression on standardised
features, an additive ensemble of small regression trees, or their sum, evaluated here in a few array operations and
followed by a monotone piecewise-linear calibration of the log-odds.

A verdict follows from costs: with probability p of belonging, saying `belongs` risks (1 - p)·cost_wrong_in, saying
`stray` risks p·cost_wrong_out, and asking a person costs cost_ask; the cheapest is said.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.model import TagVerdict


@dataclass(frozen=True, slots=True)
class Costs:
    """What mistakes cost, in any one unit."""

    wrong_in: float = 5.0
    wrong_out: float = 5.0
    ask: float = 1.0

    def verdict(self, score: float) -> TagVerdict:
        """The cheapest thing to say about a tag that belongs with probability `score`."""
        wrong_in, wrong_out = (1.0 - score) * self.wrong_in, score * self.wrong_out
        if min(wrong_in, wrong_out) > self.ask:
            return TagVerdict.UNSURE
        return TagVerdict.BELONGS if wrong_in <= wrong_out else TagVerdict.STRAY


@dataclass(frozen=True, slots=True)
class Trees:
    """Regression trees side by side, each array (trees, nodes); a leaf has `feature` -1 and its `value`."""

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    depth: int

    def score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over the trees for every row of (rows, features)."""
        trees = np.arange(len(self.feature))[None, :]
        rows = np.arange(len(matrix))[:, None]
        node = np.zeros((len(matrix), len(self.feature)), np.int32)
        for _ in range(self.depth):
            feature = self.feature[trees, node]
            goes_left = matrix[rows, np.maximum(feature, 0)] <= self.threshold[trees, node]
            below = np.where(goes_left, self.left[trees, node], self.right[trees, node])
            node = np.where(feature < 0, node, below)
        return np.asarray(self.value[trees, node].sum(axis=1), np.float64)


@dataclass(frozen=True, slots=True)
class TagModel:
    """Probability that a tag belongs to the load."""

    features: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float
    trees: Trees | None
    calibration_x: NDArray[np.float64]
    calibration_y: NDArray[np.float64]

    def log_odds(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Before calibration, shape (rows,)."""
        linear = ((matrix - self.mean) / self.scale) @ self.weights + self.bias
        return linear if self.trees is None else linear + self.trees.score(matrix)

    def score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities, shape (rows,)."""
        raw = self.log_odds(matrix)
        if len(self.calibration_x):
            raw = np.interp(raw, self.calibration_x, self.calibration_y)
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(raw, -30.0, 30.0))), np.float64)


@dataclass(frozen=True, slots=True)
class PassageModel:
    """Everything fitted: the tag model in two passes, and the weights of the direction's evidence.

    The first pass compares tags with a crowd guessed by rule; the second with the crowd the first pass found.
    """

    first: TagModel
    second: TagModel
    direction: Mapping[str, float]
    made_by: str


def parse_model(text: str) -> PassageModel:
    """Read the weights file's text; KeyError or ValueError when it is not one."""
    data: dict[str, Any] = json.loads(text)
    return PassageModel(
        first=_tag_model(data["first"]),
        second=_tag_model(data["second"]),
        direction={name: float(weight) for name, weight in data["direction"].items()},
        made_by=str(data.get("made_by", "")),
    )


def _tag_model(tag: dict[str, Any]) -> TagModel:
    size = len(tag["features"])

    def column(name: str, default: float) -> NDArray[np.float64]:
        return np.asarray(tag.get(name) or [default] * size, np.float64)

    return TagModel(
        features=tuple(tag["features"]),
        mean=column("mean", 0.0),
        scale=column("scale", 1.0),
        weights=column("weights", 0.0),
        bias=float(tag.get("bias", 0.0)),
        trees=_trees(tag["trees"]) if tag.get("trees") else None,
        calibration_x=np.asarray(tag.get("calibration_x", []), np.float64),
        calibration_y=np.asarray(tag.get("calibration_y", []), np.float64),
    )


@cache
def shipped_model() -> PassageModel:
    """The model in this package's weights file."""
    return parse_model(resources.files("stream.operators").joinpath("passage_weights.json").read_text("utf-8"))


def _trees(trees: list[dict[str, list[float]]]) -> Trees:
    nodes = max(len(tree["feature"]) for tree in trees)

    def stack(name: str, kind: type, fill: float) -> NDArray[Any]:
        out: NDArray[Any] = np.full((len(trees), nodes), fill, kind)
        for index, tree in enumerate(trees):
            out[index, : len(tree[name])] = tree[name]
        return out

    feature = stack("feature", np.int32, -1)
    left, right = stack("left", np.int32, 0), stack("right", np.int32, 0)
    depth = max(_depth(feature[i], left[i], right[i], 0) for i in range(len(trees)))
    return Trees(feature, stack("threshold", np.float64, 0.0), left, right, stack("value", np.float64, 0.0), depth)


def _depth(feature: NDArray[np.int32], left: NDArray[np.int32], right: NDArray[np.int32], node: int) -> int:
    if feature[node] < 0:
        return 0
    return 1 + max(_depth(feature, left, right, int(left[node])), _depth(feature, left, right, int(right[node])))
