"""What must hold for any message and for any bytes."""

import struct
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readers.llrp.codec import DEPTH_MAX, decode, encode, layouts
from readers.llrp.enums import StatusCode
from readers.llrp.errors import DecodeError, FramingError
from readers.llrp.framing import Framer
from readers.llrp.text import lines, plain
from readers.llrp.wire import Message

from .arbitrary import MESSAGES, elements

any_message = st.one_of([elements(cls) for cls in MESSAGES])
slow = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_message_comes_back_as_it_was_sent(cls: type[Message], data: st.DataObject) -> None:
    message = data.draw(elements(cls))
    frame = encode(message, message_id=77, version=2)
    decoded = decode(frame)
    assert decoded == (2, 77, message)
    assert plain(decoded.message) is not None
    assert list(lines(message)) == list(lines(decoded.message))


def test_every_parameter_occurs_in_some_message() -> None:
    """So that the round trip above reaches all of them."""
    reachable = set(MESSAGES)
    frontier = list(MESSAGES)
    all_layouts = layouts()
    while frontier:
        for slot in all_layouts[frontier.pop()].slots:
            for cls in slot.classes:
                members = [c for c in all_layouts if issubclass(c, cls)]
                frontier += [c for c in members if c not in reachable]
                reachable |= set(members)
    assert reachable == set(all_layouts)


@slow
@given(st.binary(max_size=200))
def test_random_bytes_raise_only_the_documented_error(data: bytes) -> None:
    with suppress(DecodeError):
        decode(data)


@slow
@given(any_message, st.data())
def test_a_damaged_message_raises_only_the_documented_error_and_one_that_can_be_answered(
    message: Message, data: st.DataObject
) -> None:
    frame = bytearray(encode(message, message_id=1, version=2))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(frame)))
    damaged = bytes(frame[:cut])
    if cut >= 10:
        damaged = damaged[:2] + struct.pack("!I", cut) + damaged[6:]
    try:
        decoded = decode(damaged)
    except DecodeError as error:
        _check_error(error, len(damaged))
    else:
        again = encode(decoded.message, message_id=decoded.message_id, version=2)
        assert decode(again).message == decoded.message


def _check_error(error: DecodeError, size: int) -> None:
    assert error.status != StatusCode.M_Success
    assert len(error.path) <= DEPTH_MAX + 1
    assert 0 <= error.offset <= max(size, 2)


@slow
@given(st.lists(any_message, max_size=5), st.lists(st.integers(1, 60), min_size=1, max_size=20), st.binary(max_size=30))
def test_framing_gives_the_same_messages_however_the_stream_is_cut(
    sent: list[Message], cuts: list[int], behind: bytes
) -> None:
    frames = [encode(message, message_id=i, version=2) for i, message in enumerate(sent)]
    stream = b"".join(frames) + behind
    whole, whole_error = _feed(Framer(), [stream])
    pieces = []
    at = 0
    while at < len(stream):
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(stream[at : at + size])
        at += size
    cut, cut_error = _feed(Framer(), pieces)
    assert cut == whole
    assert whole[: len(frames)] == frames
    assert cut_error == whole_error


def _feed(framer: Framer, pieces: list[bytes]) -> tuple[list[bytes], str]:
    found: list[bytes] = []
    for piece in pieces:
        try:
            found += framer.feed(piece)
        except FramingError as error:
            return found + error.frames, f"{error.offset} {error.expected}"
    return found, ""
