"""`tagledger score READS TRUTH`: our decisions on anyone's recording, measured against what truly happened.

Reads and truth are files as `stream.recorded` and `stream.recorded_truth` describe them. Everything is decided in
memory; no database, no site needed (`tagledger.recorded_site`). Prints what `stream.scoring` defines, each figure with
its 95 % interval, then the loads that were not exact, worst first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import typer

from stream.recorded import RecordedError, RecordedReads, read_csv
from stream.recorded_truth import RecordedTruth, TrueLoad, read_truth
from stream.scoring import SLACK_US, LoadScore, PassageScore, Share, ZoneScore, score_passages, score_zones
from tagledger.decide import Decided, decide_recording
from tagledger.recorded_site import assumptions, site_of, whole
from tagledger.site_text import site_text
from tagledger.terminal import EXIT_USAGE, complain, console, print_json, site_or_exit
from warehouse.site import Direction, Site

WORST_SHOWN = 12
LOADS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Scored:
    """One recording's decisions and their score; parts are None when the truth says nothing about them."""

    decided: Decided
    passages: PassageScore | None
    zones: ZoneScore | None
    stray_reads: float
    notes: tuple[str, ...] = ()

    def figures(self) -> dict[str, Any]:
        """Everything as plain values."""
        out: dict[str, Any] = {"passages": len(self.decided.final), "batches": self.decided.batches}
        if self.passages is not None:
            out |= {name: _plain(share) for name, share in self.passages.shares().items()}
            out["stray_reads"] = round(self.stray_reads, 4)
            out["loads"] = [_load(score) for score in self.passages.loads]
        if self.zones is not None:
            out["zone_seconds"] = _plain(self.zones.accuracy)
            out["false_moves_per_h"] = _number(self.zones.false_moves_per_h)
            out["tags_never_read"] = self.zones.silent_tags
        return out


def score_recording(site: Site, reads: RecordedReads, truth: RecordedTruth) -> Scored:
    """Decide and measure one recording."""
    only = site.portals[0].name if len(site.portals) == 1 else ""
    loads = [
        TrueLoad(load.load_id, load.portal or only, load.direction, load.start_us, load.end_us, load.epcs)
        for load in truth.loads
    ]
    decided, began = decide_recording(site, reads)
    by_portal = {portal.name: own_reads(site, portal.name, reads) for portal in site.portals}
    passages = zones = None
    if loads:
        passages = score_passages(decided.final, loads, by_portal)
    watched = {zone.name for zone in site.zones if site.antennas_of(zone.name)}
    stays = [stay for stay in truth.stays if stay.zone in watched]
    if stays:
        until_us = int(reads.time_us[-1])
        # A stay without times lasts the recording.
        first_us = int(reads.time_us[0])
        stays = [
            type(stay)(stay.epc, stay.zone, max(stay.start_us, first_us), min(stay.end_us, until_us)) for stay in stays
        ]
        heard = frozenset(reads.tags[tag] for tag in np.unique(reads.tag).tolist())
        zones = score_zones(decided.updates, stays, until_us, heard)
    return Scored(decided, passages, zones, stray_share(loads, by_portal), (*began, *not_found(decided, passages)))


def not_found(decided: Decided, passages: PassageScore | None) -> list[str]:
    """How loads are scored in whose windows no passage was seen: their tags count as missed, not as not scored."""
    if passages is None:
        return []
    silent = [score.load for score in passages.loads if score.load is not None and score.passage is None]
    if not silent:
        return []
    named = ", ".join(load.load_id for load in silent[:LOADS_NAMED]) + (", ..." if len(silent) > LOADS_NAMED else "")
    return [f"no passage was seen in the windows of {len(silent)} true loads ({named}): their tags count as missed"]


def stray_share(loads: Sequence[TrueLoad], reads: Mapping[str, Sequence[tuple[int, str]]]) -> float:
    """Of the reads in the loads' windows, the share that came from tags of no load in them."""
    stray = total = 0
    for load in loads:
        rows = reads.get(load.portal, ())
        times = np.array([at for at, _ in rows], np.int64)
        low, high = np.searchsorted(times, [load.start_us, load.end_us]).tolist()
        own = set(load.epcs)
        total += high - low
        stray += sum(tag not in own for _, tag in rows[low:high])
    return stray / total if total else math.nan


def run_score(
    reads_file: Path,
    truth_file: Path,
    site_file: Path | None = None,
    columns: Sequence[str] = (),
    places: Sequence[str] = (),
    sides: Sequence[str] = (),
    eyes: Sequence[str] = (),
    plots: Path | None = None,
    as_json: bool = False,
    truth_columns: Sequence[str] = (),
    windows: Path | None = None,
    write_site: Path | None = None,
) -> None:
    """The command. Exit 2 when a file or an option is wrong."""
    try:
        reads = read_csv(reads_file, mapped(columns, "--column"))
        span_us = int(reads.time_us[0]), int(reads.time_us[-1])
        truth = read_truth(truth_file, mapped(truth_columns, "--truth-column"), windows, span_us)
        fit_together(reads, truth)
        site = site_or_exit(site_file) if site_file else site_of(reads, truth, places, sides, eyes)
        scored = score_recording(site, reads, truth)
        if write_site is not None:
            write_site.write_text(site_text(whole(site)), encoding="utf-8")
    except (RecordedError, OSError) as wrong:
        complain(wrong)
        raise typer.Exit(EXIT_USAGE) from None
    notes = [] if site_file else assumptions(site, reads, truth)
    notes += [*unscored(site, truth), *scored.notes]
    written = 0
    if plots is not None:
        from tagledger.score_plots import draw

        written = draw(scored.passages.loads if scored.passages is not None else (), plots)
    if as_json:
        figures = {"reads": len(reads), "tags": len(reads.tags), "assumed": [*reads.notes, *notes]} | scored.figures()
        print_json(figures | ({"plots": written} if plots is not None else {}))
        return
    _print(reads, scored, notes, known=site_file is not None)
    if plots is not None:
        console.print(f"{written} plots in {plots}")


