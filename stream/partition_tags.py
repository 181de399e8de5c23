"""The tags of one partition of the reports topic: `Tags` over a part of the shards, fed with what zones report.

A report is known by its number within its zone, so what arrives again at a new offset is dropped.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from uuid import UUID

from stream.batch_codec import BatchFormatError
from stream.chunk import Chunk, Standing
from stream.graph import TAGS
from stream.kafka_messages import decode_report
from stream.log import Entry, Redelivery, ReportsTaken
from stream.operators.presence import ZoneReport, presence_key
from stream.places import Failure, FailureKind, Outputs, failure
from stream.routing import watched_zones
from stream.sequencer import GapFound, Position
from stream.snapshots import decode_state
from stream.tags import Tags
from stream.topology import Operators
from warehouse.site import Site

REPORTS_EPOCH = "reports"
"""A zone's numbers never begin again, so the zone has one epoch."""


def partition_of(shard: str, partitions: int) -> int:
    """The partition that keeps a shard of tags."""
    return int(shard.rpartition("-")[2]) % partitions


def reports_for(message: ReportsTaken, partition: int, partitions: int, shards: int) -> ReportsTaken:
    """The part of a message that one partition of tags needs: its shards' reports, and the zone's time."""
    ours = tuple(
        (n, report)
        for n, report in message.reports
        if partition_of(presence_key(report.epc, shards), partitions) == partition
    )
    return replace(message, reports=ours)


class TagPartition:
    """The shards of tags of one partition. `wanted` says whether a dead letter still waits to be given again."""

    def __init__(
        self,
        site: Site,
        operators: Operators,
        standing: Standing,
        log: Iterable[Entry] = (),
        wanted: Callable[[UUID], bool] = lambda _: True,
    ) -> None:
        states = {key: body for (node, key), body in standing.states.items() if node == TAGS}
        watched = watched_zones(site)
        self._site = site
        self._tags = Tags(watched, operators.presence, operators.shards, states)
        self._wanted = wanted
        replayed, seen = 0, Outputs()
        for replayed, entry in enumerate(log, 1):  # noqa: B007
            self._apply(entry, seen)
        self._tags.keep(watched)
        self._tags.run(seen)
        self._upto = {at.agent: at.counter for at in standing.positions}
        self._moved: set[str] = set()
        self._is_changed = False
        self._chunk = Chunk(standing.snapshot_seq + replayed)

    def take(self, value: bytes, source: str) -> None:
        """One message. What cannot be read becomes a dead letter; `source` names the topic and no offset."""
        try:
            message = decode_report(value)
        except BatchFormatError as error:
            self._chunk.out.failures.append(failure(FailureKind.BATCH_BYTES, source, "", str(error), value))
            return
        if isinstance(message, Redelivery):
            self._redeliver(message)
        else:
            self.take_reports(message)

    def take_reports(self, message: ReportsTaken) -> None:
        """Reports already taken are dropped, time is taken in any case."""
        known = self._upto.get(message.zone, 0)
        if message.first > known + 1:
            self._chunk.gaps.append(GapFound(message.zone, REPORTS_EPOCH, known + 1, message.first - 1))
        fresh = tuple((n, report) for n, report in message.reports if n > known)
        entry = replace(message, reports=fresh)
        self._upto[message.zone] = max(known, message.upto)
        self._moved.add(message.zone)
        self._enter(entry)

    def follow(self, site: Site, operators: Operators) -> bool:
        """Zones are those of this site from now on, as in `Graph.reload`; False when it is the site already.

        Not in the log: end the chunk with this; it has a snapshot.
        """
        if site is self._site:
            return False
        self._tags.run(self._chunk.out)
        if site.zones != self._site.zones:
            self._tags = self._tags.made_again(operators.presence)
        self._tags.keep(watched_zones(site))
        self._site, self._is_changed = site, True
        return True

    def cut(self, snapshot: bool = False) -> Chunk:
        """The chunk so far."""
        snapshot, self._is_changed = snapshot or self._is_changed, False
        chunk = self._chunk
        self._tags.run(chunk.out)
        chunk.positions = [Position(zone, REPORTS_EPOCH, self._upto[zone]) for zone in sorted(self._moved)]
        if snapshot:
            chunk.snapshot = {(TAGS, key): body for key, body in self._tags.snapshot().items()}
        self._chunk = Chunk(chunk.seq)
        self._moved = set()
        return chunk

    def _redeliver(self, letter: Redelivery) -> None:
        if letter.letter_id in self._chunk.letters_replayed or not self._wanted(letter.letter_id):
            return
        self._chunk.letters_replayed.append(letter.letter_id)
        try:
            decode_state(letter.body, ZoneReport)
        except ValueError as error:
            reopened = Failure(letter.letter_id, letter.kind, "", letter.key, str(error), letter.body)
            self._chunk.out.failures.append(reopened)
            return
        self._enter(replace(letter, at_us=self._tags.now_us))

    def _enter(self, entry: ReportsTaken | Redelivery) -> None:
        self._apply(entry, self._chunk.out)
        self._chunk.entries.append(entry)

    def _apply(self, entry: Entry, out: Outputs) -> None:
        match entry:
            case ReportsTaken():
                self._tags.advance(entry.zone, entry.now_us, (report for _, report in entry.reports))
                if entry.silent:
                    self._tags.run(out)
                    self._tags.leave_out(entry.zone, entry.now_us)
            case Redelivery():
                self._tags.run(out)
                self._tags.redeliver(decode_state(entry.body, ZoneReport), out)
            case _:
                raise TypeError(f"{type(entry).__name__} is nothing for tags")
