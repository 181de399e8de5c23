"""Which windows the loads that crawl belong to: told at the second look, when what is behind them is known as well.

A window without beams may have ended half way through such a load, or held two. So at a door with antennas on both
sides, once a window is looked at again, every load that crossed by then (`passage_crawl`) is given to the window
nearest to it. A window keeps the load most of whose tags it has said; for what else it held there are windows made
then, whose first word is an amendment: the load is gone.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from uuid import uuid5

import numpy as np
from numpy.typing import NDArray

from stream.model import TagVerdict
from stream.operators.passage_antennas import PassageAntennas
from stream.operators.passage_crawl import CRAWL_S, DONE, EVEN, Crossed, Crossings, crawling, crossed_with, crossings_of
from stream.operators.passage_cuts import PassageCuts
from stream.operators.passage_facts import Cut, tag_facts
from stream.operators.passage_features import TagFeatures, tag_features
from stream.operators.passage_past import read_power_mw
from stream.operators.passage_rows import PassageRows
from stream.operators.passage_state import PassageParams, PassageRecord, Said
from stream.operators.passage_sums import median_of

SAME_SHARE = 0.5
"""Two crossings nearer than that share of a lag are one load's."""
AGREE_MIN = 0.6
"""Of the tags said to have passed, so many have about one lag where a load crawls."""
CLEAR_SHARES = 0.8, 3.0
"""Loads that far apart, in lags, are two of a belt; those further apart are not heard together."""
WINDOW_SHARE = 0.7
"""A load is in the door so many lags before and after it crosses."""
BACKGROUND_MAX = 0.5
"""What was heard more of the time than that before the window opened tells of no load."""


