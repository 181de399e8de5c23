"""Blocks and file heads, both ways, and damage."""

import struct
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.capture.format import (
    BLOCK_HEAD_BYTES,
    FILE_HEAD_BYTES,
    CaptureHeader,
    ClockRecord,
    CommandRecord,
    DisconnectedRecord,
    EventRecord,
    ExpectationRecord,
    FramesRecord,
    Record,
    SealRecord,
    StartRecord,
    StopRecord,
    block_stored_size,
    decode_block,
    decode_file_header,
    encode_block,
    encode_file_head,
    file_head_size,
)
from edge.errors import CaptureFormatError
from stream.model import DeviceEvent, DeviceEventKind
from warehouse.loads import Expectation, ExpectedDocument

EVENT = DeviceEvent("scale", DeviceEventKind.WEIGHT, 5, 1, True, 12.5, "stable")
RECORDS: list[Record] = [
    StartRecord("edge", 250, 1),
    FramesRecord("dock-1", b"\0" * 8, b"\3\0\0\0", b"abc"),
    ClockRecord("dock-1", 2, -7),
    DisconnectedRecord("dock-1", 3),
    EventRecord.of(EVENT),
    SealRecord("e", 1, 9, 10, True),
    CommandRecord(4, "ann", b"{}"),
    ExpectationRecord(
        Expectation(
            "door",
            5,
            (ExpectedDocument("ASN-1", ("AA",), (("item", 2),)),),
        )
    ),
    StopRecord(6, "done"),
]


@pytest.mark.parametrize("compress", [False, True])
def test_every_record_comes_back_as_it_went(compress: bool) -> None:
    block = encode_block(RECORDS, compress)
    head, stored = block[:BLOCK_HEAD_BYTES], block[BLOCK_HEAD_BYTES:]
    assert block_stored_size(head) == len(stored)
    assert decode_block(head, stored) == RECORDS
    assert EventRecord.of(EVENT).event() == EVENT


def test_a_file_head_comes_back_as_it_went() -> None:
    header = CaptureHeader("plant", "edge", 7, "[site]\n", "d1")
    data = encode_file_head(header)
    head, body = data[:FILE_HEAD_BYTES], data[FILE_HEAD_BYTES:]
    assert file_head_size(head) == len(body)
    assert decode_file_header(head, body) == header


def test_other_files_and_versions_are_told_apart() -> None:
    data = encode_file_head(CaptureHeader("plant", "edge", 7))
    with pytest.raises(CaptureFormatError, match="not a capture"):
        file_head_size(b"\x04\x3d" * 8)
    with pytest.raises(CaptureFormatError, match="version 3"):
        file_head_size(data[:6] + b"\3" + data[7:FILE_HEAD_BYTES])
    with pytest.raises(CaptureFormatError, match="damaged"):
        decode_file_header(data[:FILE_HEAD_BYTES], data[FILE_HEAD_BYTES:-1] + b"\0")


@settings(max_examples=300)
@given(st.booleans(), st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_block_is_always_noticed(compress: bool, at: int, flip: int) -> None:
    block = bytearray(encode_block(RECORDS, compress))
    block[at % len(block)] ^= flip
    head, stored = bytes(block[:BLOCK_HEAD_BYTES]), bytes(block[BLOCK_HEAD_BYTES:])
    if 9 <= at % len(block) < 12:
        return  # the three unused bytes
    if block_stored_size(head) == len(stored):
        with pytest.raises(CaptureFormatError):
            decode_block(head, stored)


def test_expectations_of_version_1_are_read_as_one_document() -> None:
    """The bytes that version 1 wrote: a record of kind 7 with one list a portal."""
    old = {"portal": "door", "at_us": 5, "documents": ["A-1", "A-2"], "epcs": ["AA"], "items": [["item", 2]]}
    raw = msgspec.msgpack.encode([[7, old], [7, {**old, "documents": [], "epcs": [], "items": []}]])
    block = encode_block([], False)
    stored = raw
    head = bytearray(block[:BLOCK_HEAD_BYTES])
    crc = zlib.crc32(stored, zlib.crc32(struct.pack("<BII", 0, len(raw), len(stored))))
    head[12:24] = struct.pack("<III", len(stored), len(raw), crc)
    assert decode_block(bytes(head), stored, 1) == [
        ExpectationRecord(Expectation("door", 5, (ExpectedDocument("A-1, A-2", ("AA",), (("item", 2),)),))),
        ExpectationRecord(Expectation("door", 5)),
    ]
    with pytest.raises(CaptureFormatError):
        decode_block(bytes(head), stored)


def test_blocks_of_version_1_are_otherwise_the_same() -> None:
    block = encode_block(RECORDS, True)
    assert decode_block(block[:BLOCK_HEAD_BYTES], block[BLOCK_HEAD_BYTES:], 1) == RECORDS
