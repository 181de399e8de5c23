"""What flows through the stream: edge batches of Sightings and device events in, Passages and Signals out.

Times are integer microseconds since the Unix epoch, UTC, reader time unless a name says otherwise. A tag is its EPC as
upper-case hexadecimal text. Absent values in float columns are NaN.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from warehouse.site import AntennaRef, Direction


@dataclass(frozen=True, slots=True)
class Sightings:
    """n Sightings as columns: all reads of one tag at one antenna inside one window, reduced.

    `tags` and `antennas` are this value's own dictionaries; `tag` and `antenna` index them, shape (n,), as have all
    other columns. `power_mw` is the sum of linear power over the reads with a known RSSI; `peak_dbm` the strongest.
    Phase is comparable only within one channel: `channel` is the most read one, `phase_rad` the circular mean and
    `phase_slope_rad_s` the slope within it; `doppler_hz` the mean. Rows are ordered by `first_us`.
    """

    tags: tuple[str, ...]
    antennas: tuple[AntennaRef, ...]
    tag: NDArray[np.uint32]
    antenna: NDArray[np.uint16]
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    reads: NDArray[np.uint32]
    power_mw: NDArray[np.float64]
    peak_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]
    phase_rad: NDArray[np.float32]
    phase_slope_rad_s: NDArray[np.float32]
    doppler_hz: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.tag)


EMPTY = Sightings(
    tags=(),
    antennas=(),
    tag=np.empty(0, np.uint32),
    antenna=np.empty(0, np.uint16),
    first_us=np.empty(0, np.int64),
    last_us=np.empty(0, np.int64),
    reads=np.empty(0, np.uint32),
    power_mw=np.empty(0, np.float64),
    peak_dbm=np.empty(0, np.float32),
    channel=np.empty(0, np.uint16),
    phase_rad=np.empty(0, np.float32),
    phase_slope_rad_s=np.empty(0, np.float32),
    doppler_hz=np.empty(0, np.float32),
)
"""No sightings."""


class DeviceEventKind(StrEnum):
    """Device events that the stream acts on or records."""

    READER_UP = "reader_up"
    IDENTIFIED = "identified"  # `detail` says maker, model and firmware
    READER_DOWN = "reader_down"
    ANTENNA_UP = "antenna_up"
    ANTENNA_DOWN = "antenna_down"
    GPI = "gpi"
    BUFFER_WARNING = "buffer_warning"
    DATA_LOSS = "data_loss"
    CLOCK_JUMP = "clock_jump"
    PROTOCOL_ERROR = "protocol_error"
    READER_EXCEPTION = "reader_exception"
    WEIGHT = "weight"
    OTHER = "other"  # from an edge of a later version; `detail` begins with its name


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One event of one device at the edge. `body` is a pushed message that could not be read: a dead letter."""

    device: str
    kind: DeviceEventKind
    at_us: int
    port: int | None = None
    state: bool | None = None
    value: float | None = None
    detail: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True, order=True)
class BatchId:
    """Names an edge batch for ever: agent, epoch (one life of its spool), gapless counter from 1."""

    agent: str
    epoch: str
    counter: int


@dataclass(frozen=True, slots=True)
class EdgeBatch:
    """The unit that leaves the edge. An idle edge sends empty ones as its heartbeat.

    Every sighting with reader time ≤ `watermark_us` is in this batch or an earlier one; what comes later is late.
    `sealed_us` is the edge's wall clock at sealing, evidence only.
    """

    id: BatchId
    watermark_us: int
    sealed_us: int
    sightings: Sightings
    events: tuple[DeviceEvent, ...] = ()


class TagVerdict(StrEnum):
    """Whether a tag seen at a portal belongs to the load that passed."""

    BELONGS = "belongs"
    STRAY = "stray"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class PassageTag:
    """One tag's part in a passage; `score` is the calibrated probability that it belongs."""

    epc: str
    verdict: TagVerdict
    score: float
    first_us: int
    last_us: int
    reads: int
    features: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """One load through one portal. Provisional until `final`; a later final one amends.

    `passage_id` is uuid5 over the portal and the opening batch's id and ordinal, so every host derives the same.
    `revision` counts provisional ones from 0, and final ones from 0 again: a final one's does not depend on how often
    the door was looked at. `evidence` holds the sightings of its tags (own and neighbouring antennas); None while
    provisional. `withdrawn`: what was said provisionally was no load after all; listeners hear it, the books do not.
    """

    passage_id: UUID
    portal: str
    opened_us: int
    closed_us: int
    direction: Direction
    direction_score: float
    tags: tuple[PassageTag, ...]
    final: bool
    revision: int
    evidence: Sightings | None = None
    withdrawn: bool = False

    @property
    def is_decided(self) -> bool:
        """Whether the books hear of it: final, and a load."""
        return self.final and not self.withdrawn

    @property
    def is_amendment(self) -> bool:
        """Whether it says anew what a load was that is gone: the next one may be in the door by now."""
        return self.final and self.revision > 0


class Colour(StrEnum):
    """What a stack light shows."""

    OFF = "off"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class BarredTag:
    """A certain tag whose goods may not pass for the document that would take them; `why` as in `loads.Barred`."""

    epc: str
    why: str
    lot: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """What a portal tells the people in it. Never driven after `valid_until_us`.

    `renewed`: the same as the one before, said again so that it stays.
    """

    portal: str
    colour: Colour
    reason: str
    at_us: int
    valid_until_us: int
    passage_id: UUID | None = None
    expected: int = 0
    seen: int = 0
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    renewed: bool = False
    barred: tuple[BarredTag, ...] = ()
