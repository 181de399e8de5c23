"""What one tag's sightings say about whether it travelled with the load. One row a tag, one column a feature.

A load and its tags share one history: unseen, then rising, passing from one side to the other, and falling, together; a
stray's history is its own: steady for long (parked), stronger next door, earlier or later (the pallet before), or back
to where it came from (a load that turned round). All features are array operations over the portal's rows between
`lookback_s` before the window and its end; the load is the weighted crowd of tags, by `weight`: a guess at first, the
model's own first score the second time.

A reader reports no RSSI, phase or Doppler at times; such features take the neutral value named beside them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEATURES = (
    "peak_dbm",  # strongest own sighting
    "peak_rel_db",  # that, relative to the load's strong tags (80th percentile)
    "mean_rel_db",  # root-mean amplitude in the core, in dB relative to the load's
    "reads_core_log2",  # own reads in the core: the load's centroid ± two load widths
    "reads_rel_log2",  # that, relative to the load's median
    "own_share_db",  # own over neighbouring power in the core, clipped to ±30; 30 when only own antennas heard it
    "core_share",  # share of its own power over the lookback that falls into the core
    "seconds_before",  # seconds it was visible in the lookback before the approach
    "background",  # learned share of recent time it was visible, at opening
    "rise_db",  # peak in the window over the median strength before the approach; 40 when unseen before
    "offset_rel",  # its power centroid from the load's, in load widths
    "offset_abs_s",  # the same in seconds
    "peak_offset_s",  # time of its strongest half second from the load's centroid, absolute
    "spread_rel",  # width of its power profile in load widths
    "spread_s",  # the same in seconds
    "profile_corr",  # correlation of its power profile (dB) with the load's
    "amplitude_corr",  # the same of amplitudes
    "range_db",  # how far its profile goes up from its median inside the window
    "early_db",  # peak over its mean strength in the first second of the window; 40 when unheard then
    "late_db",  # the same for the last second
    "antennas_share",  # share of the portal's antennas that heard it
    "phase_coherence",  # 1 = phase stands still within channel (parked); neutral 0.5
    "phase_pairs_log2",  # how much evidence the coherence rests on
    "slope_log",  # log of mean |phase slope|, rad/s; neutral 0
    "doppler_log",  # log of mean |Doppler|, Hz; neutral 0
    "trend_abs",  # how far its power wandered from side to side: inside share late minus early; neutral 0
    "trend_agreement",  # that, times the load's way
    "lag_agreement",  # seconds its inside centroid lies after its outside one, times the load's way; neutral 0
    "load_trend_abs",  # how far the load as a whole wandered
    "load_trend_spread",  # how much its tags differ in that
    "load_tags_log2",  # how many tags the load has, by weight
    "load_width_s",  # width of the load's power profile
    "eyes_way",  # photo-eyes: 1 crossed, -1 came back, 0 nothing to tell
    "eyes_offset_s",  # its centroid after the first beam broke; -5 without beams
    "window_s",  # length of the window
    "antennas_log2",  # antennas the portal has
)
FLOOR_DBM = -85.0
BIN_US = 250_000
_EMPTY_INT = np.empty(0, np.int64)
_EMPTY = np.empty(0, np.float64)


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
class TagFeatures:
    """Features of the tags with own sightings in the window; `matrix` is (tags, len(FEATURES))."""

    tags: NDArray[np.int64]
    matrix: NDArray[np.float64]
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    reads: NDArray[np.int64]
    centroid_us: NDArray[np.float64]
    lag_s: NDArray[np.float64]
    trend: NDArray[np.float64]
    ends: NDArray[np.float64]
    weight: NDArray[np.float64]


def tag_features(cut: Cut, weight: NDArray[np.float64] | None = None) -> TagFeatures:
    """Features of every tag that the portal's own antennas saw in the window; `weight` (tags,) says who the load is."""
    rows = cut.rows
    own_row = cut.own[rows["antenna"]]
    start, end = cut.opened_us - cut.approach_us, cut.closed_us + cut.tail_us
    in_window = (rows["first_us"] >= start) & (rows["first_us"] <= end)
    tags = np.unique(rows["tag"][own_row & in_window]).astype(np.int64)
    count = len(tags)
    if not count:
        return TagFeatures(
            _EMPTY_INT,
            np.empty((0, len(FEATURES))),
            _EMPTY_INT,
            _EMPTY_INT,
            _EMPTY_INT,
            _EMPTY,
            _EMPTY,
            _EMPTY,
            _EMPTY,
            _EMPTY,
        )
    position = np.minimum(np.searchsorted(tags, rows["tag"]), count - 1)
    known = tags[position] == rows["tag"]
    rows, own_row, in_window, position = rows[known], own_row[known], in_window[known], position[known]

    first_us = rows["first_us"]
    seconds = ((first_us + rows["last_us"]) / 2.0 - cut.opened_us) / 1e6
    reads = rows["reads"].astype(np.float64)
    peak = rows["peak_dbm"].astype(np.float64)
    # Reads without RSSI count as -60 dBm: who is there is told, how strongly is not.
    silent = np.isnan(peak)
    power = np.where(silent, 1e-6 * reads, np.nan_to_num(rows["power_mw"], nan=0.0))
    peak = np.where(silent, -60.0, peak)
    amplitude = np.sqrt(power)
    window = own_row & in_window
    before = own_row & (first_us < start)

    def total(mask: NDArray[np.bool_], values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(position[mask], weights=values[mask], minlength=count).astype(np.float64)

    def number(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(position[mask], minlength=count).astype(np.float64)

    def mean_dbm(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        return total(mask, peak) / np.maximum(number(mask), 1.0)

    peak_dbm = np.full(count, -200.0)
    np.maximum.at(peak_dbm, position[window], peak[window])
    own_mw = total(window, power)
    centroid = total(window, power * seconds) / np.maximum(own_mw, 1e-15)
    spread = np.sqrt(np.maximum(total(window, power * seconds**2) / np.maximum(own_mw, 1e-15) - centroid**2, 0.0))
    seconds_before = _seconds_seen(position[before], (start - first_us[before]) // 1_000_000, count)
    background = cut.background[tags].astype(np.float64)
    share_db = _share_db(own_mw, total(~own_row & in_window, power))
    if weight is None:
        weight = (
            _sigmoid((peak_dbm - (np.quantile(peak_dbm, 0.8) - 10.0)) / 3.0)
            * _sigmoid(share_db / 3.0)
            * np.exp(-seconds_before / 5.0)
            * (1.0 - np.clip(background, 0.0, 1.0)) ** 2
        )
    weight = weight + 1e-6

    load_centroid = _median(centroid, weight)
    load_width = max(_median(spread, weight), 0.3)
    core = window & (np.abs(seconds - load_centroid) <= 2.0 * load_width)
    reads_core = np.log2(1.0 + total(core, reads))
    core_mw = total(core, power)
    core_amplitude_db = 20.0 * np.log10(total(core, amplitude) / (4.0 * load_width / 0.25) + 1e-5)
    core_share_db = _share_db(
        core_mw, total(~own_row & in_window & (np.abs(seconds - load_centroid) <= 2.0 * load_width), power)
    )

    profile = _profiles(position[window], rows[window], power[window], start, end, count)
    amplitudes = np.where(profile > 0, np.power(10.0, (profile + FLOOR_DBM) / 20.0), 0.0)
    strongest = (np.argmax(_smooth(amplitudes), axis=1) + 0.5) * (BIN_US / 1e6) + (start - cut.opened_us) / 1e6
    early, late = window & (first_us < start + 1_500_000), window & (first_us > end - 1_500_000)
    heard = np.unique(position[window].astype(np.int64) * 1024 + rows["antenna"][window])
    coherence, pairs = _phase_coherence(position[own_row], rows[own_row], count)
    lag = side_lag(position[window], rows[window], power[window], seconds[window], cut.side, count)
    trend = _trend(position[core], rows[core], amplitude[core], cut.side, count, 0.5)
    ends = _trend(position[core], rows[core], amplitude[core], cut.side, count, 0.25)
    load_trend = float(np.average(trend, weights=weight))
    way = float(cut.eyes_way) if cut.eyes_way else _way(lag, trend, weight)
    lag_clean = np.clip(np.nan_to_num(lag), -2.0, 2.0)
    eyes_way = -1.0 if cut.eyes_back else float(abs(cut.eyes_way))
    eyes_offset = centroid - (cut.first_beam_us - cut.opened_us) / 1e6 if cut.first_beam_us is not None else None

    matrix = np.column_stack(
        [
            peak_dbm,
            peak_dbm - _quantile(peak_dbm, weight, 0.8),
            core_amplitude_db - _quantile(core_amplitude_db, weight, 0.8),
            reads_core,
            reads_core - _median(reads_core, weight),
            core_share_db,
            core_mw / np.maximum(total(own_row, power), 1e-15),
            seconds_before,
            background,
            np.where(seconds_before > 0, np.clip(peak_dbm - mean_dbm(before), -20.0, 40.0), 40.0),
            np.clip(np.abs(centroid - load_centroid) / load_width, 0.0, 10.0),
            np.clip(np.abs(centroid - load_centroid), 0.0, 10.0),
            np.clip(np.abs(strongest - load_centroid), 0.0, 10.0),
            np.clip(spread / load_width, 0.0, 10.0),
            spread,
            _correlation(profile, np.average(profile, axis=0, weights=weight)),
            _correlation(amplitudes, np.average(amplitudes, axis=0, weights=weight)),
            profile.max(axis=1) - np.median(profile, axis=1),
            np.where(number(early) > 0, np.clip(peak_dbm - mean_dbm(early), 0.0, 40.0), 40.0),
            np.where(number(late) > 0, np.clip(peak_dbm - mean_dbm(late), 0.0, 40.0), 40.0),
            np.bincount(heard // 1024, minlength=count) / max(int(cut.own.sum()), 1),
            coherence,
            np.log2(1.0 + pairs),
            np.log1p(_mean_abs(position[window], rows["phase_slope_rad_s"][window], count)),
            np.log1p(_mean_abs(position[window], rows["doppler_hz"][window], count)),
            np.abs(trend),
            trend * way,
            lag_clean * way,
            np.full(count, abs(load_trend)),
            np.full(count, np.sqrt(np.average((trend - load_trend) ** 2, weights=weight))),
            np.full(count, np.log2(1.0 + weight.sum())),
            np.full(count, load_width),
            np.full(count, eyes_way),
            np.full(count, -5.0) if eyes_offset is None else np.clip(eyes_offset, -4.0, 10.0),
            np.full(count, (cut.closed_us - cut.opened_us) / 1e6),
            np.full(count, np.log2(max(int(cut.own.sum()), 1))),
        ]
    )
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.zeros(count, np.int64)
    np.minimum.at(first, position[window], first_us[window])
    np.maximum.at(last, position[window], rows["last_us"][window])
    return TagFeatures(
        tags,
        matrix,
        first,
        last,
        total(window, reads).astype(np.int64),
        centroid * 1e6 + cut.opened_us,
        lag,
        trend,
        ends,
        weight,
    )


def side_lag(
    position: NDArray[np.int64],
    rows: NDArray[np.void],
    power: NDArray[np.float64],
    seconds: NDArray[np.float64],
    side: NDArray[np.int8],
    count: int,
) -> NDArray[np.float64]:
    """Power centroid on the inside antennas minus that on the outside ones, in seconds; NaN where a side is missing."""
    centroids = []
    for wanted in (1, -1):
        at = side[rows["antenna"]] == wanted
        mw = np.bincount(position[at], weights=power[at], minlength=count)
        moment = np.bincount(position[at], weights=(power * seconds)[at], minlength=count)
        with np.errstate(invalid="ignore", divide="ignore"):
            centroids.append(np.where(mw > 0, moment / mw, np.nan))
    return np.asarray(centroids[0] - centroids[1], np.float64)


def _trend(
    position: NDArray[np.int64],
    rows: NDArray[np.void],
    amplitude: NDArray[np.float64],
    side: NDArray[np.int8],
    count: int,
    part: float,
) -> NDArray[np.float64]:
    """Side share (inside +1, outside -1) of the last `part` of a tag's amplitude minus that of the first `part`."""
    order = np.lexsort((rows["antenna"], rows["first_us"], position))
    position, weight = position[order], amplitude[order]
    signed = weight * side[rows["antenna"][order]]
    total = np.bincount(position, weights=weight, minlength=count)
    ahead = np.concatenate([[0.0], np.cumsum(total)[:-1]])
    place = (np.cumsum(weight) - weight / 2.0 - ahead[position]) / np.maximum(total[position], 1e-12)
    shares = []
    for half in (place > 1.0 - part, place <= part):
        mass = np.bincount(position[half], weights=weight[half], minlength=count)
        moment = np.bincount(position[half], weights=signed[half], minlength=count)
        shares.append(moment / np.maximum(mass, 1e-12))
    return np.asarray(shares[0] - shares[1], np.float64)


def _way(lag: NDArray[np.float64], trend: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """+1 when the crowd wanders from outside to inside, -1 the other way, 0 when neither is told."""
    lags = np.isfinite(lag)
    told = float(np.average(trend, weights=weight))
    if lags.any():
        told += float(np.average(np.clip(lag[lags], -1.0, 1.0), weights=weight[lags]))
    return float(np.sign(told))


def _share_db(own_mw: NDArray[np.float64], other_mw: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = 10.0 * np.log10((own_mw + 1e-12) / (other_mw + 1e-12))
    return np.where(other_mw > 0, np.clip(ratio, -30.0, 30.0), 30.0)


def _seconds_seen(position: NDArray[np.int64], second: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    if not len(position):
        return np.zeros(count)
    seen = np.unique(position.astype(np.int64) * 65_536 + second)
    return np.bincount(seen // 65_536, minlength=count).astype(np.float64)


def _profiles(
    position: NDArray[np.int64],
    rows: NDArray[np.void],
    power: NDArray[np.float64],
    start_us: int,
    end_us: int,
    count: int,
) -> NDArray[np.float64]:
    """Mean power a read by tag and time bin in dB over the floor, shape (tags, bins); 0 where unseen."""
    bins = max(int((end_us - start_us) // BIN_US) + 1, 1)
    at = np.clip((rows["first_us"] - start_us) // BIN_US, 0, bins - 1)
    flat = position * bins + at
    mw = np.bincount(flat, weights=power, minlength=count * bins).reshape(count, bins)
    reads = np.bincount(flat, weights=rows["reads"].astype(np.float64), minlength=count * bins).reshape(count, bins)
    dbm = 10.0 * np.log10(np.maximum(mw / np.maximum(reads, 1.0), 1e-12))
    return np.asarray(np.clip(np.where(reads > 0, dbm, FLOOR_DBM) - FLOOR_DBM, 0.0, None), np.float64)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of two neighbouring bins: half a second."""
    return np.asarray(values + np.concatenate([values[:, 1:], values[:, -1:] * 0.0], axis=1), np.float64)


def _correlation(profiles: NDArray[np.float64], template: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = profiles - profiles.mean(axis=1, keepdims=True)
    wanted = template - template.mean()
    norm = np.sqrt((centred**2).sum(axis=1) * (wanted**2).sum())
    return np.where(norm > 1e-12, (centred @ wanted) / np.maximum(norm, 1e-12), 0.0)


def _phase_coherence(
    position: NDArray[np.int64], rows: NDArray[np.void], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Resultant length of the doubled phase (readers are ambiguous by π) within (tag, antenna, channel)."""
    known = np.isfinite(rows["phase_rad"])
    if not known.any():
        return np.full(count, 0.5), np.zeros(count)
    position, rows = position[known], rows[known]
    key = (position.astype(np.int64) * 1024 + rows["antenna"]) * 65_536 + rows["channel"]
    groups, inverse = np.unique(key, return_inverse=True)
    doubled = 2.0 * rows["phase_rad"].astype(np.float64)
    cos = np.bincount(inverse, weights=np.cos(doubled))
    sin = np.bincount(inverse, weights=np.sin(doubled))
    size = np.bincount(inverse).astype(np.float64)
    # Unbiased: E[R²] of n random phases is 1/n.
    unbiased = ((cos**2 + sin**2) / size**2 - 1.0 / size) / np.maximum(1.0 - 1.0 / size, 1e-9)
    pairs = size - 1.0
    owner = groups // (1024 * 65_536)
    weight = np.bincount(owner, weights=pairs, minlength=count).astype(np.float64)
    value = np.bincount(owner, weights=pairs * unbiased, minlength=count)
    return np.where(weight > 0, np.clip(value / np.maximum(weight, 1e-9), 0.0, 1.0), 0.5), weight


def _mean_abs(position: NDArray[np.int64], values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    known = np.isfinite(values)
    size = np.bincount(position[known], minlength=count)
    total = np.bincount(position[known], weights=np.abs(values[known].astype(np.float64)), minlength=count)
    return np.asarray(total / np.maximum(size, 1), np.float64)


def _sigmoid(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -40.0, 40.0))), np.float64)


def _quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    return float(values[order][min(int(np.searchsorted(cumulative, share * cumulative[-1])), len(values) - 1)])


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    return _quantile(values, weights, 0.5)
