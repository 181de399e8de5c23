"""Decisions on the dev recordings as others would have made them: no told sides, no RSSI, fewer reads, one antenna.

    python -m bench recordings                     (every configuration, 2 seeds of every dev door scenario)
    python -m bench.recordings [--held-out] [--weights FILE] [--by-scenario] [CONFIGURATION ...]

`BELTS` are measured on drawn belts instead (`simulators.scenarios.drawn_belts`), with a photo-eye across each; `LANES`
at the doors, with one across each.

`bench.recording_configurations` says what each configuration is. Dev scenarios, which the work on the decisions looks
at: this tells where decisions break, `bench.accuracy` how good they are. `--held-out` takes the held-out scenarios with
seeds of their own instead, scored once for the README. Only final verdicts are asked for.
"""

import argparse
import json
import math
import sys
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from bench.accuracy import truth_of
from bench.door_cases import DEV_SEEDS, case
from bench.recording_configurations import (
    CONFIGURATIONS,
    Change,
    beam,
    configured,
    no_phase,
    no_sides,
    one_antenna,
    whole_db,
)
from simulators.scenarios.drawn_belts import drawn_belts
from simulators.scenarios.spec import Scenario, Split, library
from stream.operators.passage_model import PassageModel, parse_model
from stream.operators.passage_state import PassageParams
from stream.scoring import PassageScore, score_passages
from tagledger.decide import decide_recording
from tagledger.score import own_reads

WORKERS = 2
BELTS: dict[str, tuple[Change, ...]] = {
    "belts, one photo-eye": (),
    "belts, one photo-eye, CSV": (no_sides, no_phase, whole_db),
    "belts, one photo-eye, CSV, one antenna": (no_sides, no_phase, whole_db, one_antenna),
}
LANES: dict[str, tuple[Change, ...]] = {
    "one photo-eye": (),
    "one photo-eye, CSV": (no_sides, no_phase, whole_db),
}
BELT_SEEDS = range(22_120, 22_136)
HELD_SEEDS = (40_008, 40_009)
FIGURES = ("precision", "recall", "exact", "loads_found", "tags_unsure", "direction", "direction_unsure")


def measure(scenario: Scenario, seed: int, name: str, model: PassageModel | None = None) -> PassageScore:
    """One recording in one configuration."""
    site, reads, simulated = case(scenario, seed)
    one_eye = (BELTS | LANES).get(name)
    changes = CONFIGURATIONS[name] if one_eye is None else (*one_eye, beam(simulated.loads))
    site, reads = configured(site, reads, changes, np.random.default_rng([seed, zlib.crc32(name.encode())]))
    decided, _ = decide_recording(site, reads, PassageParams(model=model, provisional_every_s=None))
    doors = {portal.name for portal in site.portals}
    loads = [load for load in truth_of(simulated).loads if load.portal in doors]
    return score_passages(decided.final, loads, {door: own_reads(site, door, reads) for door in doors})


def measured(
    names: Sequence[str], model: PassageModel | None = None, *, held_out: bool = False
) -> dict[str, dict[str, PassageScore]]:
    """Scores by configuration and scenario."""
    wanted, seeds = (Split.HELD_OUT, HELD_SEEDS) if held_out else (Split.DEV, DEV_SEEDS)
    doors = [each for each in library() if each.split is wanted and not each.layout.zones]
    at_doors = [(scenario, seed) for scenario in doors for seed in seeds]
    at_belts = [(drawn_belts(seed), seed) for seed in BELT_SEEDS]
    out: dict[str, dict[str, PassageScore]] = {name: {} for name in names}
    with ProcessPoolExecutor(WORKERS) as pool:
        jobs = [
            (name, scenario.name, pool.submit(measure, scenario, seed, name, model))
            for name in names
            for scenario, seed in (at_belts if name in BELTS else at_doors)
        ]
        for name, scenario_name, job in jobs:
            out[name][scenario_name] = out[name].get(scenario_name, PassageScore(())) + job.result()
    return out


def run(
    names: Sequence[str] = (), model: PassageModel | None = None, *, by_scenario: bool = False, held_out: bool = False
) -> dict[str, object]:
    """Measure, print, and return every figure."""
    scores = measured(names or (*CONFIGURATIONS, *LANES, *(() if held_out else BELTS)), model, held_out=held_out)
    print(f"{'':38s} " + " ".join(f"{name.replace('tags_', '')[:9]:>9s}" for name in FIGURES))
    figures: dict[str, object] = {}
    for name, by_name in scores.items():
        total = sum(by_name.values(), PassageScore(()))
        _print(name, total)
        if by_scenario:
            for scenario, score in by_name.items():
                _print(f"  {scenario}", score)
        shares = total.shares()
        # A share of nothing is no number, which JSON has no word for.
        figures[name] = {
            figure: None if math.isnan(value := shares[figure].value) else round(value, 4) for figure in FIGURES
        }
    print(json.dumps(figures))
    return figures


def _print(name: str, score: PassageScore) -> None:
    shares = score.shares()
    print(f"{name:38s} " + " ".join(f"{shares[figure].value:9.3f}" for figure in FIGURES), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configurations", nargs="*", help="of `CONFIGURATIONS`, `LANES` and `BELTS`; all without")
    parser.add_argument("--weights", type=Path, help="another weights file than the shipped one")
    parser.add_argument("--by-scenario", action="store_true")
    parser.add_argument("--held-out", action="store_true")
    options = parser.parse_args()
    weights = parse_model(options.weights.read_text(encoding="utf-8")) if options.weights else None
    run(options.configurations, weights, by_scenario=options.by_scenario, held_out=options.held_out)
    sys.exit(0)
