"""From recorded or live messages of one reader to reads and events.

The one object that both a driver and a replay feed, so that both see the same. It keeps what LLRP makes a connection
remember: the last value of each optional field (`carry`). Make a new one, or `reset`, for each connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from readers.llrp.bulk import FEW, fits, read_few, read_many, settle, tag_memory
from readers.llrp.carry import Carry
from readers.llrp.codec import decode
from readers.llrp.errors import DecodeError, PeerError
from readers.llrp.events import protocol_error, reader_events
from readers.llrp.messages import ReaderEventNotification, ROAccessReport
from readers.llrp.record_layout import RecordLayout, record_layout
from readers.llrp.tag_memory import TagMemory
from readers.llrp.walker import walk
from readers.llrp.wire import HEADER_BYTES
from readers.model import ReadBatch, ReaderEvent

LAYOUTS_MAX = 64
"""Layouts remembered, one for each record length; beyond that all are forgotten and learned anew."""

TAG_MEMORY_MAX = 65_536
"""Results of tag memory reads kept until taken; beyond that the oldest are dropped and counted."""

_TAG_REPORT_DATA_HEAD = b"\x00\xf0"
_REPORT_HEADS = (b"\x04\x3d", b"\x08\x3d")
"""First two bytes of RO_ACCESS_REPORT in version 1 and 2."""


class ReportDecoder:
    """Decodes RO_ACCESS_REPORT and READER_EVENT_NOTIFICATION of one reader; other messages give nothing.

    `offset_us` is added to the reader's own timestamps, UTC or uptime; set it whenever the clock model says so. A tag
    without any time gets the arrival time. Malformed messages become PROTOCOL_ERROR events; nothing is raised.
    """

    def __init__(self, reader: str, offset_us: int = 0) -> None:
        self.reader = reader
        self.offset_us = offset_us
        self.tag_memory_dropped = 0
        self._carry = Carry()
        self._unsettled: tuple[RecordLayout, bytes] | None = None
        self._layouts: dict[int, RecordLayout] = {}
        self._memory: deque[TagMemory] = deque(maxlen=TAG_MEMORY_MAX)

    def reset(self) -> None:
        """Forget the values carried over: a new connection begins."""
        self._carry = Carry()
        self._unsettled = None

    def take_tag_memory(self) -> list[TagMemory]:
        """Results of C1G2Read operations and TIDs since the last call, oldest first, `TAG_MEMORY_MAX` at most."""
        taken = list(self._memory)
        self._memory.clear()
        return taken

    def feed(self, frame: bytes, arrival_us: int) -> list[ReadBatch | ReaderEvent]:
        """What one complete message holds: at most one batch, and the events in it."""
        if frame[:2] not in _REPORT_HEADS:
            return self._feed_other(frame, arrival_us)
        size = len(frame)
        if int.from_bytes(frame[2:6], "big") != size:
            return self._feed_other(frame, arrival_us)
        length = int.from_bytes(frame[12:14], "big")
        if frame[10:12] == _TAG_REPORT_DATA_HEAD and length and (size - HEADER_BYTES) % length == 0:
            n = (size - HEADER_BYTES) // length
            layout = self._layout(frame, HEADER_BYTES, n, length)
            if layout is not None:
                return [self._read(layout, frame, HEADER_BYTES, n, arrival_us)]
        return self._walk(frame, arrival_us)

    def feed_many(self, frames: Sequence[bytes], arrival_us: int | Sequence[int]) -> list[ReadBatch | ReaderEvent]:
        """Same reads and events as `feed` for each message in turn, but neighbours of one shape share a batch.

        `arrival_us` is one time for all messages, as for those cut out of one buffer, or one for each.
        """
        arrivals = [arrival_us] * len(frames) if isinstance(arrival_us, int) else list(arrival_us)
        out: list[ReadBatch | ReaderEvent] = []
        i, total = 0, len(frames)
        while i < total:
            shape = frames[i][:6]
            j = i + 1
            if shape[:2] in _REPORT_HEADS:
                while j < total and frames[j][:6] == shape:
                    j += 1
            if j - i > 1:
                batch = self._read_group(frames[i:j], arrivals[i:j])
                if batch is not None:
                    out.append(batch)
                    i = j
                    continue
            for k in range(i, j):
                out += self.feed(frames[k], arrivals[k])
            i = j
        return out

    def _layout(self, data: bytes, start: int, n: int, length: int) -> RecordLayout | None:
        """The layout that all n records at data[start:] have, None if they differ."""
        known = self._layouts.get(length)
        if known is not None and fits(known, data, start, n):
            return known
        layout = record_layout(data, start)
        if layout is None or not fits(layout, data, start, n):
            return None
        if len(self._layouts) >= LAYOUTS_MAX:
            self._layouts.clear()
        self._layouts[length] = layout
        return layout

    def _read(self, layout: RecordLayout, data: bytes, start: int, n: int, arrival_us: int) -> ReadBatch:
        carry = self._settled(layout)
        read = read_few if n <= FEW else read_many
        batch = read(layout, data, start, n, carry, arrival_us, self.offset_us, self.reader)
        self._unsettled = (layout, data[start + (n - 1) * layout.length : start + n * layout.length])
        if layout.tid is not None:
            self._keep(tag_memory(layout, data, start, batch))
        return batch

    def _settled(self, layout: RecordLayout | None) -> Carry:
        """The values carried over, up to date for a record of this layout.

        Records of the layout just read overwrite the same fields and need the same others, so nothing is to be done.
        """
        if self._unsettled is not None and self._unsettled[0] is not layout:
            settle(*self._unsettled, self._carry)
            self._unsettled = None
        return self._carry

    def _read_group(self, frames: Sequence[bytes], arrivals: list[int]) -> ReadBatch | None:
        """One batch from reports of equal length, None if they are not all of one layout."""
        size = len(frames[0])
        if any(len(frame) != size for frame in frames) or int.from_bytes(frames[0][2:6], "big") != size:
            return None
        length = int.from_bytes(frames[0][12:14], "big")
        if frames[0][10:12] != _TAG_REPORT_DATA_HEAD or not length or (size - HEADER_BYTES) % length:
            return None
        each = (size - HEADER_BYTES) // length
        rows = np.frombuffer(b"".join(frames), np.uint8).reshape(len(frames), size)[:, HEADER_BYTES:]
        data = rows.tobytes()
        n = len(frames) * each
        layout = self._layout(data, 0, n, length)
        if layout is None:
            return None
        if arrivals[0] == arrivals[-1] and len(set(arrivals)) == 1:
            return self._read(layout, data, 0, n, arrivals[0])
        carry = self._settled(layout)
        each_arrival = np.repeat(np.array(arrivals, np.int64), each)
        batch = read_many(layout, data, 0, n, carry, each_arrival, self.offset_us, self.reader)
        self._unsettled = (layout, data[(n - 1) * length :])
        if layout.tid is not None:
            self._keep(tag_memory(layout, data, 0, batch))
        return batch

    def _walk(self, frame: bytes, arrival_us: int) -> list[ReadBatch | ReaderEvent]:
        walked = walk(frame, self._settled(None), arrival_us, self.offset_us)
        self._keep(walked.memory)
        out: list[ReadBatch | ReaderEvent] = [walked.batch(self.reader)] if walked.epc else []
        return out + self._errors("RO_ACCESS_REPORT", walked.errors, arrival_us)

    def _errors(self, name: str, errors: Sequence[PeerError], arrival_us: int) -> list[ReadBatch | ReaderEvent]:
        return [protocol_error(self.reader, arrival_us, name, error) for error in errors]

    def _feed_other(self, frame: bytes, arrival_us: int) -> list[ReadBatch | ReaderEvent]:
        try:
            message = decode(frame).message
        except DecodeError as error:
            kind = int.from_bytes(frame[:2], "big") & 0x3FF
            return self._errors(f"message of type {kind}", [error], arrival_us)
        if isinstance(message, ReaderEventNotification):
            return [*reader_events(self.reader, message, arrival_us, self.offset_us)]
        if isinstance(message, ROAccessReport):
            return self._walk(frame, arrival_us)
        return []

    def _keep(self, memory: list[TagMemory]) -> None:
        if not memory:
            return
        self.tag_memory_dropped += max(0, len(self._memory) + len(memory) - TAG_MEMORY_MAX)
        self._memory.extend(memory)
