"""From received messages to the sink, for one connection: clock first, then the raw messages, then what they say.

A replay meets the same three things in the same order, so it adds the same offsets to the same messages. A correction
found through a message already applies to that message: a clock that jumped must not date a single read by the old one.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from readers.llrp.clock import ClockSettings, ReaderClockModel
from readers.llrp.report import ReportDecoder
from readers.llrp.tag_memory import TagMemory
from readers.model import ReadBatch, ReaderEvent, ReaderEventKind
from readers.port import ReaderSink


class Delivery:
    """Decodes and delivers what one connection brings. `on_memory` gets what was read out of tags."""

    def __init__(
        self, reader: str, sink: ReaderSink, settings: ClockSettings, on_memory: Callable[[TagMemory], None] | None
    ) -> None:
        self._reader = reader
        self._sink = sink
        self._clock = ReaderClockModel(settings)
        self._decoder = ReportDecoder(reader)
        self._on_memory = on_memory

    def reader_spoke(self, reader_us: int, arrival_us: int) -> None:
        """The reader said what time it has, in a message sent at once."""
        correction = self._clock.observe(reader_us, arrival_us)
        if correction is None:
            return
        self._decoder.offset_us = correction.offset_us
        self._sink.on_clock(self._reader, arrival_us, correction.offset_us)
        if correction.jumped_us:
            detail = f"the reader's clock jumped by {correction.jumped_us / 1e6:+.3f} s"
            self.event(ReaderEventKind.CLOCK_JUMP, arrival_us, detail)

    def deliver(self, frames: Sequence[bytes], arrival_us: int) -> None:
        """Messages with reads or events, in the order received."""
        before_us = self._decoder.offset_us
        items = self._decoder.feed_many(frames, arrival_us)
        newest_us = max((int(item.last_us.max()) for item in items if isinstance(item, ReadBatch)), default=None)
        if newest_us is not None:
            self.reader_spoke(newest_us - before_us, arrival_us)
        moved_us = self._decoder.offset_us - before_us
        self._sink.on_frames(self._reader, arrival_us, frames)
        for item in items:
            if isinstance(item, ReadBatch):
                self._sink.on_reads(_moved(item, moved_us) if moved_us else item)
            else:
                self._sink.on_event(replace(item, at_us=item.at_us + moved_us) if moved_us else item)
        for memory in self._decoder.take_tag_memory():
            if self._on_memory is not None:
                self._on_memory(replace(memory, at_us=memory.at_us + moved_us))

    def event(self, kind: ReaderEventKind, at_us: int, detail: str) -> None:
        self._sink.on_event(ReaderEvent(self._reader, kind, at_us, detail=detail))


def _moved(batch: ReadBatch, by_us: int) -> ReadBatch:
    return ReadBatch(
        reader=batch.reader,
        epc=batch.epc,
        epc_bits=batch.epc_bits,
        antenna=batch.antenna,
        first_us=batch.first_us + by_us,
        last_us=batch.last_us + by_us,
        rssi_dbm=batch.rssi_dbm,
        channel=batch.channel,
        phase_rad=batch.phase_rad,
        doppler_hz=batch.doppler_hz,
        count=batch.count,
    )
