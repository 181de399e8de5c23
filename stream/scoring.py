"""How right decisions were, against the truth: tags, loads, directions, zones, with 95 % confidence intervals.

Passages are paired with loads one to one, per portal, among those that overlap in time (±`SLACK_US`): most shared tags
first, then longest overlap. Then, over all loads and passages:

- precision: tags said to belong that did, of all said to belong (also in passages without a load);
- recall: of the tags of loads that the portal's antennas read in the load's window (±`READ_SLACK_US`), those said to
  belong to its passage. Unread tags are no decision's fault: `unread` counts them, `recall_all` includes them.
- read, read_whole: the bound of `recall_all` and `exact_all`: tags of loads that were read at all at the door in the
  window, and loads all of whose tags were.
- exact: loads whose passage has exactly the read tags, none unsure among them; `exact_all` likewise of all tags.
- direction: right, wrong, unsure among paired loads of known direction; a load without a passage is `missed`.

Of truth that has tags and their directions but no loads and no times (`score_tags`): precision and recall as above,
over all passages of the recording, and direction by tag: those of whose passages all that have a direction have the
tag's.

Zones: a tag at rest is one that all its stays put into one zone; its seconds are right in which it is said to be there,
and its moves are false. Of tags that move, the seconds of each stay, from when the tag was put there, and the moves
(from a stay to the next, in another zone) that were told before that stay ended.

An `unsure` tag counts as not said to belong; `tags_unsure` is of all tags that passed and were read, were said to have
passed, or are unsure. Intervals: Wilson's for shares of loads; for tags, which are not independent within a load, the
bootstrap over loads (1,000 resamples, fixed seed).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from stream.model import Passage, TagVerdict
from stream.recorded_truth import WHOLE, TrueLoad, TrueStay
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.site import Direction

SLACK_US = 1_500_000
READ_SLACK_US = 2_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """k of n, with a 95 % interval."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else math.nan

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] ({self.hits}/{self.of})" if self.of else "-"


@dataclass(frozen=True, slots=True)
class LoadScore:
    """One load, or one passage without a load (`load` None)."""

    load: TrueLoad | None
    passage: Passage | None
    right: int
    wrong: int
    missed: int
    unread: int
    unsure: int
    exact: bool
    exact_all: bool
    unsure_strays: int = 0


@dataclass(frozen=True, slots=True)
class PassageScore:
    """All loads of a recording or of several."""

    loads: tuple[LoadScore, ...]

    def __add__(self, other: "PassageScore") -> "PassageScore":
        return PassageScore(self.loads + other.loads)

    def shares(self) -> dict[str, Share]:
        """Every figure by name."""
        true = [score for score in self.loads if score.load is not None]
        known = [score for score in true if score.load and score.load.direction is not Direction.UNSURE]
        paired = [score for score in known if score.passage is not None]
        right = sum(score.passage.direction is score.load.direction for score in paired if score.passage and score.load)
        unsure = sum(score.passage.direction is Direction.UNSURE for score in paired if score.passage)
        return {
            "precision": clustered([(s.right, s.right + s.wrong) for s in self.loads]),
            "recall": clustered([(s.right, s.right + s.missed) for s in true]),
            "recall_all": clustered([(s.right, s.right + s.missed + s.unread) for s in true]),
            "read": clustered([(s.right + s.missed, s.right + s.missed + s.unread) for s in true]),
            "read_whole": wilson(sum(not s.unread for s in true), len(true)),
            "exact": wilson(sum(s.exact for s in true), len(true)),
            "exact_all": wilson(sum(s.exact_all for s in true), len(true)),
            "direction": wilson(right, len(paired) - unsure),
            "direction_unsure": wilson(unsure, len(paired)),
            "loads_found": wilson(sum(s.passage is not None for s in true), len(true)),
            "tags_unsure": clustered([(s.unsure, s.right + s.missed + s.wrong + s.unsure_strays) for s in self.loads]),
        }


