"""The presence of tags: reports of all zones in the order of time, each to the operator of its tag's shard.

A tag may be reported by any zone, so a shard's now is the minimum over all zones that antennas watch. A report waits
until that covers its time; then no zone has an earlier one to come. What is due is taken in the order (time, zone,
order within the zone), wake-ups at their own time in between. So the outputs depend on what the zones reported, and not
on which zone was heard first, nor on how often: one process or many workers decide the same.

A zone all of whose agents are left out is left out too, until it speaks again.

Bound: `PENDING_MAX` reports wait, and at the bound the zone furthest behind is left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import groupby

from stream.operators.presence import ZoneReport, presence_key
from stream.places import FailureKind, Outputs, failure
from stream.snapshots import decode_state, encode_state
from stream.supervised import Keyed, OperatorFailed, Supervised
from warehouse.loads import LocationUpdate

PENDING_MAX = 1_000_000
CLOCK = ""
"""The key under which the stage's own state is stored, beside those of its shards."""


@dataclass(frozen=True, slots=True)
class TagsState:
    """The stage as stored: now, each zone's time and number of reports so far, and the reports that wait."""

    now_us: int
    zones: dict[str, int]
    order: dict[str, int]
    pending: tuple[tuple[int, str, int, ZoneReport], ...]


class Tags:
    """All shards, or those of one partition: `shards` is their number over all."""

    def __init__(
        self,
        zones: Iterable[str],
        kind: Keyed[ZoneReport, LocationUpdate],
        shards: int,
        states: Mapping[str, bytes] | None = None,
    ) -> None:
        states = states or {}
        stored = decode_state(states[CLOCK], TagsState) if CLOCK in states else None
        self._kind = kind
        self._count = shards
        self.now_us = stored.now_us if stored else 0
        watched = sorted(zones)
        self._zones: dict[str, int] = dict(stored.zones) if stored else dict.fromkeys(watched, 0)
        self.keep(watched)
        self._order: dict[str, int] = stored.order if stored else {}
        self._pending: list[tuple[int, str, int, ZoneReport]] = list(stored.pending) if stored else []
        self._shards = {key: Supervised(kind, key, state) for key, state in states.items() if key != CLOCK}
        self._touched: set[str] = set()

    def made_again(self, kind: Keyed[ZoneReport, LocationUpdate]) -> "Tags":
        """The same with operators of this kind, everything they know kept."""
        states = {key: shard.snapshot() for key, shard in self._shards.items()}
        made = Tags(self._zones, kind, self._count, {**states, **self.snapshot()})
        made._touched = set(states)
        return made

    def advance(self, zone: str, now_us: int, reports: Iterable[ZoneReport] = ()) -> None:
        """A zone's time, and the reports it made on the way there; `run` then decides."""
        for report in reports:
            n = self._order[zone] = self._order.get(zone, 0) + 1
            heappush(self._pending, (report.at_us, zone, n, report))
        self._zones[zone] = max(now_us, self._zones.get(zone, 0))

    def keep(self, zones: Iterable[str]) -> None:
        """A zone that no antenna watches any more will not speak again: nobody waits for others than these."""
        watched = frozenset(zones)
        self._zones = {zone: now_us for zone, now_us in self._zones.items() if zone in watched}

    def leave_out(self, zone: str, as_of_us: int | None = None) -> None:
        """Go on without a zone until it speaks again; not when it has spoken of a time after `as_of_us` already."""
        if as_of_us is None or self._zones.get(zone, 0) <= as_of_us:
            self._zones.pop(zone, None)

    def run(self, out: Outputs) -> None:
        """Decide everything that all zones' time covers."""
        while len(self._pending) > PENDING_MAX and len(self._zones) > 1:
            behind = min(self._zones, key=lambda zone: (self._zones[zone], zone))
            out.left_out.append(("*", behind))
            self.leave_out(behind)
            self._run_to(min(self._zones.values()), out)
        if self._zones:
            self._run_to(min(self._zones.values()), out)

    def redeliver(self, report: ZoneReport, out: Outputs) -> None:
        """A dead letter again: it is taken at once, as late as it is."""
        self._feed(presence_key(report.epc, self._count), self.now_us, [report], out)

    def snapshot(self) -> dict[str, bytes]:
        """The states of the shards that changed since the last call, and the stage's own."""
        states = {key: self._shards[key].snapshot() for key in sorted(self._touched)}
        self._touched = set()
        pending = tuple(sorted(self._pending, key=lambda held: held[:3]))
        states[CLOCK] = encode_state(TagsState(self.now_us, dict(self._zones), dict(self._order), pending))
        return states

    def _run_to(self, until_us: int, out: Outputs) -> None:
        """Every report and wake-up until then, each at its own time: how far one call goes decides nothing."""
        floor_us, self.now_us = self.now_us, max(self.now_us, until_us)
        due: defaultdict[str, list[ZoneReport]] = defaultdict(list)
        while self._pending and self._pending[0][0] <= until_us:
            report = heappop(self._pending)[3]
            due[presence_key(report.epc, self._count)].append(report)
        for key in sorted({*due, *self._shards}):
            for at_us, reports in groupby(due.get(key, ()), lambda report: report.at_us):
                now_us = max(at_us, floor_us)
                self._wake(key, now_us - 1, out)
                self._feed(key, now_us, list(reports), out)
            self._wake(key, self.now_us, out)

    def _wake(self, key: str, until_us: int, out: Outputs) -> None:
        shard = self._shards.get(key)
        while shard is not None and shard.due_us is not None and shard.due_us <= until_us:
            self._feed(key, shard.due_us, (), out)

    def _feed(self, key: str, now_us: int, reports: Sequence[ZoneReport], out: Outputs) -> None:
        shard = self._shards.get(key)
        if shard is None:
            shard = self._shards[key] = Supervised(self._kind, key)
        self._touched.add(key)
        try:
            out.locations += shard.feed(now_us, reports) if reports else shard.wake(now_us)
        except OperatorFailed as error:
            if len(reports) > 1:
                # One bad report must not take the others with it: again, one by one.
                for report in reports:
                    self._feed(key, now_us, [report], out)
                return
            for report in reports:
                source = f"{report.zone} at {report.at_us}"
                body = encode_state(report)
                out.failures.append(failure(FailureKind.TAG_REPORT, source, report.epc, str(error), body))
            if error.reset is not None:
                source = f"presence at {now_us}"
                out.failures.append(failure(FailureKind.OPERATOR_STATE, source, key, str(error), error.reset))
