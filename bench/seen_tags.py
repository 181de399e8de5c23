"""Tags as a running operator sees them, with the truth: what a further look at loads is fitted on.

`bench.fit_hindsight` (the second look) and `bench.fit_belts` (windows of one photo-eye) let operators with shipped
weights judge recordings and keep what such a look would see (`Watching`); here they are fed, told who belonged, and the
trees grown: boosted trees, the larger of `bench.fit_passages`; Platt's calibration on what each of `FOLDS` parts of the
recordings is told by trees grown on the others.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from bench.fit_passages import OUT, STATE, WORKERS, Matrix, exported, grow, report
from bench.passage_samples import feed
from simulators.physics.recording import LoadTruth, Truth
from simulators.scenarios.spec import Scenario
from stream.operators.passage_state import PassageParams, PassageRecord
from stream.operators.passages import PassageOperator
from stream.recorded import RecordedReads
from tagledger.decide import as_recorded, door_parts, reduce_reads
from warehouse.site import Site

FOLDS = 4
DULL = 0.002
"""Of tags that were scored below it before, and that do not belong, a quarter goes in at four times the weight."""
Assign = Callable[[Sequence[PassageRecord], Sequence[LoadTruth]], list[list[LoadTruth]]]
"""The loads of each window."""


@dataclass(frozen=True, slots=True)
class SeenTags:
    """Tags of loads: features, what was said of them before, truth."""

    matrix: Matrix
    said: Matrix
    belongs: NDArray[np.bool_]


class Watching(PassageOperator):
    """An operator that keeps what is seen of some windows, and which windows closed."""

    seen: list[tuple[PassageRecord, tuple[str, ...], Matrix, Matrix]]
    closed: list[PassageRecord]

    def closes(self, record: PassageRecord, *, final: bool, amend: bool) -> None:
        """Called before each judgement: what is told before a window closed, or once more, closes nothing."""
        if final and not amend and record.closed_us is not None:
            self.closed.append(record)

    def keep(self, record: PassageRecord, tags: NDArray[np.int64], matrix: Matrix, said: Matrix) -> None:
        """What is seen of tags, by id."""
        self.seen.append((record, tuple(self._rows.tags[tag] for tag in tags.tolist()), matrix, said))


def seen_by(
    kind: type[Watching], site: Site, reads: RecordedReads, params: PassageParams, truth: Truth, assign: Assign
) -> list[SeenTags]:
    """One recording, window by window."""
    doors: dict[str, Watching] = {}
    for portal in site.portals:
        door = kind(*door_parts(site, portal), as_recorded(portal, reads, params))
        door.seen, door.closed = [], []
        doors[portal.name] = door
    feed(doors, site, reduce_reads(reads), reads.events)
    out = []
    for name, door in doors.items():
        loads = assign(door.closed, [load for load in truth.loads if load.portal == name])
        members = {
            record.passage_id: {epc for load in its for epc in load.epcs}
            for record, its in zip(door.closed, loads, strict=True)
        }
        for record, epcs, matrix, said in door.seen:
            belongs = np.array([epc in members[record.passage_id] for epc in epcs], np.bool_)
            out.append(SeenTags(matrix, said, belongs))
    return out


def joined(parts: Sequence[SeenTags]) -> SeenTags | None:
    """All as one; None of nothing."""
    if not parts:
        return None
    return SeenTags(
        *(np.concatenate([getattr(each, name) for each in parts]) for name in ("matrix", "said", "belongs"))
    )


def fit(
    seen_at: Callable[[Scenario, int], SeenTags | None],
    chosen: Sequence[tuple[Scenario, int]],
    features: Sequence[str],
    names: tuple[str, str],
    script: str,
) -> dict[str, object]:
    """A part of the weights file; prints how well what was said before and the trees tell, by those `names`."""
    with ProcessPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(seen_at, *each) for each in chosen]
        seen = [found for job in jobs if (found := job.result()) is not None]
    tags = joined(seen)
    if tags is None:
        raise ValueError("no recording shows such a window: choose more of them")
    matrix, said, belongs = tags.matrix, tags.said, tags.belongs
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
    made_by = f"{script}: {len(seen)} recordings, {len(said)} tags, {len(features)} features"
    out = exported(grow(matrix[train], belongs[train], weight[train], "large")) | {"features": list(features)}
    out["calibration_x"], out["calibration_y"] = [-20.0, 20.0], [slope * -20.0 + shift, slope * 20.0 + shift]
    return {"made_by": made_by, **out}


def put(part: str, content: dict[str, object], out: Path) -> None:
    """The shipped weights with that part, as a file."""
    whole = json.loads(OUT.read_text(encoding="utf-8")) | {part: content}
    out.write_text(json.dumps(whole, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{out}: {out.stat().st_size} bytes")
