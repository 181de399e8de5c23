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
from stream.places import FailureKind, Outputs
from warehouse.loads import Expectation


class EntryKind(IntEnum):
    """`stream_log.kind`."""

    BATCH = 1
    LEFT_OUT = 2
    EXPECTATION = 3
    REDELIVERY = 4


@dataclass(frozen=True, slots=True)
class BatchTaken:
    """An edge batch; `late` when its counter had been declared lost."""

    batch: EdgeBatch
    late: bool = False


@dataclass(frozen=True, slots=True)
class SourceLeftOut:
    """Time goes on without this agent; `at_us` is the stream's youngest time then."""

    agent: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A dead letter that a person gave again."""

    letter_id: UUID
    kind: FailureKind
    key: str
    body: bytes
    at_us: int


Entry = BatchTaken | SourceLeftOut | Expectation | Redelivery

_KINDS: dict[type, EntryKind] = {
    BatchTaken: EntryKind.BATCH,
    SourceLeftOut: EntryKind.LEFT_OUT,
    Expectation: EntryKind.EXPECTATION,
    Redelivery: EntryKind.REDELIVERY,
}


def kind_of(entry: Entry) -> EntryKind:
    """The entry's kind as stored."""
    return _KINDS[type(entry)]


def at_of(entry: Entry) -> int:
    """The entry's time in microseconds: a batch's watermark."""
    return entry.batch.watermark_us if isinstance(entry, BatchTaken) else entry.at_us


def encode_entry(entry: Entry) -> bytes:
    """The entry's body."""
    return encode_batch(entry.batch) if isinstance(entry, BatchTaken) else msgspec.msgpack.encode(entry)


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


def apply(entry: Entry, graph: Graph, out: Outputs) -> None:
    """Give one entry to the operators. The caller settles the graph."""
    match entry:
        case BatchTaken(batch):
            graph.on_batch(batch, out)
        case SourceLeftOut(agent):
            graph.leave_out(agent, out)
        case Expectation():
            graph.expect(entry, out)
        case Redelivery():
            graph.redeliver(entry.kind, entry.key, entry.body, out)