class PassageCrawls:
    """What crawled through one portal, by its rows."""

    def __init__(self, antennas: PassageAntennas, rows: PassageRows, params: PassageParams) -> None:
        self._antennas = antennas
        self._rows = rows
        self._params = params

    def may_part(self, record: PassageRecord) -> bool:
        """Whether loads that crawl could be told apart at all; those that met are left to the judge, who knows both."""
        return not record.by_eyes and self._antennas.sides_told > 1 and len(record.said) < 2

    def share_out(self, record: PassageRecord, windows: Sequence[PassageRecord], until_us: int) -> list[PassageRecord]:
        """Give the window its load, if loads crawl; returns further windows for further loads nearest to it."""
        if not self.may_part(record):
            return []
        taken = [each for each in windows if each.crossed_us is not None]
        crossings = self.crossings(record.opened_us, until_us)
        said = self._said([record])
        pace_s = _pace_s(crossings, said, taken)
        if pace_s < CRAWL_S:
            return []
        loads = self._loads(record, taken, crossings, pace_s)
        if not (taken or self._is_belt(crossings, loads, windows)):
            return []
        free = [each for each in windows if each.crossed_us is None and not each.by_eyes]
        mine: list[Crossed] = []
        for load in loads:
            at_us, lag_us = _us(record, load)
            gone = at_us + DONE * abs(lag_us) <= until_us
            new = all(abs(at_us - (each.crossed_us or 0)) > SAME_SHARE * abs(lag_us) for each in taken)
            near = _away_us(record, at_us, until_us) <= abs(lag_us)
            near &= at_us >= record.opened_us or not mine
            if gone and new and near and min(free, key=lambda each: _away_us(each, at_us, until_us)) is record:
                mine.append(load)
        if not mine:
            return []
        shares = [float(crossed_with(crossings, load, loads)[said].sum()) for load in mine]
        kept = int(np.argmax(shares))
        record.crossed_us, record.lag_us, record.until_us = *_us(record, mine[kept]), until_us
        record.said = record.said or [Said()]
        record.said[0].revisions = max(record.said[0].revisions, 1)
        return [
            self._further(record, number, *_us(record, load), until_us)
            for number, load in enumerate(mine)
            if number != kept
        ]

    def _is_belt(self, crossings: Crossings, loads: Sequence[Crossed], windows: Sequence[PassageRecord]) -> bool:
        """Whether of two loads at least, one behind the other, tags were said to have passed."""
        said = self._said([each for each in windows if not each.by_eyes and each.closed_us is not None])
        told = [each for each in loads if (crossed_with(crossings, each, loads)[said] > 0.5).any()]
        clear = [
            CLEAR_SHARES[0] <= (behind.at_s - ahead.at_s) / abs(behind.lag_s) <= CLEAR_SHARES[1]
            for ahead, behind in pairwise(sorted(told, key=lambda each: each.at_s))
        ]
        return any(clear)

    def crossed(
        self, record: PassageRecord, cuts: PassageCuts, windows: Sequence[PassageRecord]
    ) -> tuple[Cut, TagFeatures, NDArray[np.float64]]:
        """The cut, features and scores of the tags of a load that crawled."""
        assert record.crossed_us is not None
        assert record.until_us is not None
        half_us = int(WINDOW_SHARE * abs(record.lag_us))
        window = replace(record, opened_us=record.crossed_us - half_us, closed_us=record.crossed_us + half_us)
        cut = cuts.cut(window, record.crossed_us + half_us, (), record.until_us + 1)
        cut = cuts.until(cut, record.until_us)
        crossings = self.crossings(record.opened_us, record.until_us)
        others = [each for each in windows if each.crossed_us is not None and each is not record]
        loads = self._loads(record, others, crossings, abs(record.lag_us) / 1e6)
        at_s = (record.crossed_us - record.opened_us) / 1e6
        load = Crossed(at_s, record.lag_us / 1e6)
        same = [each for each in loads if abs(each.at_s - at_s) <= SAME_SHARE * abs(load.lag_s)]
        load = min(same, key=lambda each: abs(each.at_s - at_s), default=load)
        facts = tag_facts(cut)
        if facts is None:
            return cut, tag_features(cut), np.empty(0)
        scores = crossed_with(crossings, load, loads)[facts.tags]
        return cut, tag_features(cut, scores, facts, scored=True), scores

    def crossings(self, opened_us: int, until_us: int) -> Crossings:
        """In seconds after the opening; what neighbours hear louder crossed no door of ours."""
        rows = self._rows.between(opened_us - int(self._params.lookback_s * 1e6), until_us + 1)
        own, count = self._antennas.own(self._rows)[rows["antenna"]], len(self._rows.tags)
        power = read_power_mw(rows)
        ours, theirs = (np.bincount(rows["tag"], power * part, count) for part in (own, ~own))
        crossings = crossings_of(rows.take(own.nonzero()[0]), self._antennas.side(self._rows), count, opened_us)
        return replace(crossings, lag_s=np.where(ours >= theirs, crossings.lag_s, np.nan))

    def _loads(
        self, record: PassageRecord, taken: Sequence[PassageRecord], crossings: Crossings, pace_s: float
    ) -> list[Crossed]:
        """Those known to have crossed, and those that tags of none of them tell of, in seconds after the opening."""
        known = [Crossed(((each.crossed_us or 0) - record.opened_us) / 1e6, each.lag_us / 1e6) for each in taken]
        among = np.isfinite(crossings.lag_s)
        among[self._said(taken)] = False
        background = np.frombuffer(record.background, np.float32)
        among[: len(background)] &= background < BACKGROUND_MAX
        return [*known, *crawling(crossings, pace_s, among)]

    def _said(self, records: Sequence[PassageRecord]) -> NDArray[np.int64]:
        """The tags that may belong to these."""
        return self._rows.known(
            {
                epc
                for record in records
                for one in record.said
                for epc, verdict in one.verdicts.items()
                if verdict is not TagVerdict.STRAY
            }
        )

    def _further(
        self, record: PassageRecord, number: int, crossed_us: int, lag_us: int, until_us: int
    ) -> PassageRecord:
        half_us = int(WINDOW_SHARE * abs(lag_us))
        return PassageRecord(
            passage_id=uuid5(record.passage_id, f"behind/{number}"),
            opened_us=crossed_us - half_us,
            closed_us=crossed_us + half_us,
            background=record.background,
            said=[Said(revisions=1)],
            until_us=until_us,
            crossed_us=crossed_us,
            lag_us=lag_us,
        )


def _away_us(window: PassageRecord, at_us: int, now_us: int) -> int:
    """How far outside the window that is; the middle of two that hold it is nearer."""
    return max(window.opened_us - at_us, at_us - (window.closed_us or now_us), 0)


def _us(record: PassageRecord, load: Crossed) -> tuple[int, int]:
    return record.opened_us + round(load.at_s * 1e6), round(load.lag_s * 1e6)


def _pace_s(crossings: Crossings, said: NDArray[np.int64], taken: Sequence[PassageRecord]) -> float:
    """The lag of what the window is said to hold; if that is nothing, of the loads that crawled just before. 0 where
    its tags are not of one mind: they answer too seldom, or did not cross.
    """
    lags = crossings.lag_s[said]
    lags = lags[np.isfinite(lags)]
    if not len(lags):
        return median_of(np.array([abs(each.lag_us) for each in taken]) / 1e6) if taken else 0.0
    pace = median_of(lags)
    agree = (lags / pace >= EVEN) & (lags / pace <= 1.0 / EVEN) if pace else np.zeros(len(lags), np.bool_)
    return abs(pace) if agree.mean() >= AGREE_MIN else 0.0
