"""Nothing decisions are judged by is anything they may be fitted on."""

from itertools import combinations

from simulators.scenarios.spec import Split
from simulators.scenarios.split import (
    DEV_SEEDS,
    DRAWN_SEEDS,
    FIT_SEEDS,
    HELD_OUT_SEEDS,
    dev_cases,
    fit_cases,
    held_out_cases,
)


def test_fitting_developing_and_judging_share_no_case_and_no_seed() -> None:
    made = [fit_cases(len(FIT_SEEDS), 20), dev_cases(len(DEV_SEEDS)), held_out_cases(len(HELD_OUT_SEEDS))]
    cases = [{(scenario.name, seed) for scenario, seed in each} for each in made]
    assert all(cases)
    for one, other in combinations(cases, 2):
        assert not {name for name, _ in one} & {name for name, _ in other}
    for seeds, others in combinations((FIT_SEEDS, DRAWN_SEEDS, DEV_SEEDS, HELD_OUT_SEEDS), 2):
        assert not set(seeds) & set(others)


def test_each_split_has_scenarios_of_its_own() -> None:
    assert {scenario.split for scenario, _ in fit_cases(1, 3)} == {Split.FIT}
    assert {scenario.split for scenario, _ in dev_cases(1)} == {Split.DEV}
    assert {scenario.split for scenario, _ in held_out_cases(1)} == {Split.HELD_OUT}
