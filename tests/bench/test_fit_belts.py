"""What belts are fitted on: the tags of each window's cell, a box's own and others."""

import numpy as np

from bench.fit_belts import BELT_SEEDS, seen_at
from bench.recordings import BELT_SEEDS as MEASURED
from simulators.scenarios.drawn_belts import drawn_belts
from stream.operators.passage_belt import BELT_FEATURES


def test_every_window_of_a_belt_gives_its_cells_tags_and_the_boxes_own_are_known() -> None:
    seed = BELT_SEEDS[3]
    seen = seen_at(drawn_belts(seed), seed)
    assert seen is not None
    assert seen.matrix.shape == (len(seen.said), len(BELT_FEATURES))
    assert np.isfinite(seen.matrix).all()
    assert 0 < seen.belongs.sum() < len(seen.belongs)
    # What comes and goes with a box is heard for less long by the windows than what else is heard there.
    spread_s = seen.matrix[:, BELT_FEATURES.index("belt_spread_s")]
    assert np.median(spread_s[seen.belongs]) < np.median(spread_s[~seen.belongs])


def test_belts_that_are_measured_are_not_fitted_on() -> None:
    assert not set(BELT_SEEDS) & set(MEASURED)
