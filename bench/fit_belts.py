"""Fit what tells the tags of a window of beams on one side (`stream.operators.passage_belt`), into the shipped weights.

    python -m bench.fit_belts [--belts 80] [--drawn 120] [--out FILE]

The operator judges recordings with the shipped weights, less those of belts, and every window of one photo-eye gives
its tags as they are seen when it closed, and again when the one behind it did. Belts are drawn (`drawn_belts`, of seeds
that `bench.recordings` leaves alone), and so are doors (of seeds that `bench.fit_passages` and `bench.fit_hindsight`
leave alone): one photo-eye is as usual there. All get one a lane (`beam`), once as they are and once as others would
have recorded them. Only tags of the window's cell are asked about: what is nearer to another window is that one's.
How trees are grown, `bench.seen_tags` says.
"""

import argparse
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.door_cases import case
from bench.fit_hindsight import DRAWN_AFTER
from bench.fit_passages import OUT, STATE
from bench.passage_samples import assigned
from bench.recording_configurations import any_configuration, beam, configured, passing
from bench.seen_tags import SeenTags, Watching, fit, joined, put, seen_by
from simulators.physics.recording import LoadTruth
from simulators.scenarios.drawn import drawn
from simulators.scenarios.drawn_belts import drawn_belts
from simulators.scenarios.spec import Scenario
from simulators.scenarios.split import DRAWN_SEEDS
from stream.model import Passage
from stream.operators.passage_belt import BELT_FEATURES, belt_matrix
from stream.operators.passage_model import shipped_model
from stream.operators.passage_state import PassageParams, PassageRecord

BELT_SEEDS = range(23_000, 24_000)
DOORS_AFTER = DRAWN_AFTER + 300


class _Watched(Watching):
    """The operator, keeping what it sees in windows of one photo-eye."""

    def _evaluate(self, record: PassageRecord, closed_us: int, final: bool, amend: bool = False) -> list[Passage]:
        self.closes(record, final=final, amend=amend)
        cut = self._looks.cuts.cut(record, closed_us, record.breaks, self._tick_us or 0, self._windows)
        if cut.convoy is not None and cut.convoy.passed is not None:
            (load,) = self._looks.judge(record, cut, record.breaks, may_part=False)
            if len(load.scores):
                here = cut.convoy.here[load.tags.tags]
                matrix = belt_matrix(cut.convoy, cut.convoy.passed, load.tags, load.scores)
                self.keep(record, load.tags.tags[here], matrix[here], load.scores[here])
        return super()._evaluate(record, closed_us, final, amend)


def seen_at(scenario: Scenario, seed: int) -> SeenTags | None:
    """The windows of one recording, made in two ways; None where there was none."""
    site, reads, truth = case(scenario, seed)
    rng = np.random.default_rng([STATE, seed, zlib.crc32(scenario.name.encode())])
    params = PassageParams(model=replace(shipped_model(), belts=None), provisional_every_s=None)
    parts: list[SeenTags] = []
    for changes in ((), any_configuration(rng)):
        made_site, made = configured(site, reads, (*changes, beam(truth.loads)), rng)
        if len(made):
            parts += seen_by(_Watched, made_site, made, params, truth, _loads)
    return joined(parts)


def _loads(closed: Sequence[PassageRecord], loads: Sequence[LoadTruth]) -> list[list[LoadTruth]]:
    """The loads of each window: their photo-eye broke once for what passed together."""
    together = passing(loads)
    if len(together) != len(closed):
        return assigned(closed, loads)
    return [[load for load in loads if start <= load.start_us and load.end_us <= end] for start, end in together]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--belts", type=int, default=80, help="drawn belts")
    parser.add_argument("--drawn", type=int, default=120, help="drawn doors")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    chosen = [(drawn_belts(seed), seed) for seed in BELT_SEEDS[: options.belts]]
    chosen += [(drawn(seed), seed) for seed in DRAWN_SEEDS[DOORS_AFTER : DOORS_AFTER + options.drawn]]
    part = fit(seen_at, chosen, BELT_FEATURES, ("doors' weights", "belts' weights"), "bench/fit_belts.py")
    put("belts", part, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
