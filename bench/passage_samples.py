"""Passages with known answers, for fitting: what the operator cut from a simulated recording, and who belonged.

A window's loads are those whose middle lies in it (a load in several windows counts in the one nearest to its middle);
their tags are positive, all other tags seen are negative. Every recording is used as built, without its photo-eyes, and
as others would have made it (`bench.recording_configurations`), so that the model has met what it will meet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulators.physics.recording import LoadTruth, Truth
from stream.model import DeviceEvent, Passage, Sightings, TagVerdict
from stream.operators.passage_facts import Cut
from stream.operators.passage_features import FEATURES
from stream.operators.passage_model import PassageModel, TagModel
from stream.operators.passage_state import PassageParams, PassageRecord, Said
from stream.operators.passages import PassageOperator
from stream.routing import Router
from tagledger.decide import batches, door_parts
from warehouse.site import Direction, Portal, Site


@dataclass(frozen=True, slots=True)
class Sample:
    """One passage: its cut, its tags by id, who belonged, and which way (None: nothing went through)."""

    case: str
    seed: int
    by_eyes: bool
    portal: Portal
    record: PassageRecord
    cut: Cut
    tags: tuple[str, ...]
    positive: NDArray[np.bool_]
    direction: Direction | None


class _Recorder(PassageOperator):
    """The operator with its judgement taken out: it keeps every cut it would have judged."""

    kept: list[tuple[PassageRecord, Cut, tuple[str, ...]]]
    middles_us: list[int]

    def _evaluate(self, record: PassageRecord, closed_us: int, final: bool, amend: bool = False) -> list[Passage]:
        if record.closed_us is None:
            return []
        record.judged_us = closed_us
        if final and not amend:
            if any(record.opened_us <= middle <= closed_us for middle in self.middles_us):
                # What a good model would have said, so that the windows adapt as they will at a site.
                record.said = [Said(1, verdicts={"": TagVerdict.BELONGS})]
            cut = self._looks.cuts.cut(record, closed_us, record.breaks, self._tick_us or 0)
            # All rows instead of their sums: variants change what was heard before as well.
            lookback_us = int(self._params.lookback_s * 1e6)
            before = self._rows.between(cut.opened_us - lookback_us, cut.opened_us - cut.approach_us)
            cut = replace(cut, rows=np.concatenate([before, cut.rows]), past=None)
            self.kept.append((record, cut, tuple(self._rows.tags)))
        return []


def unfitted() -> PassageModel:
    """A model of today's features that knows nothing: the shipped one may be of yesterday's."""
    size, none = len(FEATURES), np.empty(0)
    blank = TagModel(FEATURES, np.zeros(size), np.ones(size), np.zeros(size), 0.0, None, none, none)
    return PassageModel((blank,), {}, "unfitted")


def samples(
    case: str, seed: int, site: Site, seen: Sightings, events: Sequence[DeviceEvent], truth: Truth
) -> Iterator[Sample]:
    """Every passage of one recording."""
    doors: dict[str, _Recorder] = {}
    for portal in site.portals:
        doors[portal.name] = _Recorder(*door_parts(site, portal), PassageParams(model=unfitted()))
        doors[portal.name].kept = []
        doors[portal.name].middles_us = [
            (load.start_us + load.end_us) // 2 for load in truth.loads if load.portal == portal.name
        ]
    feed(doors, site, seen, events)
    for portal in site.portals:
        kept = doors[portal.name].kept
        loads = assigned(
            [record for record, _, _ in kept], [load for load in truth.loads if load.portal == portal.name]
        )
        for (record, cut, tags), members in zip(kept, loads, strict=True):
            belonging = {epc for load in members for epc in load.epcs}
            ways = {load.direction for load in members}
            positive = np.fromiter((epc in belonging for epc in tags), np.bool_, len(tags))
            direction = next(iter(ways)) if len(ways) == 1 else None
            yield Sample(case, seed, record.by_eyes, portal, record, cut, tags, positive, direction)


def feed(doors: Mapping[str, PassageOperator], site: Site, seen: Sightings, events: Sequence[DeviceEvent]) -> None:
    """A recording to the operators of its portals, by name."""
    # A recording has one agent, whatever the site file says of who owns which reader.
    router = Router(replace(site, readers=tuple(replace(reader, agent="") for reader in site.readers)))
    for batch in batches(seen, events):
        slices = router.route(batch).slices
        for name, door in doors.items():
            piece = slices.get(name)
            door.on_batch(batch.watermark_us, [piece] if piece else [])


def assigned(records: Sequence[PassageRecord], loads: Sequence[LoadTruth]) -> list[list[LoadTruth]]:
    """The loads of each window: those whose middle lies in it, each in the nearest one."""
    out: list[list[LoadTruth]] = [[] for _ in records]
    for load in loads:
        middle = (load.start_us + load.end_us) // 2
        around = [
            (abs((record.opened_us + (record.closed_us or 0)) // 2 - middle), index)
            for index, record in enumerate(records)
            if record.opened_us - 500_000 <= middle <= (record.closed_us or 0) + 500_000
        ]
        if around:
            out[min(around)[1]].append(load)
    return out
