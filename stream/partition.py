"""The graph cut into partitions, for hosts that spread it over workers: places by place, tags by shard.

A `PlacePartition` takes edge batches cut to one place, in the order of the log; a `TagPartition` takes what zones
report. Both are to a Kafka partition what `Pipeline` is to the embedded host: values in, `Chunk` out, rebuilt from the
last snapshot and the partition's own log. Nothing derives from broker offsets: a slice is known by its batch, a report
by its number within its zone, so what arrives again at a new offset is dropped.
"""

from collections.abc import Iterable
from dataclasses import replace

from stream.batch_codec import BatchFormatError, decode_batch
from stream.chunk import Chunk, Standing
from stream.graph import PLACE, TAGS, place_of
from stream.log import Entry, ReportsTaken, SliceTaken
from stream.model import EMPTY, EdgeBatch
from stream.operators.presence import presence_key
from stream.places import FailureKind, Outputs, failure, slice_of
from stream.routing import Router, watched_zones
from stream.sequencer import GapFound, Position
from stream.tags import Tags
from stream.topology import Operators
from warehouse.site import Site


def slices_of(router: Router, batch: EdgeBatch) -> list[SliceTaken]:
    """One message for every place whose time the batch moves; an empty batch where it holds nothing else."""
    empty = replace(batch, sightings=EMPTY, events=())
    return [
        SliceTaken(place, empty if piece is None else replace(batch, sightings=piece.sightings, events=piece.events))
        for place, piece in router.route(batch).slices.items()
    ]


def partition_of(shard: str, partitions: int) -> int:
    """The partition that keeps a shard of tags."""
    return int(shard.rpartition("-")[2]) % partitions


class PlacePartition:
    """The places of one partition."""

    def __init__(self, site: Site, operators: Operators, standing: Standing, log: Iterable[Entry] = ()) -> None:
        self._site = site
        self._operators = operators
        self._places = {
            key: place_of(key, site, operators, body) for (node, key), body in standing.states.items() if node == PLACE
        }
        self._zones = frozenset(watched_zones(site))
        self._marks: dict[tuple[str, str], int] = {}
        self._moved: set[tuple[str, str]] = set()
        replayed = 0
        for replayed, entry in enumerate(log, 1):  # noqa: B007
            if isinstance(entry, SliceTaken):
                self._apply(entry, Outputs())
        self._marks = {(at.agent, at.epoch): at.counter for at in standing.positions}
        self._chunk = Chunk(standing.snapshot_seq + replayed)
        self._first = {name: place.reported + 1 for name, place in self._places.items()}

    def take(self, key: str, value: bytes, source: str) -> None:
        """One message. What cannot be read, or names no place of the site, becomes a dead letter."""
        try:
            entry = SliceTaken(key, decode_batch(value))
            if entry.place not in self._places:
                self._places[key] = place_of(key, self._site, self._operators)
                self._first[key] = 1
        except (BatchFormatError, KeyError) as error:
            reason = f"no place {key!r} in the site" if isinstance(error, KeyError) else str(error)
            self._chunk.out.failures.append(failure(FailureKind.BATCH_BYTES, source, key, reason, value))
            return
        name = entry.batch.id
        mark = (f"{name.agent}@{key}", name.epoch)
        known = self._marks.get(mark, 0)
        if name.counter <= known:
            return
        if known and name.counter > known + 1:
            # The bridge waits for what is missing; what it passes over is lost.
            self._chunk.gaps.append(GapFound(name.agent, name.epoch, known + 1, name.counter - 1))
        self._marks[mark] = name.counter
        self._moved.add(mark)
        self._apply(entry, self._chunk.out)
        self._chunk.entries.append(entry)

    def cut(self, snapshot: bool = False) -> tuple[Chunk, list[ReportsTaken]]:
        """The chunk so far, and what its zones report to the tags; both are to be made durable, reports first."""
        chunk = self._chunk
        reports = []
        for zone in sorted(self._zones & {entry.place for entry in chunk.entries if isinstance(entry, SliceTaken)}):
            place = self._places[zone]
            first = self._first[zone]
            numbered = enumerate((r for r in chunk.out.reports if r.zone == zone), first)
            reports.append(ReportsTaken(zone, place.clock.now_us, first, place.reported, tuple(numbered)))
            self._first[zone] = place.reported + 1
        chunk.out.reports.clear()
        chunk.positions = [Position(*mark, self._marks[mark]) for mark in sorted(self._moved)]
        if snapshot:
            chunk.snapshot = {(PLACE, key): place.snapshot() for key, place in self._places.items()}
        self._chunk = Chunk(chunk.seq)
        self._moved = set()
        return chunk, reports

    def _apply(self, entry: SliceTaken, out: Outputs) -> None:
        place = self._places.get(entry.place)
        if place is None:
            place = self._places[entry.place] = place_of(entry.place, self._site, self._operators)
        place.take(entry.batch.id.agent, entry.batch.watermark_us, slice_of(entry.batch), out)


class TagPartition:
    """The shards of tags of one partition."""

    def __init__(self, site: Site, operators: Operators, standing: Standing, log: Iterable[Entry] = ()) -> None:
        states = {key: body for (node, key), body in standing.states.items() if node == TAGS}
        self._tags = Tags(watched_zones(site), operators.presence, operators.shards, states)
        replayed, seen = 0, Outputs()
        for replayed, entry in enumerate(log, 1):  # noqa: B007
            if isinstance(entry, ReportsTaken):
                self._apply(entry)
        self._tags.run(seen)
        self._upto = {at.agent: at.counter for at in standing.positions}
        self._moved: set[str] = set()
        self._chunk = Chunk(standing.snapshot_seq + replayed)

    def take(self, message: ReportsTaken) -> None:
        """One message: reports already taken are dropped, time is taken in any case."""
        known = self._upto.get(message.zone, 0)
        if message.first > known + 1:
            self._chunk.gaps.append(GapFound(message.zone, "reports", known + 1, message.first - 1))
        fresh = tuple((n, report) for n, report in message.reports if n > known)
        entry = replace(message, reports=fresh)
        self._upto[message.zone] = max(known, message.upto)
        self._moved.add(message.zone)
        self._apply(entry)
        self._chunk.entries.append(entry)

    def cut(self, snapshot: bool = False) -> Chunk:
        """The chunk so far."""
        chunk = self._chunk
        self._tags.run(chunk.out)
        chunk.positions = [Position(zone, "reports", self._upto[zone]) for zone in sorted(self._moved)]
        if snapshot:
            chunk.snapshot = {(TAGS, key): body for key, body in self._tags.snapshot().items()}
        self._chunk = Chunk(chunk.seq)
        self._moved = set()
        return chunk

    def _apply(self, entry: ReportsTaken) -> None:
        self._tags.advance(entry.zone, entry.now_us, (report for _, report in entry.reports))


def reports_for(message: ReportsTaken, partition: int, partitions: int, shards: int) -> ReportsTaken:
    """The part of a message that one partition of tags needs: its shards' reports, and the zone's time."""
    ours = tuple(
        (n, report)
        for n, report in message.reports
        if partition_of(presence_key(report.epc, shards), partitions) == partition
    )
    return replace(message, reports=ours)
