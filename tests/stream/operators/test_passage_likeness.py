"""Tags are asked whom they resemble, once a pass has scored them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.operators.passage_company import Company, Rates, company_features
from stream.operators.passage_likeness import GAP_MAX, LIKENESS, REFERENCE_MAX, likeness_features, traces

NONE = Rates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0), 0.0)
CELLS = 24


def heard(levels_db: NDArray[np.float64]) -> Company:
    """Every tag heard in every cell: `levels_db` is (tags, cells)."""
    tag, cell = np.indices(levels_db.shape).reshape(2, -1)
    return Company(levels_db.shape[1], tag, cell, levels_db.ravel(), NONE, NONE)


def told(levels_db: NDArray[np.float64], score: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The features by name, one value a tag."""
    kept, count = heard(levels_db), len(score)
    seen = traces(kept, np.full(count, float(levels_db.shape[1])))
    with_load = company_features(kept, score, count)
    features = likeness_features(seen, kept, with_load, levels_db.max(axis=1), score)
    return {name: np.broadcast_to(np.asarray(value), count) for name, value in features.items()}


def two_heaps() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Six tags of a load, six parked ones, and two that scored the same: faint, one fading with each heap."""
    rng = np.random.default_rng(5)
    load, parked = rng.normal(0.0, 6.0, (2, CELLS))
    members = -55.0 + load + rng.normal(0.0, 1.0, (6, CELLS))
    strays = -60.0 + parked + rng.normal(0.0, 1.0, (6, CELLS))
    faint = -70.0 + np.stack([load, parked]) + rng.normal(0.0, 1.0, (2, CELLS))
    return np.concatenate([members, strays, faint]), np.array([0.97] * 6 + [0.02] * 6 + [0.5] * 2)


def test_of_two_faint_tags_the_one_that_fades_with_the_load_is_like_it() -> None:
    features = told(*two_heaps())
    with_load, with_parked = 12, 13
    for name in ("alike_said", "most_alike_said", "alike_load", "level_corr_more"):
        assert features[name][with_load] > features[name][with_parked] + 0.3, name
    assert features["alike_others"][with_parked] > features["alike_others"][with_load] + 0.3
    assert features["said"][with_load] == features["said"][with_parked] == 0.0


def test_nothing_depends_on_how_tags_are_numbered() -> None:
    levels, score = two_heaps()
    score = np.clip(score + np.random.default_rng(2).normal(0.0, 0.01, len(score)), 0.0, 1.0)
    order = np.random.default_rng(3).permutation(len(score))
    plain, shuffled = told(levels, score), told(levels[order], score[order])
    for name in LIKENESS:
        assert shuffled[name] == pytest.approx(plain[name][order], abs=1e-6), name


def test_a_score_between_two_heaps_says_how_far_both_are() -> None:
    levels, _ = two_heaps()
    score = np.array([0.99] * 6 + [0.01] * 7 + [0.9])
    features = told(levels, score)
    assert features["gap_above"][13] == pytest.approx(np.log(99.0) - np.log(9.0), abs=1e-5)
    assert features["gap_below"][13] == pytest.approx(np.log(99.0) + np.log(9.0), abs=1e-5)
    assert features["gap_above"][0] == features["gap_below"][6] == GAP_MAX
    assert features["above_share"][13] == pytest.approx(6 / 13)
    assert features["others_log2"][0] == pytest.approx(np.log2(1.0 + 6 * 0.01 + 7 * 0.99 + 0.1))


@pytest.mark.parametrize("count", [1, 2, REFERENCE_MAX + 30])
def test_a_tag_alone_and_more_than_are_compared_with(count: int) -> None:
    rng = np.random.default_rng(count)
    features = told(rng.normal(-60.0, 5.0, (count, CELLS)), rng.uniform(0.0, 1.0, count))
    assert set(features) == set(LIKENESS)
    for name, values in features.items():
        assert np.isfinite(values).all(), name
