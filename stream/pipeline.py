"""From batches as they arrive to chunks ready to store: sequencer, graph and log in one step, without I/O.

The embedded host and a replay drive the same `Pipeline`: `offer` what arrives, `tick` as time goes by, `cut` a `Chunk`
when there is something to store. The pipeline runs ahead of the database; when the process dies it is built again from
the last `Standing` and the log after its snapshot (`recovered`), which leads to the same state, because everything that
changes state is in the log.

Bound: a chunk is full (`full`) at `CHUNK_BATCHES` entries or `CHUNK_ROWS` sightings; what waits before that is bounded
by the sequencer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import msgspec

from stream.batch_codec import BatchFormatError, decode_batch, encode_batch
from stream.chunk import Chunk, Committed, Standing
from stream.graph import CLOSE_US, Graph
from stream.log import BatchTaken, Entry, Redelivery, SourceLeftOut, TimePassed, apply
from stream.model import EdgeBatch
from stream.places import Failure, FailureKind, Outputs, failure, source_of
from stream.plausibility import why_impossible
from stream.sequencer import Duplicate, GapFound, ResendWanted, Sequenced, Sequencer, Taken
from stream.topology import Operators
from warehouse.loads import Expectation, Load, LocationUpdate, Weighing
from warehouse.site import Site

CHUNK_BATCHES = 256
CHUNK_ROWS = 40_000


@dataclass(slots=True)
class Counts:
    """What went through, since the start."""

    batches: int = 0
    sightings: int = 0
    reads: int = 0
    duplicates: int = 0
    late: int = 0
    gaps: int = 0
    passages: int = 0
    locations: int = 0
    signals: int = 0
    postings: int = 0
    dead_letters: int = 0

    def stored(self, committed: Committed) -> None:
        """Add what only the commit knows."""
        self.postings += len(committed.postings)
        self.dead_letters += committed.dead_letters


class Pipeline:
    """One consumer's way from batches to chunks."""

    def __init__(self, site: Site, operators: Operators, standing: Standing, log: Iterable[Entry] = ()) -> None:
        self._graph = Graph(site, operators, standing.states)
        self._sequencer = Sequencer(site.stream.gap_wait_s, standing.positions)
        self._expected: dict[str, Expectation] = {}
        self._rows = 0
        self.counts = Counts()
        self.replayed = 0
        seen = Outputs()  # stored with their entries already
        for entry in log:
            apply(entry, self._graph, seen)
            self._graph.settle(seen)
            seen = Outputs()
            self.replayed += 1
            if isinstance(entry, Expectation):
                self._expected[entry.portal] = entry
        self._graph.unknown.clear()
        self._chunk = Chunk(standing.snapshot_seq + self.replayed)
        if self._chunk.after_seq != standing.seq:
            raise ValueError(f"the log ends at {self._chunk.after_seq}, the head is at {standing.seq}")
        self._moved: set[tuple[str, str]] = set()
        self._epochs = {(at.agent, at.epoch) for at in standing.positions}

    @property
    def full(self) -> bool:
        """Whether the chunk should be cut before more is offered."""
        return len(self._chunk.entries) >= CHUNK_BATCHES or self._rows >= CHUNK_ROWS

    @property
    def empty(self) -> bool:
        """Whether a chunk cut now would store nothing."""
        chunk = self._chunk
        return not (
            chunk.entries
            or self._moved
            or chunk.gaps
            or chunk.out.failures
            or chunk.letters_replayed
            or chunk.loads
            or chunk.out.locations
            or chunk.out.weighings
        )

    @property
    def expected(self) -> tuple[Expectation, ...]:
        """What each portal expects, as last heard."""
        return tuple(self._expected.values())

    @property
    def now_us(self) -> int:
        """The stream's youngest reader time."""
        return self._graph.now_us

    def offer(self, batch: EdgeBatch, now_s: float) -> list[Sequenced]:
        """A batch as it arrived; what was taken is in the chunk. `now_s` is the host's monotonic clock."""
        return self._take(self._sequencer.offer(batch, now_s))

    def expire(self, now_s: float) -> list[Sequenced]:
        """Declare gaps that were waited for."""
        return self._take(self._sequencer.expire(now_s))

    def end(self) -> list[Sequenced]:
        """Nothing more will come: take what is held, across gaps."""
        return self._take(self._sequencer.end())

    def close(self) -> None:
        """The recording is over: so are the loads in the doors."""
        if self._graph.is_busy:
            self._apply(TimePassed(self._graph.now_us + CLOSE_US))

    def leave_out(self, agent: str) -> None:
        """Go on without a silent agent."""
        self._apply(SourceLeftOut(agent, self._graph.now_us))

    def expect(self, expectation: Expectation) -> bool:
        """What documents expect at a portal; whether that is news."""
        known = self._expected.get(expectation.portal)
        if known is not None and known.documents == expectation.documents:
            return False
        self._expected[expectation.portal] = expectation
        self._apply(expectation)
        return True

    def reload(self, site: Site, operators: Operators) -> None:
        """The site is set up otherwise from now on. Not in the log: end the chunk with this, and with a snapshot.

        Raises what `Graph.reload` does.
        """
        self._graph.settle(self._chunk.out)
        self._graph.reload(site, operators, self._chunk.out)

    def unreadable(self, source: str, body: bytes, error: Exception) -> None:
        """Bytes that are not a batch."""
        self._chunk.out.failures.append(failure(FailureKind.BATCH_BYTES, source, "", str(error), body))

    def redeliver(self, letter: UUID, kind: FailureKind, key: str, body: bytes, now_s: float) -> list[Sequenced]:
        """A dead letter given again. One that fails again is open again."""
        self._chunk.letters_replayed.append(letter)
        try:
            match kind:
                case FailureKind.BATCH_BYTES:
                    batch = decode_batch(body)
                    decided = self.offer(batch, now_s)
                    if any(isinstance(step, Duplicate) for step in decided):
                        raise BatchFormatError(f"batch {source_of(batch.id)} was taken already")
                    return decided
                case FailureKind.POSTING:
                    self._chunk.loads.append(msgspec.msgpack.decode(body, type=Load))
                case FailureKind.LOCATION:
                    self._chunk.out.locations.append(msgspec.msgpack.decode(body, type=LocationUpdate))
                case FailureKind.WEIGHING:
                    self._chunk.out.weighings.append(msgspec.msgpack.decode(body, type=Weighing))
                case _:
                    self._apply(Redelivery(letter, kind, key, body, self._graph.now_us))
        except (ValueError, msgspec.DecodeError) as error:
            # The same letter again, so that it is open again with the new reason.
            self._chunk.out.failures.append(Failure(letter, kind, "", key, str(error), body))
        return []

    def cut(self, snapshot: bool = False) -> Chunk:
        """The chunk so far; the next one begins where it ends."""
        chunk = self._chunk
        self._graph.settle(chunk.out)
        chunk.positions = [self._sequencer.position(*moved) for moved in sorted(self._moved)]
        chunk.unknown = dict(self._graph.unknown)
        self._graph.unknown.clear()
        if snapshot:
            chunk.snapshot = self._graph.snapshot()
        self._count(chunk)
        self._chunk = Chunk(chunk.seq)
        self._moved = set()
        self._rows = 0
        return chunk

    def position(self, agent: str, epoch: str) -> int:
        """How far an epoch is taken."""
        return self._sequencer.position(agent, epoch).counter

    def _take(self, sequenced: list[Sequenced]) -> list[Sequenced]:
        for step in sequenced:
            match step:
                case Taken(batch, late):
                    epoch = (batch.id.agent, batch.id.epoch)
                    self._moved.add(epoch)
                    if epoch not in self._epochs:
                        self._epochs.add(epoch)
                        self._chunk.epochs_begun.append(epoch)
                    self._batch(batch, late)
                case GapFound():
                    self._moved.add((step.agent, step.epoch))
                    self._chunk.gaps.append(step)
                case Duplicate():
                    self.counts.duplicates += 1
                case ResendWanted():
                    pass
        return sequenced

    def _batch(self, batch: EdgeBatch, late: bool) -> None:
        self.counts.batches += 1
        self.counts.late += late
        self.counts.sightings += len(batch.sightings)
        self.counts.reads += int(batch.sightings.reads.sum())
        self._rows += len(batch.sightings)
        if impossible := why_impossible(batch):
            body = encode_batch(batch)
            self._chunk.out.failures.append(failure(FailureKind.BATCH_BYTES, source_of(batch.id), "", impossible, body))
            return
        self._apply(BatchTaken(batch, late))

    def _apply(self, entry: Entry) -> None:
        apply(entry, self._graph, self._chunk.out)
        self._chunk.entries.append(entry)

    def _count(self, chunk: Chunk) -> None:
        counts = self.counts
        counts.gaps += len(chunk.gaps)
        counts.passages += sum(passage.is_decided for passage in chunk.out.passages)
        counts.locations += len(chunk.out.locations)
        counts.signals += len(chunk.out.signals)
