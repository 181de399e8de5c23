"""How a portal's windows are looked at: by which rows, with which model, and not twice by the same rows.

A window is judged as it stands whenever something may be told of it. The loads of one that crawled are told by their
crossings instead (`passage_crawls`), and a load that is gone is looked at again by what was heard since
(`passage_hindsight`), beginning with what was said at the close. That is kept (not in the operator's state: one that
begins anew judges anew, and finds the same) and taken as it is while the window holds no other rows.

Bound: the last `KEPT_MAX` windows' judgements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from stream.operators.passage_antennas import PassageAntennas
from stream.operators.passage_belt import BELT_FEATURES
from stream.operators.passage_convoy import Lag
from stream.operators.passage_crawls import PassageCrawls
from stream.operators.passage_cuts import PassageCuts
from stream.operators.passage_facts import Cut
from stream.operators.passage_features import FEATURES
from stream.operators.passage_hindsight import is_doubtful, look_back
from stream.operators.passage_judge import Judged, judge, judged
from stream.operators.passage_model import shipped_model
from stream.operators.passage_past import Past
from stream.operators.passage_rows import PassageRows
from stream.operators.passage_state import PassageParams, PassageRecord
from stream.operators.passage_window import BeamBreak
from warehouse.site import Portal

KEPT_MAX = 8


@dataclass(frozen=True, slots=True)
class Look:
    """A window's loads as judged by a cut of rows up to `closed_us`; `final` for what is told once and for all, `amend`
    for what is told once more.
    """

    closed_us: int
    cut: Cut
    loads: list[Judged]
    final: bool
    amend: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was judged, and of what: a past is made anew when rows, antennas or drops change it, and rows that a window
    holds only become more.
    """

    past: Past | None
    rows: int
    window: tuple[int, int, tuple[BeamBreak, ...]]
    loads: list[Judged]


class PassageLooks:
    """Looks at the windows of one portal."""

    def __init__(
        self, portal: Portal, antennas: PassageAntennas, rows: PassageRows, params: PassageParams, lag: Lag
    ) -> None:
        self._eyes = portal.photo_eyes
        self._params = params
        self._model = (params.model or shipped_model()).over(FEATURES, BELT_FEATURES)
        by_eyes_alone = not antennas.sides_told and len({eye.side for eye in portal.photo_eyes}) > 1
        self._direction_score_min = params.direction_score_min_of_eyes if by_eyes_alone else params.direction_score_min
        self.cuts = PassageCuts(portal.photo_eyes, antennas, rows, params, lag)
        self.crawls = PassageCrawls(antennas, rows, params)
        self._kept: dict[UUID, _Kept] = {}

    def look(
        self,
        record: PassageRecord,
        closed_us: int,
        breaks: Sequence[BeamBreak],
        ticked_us: int,
        windows: Sequence[PassageRecord],
        *,
        final: bool,
        amend: bool,
    ) -> Look:
        """The loads of one of the portal's windows, by what was heard up to `ticked_us`; of one that crawled or is
        looked at again, up to the second look.
        """
        if record.crossed_us is not None:
            cut, tags, scores = self.crawls.crossed(record, self.cuts, windows)
            loads = [judged(cut, tags, scores, self._eyes, self._model, self._direction_score_min)]
            return Look(closed_us, cut, loads, final, amend)
        # A window once said to hold one load, or two, is amended as such.
        may_part = final and (not amend or len(record.said) > 1)
        cut = self.cuts.cut(record, closed_us, breaks, ticked_us, windows)
        loads = self.judge(record, cut, breaks, may_part=may_part)
        if amend and record.until_us is not None and self._model.hindsight is not None:
            cut = self.cuts.until(cut, record.until_us)
            loads = look_back(cut, loads, self._model.hindsight, self._params.costs)
        return Look(closed_us, cut, loads, final, amend)

    def judge(self, record: PassageRecord, cut: Cut, breaks: Sequence[BeamBreak], *, may_part: bool) -> list[Judged]:
        """The loads of a window by this cut of it; one, or with `may_part` two."""
        window = cut.opened_us, cut.closed_us, tuple(breaks)
        kept = self._kept.get(record.passage_id)
        if (
            kept is not None
            and kept.past is cut.past
            and (kept.rows, kept.window) == (len(cut.rows), window)
            and (may_part or len(kept.loads) == 1)
        ):
            return kept.loads
        loads = judge(cut, self._eyes, breaks, self._model, self._direction_score_min, may_part=may_part)
        # What is said of boxes on a belt rests on the windows beside them as well.
        if may_part and cut.convoy is None:
            self._kept.pop(record.passage_id, None)
            self._kept[record.passage_id] = _Kept(cut.past, len(cut.rows), window, loads)
            if len(self._kept) > KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return loads

    def may_look_again(self, record: PassageRecord, look: Look) -> bool:
        """Whether a second look at a window that was told of may tell more."""
        return record.told and self._model.hindsight is not None and is_doubtful(look.cut, look.loads)
