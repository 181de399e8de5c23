"""Fit the second look at loads (`stream.operators.passage_hindsight`) and put it into the shipped weights file.

    python -m bench.fit_hindsight [--seeds 3] [--drawn 60] [--out FILE]

The operator judges recordings with the shipped weights, and every load it would look at again gives its tags as seen by
then. Only scenarios of split `fit` and drawn ones are used, of seeds that `bench.fit_passages` leaves alone (their
`SEEDS_AFTER` and `DRAWN_AFTER` first are its own): what the first look says there is what it will say at a site.
Recordings are taken as built, without photo-eyes, and as others would have made them; those of which too little is
known are not looked at again, and windows of two loads that met, or of one that crawled, are left out. Boosted trees,
the larger of `bench.fit_passages`; Platt's calibration on what each of `FOLDS` parts of the recordings is told by trees
grown on the others.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from bench.door_cases import case
from bench.fit_passages import OUT, STATE, WORKERS, Matrix, exported, grow, report
from bench.passage_samples import assigned, feed, unfitted
from bench.recording_configurations import Change, any_configuration, configured, no_eyes
from simulators.scenarios.drawn import drawn
from simulators.scenarios.spec import Scenario, Split, library
from simulators.scenarios.split import DRAWN_SEEDS, FIT_SEEDS
from stream.model import Passage
from stream.operators.passage_features import FEATURES
from stream.operators.passage_hindsight import seen_since
from stream.operators.passage_judge import judge
from stream.operators.passage_model import shipped_model
from stream.operators.passage_state import PassageParams, PassageRecord
from stream.operators.passages import PassageOperator
from tagledger.decide import as_recorded, door_parts, reduce_reads

SEEDS_AFTER, DRAWN_AFTER = 10, 400
FOLDS = 4
DULL = 0.002
"""Of tags that the first look scored below it, and that do not belong, a quarter goes in at four times the weight."""


@dataclass(frozen=True, slots=True)
class SeenAgain:
    """The tags of the loads of one recording that were looked at again: features, what the first look said, truth."""

    matrix: Matrix
    said: Matrix
    belongs: NDArray[np.bool_]


class _LooksAgain(PassageOperator):
    """The operator, keeping what its second looks see instead of judging it."""

    seen: list[tuple[PassageRecord, tuple[str, ...], Matrix, Matrix]]
    closed: list[PassageRecord]

    def _evaluate(self, record: PassageRecord, closed_us: int, final: bool, amend: bool = False) -> list[Passage]:
        if not amend:
            if final and record.closed_us is not None:
                self.closed.append(record)
            return super()._evaluate(record, closed_us, final)
        if record.until_us is None:
            return super()._evaluate(record, closed_us, final, amend)
        if len(record.said) > 1 or record.crossed_us is not None:
            return []
        eyes = self._portal.photo_eyes
        cut = self._cuts.cut(record, closed_us, record.breaks, self._tick_us or 0, self._windows)
        (first,) = judge(cut, eyes, record.breaks, self._model, self._direction_score_min, may_part=False)
        tags = seen_since(self._cuts.until(cut, record.until_us), first)
        epcs = tuple(self._rows.tags[tag] for tag in tags.tags.tolist())
        self.seen.append((record, epcs, tags.matrix, first.scores))
        return []


def seen_again(scenario: Scenario, seed: int) -> SeenAgain | None:
    """The second looks at one recording, made in several ways; None where there was none."""
    site, reads, truth = case(scenario, seed)
    rng = np.random.default_rng([STATE, seed, zlib.crc32(scenario.name.encode())])
    ways: list[tuple[Change, ...]] = [(), any_configuration(rng)]
    ways += [(no_eyes,)] if scenario.layout.photo_eyes else []
    parts: list[tuple[Matrix, Matrix, NDArray[np.bool_]]] = []
    for changes in ways:
        made_site, made = configured(site, reads, changes, rng)
        if not len(made):
            continue
        model = replace(shipped_model(), hindsight=unfitted().passes[0])
        params = PassageParams(model=model, provisional_every_s=None)
        doors: dict[str, _LooksAgain] = {}
        for portal in made_site.portals:
            door = _LooksAgain(*door_parts(made_site, portal), as_recorded(portal, made, params))
            door.seen, door.closed = [], []
            doors[portal.name] = door
        feed(doors, made_site, reduce_reads(made), made.events)
        for name, door in doors.items():
            loads = assigned(door.closed, [load for load in truth.loads if load.portal == name])
            members = {
                record.passage_id: {epc for load in its for epc in load.epcs}
                for record, its in zip(door.closed, loads, strict=True)
            }
            for record, epcs, matrix, said in door.seen:
                parts.append((matrix, said, np.array([epc in members[record.passage_id] for epc in epcs], np.bool_)))
    if not parts:
        return None
    matrices, said_by, belonging = zip(*parts, strict=True)
    return SeenAgain(np.concatenate(matrices), np.concatenate(said_by), np.concatenate(belonging))


def grown(seen: Sequence[SeenAgain], features: Sequence[str], names: tuple[str, str]) -> tuple[int, dict[str, object]]:
    """How many tags there were, and the trees; prints how well what was said before and they tell, by those `names`."""
    matrix, said, belongs = (
        np.concatenate([getattr(each, name) for each in seen]) for name in ("matrix", "said", "belongs")
    )
    fold = np.repeat(np.arange(len(seen)) % FOLDS, [len(each.said) for each in seen])
    print(f"{len(seen)} recordings, {len(said)} tags", flush=True)
    dull = ~belongs & (said < DULL)
    weight = np.where(dull, 4.0, 1.0)
    train = ~dull | (np.random.default_rng(STATE).random(len(said)) < 0.25)
    raw = np.zeros(len(said))
    for number in range(FOLDS):
        mine = fold == number
        told = train & ~mine
        raw[mine] = grow(matrix[told], belongs[told], weight[told], "large").decision_function(matrix[mine])
    platt = LogisticRegression(C=1e6).fit(raw.reshape(-1, 1), belongs)
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    report(names[0], belongs, said)
    report(names[1], belongs, 1.0 / (1.0 + np.exp(-(slope * raw + shift))))
    out = exported(grow(matrix[train], belongs[train], weight[train], "large")) | {"features": list(features)}
    out["calibration_x"], out["calibration_y"] = [-20.0, 20.0], [slope * -20.0 + shift, slope * 20.0 + shift]
    return len(said), out


def fit(chosen: Sequence[tuple[Scenario, int]]) -> dict[str, object]:
    """The second look's part of the weights file."""
    with ProcessPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(seen_again, *each) for each in chosen]
        seen = [found for job in jobs if (found := job.result()) is not None]
    tags, out = grown(seen, FEATURES, ("first look", "second look"))
    made_by = f"bench/fit_hindsight.py: {len(seen)} recordings, {tags} tags, {len(FEATURES)} features"
    return {"made_by": made_by, **out}


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
    content = json.loads(OUT.read_text(encoding="utf-8")) | {"hindsight": fit(chosen)}
    options.out.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{options.out}: {options.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
