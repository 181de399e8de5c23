"""What one tag's sightings say about whether it travelled with the load. One row a tag, one column a feature.

A load and its tags share one history: unseen, then rising, passing, and falling, together; a stray's history is its
own: steady for long (parked), or stronger next door, or earlier or later (the pallet before). All features are made
with array operations over the portal's rows between `lookback_s` before the window and its end.

A reader reports no RSSI, phase or Doppler at times; such features take the neutral value named beside them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEATURES = (
    "peak_dbm",  # strongest own sighting
    "peak_rel_db",  # that, relative to the load's strong tags (80th percentile)
    "mean_rel_db",  # mean own power in the core, relative to the load's
    "reads_core_log2",  # own reads between opening and closing
    "own_share_db",  # own over neighbouring power, clipped to ±30; 30 when only own antennas heard it
    "core_share",  # share of its own power over the lookback that falls into the window
    "seconds_before",  # seconds it was visible in the lookback before the approach
    "background",  # learned share of recent time it was visible, at opening
    "rise_db",  # peak in the window over the median strength before it; 30 when unseen before
    "offset_rel",  # its power centroid from the load's centroid, in load widths
    "offset_abs_s",  # the same in seconds
    "spread_rel",  # width of its power profile in load widths
    "profile_corr",  # correlation of its power profile with the load's
    "range_db",  # how far its profile goes up and down inside the window
    "antennas_share",  # share of the portal's antennas that heard it
    "phase_coherence",  # 1 = phase stands still within channel (parked); neutral 0.5
    "phase_pairs_log2",  # how much evidence the coherence rests on
    "slope_log",  # log of mean |phase slope|, rad/s; neutral 0
    "doppler_log",  # log of mean |Doppler|, Hz; neutral 0
    "side_agreement",  # its side-to-side lag, times the load's; neutral 0
    "load_tags_log2",  # how many strong tags the load has
)
FLOOR_DBM = -85.0
BIN_US = 250_000


@dataclass(frozen=True, slots=True)
class Cut:
    """The rows of one passage and what is known about their antennas.

    `own` and `side` are indexed by antenna id: whether it is the portal's, and +1 inside, -1 outside, 0 unknown.
    """

    rows: NDArray[np.void]
    own: NDArray[np.bool_]
    side: NDArray[np.int8]
    background: NDArray[np.float32]
    opened_us: int
    closed_us: int
    approach_us: int
    tail_us: int


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
    weight: NDArray[np.float64]


def tag_features(cut: Cut) -> TagFeatures:
    """Features of every tag that the portal's own antennas saw in the window."""
    rows = cut.rows
    own_row = cut.own[rows["antenna"]] if len(rows) else np.zeros(0, np.bool_)
    start = cut.opened_us - cut.approach_us
    end = cut.closed_us + cut.tail_us
    in_window = (rows["first_us"] >= start) & (rows["first_us"] <= end)
    tags = np.unique(rows["tag"][own_row & in_window]).astype(np.int64)
    count = len(tags)
    if not count:
        empty = np.empty(0, np.int64)
        nothing = np.empty(0, np.float64)
        return TagFeatures(empty, np.empty((0, len(FEATURES))), empty, empty, empty, nothing, nothing, nothing)
    position = np.searchsorted(tags, rows["tag"])
    position[position == count] = 0
    known = tags[position] == rows["tag"]
    rows, own_row, in_window, position = rows[known], own_row[known], in_window[known], position[known]

    middle = (rows["first_us"] + rows["last_us"]) / 2.0
    seconds = (middle - cut.opened_us) / 1e6
    power = np.nan_to_num(rows["power_mw"], nan=0.0)
    peak = np.nan_to_num(rows["peak_dbm"], nan=FLOOR_DBM)
    core = own_row & (rows["first_us"] >= cut.opened_us) & (rows["first_us"] <= cut.closed_us)
    inside_window = own_row & in_window
    before = own_row & (rows["first_us"] < start)

    def total(mask: NDArray[np.bool_], values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(position[mask], weights=values[mask], minlength=count)

    def number(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(position[mask], minlength=count).astype(np.float64)

    peak_dbm = np.full(count, -200.0)
    np.maximum.at(peak_dbm, position[inside_window], peak[inside_window])
    own_mw, other_mw = total(inside_window, power), total(~own_row & in_window, power)
    own_share_db = np.where(other_mw > 0, np.clip(10 * np.log10((own_mw + 1e-12) / (other_mw + 1e-12)), -30, 30), 30.0)
    reads_core = total(core, rows["reads"].astype(np.float64))
    all_own_mw = total(own_row, power)
    core_share = total(inside_window, power) / np.maximum(all_own_mw, 1e-15)

    # Seconds in which it was visible before the load came near.
    before_key = np.unique(
        position[before].astype(np.int64) * 4096 + ((rows["first_us"][before] - start) // -1_000_000)
    )
    seconds_before = (
        np.bincount(before_key // 4096, minlength=count).astype(np.float64) if len(before_key) else (np.zeros(count))
    )
    before_reads = number(before)
    before_dbm = total(before, peak.astype(np.float64)) / np.maximum(before_reads, 1)
    rise_db = np.where(before_reads > 0, peak_dbm - before_dbm, 30.0)
    background = cut.background[tags].astype(np.float64)

    # Weights of a first guess at the load: strong here, weak next door, not always there.
    strong = np.quantile(peak_dbm, 0.8)
    weight = (
        _sigmoid((peak_dbm - (strong - 10.0)) / 3.0)
        * _sigmoid(own_share_db / 3.0)
        * np.exp(-seconds_before / 5.0)
        * (1.0 - np.clip(background, 0.0, 1.0)) ** 2
        + 1e-6
    )

    centroid_s = total(inside_window, power * seconds) / np.maximum(own_mw, 1e-15)
    variance = total(inside_window, power * seconds**2) / np.maximum(own_mw, 1e-15) - centroid_s**2
    spread_s = np.sqrt(np.maximum(variance, 0.0))
    load_centroid = _weighted_median(centroid_s, weight)
    load_spread = max(_weighted_median(spread_s, weight), 0.15)
    offset_s = centroid_s - load_centroid

    profile = _profiles(position[inside_window], rows[inside_window], power[inside_window], start, end, count)
    load_profile = np.average(profile, axis=0, weights=weight)
    profile_corr = _correlation(profile, load_profile)
    range_db = profile.max(axis=1) - np.median(profile, axis=1)

    core_rows = np.maximum(number(core), 1.0)
    mean_dbm = np.where(number(core) > 0, total(core, peak.astype(np.float64)) / core_rows, FLOOR_DBM)
    heard = np.unique(position[inside_window].astype(np.int64) * 256 + rows["antenna"][inside_window])
    antennas = np.bincount(heard // 256, minlength=count) / max(int(cut.own.sum()), 1)
    coherence, pairs = _phase_coherence(position[own_row], rows[own_row], count)
    slope = _mean_abs(position[inside_window], rows["phase_slope_rad_s"][inside_window], count)
    doppler = _mean_abs(position[inside_window], rows["doppler_hz"][inside_window], count)

    lag_s = side_lag(
        position[inside_window], rows[inside_window], power[inside_window], seconds[inside_window], cut.side, count
    )
    lags = np.isfinite(lag_s)
    load_lag = _weighted_median(lag_s[lags], weight[lags]) if lags.any() else 0.0
    agreement = np.where(lags, np.sign(load_lag) * np.clip(np.nan_to_num(lag_s), -2.0, 2.0), 0.0)

    matrix = np.column_stack(
        [
            peak_dbm,
            peak_dbm - _weighted_quantile(peak_dbm, weight, 0.8),
            mean_dbm - _weighted_quantile(mean_dbm, weight, 0.8),
            np.log2(1.0 + reads_core),
            own_share_db,
            core_share,
            seconds_before,
            background,
            np.clip(rise_db, -20.0, 40.0),
            np.clip(np.abs(offset_s) / load_spread, 0.0, 10.0),
            np.clip(np.abs(offset_s), 0.0, 10.0),
            np.clip(spread_s / load_spread, 0.0, 10.0),
            profile_corr,
            range_db,
            antennas,
            coherence,
            np.log2(1.0 + pairs),
            np.log1p(slope),
            np.log1p(doppler),
            agreement,
            np.full(count, np.log2(1.0 + weight.sum())),
        ]
    )
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.zeros(count, np.int64)
    np.minimum.at(first, position[inside_window], rows["first_us"][inside_window])
    np.maximum.at(last, position[inside_window], rows["last_us"][inside_window])
    reads = total(inside_window, rows["reads"].astype(np.float64)).astype(np.int64)
    return TagFeatures(tags, matrix, first, last, reads, centroid_s * 1e6 + cut.opened_us, lag_s, weight)


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
    with np.errstate(divide="ignore", invalid="ignore"):
        dbm = 10 * np.log10(np.where(reads > 0, mw / np.maximum(reads, 1.0), 0.0))
    return np.clip(np.where(reads > 0, dbm, FLOOR_DBM) - FLOOR_DBM, 0.0, None)


def _correlation(profiles: NDArray[np.float64], template: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = profiles - profiles.mean(axis=1, keepdims=True)
    wanted = template - template.mean()
    norm = np.sqrt((centred**2).sum(axis=1) * (wanted**2).sum())
    return np.asarray((centred @ wanted) / np.maximum(norm, 1e-9), np.float64)


def _phase_coherence(
    position: NDArray[np.int64], rows: NDArray[np.void], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Resultant length of the doubled phase (readers are ambiguous by π) within (tag, antenna, channel)."""
    known = np.isfinite(rows["phase_rad"])
    if not known.any():
        return np.full(count, 0.5), np.zeros(count)
    position, rows = position[known], rows[known]
    key = (position.astype(np.int64) * 256 + rows["antenna"]) * 65536 + rows["channel"]
    groups, inverse = np.unique(key, return_inverse=True)
    doubled = 2.0 * rows["phase_rad"].astype(np.float64)
    cos = np.bincount(inverse, weights=np.cos(doubled))
    sin = np.bincount(inverse, weights=np.sin(doubled))
    size = np.bincount(inverse).astype(np.float64)
    pairs = size - 1.0
    # Unbiased: E[R²] of n random phases is 1/n.
    r2 = (cos**2 + sin**2) / size**2
    unbiased = np.where(size > 1, (r2 - 1.0 / size) / np.maximum(1.0 - 1.0 / size, 1e-9), 0.0)
    owner = groups // (256 * 65536)
    weight = np.bincount(owner, weights=pairs, minlength=count)
    value = np.bincount(owner, weights=pairs * unbiased, minlength=count)
    return np.where(weight > 0, np.clip(value / np.maximum(weight, 1e-9), 0.0, 1.0), 0.5), weight


def _mean_abs(position: NDArray[np.int64], values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    known = np.isfinite(values)
    size = np.bincount(position[known], minlength=count)
    total = np.bincount(position[known], weights=np.abs(values[known].astype(np.float64)), minlength=count)
    return np.asarray(total / np.maximum(size, 1), np.float64)


def _sigmoid(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -40.0, 40.0))), np.float64)


def _weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulative, share * cumulative[-1])])


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    return _weighted_quantile(values, weights, 0.5)
