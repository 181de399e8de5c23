"""What decisions may be fitted on, and what they are judged by. Written down before the first fit.

- Fit: scenarios with `split = "fit"`, seeds 1000 to 1099. Thresholds, weights and calibration come from nothing else.
- Held out: scenarios with `split = "held_out"`, combinations of layout, air settings and movements that no fit scenario
  has, and the fit scenarios on seeds never fitted; seeds 9000 and up for both. Reported apart, by scenario.
"""

from collections.abc import Iterator

from simulators.scenarios.spec import Scenario, Split, library

FIT_SEEDS = range(1_000, 1_100)
HELD_OUT_SEEDS = range(9_000, 9_100)


def fit_cases(seeds_each: int) -> Iterator[tuple[Scenario, int]]:
    """The first seeds of every fit scenario."""
    for scenario in library():
        if scenario.split is Split.FIT:
            for seed in FIT_SEEDS[:seeds_each]:
                yield scenario, seed


def held_out_cases(seeds_each: int) -> Iterator[tuple[Scenario, int]]:
    """The first held-out seeds of every scenario, whatever its split: look at `scenario.split` to report them apart."""
    for scenario in library():
        for seed in HELD_OUT_SEEDS[:seeds_each]:
            yield scenario, seed
