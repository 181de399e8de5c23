"""What the rows of one passage say about each tag by itself, before anyone asks which tags are the load.

A judgement asks for features several times, each time with another guess of who the load is. What does not depend on
that guess is made here, once; so are the columns of the rows that still matter: only own rows, and other antennas' rows
inside the window, of tags that own antennas saw in the window.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_company import Company, company

FLOOR_DBM = -85.0
SILENT_DBM = -50.0
"""What a read without RSSI counts as: what a load's tag typically has, so that no strength speaks against it."""
BIN_US = 250_000
DENSE_MAX = 4_194_304
"""Groups counted in one array with a place for each that might be; beyond it they are sorted."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The rows of one passage and what is known about their antennas.

    `own` and `side` are indexed by antenna id: whether it is the portal's, and +1 inside, -1 outside, 0 unknown.
    `first_beam_us`, `eyes_way` (+1 in, -1 out, 0 neither) and `eyes_back` (it came back) are the photo-eyes' word.
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


@dataclass(frozen=True, slots=True)
class Heard:
    """Rows inside the window as columns, in order of arrival; `tag` numbers the tags of the facts."""

    tag: NDArray[np.int64]
    antenna: NDArray[np.int32]
    first_us: NDArray[np.int64]
    seconds: NDArray[np.float64]
    reads: NDArray[np.float64]
    power: NDArray[np.float64]
    amplitude: NDArray[np.float64]

    def at(self, mask: NDArray[np.bool_]) -> "Heard":
        """Some of the rows."""
        return Heard(
            self.tag[mask],
            self.antenna[mask],
            self.first_us[mask],
            self.seconds[mask],
            self.reads[mask],
            self.power[mask],
            self.amplitude[mask],
        )


@dataclass(frozen=True, slots=True)
class TagFacts:
    """One entry a tag with own sightings in the window; `features` holds finished ones by name, see `FEATURES`."""

    tags: NDArray[np.int64]
    own: Heard
    other: Heard
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
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
    company: Company
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

    def correlation(self, template: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of every tag's values with a template's, shape (tags,); 0 where one of them does not vary."""
        wanted = template - template.mean()
        norm = np.sqrt(self.square * (wanted**2).sum())
        return np.where(norm > 1e-12, (self.centred @ wanted) / np.maximum(norm, 1e-12), 0.0)


