"""What one tag's sightings say about whether it travelled with the load. One row a tag, one column a feature.

A load and its tags share one history: unseen, then rising, passing from one side to the other, and falling, together; a
stray's history is its own: steady for long (parked), stronger next door, earlier or later (the pallet before), or back
to where it came from (a load that turned round). A tag that answers once or twice is told by when any antenna first and
last heard it, beside the load's tags, and by its strength against the load's course (`passage_levels`). All features
are array operations over the portal's rows between `lookback_s` before the window and its end; the load is the weighted
crowd of tags, by `weight`: a guess at first, the model's own first score the second time.

A reader reports no RSSI, phase or Doppler at times; such features take the neutral value named beside them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_company import company_features
from stream.operators.passage_facts import Course, Cut, Flags, TagFacts, share_db, tag_facts
from stream.operators.passage_levels import level_course
from stream.operators.passage_likeness import LIKENESS, likeness_features
from stream.operators.passage_sums import (
    Floats,
    mean_of,
    quantile_of,
    sigmoid,
    summed,
    weighted_median,
    weighted_quantile,
)

BY_CROWD = (
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
    "doppler_llr",  # log-likelihood ratio, moving with the load against standing still, by Doppler; neutral 0
    "doppler_follows",  # how much of the load's Doppler it has; neutral 0.5
    "doppler_told",  # how much there was to follow, log2
    "turning_llr",  # the same three of the phase's turning
    "turning_follows",
    "turning_told",
    "level_corr",  # correlation of its strength with the others' over antennas and time
    "level_residual_db",  # what that leaves unexplained
    "heard_with",  # mean share of the load heard where and when it is heard
    "heard_share",  # in how much of where the load is heard it is heard too
    "course_db",  # its strength over the load's on the same antenna at about the same time; neutral 0
    "course_residual_db",  # the same, root mean square
    "course_told",  # how much of the load there was to compare with, log2
    "course_present",  # share of the load's densest second, on that antenna, that is there when it is heard
    "since_s",  # seconds before the load's centroid any antenna first heard it
    "since_rel_s",  # that, over the load's 90th percentile
    "until_s",  # seconds after the load's centroid any antenna last heard it
    "until_rel_s",  # that, over the load's 90th percentile
    "load_trend_abs",  # how far the load as a whole wandered
    "load_trend_spread",  # how much its tags differ in that
    "load_tags_log2",  # how many tags the load has, by weight
    "load_width_s",  # width of the load's power profile
    "eyes_way",  # photo-eyes: 1 crossed, -1 came back, 0 nothing to tell
    "eyes_offset_s",  # its centroid after the first beam broke; -5 without beams
    "window_s",  # length of the window
    "tail_s",  # how long after it was listened to
    "antennas_log2",  # antennas the portal has
    "sides_told",  # on how many sides antennas are said to be; 0 when sides are guessed
    "power_told",  # share of the reads in the window that came with RSSI
    "load_reads_log2",  # own reads of the load's tags in the core, the median
    "load_peak_dbm",  # the load's strong tags: 80th percentile of their peaks
    "load_share_db",  # own over neighbouring power of the load's tags in the core, the median
)
FEATURES = (*BY_CROWD, *LIKENESS)
"""Those of likeness are 0 as long as no pass has scored the tags."""
_UNSCORED: dict[str, Floats | float] = dict.fromkeys(LIKENESS, 0.0)
_EMPTY_INT: NDArray[np.int64] = np.empty(0, np.int64)
_EMPTY: NDArray[np.float64] = np.empty(0, np.float64)


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


def tag_features(
    cut: Cut, weight: Floats | None = None, facts: TagFacts | None = None, *, scored: bool = False
) -> TagFeatures:
    """Features of every tag that the portal's own antennas saw in the window.

    `weight` (tags,) says who the load is; without it that is guessed by rule. `scored`: it is what a pass said, and the
    features of likeness are told. `facts` are the cut's, when already made.
    """
    facts = facts or tag_facts(cut)
    if facts is None:
        nothing = np.empty((0, len(FEATURES)))
        return TagFeatures(
            _EMPTY_INT, nothing, _EMPTY_INT, _EMPTY_INT, _EMPTY_INT, _EMPTY, _EMPTY, _EMPTY, _EMPTY, _EMPTY
        )
    own, count, peak_dbm, lag = facts.own, len(facts.tags), facts.peak_dbm, facts.lag
    if weight is None:
        weight = (
            sigmoid((peak_dbm - (quantile_of(peak_dbm, 0.8) - 10.0)) / 3.0)
            * sigmoid(facts.share_db / 3.0)
            * np.exp(-facts.seconds_before / 5.0)
            * (1.0 - facts.background.clip(0.0, 1.0)) ** 2
        )
        if cut.convoy is not None:
            weight = weight * cut.convoy.here[facts.tags]
    score, weight = weight, weight + 1e-6

    load_centroid = weighted_median(facts.centroid, weight)
    load_width = max(weighted_median(facts.spread, weight), 0.3)
    # What is not in the core counts nothing.
    in_core, course_in_core, beside = (
        np.abs(rows.seconds - load_centroid) <= 2.0 * load_width for rows in (own, facts.course, facts.other)
    )
    other_mw = summed(facts.other.tag, facts.other.power * beside, count)
    reads_core = np.log2(1.0 + summed(own.tag, own.reads * in_core, count))
    load_reads = weighted_median(reads_core, weight)
    heard = len(set(cut.side[cut.own].tolist()) - {0})
    sides_told = heard if cut.sides_told is None else cut.sides_told
    core_mw = summed(own.tag, own.power * in_core, count)
    own_share, load_peak = share_db(core_mw, other_mw), weighted_quantile(peak_dbm, weight, 0.8)
    core_amplitude = summed(own.tag, own.amplitude * in_core, count)
    core_amplitude_db = 20.0 * np.log10(core_amplitude / (4.0 * load_width / 0.25) + 1e-5)
    trend, ends = _trends(facts.course, course_in_core, count, (0.5, 0.25))
    load_trend = mean_of(trend, weight)
    way = float(cut.eyes_way) if cut.eyes_way else _way(lag, trend, weight)
    from_load = np.abs(facts.centroid - load_centroid)
    eyes_offset = (
        np.full(count, -5.0)
        if cut.first_beam_us is None
        else (facts.centroid - (cut.first_beam_us - cut.opened_us) / 1e6).clip(-4.0, 10.0)
    )
    since, until = load_centroid - facts.since_s, facts.until_s - load_centroid
    company = company_features(facts.company, weight, count)
    features: dict[str, NDArray[np.float64] | float] = {
        **facts.features,
        **company,
        **level_course(facts.levels, weight, count),
        "since_s": since,
        "since_rel_s": since - weighted_quantile(since, weight, 0.9),
        "until_s": until,
        "until_rel_s": until - weighted_quantile(until, weight, 0.9),
        **(likeness_features(facts.traces, facts.company, company, peak_dbm, score) if scored else _UNSCORED),
        "peak_dbm": peak_dbm,
        "peak_rel_db": peak_dbm - load_peak,
        "mean_rel_db": core_amplitude_db - weighted_quantile(core_amplitude_db, weight, 0.8),
        "reads_core_log2": reads_core,
        "reads_rel_log2": reads_core - load_reads,
        "own_share_db": own_share,
        "core_share": core_mw / np.maximum(facts.own_mw, 1e-15),
        "seconds_before": facts.seconds_before,
        "background": facts.background,
        "offset_rel": (from_load / load_width).clip(0.0, 10.0),
        "offset_abs_s": from_load.clip(0.0, 10.0),
        "peak_offset_s": np.abs(facts.strongest - load_centroid).clip(0.0, 10.0),
        "spread_rel": (facts.spread / load_width).clip(0.0, 10.0),
        "spread_s": facts.spread,
        "profile_corr": facts.profile.correlation(facts.profile.mean(weight)),
        "amplitude_corr": facts.amplitudes.correlation(facts.amplitudes.mean(weight)),
        "trend_abs": np.abs(trend),
        "trend_agreement": trend * way,
        "lag_agreement": np.where(np.isnan(lag), 0.0, lag).clip(-2.0, 2.0) * way,
        "load_trend_abs": abs(load_trend),
        "load_trend_spread": np.sqrt(mean_of((trend - load_trend) ** 2, weight)),
        "load_tags_log2": np.log2(1.0 + weight.sum()),
        "load_width_s": load_width,
        "eyes_way": -1.0 if cut.eyes_back else float(abs(cut.eyes_way)),
        "eyes_offset_s": eyes_offset,
        "window_s": (cut.closed_us - cut.opened_us) / 1e6,
        "tail_s": cut.tail_us / 1e6,
        "antennas_log2": np.log2(max(int(cut.own.sum()), 1)),
        "sides_told": 0.0 if cut.sides_guessed else float(sides_told),
        "power_told": facts.power_told,
        "load_reads_log2": load_reads,
        "load_peak_dbm": load_peak,
        "load_share_db": weighted_median(own_share, weight),
    }
    by_feature = np.empty((len(FEATURES), count))
    for row, name in enumerate(FEATURES):
        by_feature[row] = features[name]
    return TagFeatures(
        facts.tags,
        by_feature.T.copy(),
        facts.first_us,
        facts.last_us,
        summed(own.tag, own.reads, count).astype(np.int64),
        facts.centroid * 1e6 + cut.opened_us,
        lag,
        trend,
        ends,
        weight,
    )


def _trends(course: Course, counted: Flags, count: int, parts: tuple[float, float]) -> tuple[Floats, Floats]:
    """For each part: side share (inside +1, outside -1) of a tag's last such part of amplitude minus the first's.

    `counted` says which rows there are.
    """
    tag, weight, signed = course.tag, course.amplitude * counted, course.signed * counted
    total = summed(tag, weight, count)
    ahead = np.concatenate([[0.0], total.cumsum()[:-1]])
    # Rounded: a read in the very middle is on the same side of it whatever the tags are numbered.
    place = ((weight.cumsum() - weight / 2.0 - ahead[tag]) / np.maximum(total, 1e-12)[tag]).round(9)

    def share(part: Flags) -> Floats:
        return summed(tag, signed * part, count) / np.maximum(summed(tag, weight * part, count), 1e-12)

    whole, ends = (share(place > 1.0 - part) - share(place <= part) for part in parts)
    return whole, ends


def _way(lag: NDArray[np.float64], trend: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """+1 when the crowd wanders from outside to inside, -1 the other way, 0 when neither is told."""
    lags = np.isfinite(lag)
    told = mean_of(trend, weight)
    if lags.any():
        told += mean_of(lag[lags].clip(-1.0, 1.0), weight[lags])
    return float(np.sign(told))
