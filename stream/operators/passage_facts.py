"""What the rows of one passage say about each tag by itself, before anyone asks which tags are the load.

A judgement asks for features several times, each time with another guess of who the load is. What does not depend on
that guess is made here, once; so are the columns of the rows that still matter: only own rows, and other antennas' rows
inside the window, of tags that own antennas saw in the window.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_company import Company, company
from stream.operators.passage_convoy import Convoy
from stream.operators.passage_levels import Levels, levels
from stream.operators.passage_likeness import Traces, traces
from stream.operators.passage_past import FLOOR_DBM, Past, Phases, past_of, peaks, phases_of, read_power_mw
from stream.operators.passage_sums import Floats, summed

Flags = NDArray[np.bool_]
BIN_US = 250_000


@dataclass(frozen=True, slots=True)
class Cut:
    """The rows of one passage and what is known about their antennas.

    `own` and `side` are indexed by antenna id: whether it is the portal's, and +1 inside, -1 outside, 0 unknown;
    `sides_guessed` says that nobody told them, and which is inside is not known. `sides_told` is on how many sides the
    site has antennas, heard yet or not; None counts those heard.
    `first_beam_us`, `eyes_way` (+1 in, -1 out, 0 neither) and `eyes_back` (it came back) are the photo-eyes' word.
    With `past`, which sums up what was heard before the approach, `rows` begin with the approach. `convoy` is told of
    windows of beams on one side.
    """

    rows: NDArray[np.void]
    own: NDArray[np.bool_]
    side: NDArray[np.int8]
    background: NDArray[np.float32]
    opened_us: int
    closed_us: int
    approach_us: int
    tail_us: int
    first_beam_us: int | None = None
    eyes_way: int = 0
    eyes_back: bool = False
    past: Past | None = None
    sides_guessed: bool = False
    sides_told: int | None = None
    convoy: Convoy | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """Rows inside the window as columns, in order of arrival; `tag` numbers the tags of the facts."""

    tag: NDArray[np.int64]
    antenna: NDArray[np.int32]
    first_us: NDArray[np.int64]
    seconds: NDArray[np.float64]
    reads: Floats
    power: Floats
    amplitude: Floats


@dataclass(frozen=True, slots=True)
class Course:
    """The own rows in the order of tags and time: `signed` is the amplitude, negative outside, 0 on no side."""

    tag: NDArray[np.int64]
    seconds: Floats
    amplitude: Floats
    signed: Floats


@dataclass(frozen=True, slots=True)
class TagFacts:
    """One entry a tag with own sightings in the window; `features` holds finished ones by name, see `FEATURES`.

    `since_s` and `until_s` are when any antenna first and last heard it, in seconds after the opening.
    """

    tags: NDArray[np.int64]
    own: Heard
    other: Heard
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    since_s: NDArray[np.float64]
    until_s: NDArray[np.float64]
    peak_dbm: NDArray[np.float64]
    centroid: NDArray[np.float64]
    spread: NDArray[np.float64]
    seconds_before: NDArray[np.float64]
    background: NDArray[np.float64]
    share_db: NDArray[np.float64]
    own_mw: NDArray[np.float64]
    profile: "Profile"
    amplitudes: "Profile"
    strongest: NDArray[np.float64]
    lag: NDArray[np.float64]
    course: Course
    company: Company
    traces: Traces
    levels: Levels
    power_told: float
    features: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Profile:
    """Values by tag and time bin, shape (tags, bins), and what correlating them needs of them."""

    values: NDArray[np.float64]
    centred: NDArray[np.float64]
    square: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "Profile":
        centred = values - values.mean(axis=1, keepdims=True)
        return cls(values, centred, (centred**2).sum(axis=1))

    def mean(self, weight: Floats) -> Floats:
        """By time bin, weighted by tag."""
        return np.asarray((self.values * weight[:, None]).sum(axis=0) / weight.sum(), np.float64)

    def correlation(self, template: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of every tag's values with a template's, shape (tags,); 0 where one of them does not vary."""
        wanted = template - template.mean()
        norm = np.sqrt(self.square * (wanted**2).sum())
        return np.where(norm > 1e-12, (self.centred @ wanted) / np.maximum(norm, 1e-12), 0.0)


