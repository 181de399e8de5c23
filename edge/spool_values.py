"""What the spool says: results of appends and acknowledgements, stored batches, depth."""

from dataclasses import dataclass
from enum import StrEnum

from stream.model import BatchId


class AppendResult(StrEnum):
    """What became of an append. `stored_stop_captures`: stored, and space is short, so stop recording captures."""

    STORED = "stored"
    STORED_STOP_CAPTURES = "stored_stop_captures"
    REFUSED_FULL = "refused_full"
    REFUSED_DISK = "refused_disk"

    @property
    def is_stored(self) -> bool:
        return self in (AppendResult.STORED, AppendResult.STORED_STOP_CAPTURES)


class AckResult(StrEnum):
    """What became of an acknowledgement. `ahead`: it names a batch this spool has never given out."""

    APPLIED = "applied"
    REPEATED = "repeated"
    UNKNOWN_EPOCH = "unknown_epoch"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Spooled:
    """One batch as it lies in the spool; `position` orders all batches of all epochs."""

    position: int
    id: BatchId
    body: bytes


@dataclass(frozen=True, slots=True)
class SpoolDepth:
    """How full the spool is, in batches and in bytes of bodies.

    `oldest_unacked_us`: when the oldest unacknowledged batch was sealed. `damaged`: bodies found with a bad checksum.
    """

    unacked: int
    retained: int
    bytes: int
    max_bytes: int
    oldest_unacked_us: int | None
    damaged: int
