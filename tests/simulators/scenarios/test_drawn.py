"""Drawn scenarios: the same seed the same, different seeds different, all of them can be built."""

import numpy as np

from simulators.physics.parameters import Physics
from simulators.scenarios.drawn import drawn
from simulators.scenarios.run import staged
from simulators.scenarios.spec import Split


def test_a_seed_is_a_scenario() -> None:
    assert drawn(20_001) == drawn(20_001)
    assert len({repr(drawn(seed)) for seed in range(20_000, 20_040)}) == 40


def test_what_is_drawn_is_for_fitting_and_can_be_built() -> None:
    loads = 0
    for seed in range(20_000, 20_030):
        scenario = drawn(seed)
        assert scenario.split is Split.FIT
        world, plan, truth, _ = staged(scenario, seed, Physics())
        assert plan.site.portals
        assert world.duration_s < 400
        loads += len(truth.loads)
    assert loads > 100


def test_every_kind_of_door_is_drawn() -> None:
    made = [drawn(seed) for seed in range(20_000, 20_200)]
    assert {scenario.layout.antennas_per_door for scenario in made} == {2, 4, 8}
    assert {scenario.layout.photo_eyes for scenario in made} == {True, False}
    assert {scenario.air.dual_target for scenario in made} == {True, False}
    patterns = {item.pattern for scenario in made for item in scenario.traffic}
    assert patterns >= {"through", "stop", "abreast", "crossing", "turn_round", "beside", "along"}
    assert 0.3 < np.mean([scenario.room is not None for scenario in made]) < 0.7