def tag_facts(cut: Cut) -> TagFacts | None:
    """Facts of every tag that the portal's own antennas saw in the window; None when they saw none."""
    start, end = cut.opened_us - cut.approach_us, cut.closed_us + cut.tail_us
    past = cut.past or past_of(cut.rows, cut.own, start)
    rows = cut.rows.take((cut.rows["first_us"] >= start).nonzero()[0]) if cut.past is None else cut.rows
    tag_of, in_window = rows["tag"], rows["first_us"] <= end
    own_row = cut.own[rows["antenna"]]
    window_at = (own_row & in_window).nonzero()[0]
    if not len(window_at):
        return None
    window = rows.take(window_at)
    tags = np.bincount(window["tag"]).nonzero()[0]
    count = len(tags)
    number_of = np.full(max(int(tag_of.max()), int(past.anywhere.max(initial=0))) + 1, -1)
    number_of[tags] = np.arange(count)
    position = number_of[tag_of]
    other_at = (~own_row & in_window & (position >= 0)).nonzero()[0]
    own = _heard(window, position[window_at], cut.opened_us)
    beside = rows.take(other_at)
    other = _heard(beside, position[other_at], cut.opened_us)
    since_us, until_us = _first_and_last(number_of, past, (own, window), (other, beside), count=count)
    peak_own = peaks(window)
    at_past = number_of[past.tags]
    known_past = (at_past >= 0).nonzero()[0]
    at_past = at_past[known_past]

    def before(values: Floats) -> Floats:
        out = np.zeros(count)
        out[at_past] = values[known_past]
        return out

    def peak_over(part: Flags) -> Floats:
        heard = np.bincount(own.tag, part, count)
        over = (peak_dbm - summed(own.tag, peak_own * part, count) / np.maximum(heard, 1.0)).clip(0.0, 40.0)
        return np.where(heard > 0, over, 40.0)

    order = _order(own, cut.side, count, start, end)
    begins = np.bincount(own.tag, minlength=count).cumsum()
    begins = np.concatenate([begins[:1] * 0, begins[:-1]])
    peak_dbm = np.maximum(np.maximum.reduceat(peak_own[order], begins), -200.0)
    last = np.maximum(np.maximum.reduceat(window["last_us"][order], begins), 0)
    own_mw = summed(own.tag, own.power, count)
    weighed_mw, moment = np.maximum(own_mw, 1e-15), own.power * own.seconds
    centroid = summed(own.tag, moment, count) / weighed_mw
    square = summed(own.tag, own.power * own.seconds**2, count) / weighed_mw
    seconds_before = before(past.seconds)
    peak_before = before(past.dbm) / np.maximum(before(past.heard), 1.0)
    profile = _profiles(own, start, end, count)
    amplitudes = np.where(profile > 0, np.power(10.0, (profile + FLOOR_DBM) / 20.0), 0.0)
    antennas = len(cut.own)
    heard = np.bincount(own.tag * antennas + own.antenna, minlength=count * antennas).reshape(count, antennas)
    coherence, pairs = _phase_coherence(phases_of(window, own.tag, past.phases.renumbered(number_of)), count)
    side = cut.side[own.antenna]
    cells = company(own.tag, own.antenna, window, own.power)
    return TagFacts(
        tags=tags,
        own=own,
        other=other,
        first_us=own.first_us[order[begins]],
        last_us=last,
        since_s=(since_us - cut.opened_us) / 1e6,
        until_s=(until_us - cut.opened_us) / 1e6,
        peak_dbm=peak_dbm,
        centroid=centroid,
        spread=np.sqrt(np.maximum(square - centroid**2, 0.0)),
        seconds_before=seconds_before,
        background=cut.background[tags].astype(np.float64),
        share_db=share_db(own_mw, summed(other.tag, other.power, count)),
        own_mw=before(past.mw) + own_mw,
        profile=Profile.of(profile),
        amplitudes=Profile.of(amplitudes),
        strongest=(np.argmax(_smooth(amplitudes), axis=1) + 0.5) * (BIN_US / 1e6) + (start - cut.opened_us) / 1e6,
        lag=_side_lag(own, side, moment, count),
        course=Course(own.tag[order], own.seconds[order], own.amplitude[order], (own.amplitude * side)[order]),
        company=cells,
        traces=traces(cells, summed(own.tag, own.reads, count)),
        levels=levels(
            *(
                np.concatenate([getattr(own, name), getattr(other, name)])
                for name in ("tag", "antenna", "first_us", "power", "reads")
            )
        ),
        power_told=float(np.isfinite(window["peak_dbm"]).mean()),
        features={
            "rise_db": np.where(seconds_before > 0, (peak_dbm - peak_before).clip(-20.0, 40.0), 40.0),
            "range_db": _range(profile),
            "early_db": peak_over(own.first_us < start + 1_500_000),
            "late_db": peak_over(own.first_us > end - 1_500_000),
            "antennas_share": (heard > 0).sum(axis=1) / max(int(cut.own.sum()), 1),
            "phase_coherence": coherence,
            "phase_pairs_log2": np.log2(1.0 + pairs),
            "slope_log": np.log1p(_mean_abs(own.tag, window["phase_slope_rad_s"], count)),
            "doppler_log": np.log1p(_mean_abs(own.tag, window["doppler_hz"], count)),
        },
    )


