"""Drawn belts: the same seed the same, boxes close together, all of them can be built."""

import numpy as np

from simulators.physics.parameters import Physics
from simulators.scenarios.drawn_belts import drawn_belts
from simulators.scenarios.run import staged
from simulators.scenarios.spec import Split

SEEDS = range(22_000, 22_030)


def test_a_seed_is_a_scenario() -> None:
    assert drawn_belts(22_001) == drawn_belts(22_001)
    assert len({repr(drawn_belts(seed)) for seed in SEEDS}) == len(SEEDS)


def test_boxes_follow_one_another_closely_and_nothing_is_fitted_on_them() -> None:
    gaps_m = []
    for seed in SEEDS:
        scenario = drawn_belts(seed)
        assert scenario.split is Split.DEV
        _, plan, truth, _ = staged(scenario, seed, Physics())
        assert len(plan.site.portals) == scenario.layout.doors
        assert len(truth.loads) == sum(item.count for item in scenario.traffic)
        middles_s = [
            (load.start_us + load.end_us) / 2e6 for load in truth.loads if load.portal == truth.loads[0].portal
        ]
        gaps_m += (np.diff(sorted(middles_s)) * scenario.traffic[0].speed_m_s[0]).tolist()
    assert min(gaps_m) > 0.7
    assert np.median(gaps_m) < 4.0
