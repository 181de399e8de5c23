"""Doors the fitting scenarios do not have, made from passages they do have, so that the model has met them.

Each variant changes the rows of a cut the way another door or reader would, and keeps the answers:

- `sparse`: tags answer once and rest (session 2 or 3, single target): a tag's first sighting after a pause stays, of
  the others one in ten.
- `faster`: everything goes 1.3 to 3 times as fast, and is read as often in a second as it was.
- `fewer_antennas`: one antenna a side stays, or two sides lose some.
- `abreast`: the load of another passage in the same direction joins, up to 0.8 s later; both belong.
- `meeting`: the load of another passage in the other direction joins; judged once toward each way, as
  `passage_judge` does.
- `offset`: every antenna's RSSI is off by its own few dB, and the whole door's by some more, as cables and readers are.

What readers report less of, and sites do not say, is a matter of whole recordings (`bench.recording_configurations`).
What joins brings its own sightings: two loads do not shadow each other or share air time here, as they would.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.passage_samples import Sample
from stream.operators.passage_facts import Cut
from stream.operators.passage_features import TagFeatures
from stream.operators.passage_judge import WANDER_MIN, wander
from stream.operators.passage_past import peaks
from warehouse.site import Direction

SPARSE_PAUSE_US = 1_500_000


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to judge: a cut, who belongs (by tag id), the way for parted loads, and the sample if unchanged."""

    seed: int
    cut: Cut
    members: NDArray[np.int64]
    way: int = 0
    sample: Sample | None = None


def cases(samples: Sequence[Sample], rng: np.random.Generator) -> Iterator[Case]:
    """Every sample as it was, and variants of some."""
    loads = [sample for sample in samples if sample.direction is not None and sample.positive.any()]
    for sample in samples:
        members = np.flatnonzero(sample.positive).astype(np.int64)
        plain = Case(sample.seed, sample.cut, members)
        yield replace(plain, sample=sample)
        if rng.random() < 0.1:
            yield replace(plain, cut=sparse(sample.cut, rng))
        if rng.random() < 0.2:
            yield replace(plain, cut=faster(sample.cut, rng))
        if rng.random() < 0.15:
            yield replace(plain, cut=fewer_antennas(sample.cut, rng))
        if rng.random() < 0.15:
            yield replace(plain, cut=offset(sample.cut, rng))
        if sample.direction is not None and sample.positive.any() and rng.random() < 0.3:
            other = loads[int(rng.integers(len(loads)))]
            # Seeds kept apart must not leak into the others by joining them.
            if other.seed == sample.seed and other is not sample:
                yield from joined(sample, other, rng)


def sparse(cut: Cut, rng: np.random.Generator) -> Cut:
    """Most repeated sightings of a tag gone."""
    if not len(cut.rows):
        return cut
    order = np.lexsort((cut.rows["first_us"], cut.rows["tag"]))
    rows = cut.rows[order]
    pause = np.diff(rows["first_us"], prepend=rows["first_us"][:1] - 10**9)
    new_tag = np.diff(rows["tag"], prepend=-1) != 0
    # What is seen in the first second of the lookback was mostly there before.
    first = new_tag & ((rows["first_us"] > rows["first_us"].min() + 1_000_000) | (rng.random(len(rows)) < 0.2))
    keep = first | (~new_tag & (pause > SPARSE_PAUSE_US)) | (rng.random(len(rows)) < 0.1)
    return replace(cut, rows=rows[keep])


def faster(cut: Cut, rng: np.random.Generator) -> Cut:
    """The same at up to three times the speed."""
    factor = rng.uniform(1.3, 3.0)

    def then(at_us: NDArray[np.int64] | int) -> NDArray[np.int64]:
        return np.asarray(cut.opened_us + (at_us - cut.opened_us) / factor, np.int64)

    rows = cut.rows[rng.random(len(cut.rows)) < 1.0 / factor].copy()
    for name in ("first_us", "last_us"):
        rows[name] = then(rows[name])
    for name in ("doppler_hz", "phase_slope_rad_s"):
        rows[name] *= factor
    first_beam_us = None if cut.first_beam_us is None else int(then(cut.first_beam_us))
    return replace(cut, rows=rows, closed_us=int(then(cut.closed_us)), first_beam_us=first_beam_us)


