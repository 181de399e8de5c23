"""`tagledger score READS TRUTH`: our decisions on anyone's recording, measured against what truly happened.

Reads and truth are files as `stream.recorded` and `stream.recorded_truth` describe them. Everything is decided in
memory; no database, no site needed (`tagledger.recorded_site`). Prints what `stream.scoring` defines, each figure with
its 95 % interval, then the loads that were not exact, worst first; before them, what was assumed
(`tagledger.score_notes`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import typer

from stream.model import TagVerdict
from stream.recorded import RecordedError, RecordedReads, read_csv
from stream.recorded_table import mapped
from stream.recorded_truth import RecordedTruth, TrueLoad, read_truth
from stream.scoring import (
    LoadScore,
    PassageScore,
    Share,
    ZoneScore,
    is_open,
    score_passages,
    score_tags,
    score_zones,
)
from tagledger.decide import Decided, decide_recording
from tagledger.recorded_site import assumptions, site_of, whole, with_margins, with_true_windows
from tagledger.score_notes import fit_together, in_one_time, not_found, sides_by_truth, unscored
from tagledger.site_text import site_text
from tagledger.terminal import EXIT_USAGE, complain, console, print_json, site_or_exit
from warehouse.site import Direction, Site

WORST_SHOWN = 12
MEANINGS = {
    "precision": "of the tags said to belong, those that did",
    "recall": "of the tags that passed and were read then, those said to",
    "recall_all": "of the tags that passed, read or not",
    "read": "of the tags that passed, those that were read",
    "read_whole": "loads all of whose tags were read",
    "exact": "loads with exactly the tags that were read",
    "exact_all": "loads with exactly their tags",
    "direction": "of the loads whose direction was said",
    "direction_unsure": "loads of which it was not",
    "loads_found": "loads in whose windows a passage was seen",
    "tags_unsure": "tags for a person to decide; not said to belong",
    "tag_direction": "of the tags whose direction was said",
    "tag_direction_unsure": "tags of which it was not",
    "zone_seconds": "seconds of tags at rest in the right zone",
    "zone_seconds_moving": "the same of tags that move",
    "moves_told": "moves from zone to zone that were told before the next",
}


@dataclass(frozen=True, slots=True)
class Scored:
    """One recording's decisions and their score; parts are None when the truth says nothing about them."""

    decided: Decided
    passages: PassageScore | None
    zones: ZoneScore | None
    stray_reads: float
    notes: tuple[str, ...] = ()
    by_tag: dict[str, Share] | None = None

    def figures(self) -> dict[str, Any]:
        """Everything as plain values."""
        out: dict[str, Any] = {"passages": len(self.decided.final), "batches": self.decided.batches}
        if self.passages is not None:
            out |= {name: _plain(share) for name, share in self.passages.shares().items()}
            out["stray_reads"] = round(self.stray_reads, 4)
            out["loads"] = [_load(score) for score in self.passages.loads]
        if self.by_tag is not None:
            out |= {name: _plain(share) for name, share in self.by_tag.items()}
        if self.zones is not None:
            if self.zones.moving_seconds:
                out["zone_seconds_of_moving_tags"] = _plain(self.zones.moving)
                out["moves_told"] = _plain(self.zones.moves_told)
                after = self.zones.moves_told_after_s
                out["moves_told_after_s"] = _number(float(np.median(after)) if after else math.nan)
            out["zone_seconds"] = _plain(self.zones.accuracy)
            out["false_moves_per_h"] = _number(self.zones.false_moves_per_h)
            out["tags_never_read"] = self.zones.silent_tags
        return out


