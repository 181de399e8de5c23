"""What a judged window becomes: the tags of a Passage with their verdicts, the sightings it rests on, and which tags it
may not claim because they have just passed.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import uuid5

import numpy as np
from numpy.typing import NDArray

from stream.model import Passage, PassageTag, Sightings, TagVerdict
from stream.operators.passage_facts import Cut
from stream.operators.passage_features import FEATURES, TagFeatures
from stream.operators.passage_judge import Judged
from stream.operators.passage_looks import Look
from stream.operators.passage_model import Costs
from stream.operators.passage_rows import PassageRows
from stream.operators.passage_state import PassageRecord
from warehouse.site import Direction

SURE = 0.1, 0.9
"""Before its window closes a load is told of as final when every tag scores no higher than the one or at least the
other: of 115 such words on dev and drawn doors none had other tags, or another way, at the close."""


def passage_of(
    portal: str,
    rows: PassageRows,
    record: PassageRecord,
    number: int,
    look: Look,
    revision: int,
    withdrawn: bool,
) -> Passage:
    """What is said of one of a window's loads now; the second, of those that met, has an id of its own."""
    load, final = look.loads[number], look.final
    return Passage(
        passage_id=uuid5(record.passage_id, "opposite") if number else record.passage_id,
        portal=portal,
        opened_us=record.opened_us,
        closed_us=look.closed_us,
        direction=load.direction,
        direction_score=load.direction_score,
        tags=passage_tags(rows.tags, load.tags, load.scores, record.said[number].verdicts, final),
        final=final,
        revision=revision,
        evidence=evidence_of(rows, look.cut, load.tags) if final else None,
        withdrawn=withdrawn,
    )


def verdicts_on(load: Judged, epcs: Sequence[str], spent: set[str], costs: Costs) -> dict[str, TagVerdict]:
    """What is said of each of a load's tags by EPC; what has just passed is no part of it."""
    return {
        epcs[tag]: TagVerdict.STRAY if epcs[tag] in spent else costs.verdict(score)
        for tag, score in zip(load.tags.tags.tolist(), load.scores.tolist(), strict=True)
    }


def passage_tags(
    epcs: Sequence[str],
    tags: TagFeatures,
    scores: NDArray[np.float64],
    verdicts: Mapping[str, TagVerdict],
    final: bool,
) -> tuple[PassageTag, ...]:
    """One entry a tag, by EPC; a final passage carries what its verdicts were made of."""
    names = [epcs[tag] for tag in tags.tags.tolist()]
    order = sorted(range(len(names)), key=names.__getitem__)
    first, last, reads = tags.first_us.tolist(), tags.last_us.tolist(), tags.reads.tolist()
    matrix = np.round(tags.matrix, 4).tolist() if final else None
    return tuple(
        PassageTag(
            epc=names[i],
            verdict=verdicts[names[i]],
            score=round(float(scores[i]), 6),
            first_us=first[i],
            last_us=last[i],
            reads=reads[i],
            features=dict(zip(FEATURES, matrix[i], strict=True)) if matrix is not None else {},
        )
        for i in order
    )


def evidence_of(rows: PassageRows, cut: Cut, tags: TagFeatures) -> Sightings:
    """The sightings of those tags from the approach on."""
    start = cut.opened_us - cut.approach_us
    theirs = (cut.rows["first_us"] >= start) & np.isin(cut.rows["tag"], tags.tags)
    return rows.sightings(cut.rows.take(theirs.nonzero()[0]))


def spent_tags(
    record: PassageRecord,
    settled: Sequence[PassageRecord],
    again_s: float,
    epcs: Sequence[str],
    tags: TagFeatures,
    *,
    convoy: bool,
) -> set[str]:
    """Tags of a load that passed just before a window: the rest of its reads is no second load.

    Of a window without beams that is all of them; nor are tags that crossed with a load that crawls, at any time near:
    with which one they did is known by then. Of one of beams it is those whose power-weighted mean time lies nearer to
    the window before, as when a person follows a load; in a `convoy` cells tell that.
    """
    if record.crossed_us is not None or convoy:
        return set()
    just_us = record.opened_us - int(again_s * 1e6)
    before = [each for each in settled if each is not record and just_us <= (each.closed_us or 0) <= record.opened_us]
    if not record.by_eyes:
        crawled = [each for each in settled if each is not record and each.crossed_us is not None]
        return belonging(each for each in [*before, *crawled] if not each.by_eyes)
    earlier = tags.tags[
        tags.centroid_us < (max((each.closed_us or 0 for each in before), default=0) + record.opened_us) / 2
    ]
    return belonging(each for each in before if each.by_eyes) & {epcs[tag] for tag in earlier.tolist()}


def claimed_twice(settled: Sequence[PassageRecord]) -> list[PassageRecord]:
    """Windows that are said to hold tags which crossed with a load that crawls."""
    crossed = belonging(record for record in settled if record.crossed_us is not None)
    others = [record for record in settled if record.crossed_us is None and not record.by_eyes]
    return [record for record in others if belonging([record]) & crossed] if crossed else []


def belonging(records: Iterable[PassageRecord]) -> set[str]:
    """The tags said to belong to these."""
    return {
        epc
        for record in records
        for said in record.said
        for epc, verdict in said.verdicts.items()
        if verdict is TagVerdict.BELONGS
    }


def certain_tags(rows: PassageRows, load: Judged, verdicts: Mapping[str, TagVerdict], score_min: float) -> set[str]:
    """The tags of a load that the light counts on."""
    sure = load.tags.tags[load.scores >= score_min].tolist()
    return {epc for epc in map(rows.tags.__getitem__, sure) if verdicts[epc] is TagVerdict.BELONGS}


def members(verdicts: Mapping[str, TagVerdict]) -> dict[str, TagVerdict]:
    """The verdicts on tags that may belong."""
    return {epc: verdict for epc, verdict in verdicts.items() if verdict is not TagVerdict.STRAY}


def is_sure(loads: Sequence[Judged], epcs: Sequence[str], spent: set[str]) -> bool:
    """Whether there is one load, its way known, of whose tags none is in doubt and at least one has not just passed."""
    if len(loads) > 1 or loads[0].direction is Direction.UNSURE:
        return False
    load, (low, high) = loads[0], SURE
    ours = load.scores >= high
    sure = bool((ours | (load.scores <= low)).all())
    return sure and any(epcs[tag] not in spent for tag in load.tags.tags[ours].tolist())
