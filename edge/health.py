"""How an edge is, as plain values: what `/readyz`, `/metrics` and the device pages show. Labels are reader names
only."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from edge.spool_values import SpoolDepth
from readers.model import ReadBatch, ReaderEvent, ReaderEventKind


class Alarm(StrEnum):
    """What needs a person. `spool_full`, `spool_disk`: batches were refused, so reads are being lost."""

    SPOOL_FULL = "spool_full"
    SPOOL_DISK = "spool_disk"
    SPOOL_REPLACED = "spool_replaced"
    CAPTURE_STOPPED = "capture_stopped"
    UPLINK_LOST = "uplink_lost"


@dataclass(slots=True)
class AntennaReads:
    """One antenna port: reads since the edge started, reader time of the last."""

    reads: int = 0
    last_read_us: int | None = None


@dataclass(slots=True)
class ReaderHealth:
    """One reader. Times are the edge's wall clock, but `last_read_us`, which is reader time; 0 or None before any."""

    name: str
    is_connected: bool = False
    changed_us: int = 0
    last_read_us: int | None = None
    last_arrival_us: int | None = None
    clock_offset_us: int = 0
    reads: int = 0
    frames: int = 0
    events: dict[str, int] = field(default_factory=dict)
    antennas_lost: set[int] = field(default_factory=set)
    antennas: dict[int, AntennaReads] = field(default_factory=dict)
    last_detail: str = ""

    def took(self, batch: ReadBatch) -> None:
        """Count a batch of this reader that is not empty."""
        self.reads += len(batch)
        self.last_read_us = int(batch.last_us.max())
        reads = np.bincount(batch.antenna)
        last_us = np.zeros(len(reads), np.int64)
        np.maximum.at(last_us, batch.antenna, batch.last_us)
        for port in reads.nonzero()[0].tolist():
            counted = self.antennas.setdefault(port, AntennaReads())
            counted.reads += int(reads[port])
            counted.last_read_us = int(last_us[port])

    def note(self, event: ReaderEvent) -> None:
        """What an event of this reader says of its health."""
        kind = event.kind
        self.events[kind] = self.events.get(kind, 0) + 1
        self.last_detail = event.detail or self.last_detail
        if kind in (ReaderEventKind.CONNECTED, ReaderEventKind.DISCONNECTED):
            self.is_connected = kind is ReaderEventKind.CONNECTED
            self.changed_us = event.at_us
        elif kind is ReaderEventKind.ANTENNA_LOST and event.port is not None:
            self.antennas_lost.add(event.port)
        elif kind is ReaderEventKind.ANTENNA_CONNECTED and event.port is not None:
            self.antennas_lost.discard(event.port)


@dataclass(frozen=True, slots=True)
class EdgeHealth:
    """One edge at `at_us`. `lag_us` is the age of the oldest batch that the stream has not committed."""

    agent: str
    at_us: int
    readers: tuple[ReaderHealth, ...]
    spool: SpoolDepth
    uplink_connected: bool
    lag_us: int
    watermark_us: int
    batches: int
    sightings: int
    refused_batches: int
    refused_sightings: int
    refused_signals: int
    capture: str
    alarms: frozenset[Alarm]

    @property
    def is_ready(self) -> bool:
        """Readers or not, the edge takes and keeps what comes: nothing is being lost."""
        return not self.alarms & {Alarm.SPOOL_FULL, Alarm.SPOOL_DISK}
