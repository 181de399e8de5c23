"""`tagledger portal survey READS`: a walk test read back: what each antenna sees, the background, what to set.

Record a door for some minutes with nothing passing and then while test loads are walked through, give the recording as
CSV (`stream.recorded`), and, when the loads are known, a truth file. Printed per antenna: tags, reads a second,
strength (median and 95th percentile), how much of it comes from tags that stand still for most of the time (the
background), and, per portal, the strength that separates passing tags from the background.

Suggestions, each with its reason:
- power: lower an antenna by half the excess when its background is heard at more than `LOUD_DBM`; raise one that hears
  under `DEAF_SHARE` of the tags its portal hears.
- background: tags seen in more than `BACKGROUND_SHARE` of the seconds; a portal with more than a few should have them
  moved away.
- threshold: the RSSI with the fewest mistakes between passing and standing tags. Our decisions do not need it; readers
  and middleware that have only a threshold do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from stream.recorded import RecordedError, RecordedReads, read_csv
from stream.recorded_table import mapped
from stream.recorded_truth import read_truth
from tagledger.recorded_site import site_of
from tagledger.terminal import EXIT_USAGE, complain, console, print_json, site_or_exit
from warehouse.site import AntennaRef, Site

LOUD_DBM = -60.0
DEAF_SHARE = 0.25
BACKGROUND_SHARE = 0.5
STEP_DB = 3.0


@dataclass(frozen=True, slots=True)
class AntennaSurvey:
    """What one antenna heard."""

    antenna: AntennaRef
    place: str
    tags: int
    reads_per_s: float
    median_dbm: float
    strong_dbm: float
    background_tags: int
    background_dbm: float
    suggestion: str


@dataclass(frozen=True, slots=True)
class PlaceSurvey:
    """What all antennas of one place heard together."""

    place: str
    tags: int
    background: tuple[str, ...]
    threshold_dbm: float
    mistakes: float


@dataclass(frozen=True, slots=True)
class Survey:
    """A whole recording."""

    seconds: float
    antennas: tuple[AntennaSurvey, ...]
    places: tuple[PlaceSurvey, ...]


def survey(site: Site, reads: RecordedReads, passing: frozenset[str] | None = None) -> Survey:
    """`passing` are the tags known to have gone through; None: those that are not background."""
    second = (reads.time_us - reads.time_us[0]) // 1_000_000
    seconds = float(second[-1]) + 1.0 if len(second) else 0.0
    antennas: list[AntennaSurvey] = []
    places: list[PlaceSurvey] = []
    for place in sorted({antenna.place for reader in site.readers for antenna in reader.antennas}):
        refs = site.antennas_of(place)
        of_place = np.zeros(len(reads), np.bool_)
        for ref in refs:
            of_place |= _of(reads, ref)
        standing = _standing(reads, of_place, second, seconds)
        for ref in refs:
            antennas.append(_antenna(reads, ref, place, of_place, standing, seconds))
        heard = set(np.unique(reads.tag[of_place]).tolist())
        moving = {tag for tag in heard if (reads.tags[tag] in passing if passing is not None else tag not in standing)}
        threshold, mistakes = _threshold(reads, of_place, moving)
        names = tuple(sorted(reads.tags[tag] for tag in standing))
        places.append(PlaceSurvey(place, len(heard), names, threshold, mistakes))
    return Survey(seconds, tuple(antennas), tuple(places))


def run_survey(
    reads_file: Path,
    truth_file: Path | None = None,
    site_file: Path | None = None,
    columns: Sequence[str] = (),
    places: Sequence[str] = (),
    as_json: bool = False,
    truth_columns: Sequence[str] = (),
) -> None:
    """The command. Exit 2 when a file or an option is wrong."""
    try:
        reads = read_csv(reads_file, mapped(columns, "--column"))
        span_us = int(reads.time_us[0]), int(reads.time_us[-1])
        truth = read_truth(truth_file, mapped(truth_columns, "--truth-column"), None, span_us) if truth_file else None
        site = site_or_exit(site_file) if site_file else site_of(reads, truth, places)
    except (RecordedError, OSError, ValueError) as wrong:
        complain(wrong)
        raise typer.Exit(EXIT_USAGE) from None
    passing = frozenset(epc for load in truth.loads for epc in load.epcs) if truth and truth.loads else None
    result = survey(site, reads, passing)
    if as_json:
        print_json(_plain(result))
        return
    table = Table(box=None, pad_edge=False, title=f"{result.seconds:.0f} s recorded", title_justify="left")
    for name in ("antenna", "place", "tags", "reads/s", "median dBm", "95 % dBm", "standing", "at dBm", "suggestion"):
        table.add_column(name)
    for one in result.antennas:
        table.add_row(
            str(one.antenna),
            one.place,
            str(one.tags),
            f"{one.reads_per_s:.1f}",
            _dbm(one.median_dbm),
            _dbm(one.strong_dbm),
            str(one.background_tags),
            _dbm(one.background_dbm),
            one.suggestion,
        )
    console.print(table)
    for note in reads.notes:
        console.print(f"  {note}", soft_wrap=True, highlight=False)
    for each in result.places:
        threshold = "no RSSI, so no threshold"
        if np.isfinite(each.threshold_dbm):
            threshold = f"best RSSI threshold {each.threshold_dbm:.0f} dBm, wrong for {each.mistakes:.1%} of the tags"
        console.print(f"{each.place}: {each.tags} tags, {len(each.background)} standing; {threshold}", soft_wrap=True)


def _dbm(value: float) -> str:
    return f"{value:.1f}" if np.isfinite(value) else "-"


def _of(reads: RecordedReads, ref: AntennaRef) -> NDArray[np.bool_]:
    if ref.reader not in reads.readers:
        return np.zeros(len(reads), np.bool_)
    return np.asarray((reads.reader == reads.readers.index(ref.reader)) & (reads.antenna == ref.port), np.bool_)


def _standing(
    reads: RecordedReads, of_place: NDArray[np.bool_], second: NDArray[np.int64], seconds: float
) -> frozenset[int]:
    """Tags seen in most seconds of the recording."""
    if not of_place.any():
        return frozenset()
    pairs = np.unique(reads.tag[of_place].astype(np.int64) * 2**32 + second[of_place])
    tags, seen = np.unique(pairs // 2**32, return_counts=True)
    return frozenset(tags[seen > BACKGROUND_SHARE * seconds].tolist())


def _antenna(
    reads: RecordedReads,
    ref: AntennaRef,
    place: str,
    of_place: NDArray[np.bool_],
    standing: frozenset[int],
    seconds: float,
) -> AntennaSurvey:
    mine = _of(reads, ref)
    rssi = reads.rssi_dbm[mine & np.isfinite(reads.rssi_dbm)]
    still = mine & np.isin(reads.tag, list(standing)) & np.isfinite(reads.rssi_dbm)
    loud = float(np.median(reads.rssi_dbm[still])) if still.any() else float("nan")
    tags = len(np.unique(reads.tag[mine]))
    heard = max(len(np.unique(reads.tag[of_place])), 1)
    suggestion = ""
    if loud > LOUD_DBM:
        down = max(STEP_DB, (loud - LOUD_DBM) / 2)
        suggestion = f"lower by {down:.0f} dB or move the standing goods: heard at {loud:.0f} dBm"
    elif tags < DEAF_SHARE * heard:
        suggestion = f"hears {tags} of {heard} tags: check cable and aim, or raise by {STEP_DB:.0f} dB"
    return AntennaSurvey(
        antenna=ref,
        place=place,
        tags=tags,
        reads_per_s=float(mine.sum()) / max(seconds, 1.0),
        median_dbm=float(np.median(rssi)) if len(rssi) else float("nan"),
        strong_dbm=float(np.quantile(rssi, 0.95)) if len(rssi) else float("nan"),
        background_tags=len(np.unique(reads.tag[still])),
        background_dbm=loud,
        suggestion=suggestion,
    )


def _threshold(reads: RecordedReads, of_place: NDArray[np.bool_], moving: set[int]) -> tuple[float, float]:
    """The whole dBm that parts passing tags' peaks from the others' with the fewest mistakes, and their share."""
    known = of_place & np.isfinite(reads.rssi_dbm)
    if not known.any():
        return float("nan"), float("nan")
    tags, position = np.unique(reads.tag[known], return_inverse=True)
    peak = np.full(len(tags), -np.inf)
    np.maximum.at(peak, position, reads.rssi_dbm[known])
    passed = np.fromiter((tag in moving for tag in tags.tolist()), np.bool_, len(tags))
    candidates = np.arange(np.floor(peak.min()), np.ceil(peak.max()) + 2.0)
    wrong = [float(((peak >= level) != passed).mean()) for level in candidates]
    best = int(np.argmin(wrong))
    return float(candidates[best]), wrong[best]


def _plain(result: Survey) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return round(value, 2) if np.isfinite(value) else None

    return {
        "seconds": result.seconds,
        "antennas": [
            {
                "antenna": str(one.antenna),
                "place": one.place,
                "tags": one.tags,
                "reads_per_s": number(one.reads_per_s),
                "median_dbm": number(one.median_dbm),
                "strong_dbm": number(one.strong_dbm),
                "background_tags": one.background_tags,
                "background_dbm": number(one.background_dbm),
                "suggestion": one.suggestion,
            }
            for one in result.antennas
        ],
        "places": [
            {
                "place": each.place,
                "tags": each.tags,
                "background": list(each.background),
                "threshold_dbm": number(each.threshold_dbm),
                "mistakes": number(each.mistakes),
            }
            for each in result.places
        ],
    }
