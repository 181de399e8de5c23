"""When tag reports are made: ROReportSpec's trigger and N over the rows heard so far (LLRP 1.0.1 §13.2.1).

0 none: only GET_REPORT empties it. 1 and 2: on N reports, and at the end of the AISpec or of the ROSpec. 3 to 6 (1.1
only): every N seconds or milliseconds, and at the end of the AISpec or of the ROSpec. N = 0 is no limit: only the end.
"""

from dataclasses import replace
from enum import IntEnum

from simulators.llrp.report_rows import Origin, ReportRows, folded, identities, joined
from simulators.llrp.tag_reports import ReportContent


class ReportTrigger(IntEnum):
    """ROReportTriggerType (LLRP 1.0.1 §13.2.1; 3 to 6 are new in 1.1)."""

    NONE = 0
    N_OR_END_OF_AISPEC = 1
    N_OR_END_OF_ROSPEC = 2
    SECONDS_OR_END_OF_AISPEC = 3
    SECONDS_OR_END_OF_ROSPEC = 4
    MILLISECONDS_OR_END_OF_AISPEC = 5
    MILLISECONDS_OR_END_OF_ROSPEC = 6

    @property
    def at_end_of_aispec(self) -> bool:
        return self in (
            ReportTrigger.N_OR_END_OF_AISPEC,
            ReportTrigger.SECONDS_OR_END_OF_AISPEC,
            ReportTrigger.MILLISECONDS_OR_END_OF_AISPEC,
        )

    @property
    def unit_us(self) -> int:
        """Length of one N in microseconds; 0 when N counts tags."""
        if self in (ReportTrigger.SECONDS_OR_END_OF_AISPEC, ReportTrigger.SECONDS_OR_END_OF_ROSPEC):
            return 1_000_000
        if self in (ReportTrigger.MILLISECONDS_OR_END_OF_AISPEC, ReportTrigger.MILLISECONDS_OR_END_OF_ROSPEC):
            return 1_000
        return 0


class Accumulator:
    """Rows waiting for one ROSpec's report trigger.

    `fold` lets observations of a tag be folded while they wait. Rows of different origins are never folded.
    """

    def __init__(self, trigger: ReportTrigger, n: int, content: ReportContent, *, fold: bool) -> None:
        self.trigger = trigger
        self.content = content
        self._n = n
        self._fold = fold and not content.single_observations
        self._waiting: list[ReportRows] = []

    @property
    def period_us(self) -> int:
        """Time between timed reports; 0 when the trigger is not timed."""
        return self.trigger.unit_us * self._n

    @property
    def _tag_limit(self) -> int:
        return self._n if self.trigger.unit_us == 0 and self.trigger != ReportTrigger.NONE else 0

    @property
    def waiting_rows(self) -> int:
        return sum(len(rows) for rows in self._waiting)

    def add(self, rows: ReportRows) -> list[tuple[ReportRows, int]]:
        """Take rows; what is due now, as (rows, reports per message)."""
        if not len(rows):
            return []
        rows = replace(rows, origin=self._as_reported(rows.origin))
        if self._waiting and self._waiting[-1].origin == rows.origin:
            rows = joined([self._waiting.pop(), rows])
        limit = self._tag_limit
        due: list[tuple[ReportRows, int]] = []
        if limit == 1 or (limit > 1 and not self._fold):
            whole = len(rows) // limit * limit
            if whole:
                due.append((rows.part(0, whole), limit))
                rows = rows.part(whole, len(rows))
        elif limit > 1:
            rows = self._due_folded(rows, limit, due)
        elif self._fold:
            rows = folded(rows, identities(rows, by_antenna=self.content.antenna_id))
        if len(rows):
            self._waiting.append(rows)
        return due

    def trim(self, rows_max: int) -> int:
        """Lose the newest rows beyond `rows_max`; how many were lost."""
        excess = self.waiting_rows - rows_max
        lost = 0
        while excess > lost:
            last = self._waiting.pop()
            kept = max(0, len(last) - (excess - lost))
            lost += len(last) - kept
            if kept:
                self._waiting.append(last.part(0, kept))
        return lost

    def flush(self) -> list[tuple[ReportRows, int]]:
        """Everything that waits, one message per origin."""
        waiting, self._waiting = self._waiting, []
        due = []
        for rows in waiting:
            if self._fold:
                rows = folded(rows, identities(rows, by_antenna=self.content.antenna_id))
            due.append((rows, len(rows)))
        return due

    def _as_reported(self, origin: Origin) -> Origin:
        """The origin without the identifiers that are not reported and so do not keep reports apart."""
        return Origin(
            origin.rospec_id,
            origin.spec_index if self.content.spec_index else 0,
            origin.inventory_parameter_spec_id if self.content.inventory_parameter_spec_id else 0,
        )

    def _due_folded(self, rows: ReportRows, limit: int, due: list[tuple[ReportRows, int]]) -> ReportRows:
        """Cut `rows` each time `limit` different reports are complete; the rest waits."""
        by_antenna = self.content.antenna_id
        while len(rows):
            identity = identities(rows, by_antenna=by_antenna)
            if int(identity.max()) + 1 < limit:
                return folded(rows, identity)
            # Identities are numbered by first appearance, so the report that completes N is the first with limit − 1.
            cut = int((identity == limit - 1).argmax()) + 1
            due.append((folded(rows.part(0, cut), identity[:cut]), limit))
            rows = rows.part(cut, len(rows))
        return rows