def fewer_antennas(cut: Cut, rng: np.random.Generator) -> Cut:
    """One own antenna a side, any of them."""
    keep = ~cut.own.copy()
    for side in (1, -1, 0):
        there = np.flatnonzero(cut.own & (cut.side == side))
        if len(there):
            keep[rng.choice(there)] = True
    own = cut.own & keep
    return replace(cut, rows=cut.rows[keep[cut.rows["antenna"]]], own=own)


def offset(cut: Cut, rng: np.random.Generator) -> Cut:
    """RSSI off by some dB, differently by antenna."""
    off_db = rng.normal(0.0, 5.0) + rng.normal(0.0, 2.5, len(cut.own))
    rows = cut.rows.copy()
    rows["peak_dbm"] += off_db[rows["antenna"]].astype(np.float32)
    rows["power_mw"] *= np.power(10.0, off_db[rows["antenna"]] / 10.0)
    return replace(cut, rows=rows)


def joined(sample: Sample, other: Sample, rng: np.random.Generator) -> Iterator[Case]:
    """The other sample's load joins this one: abreast, or meeting it."""
    cut, guest = sample.cut, other.cut
    antenna = _matched(cut, guest)
    if antenna is None:
        return
    together = other.direction is sample.direction
    delay_us = int(rng.uniform(0.0, 0.8 if together else 2.0) * 1e6)
    rows = guest.rows[other.positive[guest.rows["tag"]]].copy()
    rows = rows[antenna[rows["antenna"]] >= 0]
    rows["antenna"] = antenna[rows["antenna"]]
    rows["tag"] += len(cut.background)
    shift = _middle(sample) + delay_us - _middle(other)
    rows["first_us"] += shift
    rows["last_us"] += shift
    end = cut.closed_us + cut.tail_us + (delay_us if together else 0)
    rows = rows[rows["first_us"] <= end]
    own_members = np.flatnonzero(sample.positive).astype(np.int64)
    guests = np.unique(rows["tag"]).astype(np.int64)
    background = np.concatenate([cut.background, np.zeros_like(guest.background)])
    mixed = replace(cut, rows=np.concatenate([cut.rows, rows]), background=background)
    if together:
        yield Case(
            sample.seed, replace(mixed, closed_us=cut.closed_us + delay_us), np.concatenate([own_members, guests])
        )
        return
    for direction, members in ((sample.direction, own_members), (other.direction, guests)):
        way = 1 if direction is Direction.IN else -1
        yield Case(sample.seed, replace(mixed, eyes_way=way, eyes_back=False), members, way)


def crowd_of(case: Case, guess: TagFeatures) -> NDArray[np.float64] | None:
    """The crowd the first pass starts from: None (guessed) or, for parted loads, those that wander this way."""
    if not case.way:
        return None
    return guess.weight * (case.way * wander(guess) > WANDER_MIN)


def toward_crowd(case: Case, guess: TagFeatures, score: NDArray[np.float64]) -> NDArray[np.float64]:
    """The crowd a further pass starts from: that of the pass before, of parted loads those that wander this way."""
    if not case.way:
        return score
    return score * (case.way * wander(guess) > 0.0)


def _middle(sample: Sample) -> int:
    """When the load was in the middle: the median of its strong sightings."""
    rows = sample.cut.rows
    mine = sample.positive[rows["tag"]] & sample.cut.own[rows["antenna"]]
    mine &= rows["first_us"] >= sample.cut.opened_us - sample.cut.approach_us
    if not mine.any():
        return (sample.cut.opened_us + sample.cut.closed_us) // 2
    level = peaks(rows)
    strong = mine & (level >= np.quantile(level[mine], 0.7))
    return int(np.median(rows["first_us"][strong]))


def _matched(cut: Cut, guest: Cut) -> NDArray[np.int64] | None:
    """The guest's antenna ids as ours, side by side; -1 for antennas without a counterpart, None when sides differ."""
    out = np.full(len(guest.own), -1, np.int64)
    for side in (1, -1) if cut.side.any() or guest.side.any() else (0,):
        ours, theirs = np.flatnonzero(cut.own & (cut.side == side)), np.flatnonzero(guest.own & (guest.side == side))
        if not len(ours) or not len(theirs):
            return None
        for number, antenna in enumerate(theirs.tolist()):
            out[antenna] = ours[number % len(ours)]
    away, beside = np.flatnonzero(~cut.own), np.flatnonzero(~guest.own)
    for number, antenna in enumerate(beside.tolist()):
        if len(away):
            out[antenna] = away[number % len(away)]
    return out
