"""What decisions may be fitted on, and what they are judged by. Written down before the first fit.

- Fit: scenarios with `split = "fit"`, seeds 1000 to 1099, and drawn ones (`simulators.scenarios.drawn`), seeds 20000 to
  21999. Thresholds, weights and calibration come from nothing else.
- Dev: scenarios with `split = "dev"`, seeds 9000 and up. Never fitted on, but looked at while features, costs and
  windows were worked on, so what is measured on them flatters.
- Held out: scenarios with `split = "held_out"`, seeds 30000 and up: layouts, air settings and movements put together
  as in no other file. Measured when the work is done; what they show by scenario guides nothing.
"""

from collections.abc import Iterator

from simulators.scenarios.drawn import drawn
from simulators.scenarios.spec import Scenario, Split, library

FIT_SEEDS = range(1_000, 1_100)
DRAWN_SEEDS = range(20_000, 22_000)
DEV_SEEDS = range(9_000, 9_100)
HELD_OUT_SEEDS = range(30_000, 30_100)


def fit_cases(seeds_each: int, drawn_count: int = 0) -> Iterator[tuple[Scenario, int]]:
    """The first seeds of every fit scenario, then the first drawn ones."""
    yield from _cases(Split.FIT, FIT_SEEDS[:seeds_each])
    for seed in DRAWN_SEEDS[:drawn_count]:
        yield drawn(seed), seed


def dev_cases(seeds_each: int) -> Iterator[tuple[Scenario, int]]:
    """The first seeds of every dev scenario."""
    return _cases(Split.DEV, DEV_SEEDS[:seeds_each])


def held_out_cases(seeds_each: int) -> Iterator[tuple[Scenario, int]]:
    """The first seeds of every held-out scenario."""
    return _cases(Split.HELD_OUT, HELD_OUT_SEEDS[:seeds_each])


def _cases(wanted: Split, seeds: range) -> Iterator[tuple[Scenario, int]]:
    for scenario in library():
        if scenario.split is wanted:
            for seed in seeds:
                yield scenario, seed