def _heard(rows: NDArray[np.void], tag: NDArray[np.int64], opened_us: int) -> Heard:
    first_us, power = rows["first_us"].copy(), read_power_mw(rows)
    seconds = ((first_us + rows["last_us"]) / 2.0 - opened_us) / 1e6
    reads = rows["reads"].astype(np.float64)
    return Heard(tag, rows["antenna"].copy(), first_us, seconds, reads, power, np.sqrt(power))


def _first_and_last(
    number_of: NDArray[np.int64], past: Past, *heard: tuple[Heard, NDArray[np.void]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When each tag was first and last heard by any antenna, before the approach too."""
    since = np.full(count, np.iinfo(np.int64).max)
    until = np.zeros(count, np.int64)
    for part, rows in heard:
        np.minimum.at(since, part.tag, part.first_us)
        np.maximum.at(until, part.tag, rows["last_us"])
    at = number_of[past.anywhere]
    known = (at >= 0).nonzero()[0]
    since[at[known]] = past.since_us[known]
    return since, until


def _order(own: Heard, side: NDArray[np.int8], count: int, start_us: int, end_us: int) -> NDArray[np.intp]:
    """What puts the own rows in the order of tags and time.

    Equals by what they are: how antennas are numbered depends on how reads were cut into batches.
    """
    key = own.tag * (end_us - start_us + 1) + (own.first_us - start_us)
    order = key.argsort()
    rising = key[order]
    if (rising[1:] == rising[:-1]).any():
        return np.lexsort((own.amplitude, side[own.antenna], own.first_us, own.tag))
    return order


def _side_lag(own: Heard, side: NDArray[np.int8], moment: Floats, count: int) -> Floats:
    """Power centroid on the inside antennas minus that on the outside ones, in seconds; NaN where a side is missing.

    `side` and `moment`, of its power, are of each row.
    """
    centroids = []
    for wanted in (1, -1):
        at = side == wanted
        mw = summed(own.tag, own.power * at, count)
        centroid = np.full(count, np.nan)
        np.divide(summed(own.tag, moment * at, count), mw, out=centroid, where=mw > 0)
        centroids.append(centroid)
    return np.asarray(centroids[0] - centroids[1], np.float64)


def share_db(own_mw: NDArray[np.float64], other_mw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Own over other power in dB, clipped to ±30; 30 where others heard nothing."""
    ratio = 10.0 * np.log10((own_mw + 1e-12) / (other_mw + 1e-12))
    return np.where(other_mw > 0, ratio.clip(-30.0, 30.0), 30.0)


def _profiles(own: Heard, start_us: int, end_us: int, count: int) -> NDArray[np.float64]:
    """Mean power a read by tag and time bin in dB over the floor, shape (tags, bins); 0 where unseen."""
    bins = (end_us - start_us) // BIN_US + 1
    flat = own.tag * bins + (own.first_us - start_us) // BIN_US
    mw = np.bincount(flat, own.power, count * bins).reshape(count, bins)
    reads = np.bincount(flat, own.reads, count * bins).reshape(count, bins)
    dbm = 10.0 * np.log10(np.maximum(mw / np.maximum(reads, 1.0), 1e-12))
    return np.maximum(np.where(reads > 0, dbm, FLOOR_DBM) - FLOOR_DBM, 0.0)


def _range(profile: Floats) -> Floats:
    """How far each tag's profile goes up from its median."""
    rising = np.sort(profile, axis=1)
    bins = rising.shape[1]
    return np.asarray(rising[:, -1] - (rising[:, (bins - 1) // 2] + rising[:, bins // 2]) / 2.0, np.float64)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of two neighbouring bins: half a second."""
    return np.asarray(values + np.concatenate([values[:, 1:], values[:, -1:] * 0.0], axis=1), np.float64)


def _phase_coherence(phases: Phases, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Resultant length of the doubled phase within (tag, antenna, channel), and the pairs it rests on."""
    # Unbiased: E[R²] of n random phases is 1/n.
    size = phases.size
    unbiased = ((phases.cos**2 + phases.sin**2) / size**2 - 1.0 / size) / np.maximum(1.0 - 1.0 / size, 1e-9)
    pairs = size - 1.0
    weight = summed(phases.tag, pairs, count)
    value = summed(phases.tag, pairs * unbiased, count)
    return np.where(weight > 0, (value / np.maximum(weight, 1e-9)).clip(0.0, 1.0), 0.5), weight


def _mean_abs(position: NDArray[np.int64], values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    known = np.isfinite(values).nonzero()[0]
    position = position[known]
    total = summed(position, np.abs(values[known].astype(np.float64)), count)
    return np.asarray(total / np.maximum(np.bincount(position, minlength=count), 1), np.float64)
