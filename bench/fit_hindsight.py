"""Fit the second look at loads (`stream.operators.passage_hindsight`) and put it into the shipped weights file.

    python -m bench.fit_hindsight [--seeds 3] [--drawn 60] [--out FILE]

The operator judges recordings with the shipped weights, and every load it would look at again gives its tags as seen by
then. Only scenarios of split `fit` and drawn ones are used, of seeds that `bench.fit_passages` leaves alone (their
`SEEDS_AFTER` and `DRAWN_AFTER` first are its own): what the first look says there is what it will say at a site.
Recordings are taken as built, without photo-eyes, and as others would have made them; those of which too little is
known are not looked at again, and windows of two loads that met, or of one that crawled, are left out. How trees are
grown, `bench.seen_tags` says.
"""

import argparse
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.door_cases import case
from bench.fit_passages import OUT, STATE
from bench.passage_samples import assigned, unfitted
from bench.recording_configurations import Change, any_configuration, configured, no_eyes
from bench.seen_tags import SeenTags, Watching, fit, joined, put, seen_by
from simulators.scenarios.drawn import drawn
from simulators.scenarios.spec import Scenario, Split, library
from simulators.scenarios.split import DRAWN_SEEDS, FIT_SEEDS
from stream.model import Passage
from stream.operators.passage_features import FEATURES
from stream.operators.passage_hindsight import seen_since
from stream.operators.passage_model import shipped_model
from stream.operators.passage_state import PassageParams, PassageRecord

SEEDS_AFTER, DRAWN_AFTER = 10, 400


class _LooksAgain(Watching):
    """The operator, keeping what its second looks see instead of judging it."""

    def _evaluate(self, record: PassageRecord, closed_us: int, final: bool, amend: bool = False) -> list[Passage]:
        self.closes(record, final=final, amend=amend)
        if not amend or record.until_us is None:
            return super()._evaluate(record, closed_us, final, amend)
        if len(record.said) > 1 or record.crossed_us is not None:
            return []
        cut = self._looks.cuts.cut(record, closed_us, record.breaks, self._tick_us or 0, self._windows)
        (first,) = self._looks.judge(record, cut, record.breaks, may_part=False)
        tags = seen_since(self._looks.cuts.until(cut, record.until_us), first)
        self.keep(record, tags.tags, tags.matrix, first.scores)
        return []


def seen_again(scenario: Scenario, seed: int) -> SeenTags | None:
    """The second looks at one recording, made in several ways; None where there was none."""
    site, reads, truth = case(scenario, seed)
    rng = np.random.default_rng([STATE, seed, zlib.crc32(scenario.name.encode())])
    ways: list[tuple[Change, ...]] = [(), any_configuration(rng)]
    ways += [(no_eyes,)] if scenario.layout.photo_eyes else []
    model = replace(shipped_model(), hindsight=unfitted().passes[0])
    params = PassageParams(model=model, provisional_every_s=None)
    parts: list[SeenTags] = []
    for changes in ways:
        made_site, made = configured(site, reads, changes, rng)
        if len(made):
            parts += seen_by(_LooksAgain, made_site, made, params, truth, assigned)
    return joined(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each fitting scenario of the library")
    parser.add_argument("--drawn", type=int, default=60, help="drawn scenarios")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    doors = [each for each in library() if each.split is Split.FIT and not each.layout.zones]
    seeds = FIT_SEEDS[SEEDS_AFTER : SEEDS_AFTER + options.seeds]
    chosen = [(scenario, seed) for scenario in doors for seed in seeds]
    chosen += [(drawn(seed), seed) for seed in DRAWN_SEEDS[DRAWN_AFTER : DRAWN_AFTER + options.drawn]]
    part = fit(seen_again, chosen, FEATURES, ("first look", "second look"), "bench/fit_hindsight.py")
    put("hindsight", part, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
