"""Captures of any length for benchmarks: LLRP messages of busy doors, written block by block in constant memory.

Every door has one reader that makes `READS_S` reads a second, a reader's practical maximum, in reports of 25 tags with
phase. A quarter of the time a load stands in the door and takes four reads of five; the rest goes to parked goods.
How many (tag, antenna) pairs share a quarter second's reads is what `density` sets: reads per sighting, from 1.3 (a
crowded door) to 20 (a quiet one). Photo-eyes tell when a load goes in.

Messages are stamped out of one message of our encoder: every record of a report has the same layout, so the fields
that differ are written as columns into its bytes.

    python -m bench.capture_maker /tmp/big --reads 100000000 --density 20
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.capture import CaptureHeader, CaptureWriter
from readers.llrp.codec import encode
from readers.llrp.messages import ROAccessReport
from readers.llrp.params import (
    EPC_96,
    AntennaID,
    ChannelIndex,
    FirstSeenTimestampUTC,
    ImpinjRFPhaseAngle,
    LastSeenTimestampUTC,
    PeakRSSI,
    TagReportData,
    TagSeenCount,
)
from stream.model import DeviceEvent, DeviceEventKind
from tagledger.site_text import site_text
from warehouse.site import Antenna, Effect, PhotoEye, Portal, Reader, Side, Site, Zone

READS_S = 1500
WINDOW_MS = 250
LATENESS_WINDOWS = 1
TAGS_A_REPORT = 25
START_US = 1_767_600_000_000_000
EPC_HEAD = bytes.fromhex("3034257BF7194E40")
CYCLE_S = 20
"""A load is in the door from second 3 to 8 of every twenty; its beams break and clear at `BEAMS`."""

BEAMS = ((1, 4.5, True), (2, 5.2, True), (1, 6.0, False), (2, 7.0, False))
_HEAD_BYTES = 10  # an LLRP message's type, length and id


def bench_site(doors: int) -> Site:
    """Doors of four antennas in a row, each beside the next, with photo-eyes; what passes is posted."""
    sides = (Side.OUTSIDE, Side.OUTSIDE, Side.INSIDE, Side.INSIDE)
    return Site(
        "bench",
        readers=tuple(
            Reader(
                f"r{door}",
                "127.0.0.1",
                antennas=tuple(Antenna(port, f"d{door}", side) for port, side in enumerate(sides, 1)),
                agent="edge",
            )
            for door in range(doors)
        ),
        zones=(Zone("hall"), Zone("yard")),
        portals=tuple(
            Portal(
                f"d{door}",
                "hall",
                "yard",
                Effect.POST,
                neighbours=tuple(f"d{other}" for other in (door - 1, door + 1) if 0 <= other < doors),
                photo_eyes=(PhotoEye(f"r{door}", 1, Side.OUTSIDE), PhotoEye(f"r{door}", 2, Side.INSIDE)),
            )
            for door in range(doors)
        ),
    )


def make_capture(folder: Path, reads: int, density: float, doors: int = 8) -> int:
    """Write a capture of at least that many reads; returns how many it has."""
    site = bench_site(doors)
    header = CaptureHeader(site.name, "edge", START_US, site_text=site_text(site))
    writer = CaptureWriter(folder, header, total_max_mb=1_000_000)
    writer.start("edge", WINDOW_MS, START_US)
    maker = _Maker(density)
    written = window = 0
    step_us = WINDOW_MS * 1000
    while written < reads:
        start_us = START_US + window * step_us
        for door in range(doors):
            for frame in maker.frames(door, window):
                writer.frame(f"r{door}", start_us + step_us, frame)
            written += maker.reads_a_window
        for event in _beams(window, doors):
            writer.event(event)
        window += 1
        # The edge waits for late reads before its watermark covers a window.
        watermark_us = start_us + (1 - LATENESS_WINDOWS) * step_us - 1
        writer.seal("bench", window, watermark_us, start_us + step_us)
    end_us = START_US + window * step_us
    writer.seal("bench", window + 1, end_us + 10_000_000, end_us, final=True)
    writer.close(end_us, "made")
    return written


class _Maker:
    """Reports of one density. Deterministic: the same window always has the same bytes."""

    def __init__(self, density: float) -> None:
        reports = READS_S * WINDOW_MS // 1000 // TAGS_A_REPORT
        self.reads_a_window = reports * TAGS_A_REPORT
        self._pairs = max(1, round(self.reads_a_window / density))
        self._parked, self._load = max(2, round(self._pairs * 0.52)), max(2, round(self._pairs * 0.21))
        report = encode(ROAccessReport((_template(),) * TAGS_A_REPORT), message_id=1)
        self._head = report[:_HEAD_BYTES]
        body = report[_HEAD_BYTES:]
        size = len(body) // TAGS_A_REPORT
        self._record = np.frombuffer(body[:size], np.uint8)
        self._fields = _fields(self._record.tobytes())

    def frames(self, door: int, window: int) -> list[bytes]:
        """One reader's reports of one window."""
        n = self.reads_a_window
        rng = np.random.default_rng((door, window))
        within_s = window * WINDOW_MS / 1000 % CYCLE_S
        loads = window * WINDOW_MS // 1000 // CYCLE_S
        passing = 3 <= within_s < 8
        # The pairs to be seen in this window: each at least once, the rest of the reads fall on them at random.
        load_pairs = min(round(self._pairs * 0.8), self._load * 4) if passing else 0
        pair = np.concatenate(
            [
                rng.permutation(self._load * 4)[:load_pairs],
                rng.permutation(self._parked * 4)[: self._pairs - load_pairs],
            ]
        )
        of_load = np.arange(self._pairs) < load_pairs
        tag_number = pair // 4 + np.where(of_load, 0x100000 + loads * 0x400, 0)
        port = 1 + pair % 4
        nearness = np.where(of_load, -50 - 3 * np.abs(within_s - 5.5 - (port > 2)), -66.0)
        pick = np.concatenate([np.arange(self._pairs), rng.integers(0, self._pairs, n - self._pairs)])
        rng.shuffle(pick)
        at = START_US + window * WINDOW_MS * 1000 + np.sort(rng.integers(0, WINDOW_MS * 1000, n))
        records = np.tile(self._record, (n, 1))
        self._put(records, "epc", (door << 24 | tag_number[pick]).astype(">u4"))
        self._put(records, "antenna", port[pick].astype(">u2"))
        self._put(records, "rssi", (nearness[pick] + rng.normal(0, 2, n)).astype("i1"))
        self._put(records, "channel", (1 + tag_number[pick] % 4).astype(">u2"))
        self._put(records, "first", at.astype(">u8"))
        self._put(records, "last", at.astype(">u8"))
        self._put(records, "phase", rng.integers(0, 4096, n).astype(">u2"))
        body = records.reshape(-1, TAGS_A_REPORT * len(self._record))
        return [self._head + row.tobytes() for row in body]

    def _put(self, records: NDArray[np.uint8], name: str, values: "NDArray[np.generic]") -> None:
        at = self._fields[name]
        records[:, at : at + values.dtype.itemsize] = values.view(np.uint8).reshape(len(values), -1)


