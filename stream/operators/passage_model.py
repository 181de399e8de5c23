"""From features to a calibrated probability, and from the probability to a verdict by what mistakes cost.

The model is data (`passage_weights.json`, made by `bench/fit_passages.py`): a logistic regression on standardised
features, an additive ensemble of small regression trees, or their sum, evaluated here in a few array operations and
followed by a monotone piecewise-linear calibration of the log-odds.

A verdict follows from costs: with probability p of belonging, saying `belongs` risks (1 - p)·cost_wrong_in, saying
`stray` risks p·cost_wrong_out, and asking a person costs cost_ask; the cheapest is said.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.model import TagVerdict


@dataclass(frozen=True, slots=True)
class Costs:
    """What mistakes cost, in any one unit."""

    wrong_in: float = 4.0
    wrong_out: float = 10.0 / 3.0
    ask: float = 1.0

    def verdict(self, score: float) -> TagVerdict:
        """The cheapest thing to say about a tag that belongs with probability `score`."""
        wrong_in, wrong_out = (1.0 - score) * self.wrong_in, score * self.wrong_out
        if min(wrong_in, wrong_out) > self.ask:
            return TagVerdict.UNSURE
        return TagVerdict.BELONGS if wrong_in <= wrong_out else TagVerdict.STRAY


@dataclass(frozen=True, slots=True)
class Trees:
    """Regression trees, level by level; on each level all trees side by side, each as wide as a full tree is there.

    `levels` hold (feature, threshold) by node. Below node n are 2 n, for values above the threshold (or NaN), and
    2 n + 1; a leaf stands for all that would be below it, so `value` belongs to the nodes below the last level.
    """

    count: int
    levels: tuple[tuple[NDArray[np.intp], NDArray[np.float64]], ...]
    value: NDArray[np.float64]

    def over(self, column: NDArray[np.intp]) -> "Trees":
        """The same for matrices in which feature n is in `column[n]`."""
        return replace(self, levels=tuple((column[feature], threshold) for feature, threshold in self.levels))

    def score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over the trees for every row of (rows, features)."""
        values = matrix.ravel()
        row = (np.arange(len(matrix)) * matrix.shape[1])[:, None]
        node = np.repeat(np.arange(self.count)[None], len(matrix), axis=0)
        for feature, threshold in self.levels:
            at = feature.take(node)
            at += row
            goes_left = values.take(at) <= threshold.take(node)
            node += node
            node += goes_left
        return np.asarray(self.value.take(node).sum(axis=1), np.float64)


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

    def over(self, features: tuple[str, ...]) -> "TagModel":
        """The same model for matrices of these columns; ValueError when one it was fitted on is not among them."""
        missing = set(self.features) - set(features)
        if missing:
            raise ValueError(f"the model was fitted on {', '.join(sorted(missing))}, which this version does not make")
        column = np.array([features.index(name) for name in self.features], np.intp)

        def spread(values: NDArray[np.float64], absent: float) -> NDArray[np.float64]:
            out = np.full(len(features), absent)
            out[column] = values
            return out

        return replace(
            self,
            features=features,
            mean=spread(self.mean, 0.0),
            scale=spread(self.scale, 1.0),
            weights=spread(self.weights, 0.0),
            trees=None if self.trees is None else self.trees.over(column),
        )

    def log_odds(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Before calibration, shape (rows,)."""
        linear = np.full(len(matrix), self.bias)
        if self.weights.any():
            linear = ((matrix - self.mean) / self.scale) @ self.weights + self.bias
        return linear if self.trees is None else linear + self.trees.score(matrix)

    def score(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities, shape (rows,)."""
        raw = self.log_odds(matrix)
        if len(self.calibration_x):
            raw = np.interp(raw, self.calibration_x, self.calibration_y)
        return np.asarray(1.0 / (1.0 + np.exp(-raw.clip(-30.0, 30.0))), np.float64)


@dataclass(frozen=True, slots=True)
class PassageModel:
    """Everything fitted: the tag model in passes, and the weights of the direction's evidence.

    The first pass compares tags with a crowd guessed by rule, each further one with the crowd the one before found.
    `bare` are the passes for recordings of which less is known: no told sides, no RSSI. `hindsight` judges once more
    what the last pass said, when the load is gone; `belts` what it said of a window of beams on one side.
    """

    passes: tuple[TagModel, ...]
    direction: Mapping[str, float]
    made_by: str
    bare: tuple[TagModel, ...] | None = None
    hindsight: TagModel | None = None
    belts: TagModel | None = None

    def over(self, features: tuple[str, ...], of_belts: tuple[str, ...]) -> "PassageModel":
        """`TagModel.over` for all passes, and for that of belts."""
        bare = self.bare and tuple(each.over(features) for each in self.bare)
        hindsight = self.hindsight and self.hindsight.over(features)
        belts = self.belts and self.belts.over(of_belts)
        passes = tuple(each.over(features) for each in self.passes)
        return replace(self, passes=passes, bare=bare, hindsight=hindsight, belts=belts)


def parse_model(text: str) -> PassageModel:
    """Read the weights file's text; KeyError or ValueError when it is not one."""
    data: dict[str, Any] = json.loads(text)
    return PassageModel(
        passes=_passes(data),
        direction={name: float(weight) for name, weight in data["direction"].items()},
        made_by=str(data.get("made_by", "")),
        bare=_passes(data["bare"]) if "bare" in data else None,
        hindsight=_tag_model(data["hindsight"]) if "hindsight" in data else None,
        belts=_tag_model(data["belts"]) if "belts" in data else None,
    )


def _passes(data: dict[str, Any]) -> tuple[TagModel, ...]:
    passes = tuple(_tag_model(each) for each in data["passes"])
    if not passes:
        raise ValueError("passes: at least one is needed")
    return passes


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
    depth = max(_depth(tree, 0) for tree in trees)
    levels: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []
    nodes = [(tree, 0) for tree in trees]
    for _ in range(depth):
        # A leaf above the last level: nothing is at or below its threshold, and what is above it is the leaf again.
        leaf = [tree["feature"][node] < 0 for tree, node in nodes]
        feature = [0 if end else int(tree["feature"][node]) for (tree, node), end in zip(nodes, leaf, strict=True)]
        threshold = [np.nan if end else tree["threshold"][node] for (tree, node), end in zip(nodes, leaf, strict=True)]
        levels.append((np.array(feature, np.intp), np.array(threshold, np.float64)))
        nodes = [
            (tree, node if end else int(tree[way][node]))
            for (tree, node), end in zip(nodes, leaf, strict=True)
            for way in ("right", "left")
        ]
    value = np.array([tree["value"][node] for tree, node in nodes], np.float64)
    return Trees(len(trees), tuple(levels), value)


def _depth(tree: dict[str, list[float]], node: int) -> int:
    if tree["feature"][node] < 0:
        return 0
    return 1 + max(_depth(tree, int(tree["left"][node])), _depth(tree, int(tree["right"][node])))
