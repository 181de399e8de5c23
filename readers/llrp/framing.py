"""Messages out of a byte stream, whatever the pieces it arrives in.

LLRP has no start mark: a message is found only behind the previous one, by its length. So a header that cannot be one
ends the connection (`FramingError`); guessing where the next message starts would invent tags. To notice garbage early,
the reserved bits must be zero, the version 1 to 7 and the length at least 10; and a message of a type or version that
LLRP 1.1 does not define, which a peer may send and which must be answered, may be at most 64 KiB long, so that random
bytes cannot make us wait for gigabytes. Bytes are copied twice at most, and looked at once, however they are cut.
"""

from readers.llrp.errors import FramingError
from readers.llrp.wire import HEADER, HEADER_BYTES

FRAME_BYTES_MAX = 16 * 1024 * 1024
"""Default bound on one message: some 100,000 tags. The largest of the golden files has 10,000 in 1.4 MB."""

UNKNOWN_FRAME_BYTES_MAX = 64 * 1024

_REQUESTS = (1, 2, 3, 14, *range(20, 27), *range(40, 48))
_ANSWERS = (11, 12, 13, 4, *range(30, 37), *range(50, 58))
KNOWN_TYPES = frozenset((*_REQUESTS, *_ANSWERS, 60, 61, 62, 63, 64, 72, 100, 1023))
_PLAIN_HEADS = frozenset(version << 10 | kind for version in (1, 2) for kind in KNOWN_TYPES)


class Framer:
    """Cuts a stream into messages. Memory: one message, `frame_bytes_max` at most, plus what one call was given."""

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._pending = bytearray()
        self._needed = HEADER_BYTES
        self._consumed = 0
        self._failed: FramingError | None = None

    @property
    def pending_bytes(self) -> int:
        """Bytes of an unfinished message; not 0 when the peer vanishes in the middle of one."""
        return len(self._pending)

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """All messages that `data` completes, possibly none, each with its header.

        Raises `FramingError` once no message can start where one should; its `frames` are those completed before it.
        After that every call raises the same error without frames.
        """
        if self._failed is not None:
            failed = self._failed
            raise FramingError(failed.offset, failed.expected, failed.found, [])
        pending = self._pending
        pending += data
        frames: list[bytes] = []
        available = len(pending)
        if available < self._needed:
            return frames
        start = 0
        with memoryview(pending) as view:
            while available - start >= HEADER_BYTES:
                head, length, _ = HEADER.unpack_from(view, start)
                # Told without a call for what nearly all are: a reader of LLRP 1.0.1 sends a message a read.
                usual = head in _PLAIN_HEADS and HEADER_BYTES <= length <= self._frame_bytes_max
                if not usual and (expected := self._refuse(head, length)):
                    found = f"{view[start : start + HEADER_BYTES].hex(' ')}"
                    self._failed = FramingError(self._consumed + start, expected, found, frames)
                    break
                if available - start < length:
                    self._needed = length
                    break
                frames.append(bytes(view[start : start + length]))
                start += length
            else:
                self._needed = HEADER_BYTES
        del pending[:start]
        self._consumed += start
        if self._failed is not None:
            pending.clear()
            raise self._failed
        return frames

    def _refuse(self, head: int, length: int) -> str:
        """What is wrong with a header, "" if nothing."""
        version = head >> 10 & 7
        if head >> 13 or version == 0:
            return "a message header (reserved bits 0, version 1 to 7)"
        if length < HEADER_BYTES:
            return "a message length of 10 or more"
        known = version <= 2 and head & 0x3FF in KNOWN_TYPES
        limit = self._frame_bytes_max if known else min(UNKNOWN_FRAME_BYTES_MAX, self._frame_bytes_max)
        return "" if length <= limit else f"a message length of at most {limit}"
