"""The stream's log: every input in the order it was processed, as values and as bytes.

Whatever may change an operator's state is an entry: edge batches, silent sources left out, expectations, dead letters
given again. State is the last snapshot plus the entries after it, so a host that recovers, or a replay of the log,
ends where the first run did.
"""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

import msgspec

from stream.batch_codec import decode_batch, encode_batch
from stream.graph import Graph
from stream.model import EdgeBatch
from stream.operators.presence import ZoneReport
from stream.places import FailureKind, Outputs
from warehouse.loads import Expectation


class EntryKind(IntEnum):
    """`stream_log.kind`."""

    BATCH = 1
    LEFT_OUT = 2
    EXPECTATION = 3
    REDELIVERY = 4
    SLICE = 5
    REPORTS = 6
    TIME_PASSED = 7


@dataclass(frozen=True, slots=True)
class BatchTaken:
    """An edge batch; `late` when its counter had been declared lost."""

    batch: EdgeBatch
    late: bool = False


@dataclass(frozen=True, slots=True)
class SourceLeftOut:
    """Time goes on without this agent, at one place or (empty) at all; `at_us` is the stream's youngest time then."""

    agent: str
    at_us: int
    place: str = ""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A recording is over: at the doors time went on to `at_us`, so that loads still in them were over as well."""

    at_us: int


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A dead letter that a person gave again."""

    letter_id: UUID
    kind: FailureKind
    key: str
    body: bytes
    at_us: int


@dataclass(frozen=True, slots=True)
class SliceTaken:
    """An edge batch cut to one place: what a place's partition takes.

    At one place of each agent, its recorder, `batch.events` are all of the batch's; elsewhere those of the place.
    """

    place: str
    batch: EdgeBatch


@dataclass(frozen=True, slots=True)
class ReportsTaken:
    """A zone's reports numbered `first` to `upto`, those of other partitions left out, and its time after them.

    `silent`: all its agents were left out there, so tags wait for it no longer, until it speaks again.
    """

    zone: str
    now_us: int
    first: int
    upto: int
    reports: tuple[tuple[int, ZoneReport], ...]
    silent: bool = False

    @property
    def at_us(self) -> int:
        """The zone's time."""
        return self.now_us


Entry = BatchTaken | SourceLeftOut | Expectation | Redelivery | SliceTaken | ReportsTaken | TimePassed

_KINDS: dict[type, EntryKind] = {
    BatchTaken: EntryKind.BATCH,
    SourceLeftOut: EntryKind.LEFT_OUT,
    Expectation: EntryKind.EXPECTATION,
    Redelivery: EntryKind.REDELIVERY,
    SliceTaken: EntryKind.SLICE,
    ReportsTaken: EntryKind.REPORTS,
    TimePassed: EntryKind.TIME_PASSED,
}


def kind_of(entry: Entry) -> EntryKind:
    """The entry's kind as stored."""
    return _KINDS[type(entry)]


def at_of(entry: Entry) -> int:
    """The entry's time in microseconds: a batch's watermark."""
    return entry.batch.watermark_us if isinstance(entry, BatchTaken | SliceTaken) else entry.at_us


def encode_entry(entry: Entry) -> bytes:
    """The entry's body."""
    match entry:
        case BatchTaken(batch):
            return encode_batch(batch)
        case SliceTaken(place, batch):
            return msgspec.msgpack.encode((place, encode_batch(batch)))
        case _:
            return msgspec.msgpack.encode(entry)


def decode_entry(kind: int, late: bool, body: bytes) -> Entry:
    """The entry in a stored row. ValueError for a kind or body this version does not know."""
    match EntryKind(kind):
        case EntryKind.BATCH:
            return BatchTaken(decode_batch(body), late)
        case EntryKind.LEFT_OUT:
            return msgspec.msgpack.decode(body, type=SourceLeftOut)
        case EntryKind.EXPECTATION:
            return msgspec.msgpack.decode(body, type=Expectation)
        case EntryKind.REDELIVERY:
            return msgspec.msgpack.decode(body, type=Redelivery)
        case EntryKind.SLICE:
            place, batch = msgspec.msgpack.decode(body, type=tuple[str, bytes])
            return SliceTaken(place, decode_batch(batch))
        case EntryKind.REPORTS:
            return msgspec.msgpack.decode(body, type=ReportsTaken)
        case EntryKind.TIME_PASSED:
            return msgspec.msgpack.decode(body, type=TimePassed)


def apply(entry: Entry, graph: Graph, out: Outputs) -> None:
    """Give one entry to the operators of a whole graph. The caller settles it."""
    match entry:
        case BatchTaken(batch):
            graph.on_batch(batch, out)
        case SourceLeftOut(agent):
            graph.leave_out(agent, out)
        case Expectation():
            graph.expect(entry, out)
        case TimePassed(at_us):
            graph.pass_time(at_us, out)
        case Redelivery():
            graph.redeliver(entry.kind, entry.key, entry.body, out)
        case _:
            raise TypeError(f"{type(entry).__name__} belongs to a partition, not to a whole graph")
