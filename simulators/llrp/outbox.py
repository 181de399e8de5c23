"""What the reader wants to send unasked, in order: reports and events, bounded, held while nobody may have them.

The queue is the reader's report memory. It counts tag reports; at `capacity_tags` new reports are lost and
ReportBufferOverflowErrorEvent is due, once per overflow; at `warning_percent` ReportBufferLevelWarningEvent is due,
once until the level has fallen below it again (LLRP 1.0.1 §13.2.6.5, §13.2.6.6). Events are small and always kept, up
to `EVENTS_MAX`, beyond which the oldest held event is dropped. Answers to requests never pass through here.

Frames get their header only when they leave, because version and message ids belong to the connection of that moment.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

EVENTS_MAX = 1024
UNSOLICITED_ID_MIN = 0x8000_0000
"""Identifiers of what nobody asked for: the upper half, counted round, so that no client's own can be among them."""
RO_ACCESS_REPORT = 61
_HEADER_BYTES = 10


def unsolicited_id(number: int) -> int:
    """The number as an identifier of the upper half."""
    return number & 0x7FFF_FFFF | UNSOLICITED_ID_MIN


@dataclass(frozen=True, slots=True)
class Queued:
    """Messages of one type: `body` holds one message, or many of `body_bytes` each."""

    message_type: int
    body: bytes
    body_bytes: int
    tags: int


class Outbox:
    """The reader's memory for reports and events."""

    def __init__(self, *, capacity_tags: int, warning_percent: int = 80) -> None:
        self._capacity_tags = capacity_tags
        self._warning_tags = capacity_tags * warning_percent // 100
        self._queue: deque[Queued] = deque()
        self._tags = 0
        self._events = 0
        self._warned = False
        self._overflowed = False
        self._overflow_told = False
        self.lost_tags = 0

    @property
    def tags(self) -> int:
        return self._tags

    @property
    def percent_full(self) -> int:
        return min(100, self._tags * 100 // self._capacity_tags)

    @property
    def room_tags(self) -> int:
        """Tag reports that still fit."""
        return self._capacity_tags - self._tags

    def lose(self, tags: int) -> None:
        """These reports found no room before they came here."""
        if tags:
            self.lost_tags += tags
            self._overflowed = True

    def __len__(self) -> int:
        return len(self._queue)

    def put_reports(self, queued: Queued) -> None:
        """Take reports, or lose them when memory is full."""
        if self._tags + queued.tags > self._capacity_tags:
            self.lose(queued.tags)
            return
        self._queue.append(queued)
        self._tags += queued.tags

    def put_event(self, message_type: int, body: bytes) -> None:
        if self._events >= EVENTS_MAX:
            self._drop_oldest_event()
        self._queue.append(Queued(message_type, body, len(body), 0))
        self._events += 1

    def warning_due(self) -> bool:
        """True once each time the level passes the warning mark."""
        if self._tags >= self._warning_tags and not self._warned:
            self._warned = True
            return True
        return False

    def overflow_due(self) -> bool:
        """True once for each overflow; the next one begins when the level has been below the warning mark."""
        due = self._overflowed and not self._overflow_told
        self._overflow_told |= due
        self._overflowed = False
        return due

    def take_frames(self, version: int, next_id: int, bytes_max: int) -> tuple[bytes, int]:
        """Frames to send now, about `bytes_max` of them, and the message id after the last."""
        frames: list[bytes] = []
        size = 0
        while self._queue and size < bytes_max:
            queued = self._queue.popleft()
            self._tags -= queued.tags
            self._events -= queued.message_type != RO_ACCESS_REPORT
            framed, next_id = _framed(queued, version, next_id)
            frames.append(framed)
            size += len(framed)
        if self._tags < self._warning_tags:
            self._warned = self._overflow_told = False
        return b"".join(frames), next_id

    def _drop_oldest_event(self) -> None:
        for place, queued in enumerate(self._queue):
            if queued.message_type != RO_ACCESS_REPORT:
                del self._queue[place]
                self._events -= 1
                return


def _framed(queued: Queued, version: int, first_id: int) -> tuple[bytes, int]:
    count = max(1, len(queued.body) // queued.body_bytes) if queued.body_bytes else 1
    length = _HEADER_BYTES + queued.body_bytes
    frames = np.empty((count, length), np.uint8)
    header = np.empty(count, np.dtype([("type", ">u2"), ("length", ">u4"), ("id", ">u4")]))
    header["type"] = version << 10 | queued.message_type
    header["length"] = length
    header["id"] = np.arange(first_id, first_id + count, dtype=np.uint64) & 0x7FFF_FFFF | UNSOLICITED_ID_MIN
    frames[:, :_HEADER_BYTES] = header.view(np.uint8).reshape(count, _HEADER_BYTES)
    if queued.body_bytes:
        frames[:, _HEADER_BYTES:] = np.frombuffer(queued.body, np.uint8).reshape(count, queued.body_bytes)
    return frames.tobytes(), unsolicited_id(first_id + count)
