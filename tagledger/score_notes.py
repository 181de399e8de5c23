"""What `tagledger score` says of a recording and its truth before it says how good decisions were.

Truth that people wrote down is often in their own time while reads are in UTC, or counts from the beginning of the
recording, or gives times of day alone. Where the truth's tags are not read in their windows, but are once all windows
are moved by one of these, the windows are moved, and it is said.

Which antenna is on which side follows from the order in which loads of known direction came before them. It is told as
an option to give and never used: a score that looked at the truth would be none.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from stream.recorded import RecordedError, RecordedReads
from stream.recorded_truth import WHOLE, RecordedTruth, TrueLoad
from stream.scoring import SLACK_US, PassageScore
from warehouse.site import AntennaRef, Direction, Site

LOADS_NAMED = 5
QUARTER_US = 900_000_000
QUARTERS_MAX = 56
"""Time zones end at UTC+14."""
DAY_US = 86_400_000_000
DATED_US = 365 * DAY_US
"""Times before are times of day, or count from some beginning."""
AMISS, IN_PLACE = 0.2, 0.8
"""Shares of tags read in their windows, below and above which windows are taken for misplaced and for right."""
TAGS_TRIED = 500
LOADS_MIN = 5
CLEAR = 3.0
"""How many times its own uncertainty a mean time must be to tell a side."""


def in_one_time(reads: RecordedReads, truth: RecordedTruth) -> tuple[RecordedTruth, list[str]]:
    """The truth in the time of the reads, and a sentence where it had to be moved."""
    inside = _read_in_windows(reads, truth)
    if inside(0) > AMISS:
        return truth, []
    ways = _moves(reads, truth)
    shares = {by_us: inside(by_us) for by_us in ways}
    by_us = max(ways, key=shares.__getitem__)
    if shares[by_us] < IN_PLACE or sum(share > AMISS for share in shares.values()) > 1:
        return truth, []

    def moved(at_us: int) -> int:
        return at_us if at_us in WHOLE else at_us + by_us

    loads = [replace(each, start_us=moved(each.start_us), end_us=moved(each.end_us)) for each in truth.loads]
    stays = [replace(each, start_us=moved(each.start_us), end_us=moved(each.end_us)) for each in truth.stays]
    return RecordedTruth(tuple(loads), tuple(stays)), [
        f"the truth's times are taken {ways[by_us]}: only so are its tags read in its windows "
        f"({shares[by_us]:.0%} of them, {inside(0):.0%} as they stand)"
    ]


def _moves(reads: RecordedReads, truth: RecordedTruth) -> dict[int, str]:
    """By how much windows may have to be moved, and what that means."""
    starts = [start for start, _ in _windows(truth) if start not in WHOLE]
    first = int(reads.time_us[0])
    if max(starts, default=0) < DATED_US <= first:
        midnight = first - first % DAY_US
        return {first: "to count from the first read", midnight: "for times of the day of the first read"}
    quarters = sorted((*range(-QUARTERS_MAX, 0), *range(1, QUARTERS_MAX + 1)), key=abs)
    return {
        by
        * QUARTER_US: f"for {abs(by) // 4}:{abs(by) % 4 * 15:02d} hours {'behind' if by > 0 else 'ahead of'} the reads'"
        for by in quarters
    }


def _read_in_windows(reads: RecordedReads, truth: RecordedTruth) -> Callable[[int], float]:
    """The share of the truth's tags that are read within their windows, these moved by so many microseconds."""
    number = {epc: index for index, epc in enumerate(reads.tags)}
    spans = [(epc, load.start_us, load.end_us) for load in truth.loads for epc in load.epcs]
    spans += [(stay.epc, stay.start_us, stay.end_us) for stay in truth.stays]
    known = [(number[epc], start, end) for epc, start, end in spans if epc in number and start not in WHOLE]
    step = max(len(known) // TAGS_TRIED, 1)
    order = np.argsort(reads.tag, kind="stable")
    edges = np.searchsorted(reads.tag[order], np.arange(len(reads.tags) + 1))
    times = [(reads.time_us[order[edges[tag] : edges[tag + 1]]], start, end) for tag, start, end in known[::step]]

    def inside(by_us: int) -> float:
        found = sum(_any_within(at, start + by_us - SLACK_US, end + by_us + SLACK_US) for at, start, end in times)
        return found / len(times) if times else 1.0

    return inside


def _any_within(at_us: NDArray[np.int64], start_us: int, end_us: int) -> bool:
    first = int(np.searchsorted(at_us, start_us))
    return first < len(at_us) and int(at_us[first]) <= end_us


def sides_by_truth(site: Site, reads: RecordedReads, truth: RecordedTruth) -> list[str]:
    """Which side options the truth's own directions speak for, where no side was told."""
    sided = any(antenna.side for reader in site.readers for antenna in reader.antennas)
    ways = [load for load in truth.loads if load.direction is not Direction.UNSURE and load.start_us not in WHOLE]
    if sided or len(ways) < LOADS_MIN:
        return []
    refs = [ref for portal in site.portals for ref in sorted(site.antennas_of(portal.name))]
    inward: dict[AntennaRef, list[float]] = {ref: [] for ref in refs}
    number = {epc: index for index, epc in enumerate(reads.tags)}
    # Amplitude, so that no tag's flash decides; a read without strength weighs as any other.
    weight = np.power(10.0, np.nan_to_num(reads.rssi_dbm.astype(np.float64), nan=-60.0) / 20.0)
    for load in ways:
        low, high = np.searchsorted(reads.time_us, [load.start_us - SLACK_US, load.end_us + SLACK_US]).tolist()
        mine = np.isin(reads.tag[low:high], [number[epc] for epc in load.epcs if epc in number])
        at = reads.time_us[low:high][mine] / 1e6
        heavy = weight[low:high][mine]
        if not len(at):
            continue
        middle = float(np.average(at, weights=heavy))
        for ref in refs:
            if ref.reader not in reads.readers:
                continue
            of = (reads.reader[low:high][mine] == reads.readers.index(ref.reader)) & (
                reads.antenna[low:high][mine] == ref.port
            )
            if of.any():
                later_s = float(np.average(at[of], weights=heavy[of])) - middle
                inward[ref].append(later_s if load.direction is Direction.IN else -later_s)
    told = {ref: lags for ref, lags in inward.items() if len(lags) >= LOADS_MIN and abs(_clear(lags)) > CLEAR}
    if len({_clear(lags) > 0 for lags in told.values()}) < 2:
        return []
    options = " ".join(f"--side {ref}={'inside' if _clear(lags) > 0 else 'outside'}" for ref, lags in told.items())
    return [f"not used, as it comes from the truth: its directions speak for {options}"]


def _clear(values: list[float]) -> float:
    """A mean in units of its own uncertainty."""
    return float(np.mean(values)) / max(float(np.std(values)) / math.sqrt(len(values)), 1e-3)


def not_found(passages: PassageScore | None, site: Site) -> list[str]:
    """How loads are scored in whose windows no passage was seen: their tags count as missed, not as not scored.

    And what would part those that share a passage, where no photo-eye does.
    """
    if passages is None:
        return []
    silent = [score.load for score in passages.loads if score.load is not None and score.passage is None]
    if not silent:
        return []
    seen = [score.passage for score in passages.loads if score.passage is not None]
    shared = [
        load
        for load in silent
        if any(
            load.portal in ("", passage.portal)
            and passage.opened_us - SLACK_US <= load.end_us
            and load.start_us <= passage.closed_us + SLACK_US
            for passage in seen
        )
    ]
    alone = [load for load in silent if load not in shared]
    notes = []
    missed = "their tags count as missed"
    if alone:
        notes.append(f"no passage was seen in the windows of {len(alone)} true loads ({_named(alone)}): {missed}")
    if shared:
        notes.append(
            f"{len(shared)} true loads ({_named(shared)}) share a passage with another; it is compared with the one it "
            f"has more tags of: {missed}, and as wrong there"
        )
        if not any(portal.photo_eyes for portal in site.portals):
            notes.append(
                "a photo-eye parts loads: --events and --eye, or --windows-known if the truth's windows are one's"
            )
    return notes


def _named(loads: Sequence[TrueLoad]) -> str:
    return ", ".join(load.load_id for load in loads[:LOADS_NAMED]) + (", ..." if len(loads) > LOADS_NAMED else "")


def fit_together(reads: RecordedReads, truth: RecordedTruth) -> None:
    """RecordedError when reads and truth are of different tags or times: no figure would mean anything."""
    tags = {epc for load in truth.loads for epc in load.epcs} | {stay.epc for stay in truth.stays}
    if not tags & set(reads.tags):
        raise RecordedError(
            f"none of the truth's {len(tags)} tags was read: it has {min(tags, default='none')}, the reads have "
            f"{reads.tags[0]}; is another column the tag? (--column epc=HEADER, --truth-column epc=HEADER)"
        )
    windows = _windows(truth)
    first, last = int(reads.time_us[0]), int(reads.time_us[-1])
    if not any(start <= last + SLACK_US and end >= first - SLACK_US for start, end in windows):
        raise RecordedError(
            f"the truth's windows ({_moment(windows[0][0])} ...) and the reads ({_moment(first)} to {_moment(last)}) "
            "do not meet: another time zone, or another unit? (--column time=HEADER:ms, --truth-column start=HEADER)"
        )


def _windows(truth: RecordedTruth) -> list[tuple[int, int]]:
    loads = [(load.start_us, load.end_us) for load in truth.loads]
    return loads + [(stay.start_us, stay.end_us) for stay in truth.stays]


def unscored(site: Site, truth: RecordedTruth) -> list[str]:
    """What of the truth nothing is said about, and why."""
    watched = {zone.name for zone in site.zones if site.antennas_of(zone.name)}
    doors = {portal.name for portal in site.portals}
    said = []
    stays = sorted({stay.zone for stay in truth.stays} - watched - doors)
    if stays and not truth.loads:
        said.append(f"not scored: stays in {', '.join(stays)}, which no antenna watches (--place READER:PORT=ZONE)")
    loads = sorted({load.portal for load in truth.loads} - doors - {""})
    if loads:
        said.append(f"not found: loads at {', '.join(loads)}, which no antenna watches (--place READER:PORT=PORTAL)")
    return said


def _moment(at_us: int) -> str:
    try:
        return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(sep=" ", timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return "open"
