"""Means and quantiles are numpy's to the last bit, ties and single values included."""

import numpy as np

from stream.operators.passage_sums import mean_of, median_of, quantile_of, weighted_median, weighted_quantile


def test_they_are_numpys_to_the_last_bit() -> None:
    rng = np.random.default_rng(1)
    for size in range(1, 80):
        values, weights = rng.normal(0.0, 10.0, size), rng.random(size) + 1e-6
        for each in (values, np.round(values)):
            assert mean_of(each, weights) == np.average(each, weights=weights)
            assert median_of(each) == np.median(each)
            for share in (0.0, 0.2, 0.5, 0.8, 1.0):
                assert quantile_of(each, share) == np.quantile(each, share)


def test_a_weighted_quantile_is_a_value_at_which_the_share_is_reached() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([0.1, 0.5, 0.4])
    assert weighted_quantile(values, weights, 0.4) == 1.0
    assert weighted_quantile(values, weights, 0.8) == 2.0
    assert weighted_quantile(values, weights, 1.0) == 3.0
    assert weighted_median(values, np.array([1.0, 0.0, 0.0])) == 3.0
