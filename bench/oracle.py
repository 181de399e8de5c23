"""What bounds the decisions: the same scores given the true windows, and the best threshold each load could have had.

    python -m bench.oracle [--held-out] [NAME ...]

Three questions about the loads of the dev scenarios (or the held-out ones), one column each:

- `heard`: of the tags of a load, those that the door's own antennas read at all in the load's true window; what is not
  heard, nobody can decide.
- `true window`: precision, recall and exact loads when every load is judged over its true window (of two that meet, as
  the one that goes its way): what is left is the scores' fault, the rest was the windows'.
- `parted`: loads all of whose read tags score above all others' of their passage, in the windows as found: they would
  be exact with a threshold of their own, which nobody knows beforehand. No rule that only looks at scores gives more.

Nothing here is a way to decide: it says what is worth working on.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from uuid import NAMESPACE_OID, uuid5

import numpy as np

from bench.accuracy import truth_of
from bench.door_cases import DEV_SEEDS, HELD_SEEDS, case
from bench.passage_samples import feed
from simulators.scenarios.spec import Scenario, Split, library
from stream.model import Passage
from stream.operators.passage_edges import Beam
from stream.operators.passage_state import PassageParams, PassageRecord
from stream.operators.passage_window import BeamBreak, WindowEdge
from stream.operators.passages import PassageOperator
from stream.recorded_truth import TrueLoad
from stream.scoring import LoadScore, PassageScore, score_passages
from tagledger.decide import decide_recording, door_parts, reduce_reads
from tagledger.score import own_reads

WORKERS = 2
WAIT_US = 750_000
"""After a true window ends; reads of the tail are there by then."""
WIDER_US = 1_500_000
"""A door without photo-eyes sees a load for so much longer at both ends, and its scores were fitted on such windows."""


class _TrueWindows(PassageOperator):
    """The operator with windows told: every load is judged once, over its own."""

    due: list[TrueLoad]
    begun: list[tuple[TrueLoad, PassageRecord]]
    past: list[BeamBreak]
    judged: list[tuple[TrueLoad, list[Passage]]]

    @property
    def _idle(self) -> bool:
        return False

    def _ticked(self, start_us: int, end_us: int) -> tuple[list[Beam], list[tuple[WindowEdge, bool]]]:
        beams, edges = super()._ticked(start_us, end_us)
        self.past.extend(broken for edge, _ in edges for broken in edge.breaks)
        wider_us = 0 if self._portal.photo_eyes else WIDER_US
        for load in [load for load in self.due if load.start_us - wider_us < end_us]:
            self.due.remove(load)
            opened_us, closed_us = load.start_us - wider_us, load.end_us + wider_us
            background = self._background.at(len(self._rows.tags), opened_us // 1_000_000).tobytes()
            record = PassageRecord(uuid5(NAMESPACE_OID, load.load_id), opened_us, closed_us, background=background)
            self.begun.append((load, record))
        for load, record in [each for each in self.begun if (each[1].closed_us or 0) + WAIT_US < end_us]:
            self.begun.remove((load, record))
            there = [*self.past, *self._edges.eyes.state.breaks]
            record.breaks = [b for b in there if b.at_us <= load.end_us and (b.until_us or end_us) >= load.start_us]
            self.judged.append((load, self._evaluate(record, record.closed_us or 0, final=True)))
        # What tags are numbered stays as it is while a window is open.
        self._open = self.begun[0][1] if self.begun else None
        return beams, []


@dataclass(slots=True)
class Bound:
    """The three answers, summed up."""

    heard: int = 0
    tags: int = 0
    found: PassageScore = field(default_factory=lambda: PassageScore(()))
    told: PassageScore = field(default_factory=lambda: PassageScore(()))

    def __add__(self, other: "Bound") -> "Bound":
        return Bound(self.heard + other.heard, self.tags + other.tags, self.found + other.found, self.told + other.told)


def parted(score: LoadScore) -> bool:
    """Whether a threshold of its own would make the load exact."""
    if score.load is None or score.passage is None:
        return False
    true = set(score.load.epcs)
    lowest = min((tag.score for tag in score.passage.tags if tag.epc in true), default=0.0)
    highest = max((tag.score for tag in score.passage.tags if tag.epc not in true), default=0.0)
    unseen = score.right + score.missed - sum(tag.epc in true for tag in score.passage.tags)
    return lowest > highest and not unseen


def measure(scenario: Scenario, seed: int) -> Bound:
    """One recording."""
    site, reads, simulated = case(scenario, seed)
    truth = truth_of(simulated)
    own = {portal.name: own_reads(site, portal.name, reads) for portal in site.portals}
    params = PassageParams(provisional_every_s=None)
    decided, _ = decide_recording(site, reads, params)
    bound = Bound(found=score_passages(decided.final, truth.loads, own))
    doors: dict[str, _TrueWindows] = {}
    for portal in site.portals:
        door = doors[portal.name] = _TrueWindows(*door_parts(site, portal), params)
        door.due = [load for load in truth.loads if load.portal == portal.name]
        door.begun, door.past, door.judged = [], [], []
    feed(doors, site, reduce_reads(reads), reads.events)
    for name, door in doors.items():
        times = np.array([at for at, _ in own[name]], np.int64)
        for load, said in door.judged:
            low, high = np.searchsorted(times, [load.start_us, load.end_us]).tolist()
            bound.heard += len({epc for _, epc in own[name][low:high]} & set(load.epcs))
            bound.tags += len(load.epcs)
            toward = [passage for passage in said if passage.direction is load.direction] or said
            bound.told += score_passages(toward[:1], [load], own)
    return bound


def run(names: Sequence[str] = (), *, held_out: bool = False) -> None:
    """Measure and print."""
    split, seeds = (Split.HELD_OUT, HELD_SEEDS) if held_out else (Split.DEV, DEV_SEEDS)
    chosen = [each for each in library() if each.split is split and not each.layout.zones]
    chosen = [each for each in chosen if not names or each.name in names]
    print(f"{'':24s} {'as found':>23s} {'':7s} {'':7s} {'true window':>23s}")
    print(f"{'':24s} {'prec':>7s} {'recall':>7s} {'exact':>7s} {'parted':>7s} {'heard':>7s} ", end="")
    print(f"{'prec':>7s} {'recall':>7s} {'exact':>7s}")
    with ProcessPoolExecutor(WORKERS) as pool:
        jobs = [(scenario.name, [pool.submit(measure, scenario, seed) for seed in seeds]) for scenario in chosen]
        total = Bound()
        for name, each in jobs:
            bound = sum((job.result() for job in each), Bound())
            total += bound
            if bound.tags:
                _print(name, bound)
        _print("ALL", total)


def _print(name: str, bound: Bound) -> None:
    found, told = bound.found.shares(), bound.told.shares()
    loads = [score for score in bound.found.loads if score.load is not None]
    figures = [found[key].value for key in ("precision", "recall", "exact")]
    figures += [sum(parted(score) for score in loads) / len(loads), bound.heard / bound.tags]
    figures += [told[key].value for key in ("precision", "recall", "exact")]
    print(f"{name:24s} " + " ".join(f"{figure:7.3f}" for figure in figures), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="scenarios; all without")
    parser.add_argument("--held-out", action="store_true")
    options = parser.parse_args()
    run(options.names, held_out=options.held_out)
