"""LLRP messages for the tests of the edge, encoded by our own codec, and a driver that delivers them as one would."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from readers.llrp.codec import encode
from readers.llrp.errors import LlrpError
from readers.llrp.messages import ROAccessReport
from readers.llrp.params_report import (
    EPC_96,
    AntennaID,
    ChannelIndex,
    FirstSeenTimestampUTC,
    LastSeenTimestampUTC,
    PeakRSSI,
    TagReportData,
    TagSeenCount,
)
from readers.llrp.report import ReportDecoder
from readers.model import ReadBatch, ReaderEvent, ReaderEventKind
from readers.port import ReaderSink, ReaderUnavailable

START_US = 1_700_000_000_000_000


def report(serial_of_reads: Sequence[int], at_us: int, step_us: int = 1000, antenna: int = 1) -> bytes:
    """One RO_ACCESS_REPORT: a read of each of these tags, `step_us` apart."""
    tags = tuple(
        TagReportData(
            EPCParameter=EPC_96((0x3034257BF7194E4000000000 + serial).to_bytes(12, "big")),
            AntennaID=AntennaID(antenna),
            PeakRSSI=PeakRSSI(-40 - serial % 30),
            ChannelIndex=ChannelIndex(1 + serial % 3),
            FirstSeenTimestampUTC=FirstSeenTimestampUTC(at_us + index * step_us),
            LastSeenTimestampUTC=LastSeenTimestampUTC(at_us + index * step_us),
            TagSeenCount=TagSeenCount(1),
        )
        for index, serial in enumerate(serial_of_reads)
    )
    return encode(ROAccessReport(tags), message_id=at_us % 2**32)


@dataclass
class ScriptedDriver:
    """Delivers messages when told to, decoded as a real driver decodes them; remembers GPO writes."""

    reader: str
    sink: ReaderSink | None = None
    outputs: dict[int, bool] = field(default_factory=dict)
    writes: list[tuple[int, bool]] = field(default_factory=list)
    available: bool = True
    refuses: bool = False

    def __post_init__(self) -> None:
        self._decoder = ReportDecoder(self.reader)
        self.running = asyncio.Event()

    async def run(self, sink: ReaderSink) -> None:
        self.sink = sink
        self.running.set()
        await asyncio.Event().wait()

    async def write_gpo(self, port: int, state: bool) -> None:
        if not self.available:
            raise ReaderUnavailable(self.reader)
        if self.refuses:
            raise LlrpError("no such port")
        self.writes.append((port, state))
        self.outputs[port] = state

    def connect(self, at_us: int) -> None:
        self._event(ReaderEventKind.CONNECTED, at_us)

    def disconnect(self, at_us: int) -> None:
        self._decoder = ReportDecoder(self.reader)
        self._event(ReaderEventKind.DISCONNECTED, at_us)

    def correct_clock(self, at_us: int, offset_us: int) -> None:
        self._decoder.offset_us = offset_us
        assert self.sink is not None
        self.sink.on_clock(self.reader, at_us, offset_us)

    def deliver(self, frame: bytes, arrival_us: int) -> None:
        assert self.sink is not None
        self.sink.on_frames(self.reader, arrival_us, [frame])
        for item in self._decoder.feed(frame, arrival_us):
            if isinstance(item, ReadBatch):
                self.sink.on_reads(item)
            else:
                self.sink.on_event(item)

    def _event(self, kind: ReaderEventKind, at_us: int) -> None:
        assert self.sink is not None
        self.sink.on_event(ReaderEvent(self.reader, kind, at_us))
