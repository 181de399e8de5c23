"""From singulations to RO_ACCESS_REPORTs: the report spec of the running ROSpec, its trigger and its timer."""

from readers.llrp import params as p
from simulators.llrp.accessspecs import AccessSpecTable
from simulators.llrp.accumulation import Accumulator, ReportTrigger
from simulators.llrp.inventory import NEVER_US, Heard
from simulators.llrp.outbox import RO_ACCESS_REPORT, Outbox, Queued
from simulators.llrp.plant_clock import ReaderClock
from simulators.llrp.radio import Radio
from simulators.llrp.report_rows import ReportRows, rows_of
from simulators.llrp.settings import ReaderSettings, content_of
from simulators.llrp.tag_reports import encode_tag_reports, encode_uniform

REPORT_TAGS_MAX = 10_000
"""No single message carries more tag reports."""


class Reporting:
    """Reports of one reader, on their way from the radio to the outbox."""

    def __init__(
        self, settings: ReaderSettings, outbox: Outbox, clock: ReaderClock, radio: Radio, *, fold: bool
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._clock = clock
        self._radio = radio
        self._fold = fold
        self._accumulator = Accumulator(ReportTrigger.NONE, 0, content_of(settings.report), fold=fold)
        self.due_us = NEVER_US

    @property
    def timed(self) -> bool:
        """Nothing is reported before `due_us`, or before it is asked for."""
        return self._accumulator.period_us > 0 or self._accumulator.trigger == ReportTrigger.NONE

    def begin(self, spec: p.ROSpec, now_us: int) -> None:
        """An ROSpec starts: its report spec counts from here. What the last one left waits on with it."""
        self._send(self._accumulator.flush())
        report = spec.ROReportSpec or self._settings.report
        self._accumulator = Accumulator(
            ReportTrigger(int(report.ROReportTrigger)), report.N, content_of(report), fold=self._fold
        )
        self.due_us = now_us + self._accumulator.period_us if self._accumulator.period_us else NEVER_US

    def heard(self, heard: Heard, access: AccessSpecTable, version: int) -> None:
        """Singulations of the running ROSpec."""
        reads = heard.reads
        heard_as = reads
        if access.has_changed_tags:
            reads, heard_as = access.as_heard(reads)
        results: dict[int, tuple[int, bytes]] = {}
        urgent: set[int] = set()
        if access.any_enabled:
            results, urgent = access.work_on(reads, heard.origin.rospec_id, version, self._settings.access_report)
        if not len(reads):
            return
        rows = rows_of(heard_as, heard.origin, self._clock.shift_us(int(reads.time_us[0])), results)
        for row in sorted(urgent):
            self._send([(rows.part(row, row + 1), 1)])
        if urgent:
            rows = rows.without(urgent)
        self._send(self._accumulator.add(rows))
        # What waits for its trigger lies in the same memory as what waits to be sent.
        self._outbox.lose(self._accumulator.trim(self._outbox.room_tags))

    def aispec_ended(self) -> None:
        if self._accumulator.trigger.at_end_of_aispec:
            self._send(self._accumulator.flush())

    def rospec_ended(self) -> None:
        if self._accumulator.trigger != ReportTrigger.NONE:
            self._send(self._accumulator.flush())
        self.due_us = NEVER_US

    def flush_timed(self, now_us: int) -> None:
        """A timed report is due."""
        self._send(self._accumulator.flush())
        period_us = self._accumulator.period_us
        self.due_us += period_us * max(1, -(-(now_us + 1 - self.due_us) // period_us))

    def flush_asked(self) -> None:
        """GET_REPORT: everything there is; an empty report when there is nothing (LLRP 1.0.1 §13.1.1)."""
        due = self._accumulator.flush()
        if due or len(self._outbox):
            self._send(due)
        else:
            self._outbox.put_reports(Queued(RO_ACCESS_REPORT, b"", 0, 0))

    def _send(self, due: list[tuple[ReportRows, int]]) -> None:
        for rows, per_message in due:
            self._queue(rows, min(max(1, per_message), REPORT_TAGS_MAX))

    def _queue(self, rows: ReportRows, per_message: int) -> None:
        content, utc = self._accumulator.content, self._clock.has_utc
        uniform = encode_uniform(rows, content, utc=utc)
        if uniform is not None:
            size = len(uniform) // len(rows)
            whole = len(rows) // per_message * per_message
            if whole:
                self._outbox.put_reports(Queued(RO_ACCESS_REPORT, uniform[: whole * size], per_message * size, whole))
            if whole < len(rows):
                rest = uniform[whole * size :]
                self._outbox.put_reports(Queued(RO_ACCESS_REPORT, rest, len(rest), len(rows) - whole))
            return
        tids = self._tids(rows) if content.impinj_tid else None
        encoded = encode_tag_reports(rows, content, utc=utc, tids=tids)
        for start in range(0, len(encoded), per_message):
            part = encoded[start : start + per_message]
            body = b"".join(part)
            self._outbox.put_reports(Queued(RO_ACCESS_REPORT, body, len(body), len(part)))

    def _tids(self, rows: ReportRows) -> dict[bytes, bytes]:
        """The TIDs of the tags reported, as Impinj's FastID adds them."""
        tids: dict[bytes, bytes] = {}
        for row in range(len(rows)):
            epc = rows.epc[row, : (int(rows.epc_bits[row]) + 7) // 8].tobytes()
            memory = self._radio.memory(epc)
            if memory is not None and 2 in memory.banks:
                tids[epc] = b"".join(word.to_bytes(2, "big") for word in memory.banks[2])
        return tids
