"""Nothing decisions are judged by is anything they may be fitted on."""

from simulators.scenarios.spec import Split
from simulators.scenarios.split import FIT_SEEDS, HELD_OUT_SEEDS, fit_cases, held_out_cases


def test_fitting_and_judging_share_no_case() -> None:
    fit = {(scenario.name, seed) for scenario, seed in fit_cases(len(FIT_SEEDS))}
    held = {(scenario.name, seed) for scenario, seed in held_out_cases(len(HELD_OUT_SEEDS))}
    assert fit
    assert held
    assert not fit & held
    assert not set(FIT_SEEDS) & set(HELD_OUT_SEEDS)


def test_no_held_out_scenario_is_fitted_on() -> None:
    assert {scenario.split for scenario, _ in fit_cases(1)} == {Split.FIT}
    assert {scenario.split for scenario, _ in held_out_cases(1)} == set(Split)
