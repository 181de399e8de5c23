"""What a simulated stretch of time leaves: the reads and light-barrier events, and the truth about them.

Files: `write_csv` writes reads and events as one CSV ordered by time, `write_truth` the truth as one CSV. Columns:

reads: time_us, epc, reader, antenna, rssi_dbm, channel, phase_rad, doppler_hz, gpi, state. A read has an empty `gpi`; a
    light-barrier event has an empty `epc`, the GPI port in `gpi` and 1 (blocked) or 0 in `state`.
truth: kind, id, place, direction, start_us, end_us, epc. kind `load`: this tag belongs to load `id` that went through
    portal `place` in that time; kind `stay`: this tag was in zone `place` in that time.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from warehouse.site import Direction, Site

READ_COLUMNS = (
    "time_us", "epc", "reader", "antenna", "rssi_dbm", "channel", "phase_rad", "doppler_hz", "gpi", "state",
)  # fmt: skip
TRUTH_COLUMNS = ("kind", "id", "place", "direction", "start_us", "end_us", "epc")


@dataclass(frozen=True, slots=True)
class GpiEvent:
    """A level change on a reader's input; `state` is the level, True while the beam is blocked."""

    time_us: int
    reader: str
    gpi: int
    state: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """All reads of all readers as columns ordered by reader time; `tag` and `reader` index their dictionaries.

    `epcs` is upper-case hexadecimal. `site` says which antenna watches what.
    """

    name: str
    seed: int
    site: Site
    epcs: tuple[str, ...]
    readers: tuple[str, ...]
    time_us: NDArray[np.int64]
    tag: NDArray[np.uint32]
    reader: NDArray[np.uint16]
    antenna: NDArray[np.uint16]
    rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]
    phase_rad: NDArray[np.float32]
    doppler_hz: NDArray[np.float32]
    events: tuple[GpiEvent, ...]

    def __len__(self) -> int:
        return len(self.time_us)


@dataclass(frozen=True, slots=True)
class LoadTruth:
    """One load through one portal: the window is from its front entering the door's field to its back leaving it.

    Pallets that go abreast in one direction are one load.
    """

    load_id: str
    portal: str
    direction: Direction
    start_us: int
    end_us: int
    epcs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ZoneStay:
    """A tag was in a zone."""

    epc: str
    zone: str
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What happened, in true time. A tag read that is in no load of the window is a stray."""

    loads: tuple[LoadTruth, ...] = ()
    stays: tuple[ZoneStay, ...] = ()


def write_csv(recording: Recording, path: Path) -> None:
    """Reads and events, by time."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(READ_COLUMNS)
        writer.writerows(_rows(recording))


def _rows(recording: Recording) -> Iterator[tuple[object, ...]]:
    events = sorted(recording.events, key=lambda event: event.time_us)
    coming = 0
    for row in range(len(recording)):
        now = int(recording.time_us[row])
        while coming < len(events) and events[coming].time_us <= now:
            yield _event_row(events[coming])
            coming += 1
        yield (
            now,
            recording.epcs[recording.tag[row]],
            recording.readers[recording.reader[row]],
            int(recording.antenna[row]),
            f"{recording.rssi_dbm[row]:.1f}",
            int(recording.channel[row]),
            f"{recording.phase_rad[row]:.4f}",
            f"{recording.doppler_hz[row]:.4f}",
            "",
            "",
        )
    for event in events[coming:]:
        yield _event_row(event)


def _event_row(event: GpiEvent) -> tuple[object, ...]:
    return (event.time_us, "", event.reader, "", "", "", "", "", event.gpi, int(event.state))


def write_truth(truth: Truth, path: Path) -> None:
    """Loads, then stays."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(TRUTH_COLUMNS)
        for load in truth.loads:
            for epc in load.epcs:
                writer.writerow(
                    ("load", load.load_id, load.portal, load.direction.value, load.start_us, load.end_us, epc)
                )
        for stay in truth.stays:
            writer.writerow(("stay", "", stay.zone, "", stay.start_us, stay.end_us, stay.epc))