@dataclass(slots=True)
class ZoneScore:
    """Seconds of tags at rest in the right zone, and moves they did not make."""

    right_s: int = 0
    total_s: int = 0
    false_moves: int = 0
    tag_seconds: list[tuple[int, int]] = field(default_factory=list)
    silent_tags: int = 0
    moving_seconds: list[tuple[int, int]] = field(default_factory=list)
    moves: int = 0
    moves_told_after_s: list[float] = field(default_factory=list)

    def __add__(self, other: "ZoneScore") -> "ZoneScore":
        return ZoneScore(
            self.right_s + other.right_s,
            self.total_s + other.total_s,
            self.false_moves + other.false_moves,
            self.tag_seconds + other.tag_seconds,
            self.silent_tags + other.silent_tags,
            self.moving_seconds + other.moving_seconds,
            self.moves + other.moves,
            self.moves_told_after_s + other.moves_told_after_s,
        )

    @property
    def accuracy(self) -> Share:
        return clustered(self.tag_seconds)

    @property
    def moving(self) -> Share:
        """Seconds right of tags that move."""
        return clustered(self.moving_seconds)

    @property
    def moves_told(self) -> Share:
        """True moves that were told while the tag was where it had moved to."""
        return wilson(len(self.moves_told_after_s), self.moves)

    @property
    def false_moves_per_h(self) -> float:
        """Moves an hour of one tag at rest."""
        return self.false_moves / (self.total_s / 3600.0) if self.total_s else math.nan


def score_passages(
    passages: Sequence[Passage], loads: Sequence[TrueLoad], reads: Mapping[str, Sequence[tuple[int, str]]]
) -> PassageScore:
    """`reads` has, by portal, (time, tag) of what the portal's own antennas read, ordered by time."""
    pairs = _paired(passages, loads)
    times = {portal: np.array([at for at, _ in rows], np.int64) for portal, rows in reads.items()}
    out: list[LoadScore] = []
    for load, passage in pairs:
        portal = load.portal if load else passage.portal if passage else ""
        said = _said(passage, TagVerdict.BELONGS)
        asked = _said(passage, TagVerdict.UNSURE)
        true = set(load.epcs) if load else set()
        read = set()
        if load and portal in reads:
            low, high = np.searchsorted(times[portal], [load.start_us - READ_SLACK_US, load.end_us + READ_SLACK_US])
            read = true & {tag for _, tag in reads[portal][int(low) : int(high)]}
        read |= true & (said | asked)
        out.append(
            LoadScore(
                load=load,
                passage=passage,
                right=len(said & true),
                wrong=len(said - true),
                missed=len(read - said),
                unread=len(true - read),
                unsure=len(asked),
                exact=load is not None and passage is not None and said == read and not asked & true,
                exact_all=load is not None and said == true,
                unsure_strays=len(asked - true),
            )
        )
    return PassageScore(tuple(out))


def is_open(load: TrueLoad) -> bool:
    """Whether truth tells only that these tags passed: no name of a load, and no time."""
    return not load.is_named and (load.start_us, load.end_us) == WHOLE


def score_tags(
    passages: Sequence[Passage], loads: Sequence[TrueLoad], reads: Mapping[str, Sequence[tuple[int, str]]]
) -> dict[str, Share]:
    """Figures by name for truth without loads and times."""
    true: dict[tuple[str, str], list[Direction]] = defaultdict(list)
    for load in loads:
        for epc in load.epcs:
            true[load.portal, epc].append(load.direction)
    ways: dict[tuple[str, str], set[Direction]] = defaultdict(set)
    precise = []
    for passage in passages:
        said = _said(passage, TagVerdict.BELONGS)
        precise.append((sum((passage.portal, epc) in true for epc in said), len(said)))
        for epc in said:
            ways[passage.portal, epc].add(passage.direction)
    heard = {(portal, epc) for portal, rows in reads.items() for _, epc in rows}
    found = [tag for tag in true if tag in ways]
    known = [tag for tag in found if Direction.UNSURE not in true[tag]]
    told = [tag for tag in known if ways[tag] - {Direction.UNSURE}]
    right = sum(ways[tag] - {Direction.UNSURE} == set(true[tag]) for tag in told)
    return {
        "precision": clustered(precise),
        "recall": wilson(len(found), len([tag for tag in true if tag in heard or tag in ways])),
        "recall_all": wilson(len(found), len(true)),
        "read": wilson(len([tag for tag in true if tag in heard]), len(true)),
        "tag_direction": wilson(right, len(told)),
        "tag_direction_unsure": wilson(len(known) - len(told), len(known)),
    }