def own_reads(site: Site, place: str, reads: RecordedReads) -> list[tuple[int, str]]:
    """(time, tag) of what a place's own antennas read, by time."""
    own = np.zeros((len(reads.readers), 65_536), np.bool_)
    for ref in site.antennas_of(place):
        if ref.reader in reads.readers:
            own[reads.readers.index(ref.reader), ref.port] = True
    mine = np.flatnonzero(own[reads.reader, reads.antenna])
    return [
        (at, reads.tags[tag]) for at, tag in zip(reads.time_us[mine].tolist(), reads.tag[mine].tolist(), strict=True)
    ]


def mapped(options: Sequence[str], name: str) -> dict[str, str]:
    """`field=header` options as a mapping; RecordedError for another form."""
    for option in options:
        if "=" not in option:
            raise RecordedError(f"{name} {option}: expected field=header")
    return dict(option.split("=", 1) for option in options)


def fit_together(reads: RecordedReads, truth: RecordedTruth) -> None:
    """RecordedError when reads and truth are of different tags or times: no figure would mean anything."""
    tags = {epc for load in truth.loads for epc in load.epcs} | {stay.epc for stay in truth.stays}
    if not tags & set(reads.tags):
        raise RecordedError(
            f"none of the truth's {len(tags)} tags was read: it has {min(tags, default='none')}, the reads have "
            f"{reads.tags[0]}; is another column the tag? (--column epc=HEADER, --truth-column epc=HEADER)"
        )
    windows = [(load.start_us, load.end_us) for load in truth.loads]
    windows += [(stay.start_us, stay.end_us) for stay in truth.stays]
    first, last = int(reads.time_us[0]), int(reads.time_us[-1])
    if not any(start <= last + SLACK_US and end >= first - SLACK_US for start, end in windows):
        raise RecordedError(
            f"the truth's windows ({_moment(windows[0][0])} ...) and the reads ({_moment(first)} to {_moment(last)}) "
            "do not meet: another time zone, or another unit? (--column time=HEADER:ms, --truth-column start=HEADER)"
        )


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


def _print(reads: RecordedReads, scored: Scored, notes: Sequence[str], known: bool) -> None:
    console.print(f"{len(reads):,} reads of {len(reads.tags):,} tags; {'; '.join(reads.notes)}", soft_wrap=True)
    for note in notes:
        console.print(f"  {note}", soft_wrap=True, highlight=False)
    if not known:
        console.print("  other places, sides or eyes: --place, --side, --eye; or --write-site FILE, edit, --site FILE")
    console.print(f"{len(scored.decided.final)} passages, {len(scored.decided.updates)} location updates")
    if scored.passages is not None:
        console.print(f"stray reads in the loads' windows: {scored.stray_reads:.1%}")
        for name, share in scored.passages.shares().items():
            console.print(f"{name.replace('_', ' '):20s} {share}", soft_wrap=True)
        poor = sorted(
            (score for score in scored.passages.loads if not score.exact and (score.load or score.wrong)),
            key=lambda score: -(score.wrong + score.missed),
        )
        for score in poor[:WORST_SHOWN]:
            console.print("  " + words(score), soft_wrap=True)
    if scored.zones is not None:
        console.print(f"{'zone, seconds right':20s} {scored.zones.accuracy}")
        console.print(f"{'false moves per h':20s} {scored.zones.false_moves_per_h:.2f} a tag")
        if scored.zones.silent_tags:
            console.print(f"{scored.zones.silent_tags} tags at rest were never read")


def words(score: LoadScore) -> str:
    if score.load is None:
        return f"no load: passage {score.passage.passage_id if score.passage else ''} with {score.wrong} tags"
    way = score.passage.direction.value if score.passage else "not found"
    asked = f", {score.unsure} unsure" if score.unsure else ""
    return (
        f"load {score.load.load_id} at {score.load.portal}: {score.right} right, {score.wrong} wrong, "
        f"{score.missed} missed, {score.unread} unread{asked}; direction {way}"
    )


def _load(score: LoadScore) -> dict[str, Any]:
    load, passage = score.load, score.passage
    return {
        "load": load.load_id if load else None,
        "portal": load.portal if load else passage.portal if passage else None,
        "direction": load.direction.value if load and load.direction is not Direction.UNSURE else None,
        "passage": str(passage.passage_id) if passage else None,
        "said": passage.direction.value if passage else None,
        "right": score.right,
        "wrong": score.wrong,
        "missed": score.missed,
        "unread": score.unread,
        "unsure": score.unsure,
        "exact": score.exact,
    }


def _plain(share: Share) -> dict[str, Any]:
    return {
        "value": _number(share.value),
        "low": _number(share.low),
        "high": _number(share.high),
        "hits": share.hits,
        "of": share.of,
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 5)
