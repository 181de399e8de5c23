"""Costs to verdicts, trees to scores, and the weights that ship."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.model import TagVerdict
from stream.operators.passage_belt import BELT_FEATURES
from stream.operators.passage_direction import EVIDENCE
from stream.operators.passage_features import FEATURES
from stream.operators.passage_model import Costs, parse_model, shipped_model

TREE = {
    "feature": [0, 1, -1, -1, -1],
    "threshold": [0.5, 2.0, 0.0, 0.0, 0.0],
    "left": [1, 2, 0, 0, 0],
    "right": [4, 3, 0, 0, 0],
    "value": [0.0, 0.0, 1.0, 2.0, 3.0],
}
STUMP = {"feature": [-1], "threshold": [0.0], "left": [0], "right": [0], "value": [10.0]}


def model_text(**tag: object) -> str:
    body = {"features": ["a", "b"], "bias": 0.0} | tag
    return json.dumps({"passes": [body], "direction": {}})


def test_trees_are_summed_and_missing_branches_end() -> None:
    model = parse_model(model_text(trees=[TREE, STUMP])).passes[0]
    matrix = np.array([[0.0, 1.0], [0.0, 3.0], [1.0, 0.0], [0.5, 2.0]])
    assert model.log_odds(matrix).tolist() == [11.0, 12.0, 13.0, 11.0]


def test_a_logistic_model_standardises() -> None:
    model = parse_model(model_text(weights=[1.0, 2.0], mean=[1.0, 0.0], scale=[2.0, 1.0], bias=0.5)).passes[0]
    assert model.log_odds(np.array([[3.0, 1.0]])).tolist() == [3.5]


def test_calibration_bends_the_log_odds() -> None:
    model = parse_model(model_text(weights=[1.0, 0.0], calibration_x=[-10.0, 10.0], calibration_y=[-5.0, 5.0])).passes[
        0
    ]
    assert model.score(np.array([[2.0, 0.0]]))[0] == pytest.approx(1 / (1 + np.exp(-1.0)))


@pytest.mark.parametrize(
    ("score", "verdict"),
    [(0.0, TagVerdict.STRAY), (0.19, TagVerdict.STRAY), (0.5, TagVerdict.UNSURE), (0.81, TagVerdict.BELONGS)],
)
def test_the_cheapest_thing_is_said(score: float, verdict: TagVerdict) -> None:
    assert Costs(wrong_in=5.0, wrong_out=5.0, ask=1.0).verdict(score) is verdict


@given(st.floats(0.0, 1.0), st.floats(0.1, 50.0), st.floats(0.1, 50.0))
def test_when_asking_costs_more_than_any_mistake_nobody_is_asked(
    score: float, wrong_in: float, wrong_out: float
) -> None:
    costs = Costs(wrong_in, wrong_out, ask=wrong_in + wrong_out)
    assert costs.verdict(score) is not TagVerdict.UNSURE


def test_the_shipped_weights_fit_the_features_of_this_version() -> None:
    model = shipped_model().over(FEATURES, BELT_FEATURES)
    assert set(model.direction) == set(EVIDENCE)
    assert model.bare is not None
    for one in (*model.passes, *model.bare):
        assert one.features == FEATURES
        score = one.score(np.zeros((3, len(FEATURES))))
        assert ((score >= 0.0) & (score <= 1.0)).all()
    assert "fit_passages" in model.made_by
    assert model.hindsight is not None
    assert model.hindsight.features == FEATURES
    assert model.belts is not None
    assert model.belts.features == BELT_FEATURES


def test_a_model_is_used_over_more_features_than_it_was_fitted_on_and_not_over_fewer() -> None:
    model = shipped_model()
    last = model.passes[-1]
    names = last.features
    wider = ("new_one", *reversed(names))
    matrix = np.random.default_rng(1).normal(0.0, 5.0, (6, len(names)))
    spread = np.column_stack([np.full(6, 9.0), matrix[:, ::-1]])
    assert last.over(wider).score(spread) == pytest.approx(last.score(matrix))
    with pytest.raises(ValueError, match=names[3]):
        model.over(tuple(name for name in FEATURES if name != names[3]), BELT_FEATURES)
