"""Passages: one operator a portal turns sightings and photo-eyes into loads that went through, tag by tag.

States of a passage: *open* (provisional revisions, at most one every `provisional_every_s`, when something changed, or
a tag has become certain enough for the light; the final one already where the load has left and nothing is in doubt),
*closed* (the final revision, `closed_us` + at most 2 s of reader time, or what changed since), *settled* (late reads
within `amend_s`, the next boxes of a belt, and a second look `hindsight_s` after the close make one more when they
change what was said), *gone* (later reads are counted, not used). Final ones are the same without provisional ones.

Work is done per tick of reader time, as soon as the watermark covers its last microsecond, so only the reads and the
watermark matter, not how reads were spread over batches. Two loads abreast, or nose to tail without a clear beam or a
dip in the reads between them, are one passage; two that meet are told apart at the close. `passage_edges`,
`passage_window` and `passage_density` say when, `passage_looks` how a window is looked at, `passage_past` what was
heard before, `passage_convoy` which of several windows a tag is nearest to, `passage_crawl` with which of the loads
that crawl it crossed, `passage_features`, `passage_levels`, `passage_likeness`, `passage_belt` and `passage_model`
which tags, `passage_direction` which way, `passage_judge` puts it together, and `passage_hindsight` looks again.

Bounds: rows, tags and records as `PassageParams` says; what no longer fits is dropped oldest first and counted.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from stream.model import BatchId, Passage, TagVerdict
from stream.operators.passage_antennas import PassageAntennas
from stream.operators.passage_background import Background
from stream.operators.passage_convoy import REACH_US, Lag
from stream.operators.passage_edges import Beam, PassageEdges
from stream.operators.passage_looks import Look, PassageLooks
from stream.operators.passage_rows import PassageRows
from stream.operators.passage_saying import (
    belonging,
    certain_tags,
    claimed_twice,
    is_sure,
    members,
    passage_of,
    spent_tags,
    verdicts_on,
)
from stream.operators.passage_state import PassageParams, PassageRecord, PassageState, Said
from stream.operators.passage_window import WindowEdge
from stream.operators.slices import PlaceSlice
from warehouse.site import AntennaRef, Portal, Side

__all__ = ["PassageOperator", "PassageParams", "PassageState"]

ASKED_MAX = 2
"""So often a load is judged as one that seems to have left, before its window closes."""
LOOKS = 2
"""So many windows are looked at again when the one behind them closed: their tags may be heard that long."""
PASSAGE_NAMESPACE = UUID("0b5c4ad7-3a52-5c56-9d0c-6a7a3f0f3c11")


class PassageOperator:
    """Decides the passages of one portal. See `stream.operators.contract` for the call order."""

    def __init__(
        self,
        portal: Portal,
        own: frozenset[AntennaRef],
        sides: Mapping[AntennaRef, Side | None],
        params: PassageParams,
        state: PassageState | None = None,
    ) -> None:
        self._portal = portal
        self._antennas = PassageAntennas(own, sides)
        self._params = params
        self._by_beam = len({eye.side for eye in portal.photo_eyes}) == 1
        if state is None:
            self._rows = PassageRows(params.rows_max)
            self._background = Background(params.background_tau_s)
            self._tick_us: int | None = None
            self._second = 0
            self._opening: BatchId | None = None
            self._ordinal = 0
            self._open: PassageRecord | None = None
            self._settled: list[PassageRecord] = []
            self.late_dropped = 0
        else:
            self._rows = PassageRows.restore(
                params.rows_max, state.tags, state.antennas, state.origins, state.rows, state.next_origin
            )
            self._rows.dropped_rows = state.rows_dropped
            self._background = Background.restore(
                params.background_tau_s, state.level, state.level_dbm, state.level_second
            )
            self._tick_us, self._second = state.tick_us, state.second
            self._opening, self._ordinal = state.opening, state.ordinal
            self._open, self._settled = state.open, list(state.settled)
            self.late_dropped = state.late_dropped
        self._edges = PassageEdges(portal, self._antennas, self._rows, params, state)
        self._lag = state.lag.copy() if state else Lag()
        self._looks = PassageLooks(portal, self._antennas, self._rows, params, self._lag)

    def on_batch(self, now_us: int, items: Sequence[PlaceSlice]) -> list[Passage]:
        """Take slices; returns revisions of passages in the order they came about."""
        late: set[UUID] = set()
        for piece in items:
            _, added = self._rows.append(piece)
            if len(added):
                late |= self._late(added)
                self._looks.cuts.heard(added)
            self._edges.take(piece)
        if self._tick_us is None:
            self._tick_us = self._edges.start(now_us)
            self._second = self._tick_us // 1_000_000
        out = [amended for record in self._settled if record.passage_id in late for amended in self._amended(record)]
        return out + self._advance(now_us)

    def on_wakeup(self, now_us: int) -> list[Passage]:
        """Time passed."""
        return [] if self._tick_us is None else self._advance(now_us)

    def next_wakeup(self) -> int | None:
        """The end of the next tick while anything is under way, else of that of the next second look, if any is due."""
        if self._tick_us is None:
            return None
        step, at_us = self._params.window.tick_us, self._tick_us
        if self._idle and not self._edges.beams:
            if not self._looks_due:
                return None
            at_us = max(at_us, min(self._looks_due) // step * step)
        return at_us + step - 1

    def snapshot(self) -> PassageState:
        """Everything needed to go on from here."""
        return PassageState(
            tick_us=self._tick_us,
            second=self._second,
            tags=list(self._rows.tags),
            antennas=list(self._rows.antennas),
            origins=dict(self._rows.origins),
            next_origin=self._rows.next_origin,
            rows=self._rows.rows.tobytes(),
            level=self._background.level.tobytes(),
            level_dbm=self._background.level_dbm.tobytes(),
            level_second=self._background.second.tobytes(),
            window=self._edges.eyes.state.copy(),
            density=self._edges.density.snapshot(),
            beams=list(self._edges.beams),
            opening=self._opening,
            ordinal=self._ordinal,
            beam_us=self._edges.beam_us,
            open=None if self._open is None else self._open.copy(),
            settled=[record.copy() for record in self._settled],
            late_dropped=self.late_dropped,
            rows_dropped=self._rows.dropped_rows,
            lag=self._lag.copy(),
        )

    def _late(self, added: NDArray[np.void]) -> set[UUID]:
        """Passages that rows behind the ticks already worked off fall into; counts those too late for any use."""
        if self._tick_us is None:
            return set()
        first = added["first_us"]
        behind = first[(first < self._tick_us) & self._antennas.own(self._rows)[added["antenna"]]]
        if not len(behind):
            return set()
        params = self._params
        touched = {record.passage_id for record in self._settled if record.rests_on(behind, params)}
        self.late_dropped += int((behind < self._tick_us - int(params.amend_s * 1e6)).sum())
        return touched

    def _advance(self, now_us: int) -> list[Passage]:
        assert self._tick_us is not None
        out: list[Passage] = []
        step = self._params.window.tick_us
        over_us = now_us + 1  # what is before that is complete
        while self._tick_us + step <= over_us:
            if self._idle:
                self._skip(over_us)
                if self._tick_us + step > over_us:
                    break
            start, end = self._tick_us, self._tick_us + step
            beams, edges = self._ticked(start, end)
            self._tick_us = end
            for edge, by_eyes in edges:
                out += self._edge(edge, end, beams, by_eyes)
            out += self._look_back(end)
            if self._open is not None:
                out += self._while_open(self._open, end)
            if end // 1_000_000 > self._second:
                self._learn(end // 1_000_000)
        self._edges.bound()
        self._forget()
        return out

    def _ticked(self, start_us: int, end_us: int) -> tuple[list[Beam], list[tuple[WindowEdge, bool]]]:
        """What opens and closes in a tick that is complete."""
        return self._edges.tick(start_us, end_us)

    def _skip(self, over_us: int) -> None:
        """Jump over ticks in which nothing happened, learning the background on the way."""
        assert self._tick_us is not None
        step = self._params.window.tick_us
        first = self._rows.first_from(self._tick_us)
        times = self._looks_due if first is None else [first, *self._looks_due]
        times += [event.at_us for event, _ in self._edges.beams]
        target = min([*times, over_us])
        target -= target % step
        if target > self._tick_us:
            self._tick_us = target
            if target // 1_000_000 > self._second:
                self._learn(target // 1_000_000)

    def _learn(self, second: int) -> None:
        """Learn the background of the whole seconds before `second`."""
        rows = self._rows.between(self._second * 1_000_000, second * 1_000_000)
        rows = rows.take(self._antennas.own(self._rows)[rows["antenna"]].nonzero()[0])
        self._background.learn_seconds(len(self._rows.tags), rows)
        self._second = second

    def _while_open(self, record: PassageRecord, end_us: int) -> list[Passage]:
        """A load in the door: told of provisionally until it has left for sure, then once as final."""
        if record.told:
            return []
        if record.asked < ASKED_MAX and self._edges.has_left(record.opened_us, record.by_eyes):
            record.asked += 1
            if told := self._evaluate(record, end_us, final=True):
                return told
        every_s = self._params.provisional_every_s
        if every_s is None or end_us - record.judged_us < every_s * 1e6:
            return []
        return self._evaluate(record, end_us, final=False)

    @property
    def _idle(self) -> bool:
        return self._open is None and self._edges.idle

    def _edge(self, edge: WindowEdge, end_us: int, beams: Sequence[Beam], by_eyes: bool) -> list[Passage]:
        """A window of one tracker opened or closed; whose the say is, `PassageEdges` says."""
        if edge.opened:
            if self._open is not None:
                if by_eyes and not self._open.by_eyes:
                    self._open.by_eyes, self._open.opened_us = True, edge.at_us
            elif by_eyes or self._edges.may_open_by_reads(end_us):
                self._begin(edge, end_us, beams, by_eyes)
            return []
        record = self._open
        if record is None or record.by_eyes is not by_eyes:
            return []
        self._open = None
        record.closed_us, record.breaks = edge.at_us, list(edge.breaks)
        record.opened_us = edge.begun_us or record.opened_us
        before = self._settled[-LOOKS:]
        self._settled = [*self._settled, record][-self._params.records_max :]
        out = [amended for earlier in before for amended in self._look_again(earlier, record)]
        out += self._evaluate(record, edge.at_us, final=True)
        self._came_through(record)
        if not by_eyes and any(members(said.verdicts) for said in record.said):
            self._edges.density.confirm()
        elif not by_eyes:
            self._edges.density.refute()
        return out

    def _came_through(self, record: PassageRecord) -> None:
        """What went through a door belongs to no door's background: it may come again, on a belt that goes round."""
        came, second = self._rows.known(belonging([record])), record.opened_us // 1_000_000
        self._background.passed(len(self._rows.tags), came, record.background, second)

    def _look_again(self, before: PassageRecord, record: PassageRecord) -> list[Passage]:
        """Once a window closed on one side's beams, what is known of one close before it, amended."""
        closed_us = before.closed_us or 0
        if not (self._by_beam and before.by_eyes and record.by_eyes and record.opened_us - closed_us < REACH_US):
            return []
        return self._amended(before)

    def _amended(self, record: PassageRecord) -> list[Passage]:
        """A closed window judged anew."""
        return self._evaluate(record, record.closed_us or 0, final=True, amend=True)

    @property
    def _looks_due(self) -> list[int]:
        """When loads that are gone are looked at again."""
        return [record.look_us for record in self._settled if record.look_us is not None]

    def _look_back(self, end_us: int) -> list[Passage]:
        """A second look at the loads whose time for it lies before the end of a tick."""
        out: list[Passage] = []
        for record in [each for each in self._settled if each.look_us is not None and each.look_us < end_us]:
            until_us, record.look_us = record.look_us or end_us, None
            more = self._looks.crawls.share_out(record, self._windows, until_us)
            self._settled = [*self._settled, *more][-self._params.records_max :]
            anew: list[PassageRecord] = []
            if record.doubtful or record.crossed_us is not None:
                record.until_us = until_us
                anew = [*more, record]
            said = [self._amended(each) for each in anew]
            said += [self._amended(each) for each in claimed_twice(self._settled)]
            # Who loses tags is told first: what one load no longer brought in, the books take from another.
            out += [passage for each in reversed(said) for passage in each]
        return out

    def _begin(self, edge: WindowEdge, end_us: int, beams: Sequence[Beam], by_eyes: bool) -> None:
        # The batch that opened the window: its first beam's, else its first own sighting's.
        broke = (origin for event, origin in beams if event.at_us == edge.at_us)
        origin = next(broke, None) or self._rows.first_origin(edge.at_us, end_us, self._antennas.own(self._rows))
        self._ordinal = self._ordinal + 1 if origin == self._opening else 0
        self._opening = origin
        name = f"{self._portal.name}/{origin.agent}/{origin.epoch}/{origin.counter}/{self._ordinal}"
        self._open = PassageRecord(
            passage_id=uuid5(PASSAGE_NAMESPACE, name),
            opened_us=edge.at_us,
            judged_us=end_us,
            by_eyes=by_eyes,
            background=self._background.at(len(self._rows.tags), edge.at_us // 1_000_000).tobytes(),
        )

    def _evaluate(self, record: PassageRecord, closed_us: int, final: bool, amend: bool = False) -> list[Passage]:
        """Judge a window; a revision for each of its loads of which something is new, or which is final. A final one
        of an open window is for sure, or none.
        """
        early = final and record.closed_us is None
        if not early:
            record.judged_us = closed_us
        breaks = self._edges.eyes.state.breaks if record.closed_us is None and record.by_eyes else record.breaks
        look = self._looks.look(record, closed_us, breaks, self._tick_us or 0, self._windows, final=final, amend=amend)
        tags, again_s, convoy = look.loads[0].tags, self._params.again_s, look.cut.convoy
        spent = spent_tags(record, self._settled, again_s, self._rows.tags, tags, convoy=convoy is not None)
        if early and not is_sure(look.loads, self._rows.tags, spent):
            return []
        if amend and convoy is not None:
            record.cell_end_us = record.cell_end_us or convoy.end_us
            for load in look.loads:
                self._lag.learn(convoy, load.tags.tags[load.scores > 0.5])
        said = [self._say(record, look, number, spent) for number in range(len(look.loads))]
        if final and not amend and not early:
            self._look_later(record, look)
        return [told for told in said if told is not None]

    def _say(self, record: PassageRecord, look: Look, number: int, spent: set[str]) -> Passage | None:
        """A revision for one of a window's loads, unless there is nothing new to tell."""
        load, final, amend = look.loads[number], look.final, look.amend
        if number == len(record.said):
            record.said.append(Said())
        said = record.said[number]
        costs = self._params.bare_costs if load.bare else self._params.costs
        verdicts = verdicts_on(load, self._rows.tags, spent, costs)
        before, now = said.verdicts, verdicts
        if final and said.revisions and not amend:
            # What was told for sure stands, unless loads met after all; told anew is what is more than a stray.
            verdicts |= dict.fromkeys(belonging([record]) if len(look.loads) == 1 else (), TagVerdict.BELONGS)
            before, now, said.verdicts = members(before), members(verdicts), verdicts
        changed = now != before or load.direction is not said.direction
        certain = certain_tags(self._rows, load, verdicts, self._portal.signal.certain_score) | {
            epc for epc in said.certain if verdicts.get(epc) is TagVerdict.BELONGS
        }
        if not changed and (amend or said.revisions if final else certain == said.certain):
            return None
        nobody = not (record.by_eyes or said.revisions or members(verdicts))
        if nobody and not said.shown:
            return None
        withdrawn = final and nobody
        said.verdicts, said.direction, said.certain = verdicts, load.direction, certain
        revision = said.revisions if final else said.shown
        said.shown = 0 if final else said.shown + 1
        said.revisions += final and not withdrawn
        return passage_of(self._portal.name, self._rows, record, number, look, revision, withdrawn)

    def _look_later(self, record: PassageRecord, look: Look) -> None:
        """Once a window closed: whether it is looked at again, and when."""
        record.doubtful = self._looks.may_look_again(record, look)
        if record.doubtful or self._looks.crawls.may_part(record):
            record.look_us = look.closed_us + int(self._params.hindsight_s * 1e6)

    @property
    def _windows(self) -> list[PassageRecord]:
        """Those that closed a while ago at most, and the open one."""
        return self._settled if self._open is None else [*self._settled, self._open]

    def _forget(self) -> None:
        assert self._tick_us is not None
        params, since_us = self._params, self._tick_us - int(self._params.amend_s * 1e6)
        self._settled = [record for record in self._settled if record.known_us >= since_us]
        starts = [self._tick_us, *(record.opened_us for record in self._settled)]
        if self._open is not None:
            starts.append(self._open.opened_us)
        self._rows.forget_before(min(starts) - int((params.lookback_s + params.beam_margin_s) * 1e6))
        if self._open is None and not self._settled:
            kept = self._rows.compact(self._background.in_use(len(self._rows.tags), self._second, params.forget_s))
            if kept is not None:
                self._background.keep(kept)
                self._edges.density.keep(kept)
