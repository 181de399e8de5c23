"""What one passage is judged by, cut out of all that its portal's antennas heard."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_antennas import PassageAntennas
from stream.operators.passage_convoy import REACH_US, Convoy, Lag, convoy_of
from stream.operators.passage_direction import eyes_way
from stream.operators.passage_facts import Cut
from stream.operators.passage_past import Past, past_of
from stream.operators.passage_rows import PassageRows
from stream.operators.passage_state import PassageParams, PassageRecord
from stream.operators.passage_window import BeamBreak
from warehouse.site import PhotoEye

PASTS_MAX = 8
"""So many windows' pasts are kept: the open one's, and theirs that are looked at again within seconds."""


class PassageCuts:
    """Cuts from a portal's rows. What was heard before an approach is summed up once, while it stays as it is."""

    def __init__(
        self,
        eyes: Sequence[PhotoEye],
        antennas: PassageAntennas,
        rows: PassageRows,
        params: PassageParams,
        lag: Lag,
    ) -> None:
        self._eyes = eyes
        self._antennas = antennas
        self._rows = rows
        self._params = params
        self._lag = lag
        self._pasts: dict[UUID, tuple[tuple[object, ...], Past]] = {}

    def heard(self, added: NDArray[np.void]) -> None:
        """These rows (at least one) were added."""
        first_us = int(added["first_us"].min()) if self._pasts else 0
        self._pasts = {name: past for name, past in self._pasts.items() if past[1].until_us <= first_us}

    def cut(
        self,
        record: PassageRecord,
        closed_us: int,
        breaks: Sequence[BeamBreak],
        ticked_us: int,
        others: Iterable[PassageRecord] = (),
    ) -> Cut:
        """The rows of the approach and later, with what was heard before them, and the background. Reads from
        `ticked_us` on are there or not as batches were cut: they wait. `others` are the portal's windows.

        A window of beams on one side is as long as what broke them; it is looked at `beam_margin_s` wider on either
        side, whatever else passes then.
        """
        params = self._params
        tail_us = int(params.tail_s * 1e6)
        two_sided = len({eye.side for eye in self._eyes}) > 1
        way = eyes_way(self._eyes, breaks)
        approach_us = int(params.approach_s * 1e6)
        background = np.zeros(len(self._rows.tags), np.float32)
        known = np.frombuffer(record.background, np.float32)
        background[: len(known)] = known
        opened_us, convoy = record.opened_us, None
        if record.by_eyes and not two_sided:
            convoy = self._convoy(record, closed_us, ticked_us, others)
            margin_us = int(params.beam_margin_s * 1e6)
            opened_us, closed_us = opened_us - margin_us, closed_us + margin_us
        return Cut(
            rows=self._rows.between(opened_us - approach_us, min(closed_us + tail_us + 1, ticked_us)),
            own=self._antennas.own(self._rows),
            side=self._antennas.side(self._rows),
            background=background,
            opened_us=opened_us,
            closed_us=closed_us,
            approach_us=approach_us,
            tail_us=tail_us,
            first_beam_us=min((b.at_us for b in breaks), default=None),
            eyes_way=way,
            eyes_back=bool(breaks) and way == 0 and two_sided,
            past=self._past_of(record.passage_id, opened_us),
            sides_told=self._antennas.sides_told,
            convoy=convoy,
        )

    def until(self, cut: Cut, until_us: int) -> Cut:
        """A cut with what was heard since, up to then."""
        rows = self._rows.between(cut.opened_us - cut.approach_us, until_us + 1)
        return replace(cut, rows=rows, tail_us=until_us - cut.closed_us)

    def _convoy(self, record: PassageRecord, closed_us: int, ticked_us: int, others: Iterable[PassageRecord]) -> Convoy:
        """Where its tags stand among the windows nearby."""
        beside = [other for other in others if other is not record]
        earlier = [other for other in beside if (other.closed_us or 0) <= record.opened_us]
        before = max(earlier, key=lambda other: other.closed_us or 0, default=None)
        behind = [other.opened_us for other in beside if other.opened_us >= closed_us]
        rows = self._rows.between(record.opened_us - 2 * REACH_US, min(closed_us + 2 * REACH_US, ticked_us))
        return convoy_of(
            rows.take(self._antennas.own(self._rows)[rows["antenna"]].nonzero()[0]),
            len(self._rows.tags),
            (record.opened_us, closed_us),
            None if before is None else before.closed_us,
            min(behind, default=None),
            ticked_us,
            self._lag,
            len(self._rows.antennas),
            None if before is None else before.cell_end_us,
            over=record.closed_us is not None,
        )

    def _past_of(self, passage_id: UUID, opened_us: int) -> Past:
        """What was heard before a window's approach."""
        own, rows = self._antennas.own(self._rows), self._rows
        made_of = opened_us, len(own), rows.dropped_rows
        known = self._pasts.get(passage_id)
        if known is None or known[0] != made_of:
            start = opened_us - int(self._params.approach_s * 1e6)
            earlier = rows.between(opened_us - int(self._params.lookback_s * 1e6), start)
            known = made_of, past_of(earlier, own, start)
            self._pasts = dict([*self._pasts.items(), (passage_id, known)][-PASTS_MAX:])
        return known[1]
