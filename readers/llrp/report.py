"""From recorded or live messages of one reader to reads and events.

The one object that both a driver and a replay feed, so that both see the same. It keeps what LLRP makes a connection
remember: the last value of each optional field (`carry`). Make a new one, or `reset`, for each connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from readers.llrp.bulk import FEW, FewReader, read_many, settle, tag_memory
from readers.llrp.carry import Carry
from readers.llrp.codec import decode
from readers.llrp.errors import DecodeError, PeerError
from readers.llrp.events import protocol_error, reader_events
from readers.llrp.messages import ReaderEventNotification, ROAccessReport
from readers.llrp.one_tag import OneTagReader, one_tag_reader
from readers.llrp.record_layout import RecordLayout, record_layout
from readers.llrp.tag_memory import TagMemory
from readers.llrp.walker import walk
from readers.llrp.wire import HEADER_BYTES
from readers.model import ReadBatch, ReaderEvent

LENGTHS_MAX = 64
"""Record lengths whose layouts are remembered; beyond that all are forgotten and learned anew."""

LAYOUTS_PER_LENGTH_MAX = 4
"""Layouts remembered for one record length; beyond that the oldest is forgotten."""

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
        self._few: FewReader | None = None
        self._read_one: OneTagReader | None = None
        self._last_record = b""
        self._layouts: dict[int, list[RecordLayout]] = {}
        self._memory: deque[TagMemory] = deque(maxlen=TAG_MEMORY_MAX)

    def reset(self) -> None:
        """Forget the values carried over: a new connection begins."""
        self._carry = Carry()
        self._few = self._read_one = None

    def take_tag_memory(self) -> list[TagMemory]:
        """Results of C1G2Read operations and TIDs since the last call, oldest first, `TAG_MEMORY_MAX` at most."""
        taken = list(self._memory)
        self._memory.clear()
        return taken

    def feed(self, frame: bytes, arrival_us: int) -> list[ReadBatch | ReaderEvent]:
        """What one complete message holds: at most one batch, and the events in it."""
        if self._read_one is not None:
            one = self._read_one(frame, self.offset_us)
            if one is not None:
                self._last_record = frame
                return [one]
        size = len(frame)
        if frame[:2] not in _REPORT_HEADS or int.from_bytes(frame[2:6], "big") != size:
            return self._feed_other(frame, arrival_us)
        n = self._records(frame, size)
        if n:
            layout = self._layout(frame, HEADER_BYTES, n)
            if layout is not None:
                return [self._read(layout, frame, HEADER_BYTES, n, arrival_us)]
        return self._walk(frame, arrival_us)

    def feed_many(self, frames: Sequence[bytes], arrival_us: int | Sequence[int]) -> list[ReadBatch | ReaderEvent]:
        """Same reads and events as `feed` for each message in turn, but neighbours of one shape share a batch.

        `arrival_us` is one time for all messages, as for those cut out of one buffer, or one for each.
        """
        out: list[ReadBatch | ReaderEvent] = []
        at = 0
        for size, run in groupby(map(len, frames)):
            group = frames[at : at + sum(1 for _ in run)]
            arrivals = arrival_us if isinstance(arrival_us, int) else arrival_us[at : at + len(group)]
            at += len(group)
            batch = self._read_group(group, size, arrivals) if len(group) > 1 else None
            if batch is not None:
                out.append(batch)
                continue
            for i, frame in enumerate(group):
                out += self.feed(frame, arrivals if isinstance(arrivals, int) else arrivals[i])
        return out

    def _records(self, frame: bytes, size: int) -> int:
        """How many records as long as the first would fill a report exactly, 0 if none."""
        length = int.from_bytes(frame[12:14], "big")
        if frame[10:12] != _TAG_REPORT_DATA_HEAD or not length or (size - HEADER_BYTES) % length:
            return 0
        return (size - HEADER_BYTES) // length

    def _layout(self, data: bytes, start: int, n: int) -> RecordLayout | None:
        """The layout that all n records at data[start:] have, None if they differ."""
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        known = self._layouts.get(length, [])
        for layout in known:
            if layout.fits(data, start, n):
                return layout
        if n > 1 and any(layout.fits(data, start, 1) for layout in known):
            return None
        new = record_layout(data, start)
        if new is None:
            return None
        if len(self._layouts) >= LENGTHS_MAX:
            self._layouts.clear()
        self._layouts[length] = [new, *known[: LAYOUTS_PER_LENGTH_MAX - 1]]
        return new if n == 1 or new.fits(data, start, n) else None

    def _read(
        self, layout: RecordLayout, data: bytes, start: int, n: int, arrival_us: int | NDArray[np.int64]
    ) -> ReadBatch:
        """n records that fit."""
        few = self._few
        if few is None or few.layout is not layout:
            self._settle()
            few = FewReader(layout, self._carry, self.reader)
        if n <= FEW and isinstance(arrival_us, int):
            batch = few.read(data, start, n, arrival_us, self.offset_us)
        else:
            batch = read_many(layout, data, start, n, self._carry, arrival_us, self.offset_us, self.reader)
        if layout.tid is not None:
            self._keep(tag_memory(layout, data, start, batch))
        if few is not self._few:
            self._few = few
            self._read_one = one_tag_reader(few, self.reader)
        self._last_record = data
        return batch

    def _settle(self) -> None:
        """Bring the values carried over up to date.

        Put off while reports keep one layout, because then the same fields are overwritten and the same are carried.
        """
        layout = self._few.layout if self._few is not None else None
        self._few = self._read_one = None
        if layout is not None:
            settle(layout, self._last_record[-layout.length :], self._carry)

    def _read_group(self, frames: Sequence[bytes], size: int, arrivals: int | Sequence[int]) -> ReadBatch | None:
        """One batch from messages of equal length, None if they are not all reports of one layout."""
        first = frames[0]
        if first[:2] not in _REPORT_HEADS or int.from_bytes(first[2:6], "big") != size:
            return None
        each = self._records(first, size)
        rows = np.frombuffer(b"".join(frames), np.uint8).reshape(len(frames), size)
        if not each or not (rows[:, :6] == rows[0, :6]).all():
            return None
        data = rows[:, HEADER_BYTES:].tobytes()
        n = len(frames) * each
        layout = self._layout(data, 0, n)
        if layout is None:
            return None
        if not isinstance(arrivals, int):
            return self._read(layout, data, 0, n, np.repeat(np.array(arrivals, np.int64), each))
        return self._read(layout, data, 0, n, arrivals)

    def _walk(self, frame: bytes, arrival_us: int) -> list[ReadBatch | ReaderEvent]:
        self._settle()
        walked = walk(frame, self._carry, arrival_us, self.offset_us)
        self._keep(walked.memory)
        out: list[ReadBatch | ReaderEvent] = [walked.batch(self.reader)] if walked.rows else []
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
