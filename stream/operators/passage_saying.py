"""What a judged window becomes: the tags of a Passage with their verdicts, the sightings it rests on, and which tags it
may not claim because they have just passed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stream.model import PassageTag, Sightings, TagVerdict
from stream.operators.passage_facts import Cut
from stream.operators.passage_features import FEATURES, TagFeatures
from stream.operators.passage_rows import PassageRows
from stream.operators.passage_state import PassageRecord


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


def spent_tags(record: PassageRecord, settled: Sequence[PassageRecord], again_s: float) -> set[str]:
    """Tags of a load that passed just before a window without beams: the rest of its reads is no second load."""
    if record.by_eyes:
        return set()
    just_us = record.opened_us - int(again_s * 1e6)
    return {
        epc
        for before in settled
        if before is not record and not before.by_eyes and just_us <= (before.closed_us or 0) <= record.opened_us
        for said in before.said
        for epc, verdict in said.verdicts.items()
        if verdict is TagVerdict.BELONGS
    }


def members(verdicts: Mapping[str, TagVerdict]) -> bool:
    """Whether any tag may belong."""
    return any(verdict is not TagVerdict.STRAY for verdict in verdicts.values())
