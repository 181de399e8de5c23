"""What the second look is fitted on: the loads that are looked at again, less those that met or crawled."""

import numpy as np

from bench.fit_hindsight import seen_again
from simulators.scenarios.drawn import drawn
from stream.operators.passage_features import FEATURES

CRAWLS = 20_444
"""Without photo-eyes loads are found to crawl there; they are told apart without the second look's weights."""


def test_loads_that_are_looked_at_again_give_their_tags_and_who_belonged() -> None:
    seen = seen_again(drawn(CRAWLS), CRAWLS)
    assert seen is not None
    assert seen.matrix.shape == (len(seen.said), len(FEATURES))
    assert 0 < seen.belongs.sum() < len(seen.belongs)
    assert np.mean(seen.said[seen.belongs]) > np.mean(seen.said[~seen.belongs])