_MARKS = {"epc": b"\xa1\xa2\xa3\xa4", "antenna": b"\xb1\xb2", "rssi": b"\xc4", "channel": b"\xd1\xd2"}
_MARKS |= {"first": b"\xe1" * 8, "last": b"\xe2" * 8, "phase": b"\x0b\xb1"}


def _template() -> TagReportData:
    """A report whose values are the marks that `_fields` finds again."""
    value = {name: int.from_bytes(mark, "big") for name, mark in _MARKS.items()}
    return TagReportData(
        EPCParameter=EPC_96(EPC_HEAD + _MARKS["epc"]),
        AntennaID=AntennaID(value["antenna"]),
        PeakRSSI=PeakRSSI(value["rssi"] - 256),
        ChannelIndex=ChannelIndex(value["channel"]),
        FirstSeenTimestampUTC=FirstSeenTimestampUTC(value["first"]),
        LastSeenTimestampUTC=LastSeenTimestampUTC(value["last"]),
        TagSeenCount=TagSeenCount(1),
        Custom=(ImpinjRFPhaseAngle(value["phase"]),),
    )


def _fields(record: bytes) -> dict[str, int]:
    found = {name: record.find(mark) for name, mark in _MARKS.items()}
    assert all(at > 0 and record.count(_MARKS[name]) == 1 for name, at in found.items()), found
    return found


def _beams(window: int, doors: int) -> list[DeviceEvent]:
    within_s = window * WINDOW_MS / 1000 % CYCLE_S
    start_us = START_US + window * WINDOW_MS * 1000
    return [
        DeviceEvent(f"r{door}", DeviceEventKind.GPI, start_us + int((edge_s - within_s) * 1e6), gpi, state)
        for door in range(doors)
        for gpi, edge_s, state in BEAMS
        if within_s <= edge_s < within_s + WINDOW_MS / 1000
    ]


def main() -> None:
    """Make one from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reads", type=int, default=1_000_000)
    parser.add_argument("--density", type=float, default=1.3, help="reads per sighting")
    parser.add_argument("--doors", type=int, default=8)
    given = parser.parse_args()
    print(f"{make_capture(given.folder, given.reads, given.density, given.doors):,} reads")


if __name__ == "__main__":
    main()
