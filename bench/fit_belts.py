"""Fit what tells the tags of a window of beams on one side (`stream.operators.passage_belt`), into the shipped weights.

    python -m bench.fit_belts [--belts 80] [--drawn 120] [--out FILE]

The operator judges recordings with the shipped weights, less those of belts, and every window of one photo-eye gives
its tags as they are seen when it closed, and again when the one behind it did. Belts are drawn (`drawn_belts`, of seeds
that `bench.recordings` leaves alone), and so are doors (of seeds that `bench.fit_passages` and `bench.fit_hindsight`
leave alone): one photo-eye is as usual there. All get one a lane (`beam`), once as they are and once as others would
have recorded them. Only tags of the window's cell are asked about: what is nearer to another window is that one's.
Boosted trees, the larger of `bench.fit_passages`; Platt's calibration on what each of `FOLDS` parts of the recordings
is told by trees grown on the others.
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

from bench.door_cases import case
from bench.fit_hindsight import DRAWN_AFTER, SeenAgain, grown
from bench.fit_passages import OUT, STATE, WORKERS, Matrix
from bench.passage_samples import assigned, feed
from bench.recording_configurations import any_configuration, beam, configured, passing
from simulators.physics.recording import LoadTruth
from simulators.scenarios.drawn import drawn
from simulators.scenarios.drawn_belts import drawn_belts
from simulators.scenarios.spec import Scenario
from simulators.scenarios.split import DRAWN_SEEDS
from stream.model import Passage
from stream.operators.passage_belt import BELT_FEATURES, belt_matrix
from stream.operators.passage_judge import judge
from stream.operators.passage_model import shipped_model
from stream.operators.passage_state import PassageParams, PassageRecord
from stream.operators.passages import PassageOperator
from tagledger.decide import as_recorded, door_parts, reduce_reads

BELT_SEEDS = range(23_000, 24_000)
DOORS_AFTER = DRAWN_AFTER + 300


@dataclass(frozen=True, slots=True)
class Seen:
    """A window's tags in its cell: features, what the doors' weights said, EPCs."""

    record: PassageRecord
    epcs: tuple[str, ...]
    matrix: Matrix
    said: Matrix


class _Watched(PassageOperator):
    """The operator, keeping what it sees in windows of one photo-eye."""

    seen: list[Seen]
    closed: list[PassageRecord]

    def _evaluate(self, record: PassageRecord, closed_us: int, final: bool, amend: bool = False) -> list[Passage]:
        if final and not amend and record.closed_us is not None:
            self.closed.append(record)
        eyes = self._portal.photo_eyes
        cut = self._cuts.cut(record, closed_us, record.breaks, self._tick_us or 0, self._windows)
        if final and cut.convoy is not None:
            (load,) = judge(cut, eyes, record.breaks, self._model, self._direction_score_min, may_part=False)
            if not len(load.scores):
                return super()._evaluate(record, closed_us, final, amend)
            here = cut.convoy.here[load.tags.tags]
            epcs = tuple(self._rows.tags[tag] for tag in load.tags.tags[here].tolist())
            matrix = belt_matrix(cut.convoy, load.tags, load.scores)[here]
            self.seen.append(Seen(record, epcs, matrix, load.scores[here]))
        return super()._evaluate(record, closed_us, final, amend)


def seen_at(scenario: Scenario, seed: int) -> SeenAgain | None:
    """The windows of one recording, made in two ways; None where there was none."""
    site, reads, truth = case(scenario, seed)
    rng = np.random.default_rng([STATE, seed, zlib.crc32(scenario.name.encode())])
    params = PassageParams(model=replace(shipped_model(), belts=None), provisional_every_s=None)
    parts: list[tuple[Seen, set[str]]] = []
    for changes in ((), any_configuration(rng)):
        made_site, made = configured(site, reads, (*changes, beam(truth.loads)), rng)
        if not len(made):
            continue
        doors: dict[str, _Watched] = {}
        for portal in made_site.portals:
            door = _Watched(*door_parts(made_site, portal), as_recorded(portal, made, params))
            door.seen, door.closed = [], []
            doors[portal.name] = door
        feed(doors, made_site, reduce_reads(made), made.events)
        for name, door in doors.items():
            loads = _loads(door.closed, [load for load in truth.loads if load.portal == name])
            members = {
                record.passage_id: {epc for load in its for epc in load.epcs}
                for record, its in zip(door.closed, loads, strict=True)
            }
            parts += [(seen, members[seen.record.passage_id]) for seen in door.seen]
    if not parts:
        return None
    return SeenAgain(
        np.concatenate([seen.matrix for seen, _ in parts]),
        np.concatenate([seen.said for seen, _ in parts]),
        np.array([epc in members for seen, members in parts for epc in seen.epcs], np.bool_),
    )


def _loads(closed: Sequence[PassageRecord], loads: Sequence[LoadTruth]) -> list[list[LoadTruth]]:
    """The loads of each window: their photo-eye broke once for what passed together."""
    together = passing(loads)
    if len(together) != len(closed):
        return assigned(closed, loads)
    return [[load for load in loads if start <= load.start_us and load.end_us <= end] for start, end in together]


def fit(chosen: Sequence[tuple[Scenario, int]]) -> dict[str, object]:
    """The belts' part of the weights file."""
    with ProcessPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(seen_at, *each) for each in chosen]
        seen = [found for job in jobs if (found := job.result()) is not None]
    tags, out = grown(seen, BELT_FEATURES, ("doors' weights", "belts' weights"))
    made_by = f"bench/fit_belts.py: {len(seen)} recordings, {tags} tags, {len(BELT_FEATURES)} features"
    return {"made_by": made_by, **out}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--belts", type=int, default=80, help="drawn belts")
    parser.add_argument("--drawn", type=int, default=120, help="drawn doors")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    chosen = [(drawn_belts(seed), seed) for seed in BELT_SEEDS[: options.belts]]
    chosen += [(drawn(seed), seed) for seed in DRAWN_SEEDS[DOORS_AFTER : DOORS_AFTER + options.drawn]]
    content = json.loads(OUT.read_text(encoding="utf-8")) | {"belts": fit(chosen)}
    options.out.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{options.out}: {options.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
