"""The framer: waiting, bounds, garbage, and work that grows with the bytes and not with their square."""

import struct

import pytest

from readers.llrp.errors import FramingError
from readers.llrp.framing import FRAME_BYTES_MAX, UNKNOWN_FRAME_BYTES_MAX, Framer

KEEPALIVE = bytes.fromhex("043e0000000a00000001")


def header(kind: int, length: int, version: int = 1) -> bytes:
    return struct.pack("!HII", version << 10 | kind, length, 1)


def test_waits_for_the_rest() -> None:
    framer = Framer()
    assert framer.feed(KEEPALIVE[:3]) == []
    assert framer.pending_bytes == 3
    assert framer.feed(KEEPALIVE[3:] + KEEPALIVE[:1]) == [KEEPALIVE]
    assert framer.pending_bytes == 1


@pytest.mark.parametrize(
    ("garbage", "expected"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "reserved bits 0"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "at most"),  # a TLS client hello
        (bytes(10), "version 1 to 7"),
        (header(62, 9), "10 or more"),
        (header(61, FRAME_BYTES_MAX + 1), "at most"),
        (header(999, UNKNOWN_FRAME_BYTES_MAX + 1), "at most"),
        (header(61, UNKNOWN_FRAME_BYTES_MAX + 1, version=3), "at most"),
    ],
)
def test_what_cannot_be_a_header_ends_the_stream(garbage: bytes, expected: str) -> None:
    framer = Framer()
    with pytest.raises(FramingError, match=expected) as caught:
        framer.feed(KEEPALIVE + KEEPALIVE + garbage)
    assert caught.value.frames == [KEEPALIVE, KEEPALIVE]
    assert caught.value.offset == 20
    with pytest.raises(FramingError) as again:
        framer.feed(KEEPALIVE)
    assert again.value.frames == []
    assert framer.pending_bytes == 0


@pytest.mark.parametrize(
    "head",
    [header(61, FRAME_BYTES_MAX), header(999, UNKNOWN_FRAME_BYTES_MAX), header(1, UNKNOWN_FRAME_BYTES_MAX, version=5)],
)
def test_messages_up_to_the_bound_are_waited_for(head: bytes) -> None:
    assert Framer().feed(head) == []


def test_a_message_of_a_later_version_passes_so_that_it_can_be_answered() -> None:
    frame = header(1, 11, version=3) + b"\x00"
    assert Framer().feed(frame) == [frame]


def test_a_smaller_bound_can_be_set() -> None:
    assert Framer(frame_bytes_max=20).feed(header(61, 20)) == []
    with pytest.raises(FramingError):
        Framer(frame_bytes_max=20).feed(header(61, 21))


def test_a_large_message_in_small_pieces_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The header is parsed when it is complete, and then no more until the message is."""
    from readers.llrp import framing

    parsed = 0

    class Counting:
        @staticmethod
        def unpack_from(*arguments: object) -> tuple[int, int, int]:
            nonlocal parsed
            parsed += 1
            return struct.unpack_from("!HII", *arguments)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(framing, "HEADER", Counting)
    framer = Framer()
    frame = header(61, 1_000_000) + bytes(999_990)
    for at in range(0, len(frame), 100):
        found = framer.feed(frame[at : at + 100])
    assert found == [frame]
    assert parsed <= 2