def score_zones(
    updates: Iterable[LocationUpdate], stays: Sequence[TrueStay], until_us: int, heard: frozenset[str]
) -> ZoneScore:
    """`until_us` ends the recording, `heard` are the tags that were read at all."""
    by_tag: dict[str, list[TrueStay]] = defaultdict(list)
    for stay in sorted(stays, key=lambda stay: stay.start_us):
        by_tag[stay.epc].append(replace(stay, start_us=max(stay.start_us, 0), end_us=min(stay.end_us, until_us)))
    said: dict[str, list[LocationUpdate]] = defaultdict(list)
    for update in sorted(updates, key=lambda update: update.at_us):
        said[update.epc].append(update)
    score = ZoneScore()
    for epc, own in by_tag.items():
        rests = len({stay.zone for stay in own}) == 1
        if epc not in heard:
            score.silent_tags += rests
            continue
        history = said[epc]
        spans = [_seconds_right(history, stay) for stay in own]
        right, total = sum(right for right, _ in spans), sum(total for _, total in spans)
        if not rests:
            score.moving_seconds.append((right, total))
            later = [stay for before, stay in pairwise(own) if before.zone != stay.zone]
            score.moves += len(later)
            score.moves_told_after_s += [after for stay in later if (after := _told_after_s(history, stay)) is not None]
            continue
        score.right_s += right
        score.total_s += total
        score.tag_seconds.append((right, total))
        score.false_moves += sum(
            update.event is LocationEvent.MOVED and any(stay.start_us <= update.at_us <= stay.end_us for stay in own)
            for update in history
        )
    return score


def _seconds_right(history: Sequence[LocationUpdate], stay: TrueStay) -> tuple[int, int]:
    """Of the seconds of a stay, those in which the tag was said to be there, and all."""
    seconds = np.arange(stay.start_us, stay.end_us, 1_000_000)
    at = np.searchsorted(np.array([update.at_us for update in history], np.int64), seconds, side="right") - 1
    where = [update.location if update.event is not LocationEvent.DEPARTED else "" for update in history]
    return sum(index >= 0 and where[index] == stay.zone for index in at.tolist()), len(seconds)


def _told_after_s(history: Sequence[LocationUpdate], stay: TrueStay) -> float | None:
    """Seconds from a stay's beginning until the tag was said to be there; None when never before its end."""
    before = [update for update in history if update.at_us <= stay.start_us][-1:]
    if any(update.event is not LocationEvent.DEPARTED and update.location == stay.zone for update in before):
        return 0.0
    arrived = (
        (update.at_us - stay.start_us) / 1e6
        for update in history
        if stay.start_us < update.at_us <= stay.end_us
        and update.event is not LocationEvent.DEPARTED
        and update.location == stay.zone
    )
    return next(arrived, None)


def wilson(hits: int, of: int) -> Share:
    """Wilson's 95 % interval."""
    if not of:
        return Share(0, 0, math.nan, math.nan)
    z, p = 1.959964, hits / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return Share(hits, of, max(middle - half, 0.0), min(middle + half, 1.0))


def clustered(parts: Sequence[tuple[int, int]]) -> Share:
    """Sum of hits over sum of totals, with the 95 % bootstrap interval over the parts."""
    counts = np.array(parts, np.float64).reshape(-1, 2)
    hits, of = counts.sum(axis=0)
    if not of:
        return Share(0, 0, math.nan, math.nan)
    if len(counts) < 2 or hits == of:
        return wilson(int(hits), int(of))
    picks = np.random.default_rng(0).integers(0, len(counts), (1000, len(counts)))
    sums = counts[picks].sum(axis=1)
    values = sums[:, 0] / np.maximum(sums[:, 1], 1.0)
    low, high = np.quantile(values[sums[:, 1] > 0], [0.025, 0.975])
    return Share(int(hits), int(of), float(low), float(high))


def _said(passage: Passage | None, verdict: TagVerdict) -> set[str]:
    return {tag.epc for tag in passage.tags if tag.verdict is verdict} if passage else set()


def _paired(passages: Sequence[Passage], loads: Sequence[TrueLoad]) -> list[tuple[TrueLoad | None, Passage | None]]:
    candidates = []
    for number, load in enumerate(loads):
        true = set(load.epcs)
        for index, passage in enumerate(passages):
            overlap = min(load.end_us, passage.closed_us) - max(load.start_us, passage.opened_us)
            if overlap >= -SLACK_US and load.portal in ("", passage.portal):
                shared = len(true & (_said(passage, TagVerdict.BELONGS) | _said(passage, TagVerdict.UNSURE)))
                candidates.append((-shared, -overlap, number, index))
    of_load: dict[int, int] = {}
    used: set[int] = set()
    for _, _, number, index in sorted(candidates):
        if number not in of_load and index not in used:
            of_load[number] = index
            used.add(index)
    pairs: list[tuple[TrueLoad | None, Passage | None]] = [
        (load, passages[of_load[number]] if number in of_load else None) for number, load in enumerate(loads)
    ]
    return pairs + [(None, passage) for index, passage in enumerate(passages) if index not in used]