def score_recording(site: Site, reads: RecordedReads, truth: RecordedTruth) -> Scored:
    """Decide and measure one recording."""
    only = site.portals[0].name if len(site.portals) == 1 else ""
    loads = [replace(load, portal=load.portal or only) for load in truth.loads]
    decided, began = decide_recording(site, reads)
    by_portal = {portal.name: own_reads(site, portal.name, reads) for portal in site.portals}
    passages = zones = by_tag = None
    seen = [passage for passage in decided.final if any(tag.verdict is TagVerdict.BELONGS for tag in passage.tags)]
    if loads and all(map(is_open, loads)) and len(seen) > 1:
        by_tag = score_tags(decided.final, loads, by_portal)
    elif loads:
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
    notes = [*began, *not_found(passages, site)]
    if by_tag is not None:
        notes.append(
            "the truth names tags, but neither loads nor times: tags are scored one by one, exact loads are not"
        )
    return Scored(decided, passages, zones, stray_share(loads, by_portal), tuple(notes), by_tag)


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
    events: Path | None = None,
    eye_margin_s: float = 0.0,
    windows_known: bool = False,
) -> None:
    """The command. Exit 2 when a file or an option is wrong."""
    try:
        reads = read_csv(reads_file, mapped(columns, "--column"), events=events)
        span_us = int(reads.time_us[0]), int(reads.time_us[-1])
        truth = read_truth(truth_file, mapped(truth_columns, "--truth-column"), windows, span_us)
        truth, moved = in_one_time(reads, truth)
        fit_together(reads, truth)
        site = site_or_exit(site_file) if site_file else site_of(reads, truth, places, sides, eyes)
        given: list[str] = []
        if windows_known:
            site, reads, given = with_true_windows(site, reads, truth)
        reads, widened = with_margins(site, reads, eye_margin_s)
        scored = score_recording(site, reads, truth)
        if write_site is not None:
            write_site.write_text(site_text(whole(site)), encoding="utf-8")
    except (RecordedError, OSError) as wrong:
        complain(wrong)
        raise typer.Exit(EXIT_USAGE) from None
    notes = [] if site_file else assumptions(site, reads, truth, (*places, *sides))
    notes += [*given, *widened, *moved, *unscored(site, truth), *sides_by_truth(site, reads, truth), *scored.notes]
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


def _print(reads: RecordedReads, scored: Scored, notes: Sequence[str], known: bool) -> None:
    console.print(f"{len(reads):,} reads of {len(reads.tags):,} tags; {'; '.join(reads.notes)}", soft_wrap=True)
    for note in notes:
        console.print(f"  {note}", soft_wrap=True, highlight=False)
    if not known:
        say = "other places, sides or eyes: --place, --side, --eye; or --write-site FILE, edit, --site FILE"
        console.print(f"  {say}", soft_wrap=True, highlight=False)
    console.print(f"{len(scored.decided.final)} passages, {len(scored.decided.updates)} location updates")
    shares = scored.passages.shares() if scored.passages is not None else scored.by_tag
    if shares is not None:
        if scored.by_tag is None:
            console.print(f"stray reads in the loads' windows: {scored.stray_reads:.1%}")
        for name, share in shares.items():
            _print_share(name, share)
    if scored.passages is not None:
        poor = sorted(
            (score for score in scored.passages.loads if not score.exact and (score.load or score.wrong)),
            key=lambda score: -(score.wrong + score.missed),
        )
        for score in poor[:WORST_SHOWN]:
            console.print("  " + words(score), soft_wrap=True)
        if len(poor) > WORST_SHOWN:
            console.print(f"  and {len(poor) - WORST_SHOWN} more that are not exact (--json has all)")
    if scored.zones is not None:
        _print_zones(scored.zones)


def _print_share(name: str, share: Share) -> None:
    about = MEANINGS.get(name, "")
    console.print(f"{name.replace('_', ' '):20s} {share!s:36s} {about}".rstrip(), soft_wrap=True)


def _print_zones(zones: ZoneScore) -> None:
    if zones.tag_seconds:
        _print_share("zone_seconds", zones.accuracy)
        console.print(f"{'false moves per h':20s} {zones.false_moves_per_h:.2f} a tag at rest")
    if zones.silent_tags:
        console.print(f"{zones.silent_tags} tags at rest were never read, and are not in these figures")
    if zones.moving_seconds:
        _print_share("zone_seconds_moving", zones.moving)
        _print_share("moves_told", zones.moves_told)
    if zones.moves_told_after_s:
        console.print(f"{'told after':20s} {float(np.median(zones.moves_told_after_s)):.1f} s (median)")


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