def tag_facts(cut: Cut) -> TagFacts | None:
    """Facts of every tag that the portal's own antennas saw in the window; None when they saw none."""
    rows = cut.rows
    start, end = cut.opened_us - cut.approach_us, cut.closed_us + cut.tail_us
    own_row = cut.own[rows["antenna"]]
    in_window = (rows["first_us"] >= start) & (rows["first_us"] <= end)
    matter = np.flatnonzero(own_row | in_window)
    rows, own_row, in_window = rows.take(matter), own_row[matter], in_window[matter]
    tags = np.flatnonzero(np.bincount(rows["tag"][own_row & in_window]))
    count = len(tags)
    if not count:
        return None
    number_of = np.full(int(rows["tag"].max()) + 1, -1)
    number_of[tags] = np.arange(count)
    position = number_of[rows["tag"]]
    if (position < 0).any():
        known = np.flatnonzero(position >= 0)
        rows, own_row, in_window, position = rows.take(known), own_row[known], in_window[known], position[known]

    antenna, first_us = rows["antenna"].copy(), rows["first_us"].copy()
    seconds = ((first_us + rows["last_us"]) / 2.0 - cut.opened_us) / 1e6
    reads = rows["reads"].astype(np.float64)
    peak = rows["peak_dbm"].astype(np.float64)
    power = read_power_mw(rows)
    peak = np.where(np.isnan(peak), SILENT_DBM, peak)
    window = own_row & in_window
    before = own_row & (first_us < start)
    every = Heard(position, antenna, first_us, seconds, reads, power, np.sqrt(power))
    own, other = every.at(window), every.at(~own_row)
    peak_own = peak[window]

    def number(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(position[mask], minlength=count).astype(np.float64)

    def mean_dbm(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        return summed(position[mask], peak[mask], count) / np.maximum(number(mask), 1.0)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return summed(own.tag, values, count)

    peak_dbm = np.full(count, -200.0)
    np.maximum.at(peak_dbm, own.tag, peak_own)
    first, last = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
    np.minimum.at(first, own.tag, own.first_us)
    np.maximum.at(last, own.tag, rows["last_us"][window])
    own_mw = total(own.power)
    centroid = total(own.power * own.seconds) / np.maximum(own_mw, 1e-15)
    square = total(own.power * own.seconds**2) / np.maximum(own_mw, 1e-15)
    seconds_before = _seconds_seen(position[before], (start - first_us[before]) // 1_000_000, count)
    profile = _profiles(own, start, end, count)
    amplitudes = np.where(profile > 0, np.power(10.0, (profile + FLOOR_DBM) / 20.0), 0.0)
    early, late = window & (first_us < start + 1_500_000), window & (first_us > end - 1_500_000)
    antennas = len(cut.own)
    heard = np.bincount(own.tag * antennas + own.antenna, minlength=count * antennas).reshape(count, antennas)
    coherence, pairs = _phase_coherence(position[own_row], antenna[own_row], rows[own_row], count)
    return TagFacts(
        tags=tags,
        own=own,
        other=other,
        first_us=first,
        last_us=last,
        peak_dbm=peak_dbm,
        centroid=centroid,
        spread=np.sqrt(np.maximum(square - centroid**2, 0.0)),
        seconds_before=seconds_before,
        background=cut.background[tags].astype(np.float64),
        share_db=share_db(own_mw, summed(other.tag, other.power, count)),
        own_mw=summed(position[own_row], power[own_row], count),
        profile=Profile.of(profile),
        amplitudes=Profile.of(amplitudes),
        strongest=(np.argmax(_smooth(amplitudes), axis=1) + 0.5) * (BIN_US / 1e6) + (start - cut.opened_us) / 1e6,
        lag=side_lag(own, cut.side, count),
        company=company(own.tag, own.antenna, rows[window], own.power),
        features={
            "rise_db": np.where(seconds_before > 0, np.clip(peak_dbm - mean_dbm(before), -20.0, 40.0), 40.0),
            "range_db": profile.max(axis=1) - np.median(profile, axis=1),
            "early_db": np.where(number(early) > 0, np.clip(peak_dbm - mean_dbm(early), 0.0, 40.0), 40.0),
            "late_db": np.where(number(late) > 0, np.clip(peak_dbm - mean_dbm(late), 0.0, 40.0), 40.0),
            "antennas_share": (heard > 0).sum(axis=1) / max(int(cut.own.sum()), 1),
            "phase_coherence": coherence,
            "phase_pairs_log2": np.log2(1.0 + pairs),
            "slope_log": np.log1p(_mean_abs(own.tag, rows["phase_slope_rad_s"][window], count)),
            "doppler_log": np.log1p(_mean_abs(own.tag, rows["doppler_hz"][window], count)),
        },
    )


def read_power_mw(rows: NDArray[np.void]) -> NDArray[np.float64]:
    """Power of each row's reads together. Without RSSI who is there is told, how strongly is not."""
    unknown = np.power(10.0, SILENT_DBM / 10.0) * rows["reads"]
    power = np.where(np.isnan(rows["peak_dbm"]), unknown, np.nan_to_num(rows["power_mw"], nan=0.0))
    return np.asarray(power, np.float64)


def summed(tag: NDArray[np.int64], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Sums by tag, shape (count,), added in the order of the rows."""
    return np.asarray(np.bincount(tag, weights=values, minlength=count), np.float64)


def side_lag(own: Heard, side: NDArray[np.int8], count: int) -> NDArray[np.float64]:
    """Power centroid on the inside antennas minus that on the outside ones, in seconds; NaN where a side is missing."""
    centroids = []
    for wanted in (1, -1):
        at = side[own.antenna] == wanted
        mw = summed(own.tag[at], own.power[at], count)
        moment = summed(own.tag[at], (own.power * own.seconds)[at], count)
        with np.errstate(invalid="ignore", divide="ignore"):
            centroids.append(np.where(mw > 0, moment / mw, np.nan))
    return np.asarray(centroids[0] - centroids[1], np.float64)


def share_db(own_mw: NDArray[np.float64], other_mw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Own over other power in dB, clipped to ±30; 30 where others heard nothing."""
    ratio = 10.0 * np.log10((own_mw + 1e-12) / (other_mw + 1e-12))
    return np.where(other_mw > 0, np.clip(ratio, -30.0, 30.0), 30.0)


def _seconds_seen(position: NDArray[np.int64], second: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    if not len(position):
        return np.zeros(count)
    seen = np.unique(position * 65_536 + second)
    return np.bincount(seen // 65_536, minlength=count).astype(np.float64)


def _profiles(own: Heard, start_us: int, end_us: int, count: int) -> NDArray[np.float64]:
    """Mean power a read by tag and time bin in dB over the floor, shape (tags, bins); 0 where unseen."""
    bins = max(int((end_us - start_us) // BIN_US) + 1, 1)
    at = np.clip((own.first_us - start_us) // BIN_US, 0, bins - 1)
    flat = own.tag * bins + at
    mw = np.bincount(flat, weights=own.power, minlength=count * bins).reshape(count, bins)
    reads = np.bincount(flat, weights=own.reads, minlength=count * bins).reshape(count, bins)
    dbm = 10.0 * np.log10(np.maximum(mw / np.maximum(reads, 1.0), 1e-12))
    return np.clip(np.where(reads > 0, dbm, FLOOR_DBM) - FLOOR_DBM, 0.0, None)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of two neighbouring bins: half a second."""
    return np.asarray(values + np.concatenate([values[:, 1:], values[:, -1:] * 0.0], axis=1), np.float64)


def _phase_coherence(
    position: NDArray[np.int64], antenna: NDArray[np.int32], rows: NDArray[np.void], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Resultant length of the doubled phase (readers are ambiguous by π) within (tag, antenna, channel)."""
    known = np.isfinite(rows["phase_rad"])
    if not known.any():
        return np.full(count, 0.5), np.zeros(count)
    position, antenna, channel = position[known], antenna[known], rows["channel"][known]
    antennas, channels = int(antenna.max()) + 1, int(channel.max()) + 1
    group = (position * antennas + antenna) * channels + channel
    groups: NDArray[np.int64] | None = None
    if count * antennas * channels > DENSE_MAX:
        groups, group = np.unique(group, return_inverse=True)
    doubled = 2.0 * rows["phase_rad"][known].astype(np.float64)
    size = np.bincount(group).astype(np.float64)
    cos = np.bincount(group, weights=np.cos(doubled))
    sin = np.bincount(group, weights=np.sin(doubled))
    if groups is None:
        groups = np.flatnonzero(size)
        size, cos, sin = size[groups], cos[groups], sin[groups]
    # Unbiased: E[R²] of n random phases is 1/n.
    unbiased = ((cos**2 + sin**2) / size**2 - 1.0 / size) / np.maximum(1.0 - 1.0 / size, 1e-9)
    pairs = size - 1.0
    owner = groups // (antennas * channels)
    weight = summed(owner, pairs, count)
    value = summed(owner, pairs * unbiased, count)
    return np.where(weight > 0, np.clip(value / np.maximum(weight, 1e-9), 0.0, 1.0), 0.5), weight


def _mean_abs(position: NDArray[np.int64], values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    known = np.isfinite(values)
    size = np.bincount(position[known], minlength=count)
    total = summed(position[known], np.abs(values[known].astype(np.float64)), count)
    return np.asarray(total / np.maximum(size, 1), np.float64)
