"""What goes between the pipeline and the store: a chunk to store at once, and where a consumer stood."""

from dataclasses import dataclass, field
from uuid import UUID

from stream.log import Entry
from stream.places import Outputs
from stream.sequencer import GapFound, Position
from warehouse.loads import Load
from warehouse.site import AntennaRef


@dataclass(slots=True)
class Chunk:
    """A stretch of the log from `after_seq`, exclusive, and what it led to.

    `positions` are where the sequencer then stood for every agent and epoch in the chunk; `snapshot` is the state of
    the operators at its end, when one is due. `offsets` are a Kafka partition's next offset before and after it.
    """

    after_seq: int
    entries: list[Entry] = field(default_factory=list)
    out: Outputs = field(default_factory=Outputs)
    positions: list[Position] = field(default_factory=list)
    gaps: list[GapFound] = field(default_factory=list)
    epochs_begun: list[tuple[str, str]] = field(default_factory=list)
    unknown: dict[AntennaRef, int] = field(default_factory=dict)
    letters_replayed: list[UUID] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    snapshot: dict[tuple[str, str], bytes] | None = None
    offsets: tuple[int, int] = (0, 0)

    @property
    def seq(self) -> int:
        """The log's last sequence number after this chunk."""
        return self.after_seq + len(self.entries)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a consumer stood: operator state as of `snapshot_seq`, the head, and every agent's position."""

    seq: int
    snapshot_seq: int
    states: dict[tuple[str, str], bytes]
    positions: tuple[Position, ...]
    next_offset: int = 0


@dataclass(frozen=True, slots=True)
class TopicPartition:
    """A Kafka partition as one consumer group reads it; `topic_epoch` tells a re-created topic from its predecessor."""

    group: str
    topic: str
    topic_epoch: str
    partition: int


@dataclass(frozen=True, slots=True)
class Committed:
    """What came of a stored chunk: the warehouse's answers to its loads (`Posting`) and weighings (`Weighed`), and how
    many dead letters.
    """

    postings: tuple[object, ...]
    dead_letters: int
