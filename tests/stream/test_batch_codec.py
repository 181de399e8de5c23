"""Edge batches on the wire: both directions, and random bytes raise only the documented error."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.batch_codec import SCHEMA, BatchFormatError, decode_batch, decode_sightings, encode_batch, encode_sightings
from stream.model import BatchId, DeviceEvent, DeviceEventKind, EdgeBatch, Sightings
from warehouse.site import AntennaRef


def sightings(rows: int, tags: tuple[str, ...] = ("3034257BF7194E4000001A85", "E280", "")) -> Sightings:
    """Rows that differ in every column, with absent values among them."""
    row = np.arange(rows)
    absent = np.where(row % 3 == 0, np.nan, 0.5 * row).astype(np.float32)
    return Sightings(
        tags=tags,
        antennas=(AntennaRef("dock-1", 1), AntennaRef("dock-1", 2)),
        tag=(row % len(tags)).astype(np.uint32),
        antenna=(row % 2).astype(np.uint16),
        first_us=(1_700_000_000_000_000 + 1000 * row).astype(np.int64),
        last_us=(1_700_000_000_000_000 + 1500 * row).astype(np.int64),
        reads=(1 + row).astype(np.uint32),
        power_mw=1e-6 * row.astype(np.float64),
        peak_dbm=absent,
        channel=(row % 50).astype(np.uint16),
        phase_rad=absent,
        phase_slope_rad_s=absent,
        doppler_hz=absent,
    )


def batch(rows: int = 7) -> EdgeBatch:
    events = (
        DeviceEvent("dock-1", DeviceEventKind.GPI, 5, port=1, state=True),
        DeviceEvent("scale-1", DeviceEventKind.WEIGHT, 6, value=12.5, detail="stable"),
    )
    return EdgeBatch(BatchId("edge", "e1", 3), 1_700_000_000_000_000, 1_700_000_000_100_000, sightings(rows), events)


def assert_same(left: Sightings, right: Sightings) -> None:
    assert left.tags == right.tags
    assert left.antennas == right.antennas
    for name in Sightings.__slots__[2:]:
        one, other = getattr(left, name), getattr(right, name)
        assert one.dtype == other.dtype, name
        np.testing.assert_array_equal(one, other, err_msg=name)


@pytest.mark.parametrize("tags", [("E28", "0"), ("E2 8", "00"), ("E2", "XY"), ("E2" * 256,)])
def test_a_tag_that_is_not_whole_bytes_is_not_sent_whatever_stands_beside_it(tags: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"tag|hexadecimal"):
        encode_sightings(sightings(2, tags))


@pytest.mark.parametrize("rows", [0, 1, 7, 1000])
def test_a_batch_comes_back_as_it_went(rows: int) -> None:
    sent = batch(rows)
    received = decode_batch(encode_batch(sent))
    assert (received.id, received.watermark_us, received.sealed_us) == (sent.id, sent.watermark_us, sent.sealed_us)
    assert received.events == sent.events
    assert_same(received.sightings, sent.sightings)
    assert encode_batch(received) == encode_batch(sent)


def test_sightings_travel_alone() -> None:
    sent = sightings(5)
    assert_same(decode_sightings(encode_sightings(sent)), sent)


def test_a_later_schema_is_named() -> None:
    wire = msgspec.msgpack.decode(encode_batch(batch()))
    wire[0] = SCHEMA + 1
    with pytest.raises(BatchFormatError, match=f"schema {SCHEMA + 1}"):
        decode_batch(msgspec.msgpack.encode(wire))
    with pytest.raises(BatchFormatError, match=f"schema {SCHEMA + 1}"):
        decode_batch(msgspec.msgpack.encode([SCHEMA + 1, {"quite": "different"}]))


def test_fields_appended_by_a_later_edge_are_skipped() -> None:
    wire = msgspec.msgpack.decode(encode_batch(batch()))
    wire.append("appended")
    assert decode_batch(msgspec.msgpack.encode(wire)).id.counter == 3


def column(wire: list[object], index: int, value: object) -> None:
    inner = wire[6]
    assert isinstance(inner, list)
    inner[index] = value


TAG, ANTENNA, FIRST, READS, POWER, PEAK = 3, 4, 5, 7, 8, 9


@pytest.mark.parametrize(
    ("index", "value", "says"),
    [
        (TAG, np.array([3], "<u4").tobytes(), "outside the dictionary"),
        (ANTENNA, np.array([2], "<u2").tobytes(), "outside the dictionary"),
        (ANTENNA, b"\0", "column antenna"),
        (FIRST, np.array([2**62], "<i8").tobytes(), "end before they begin"),
        (READS, np.array([0], "<u4").tobytes(), "no reads"),
        (POWER, np.array([np.nan], "<f8").tobytes(), "power_mw"),
        (POWER, np.array([-1.0], "<f8").tobytes(), "power_mw"),
        (PEAK, np.array([np.inf], "<f4").tobytes(), "peak_dbm"),
        (1, b"\1", "their lengths say"),
        (0, b"\x0c\0\2", "twice"),
        (2, [["dock-1", 1], ["dock-1", 1]], "twice"),
        (2, [["dock-1", 1], ["dock-1", 70000]], "16-bit port"),
    ],
)
def test_each_inconsistency_is_refused(index: int, value: object, says: str) -> None:
    wire = msgspec.msgpack.decode(encode_batch(batch(1)))
    column(wire, index, value)
    if says == "twice" and index == 0:
        column(wire, 0, b"\2\2")
        column(wire, 1, b"\1\2\1\2")
    with pytest.raises(BatchFormatError, match=says):
        decode_batch(msgspec.msgpack.encode(wire))


@given(st.binary(max_size=400))
def test_random_bytes_raise_only_the_documented_error(data: bytes) -> None:
    with pytest.raises(BatchFormatError):
        decode_batch(data)


@settings(max_examples=300)
@given(st.integers(0, 10_000), st.integers(1, 255), st.integers(0, 10_000))
def test_damaged_batches_decode_or_raise_only_the_documented_error(at: int, flip: int, cut: int) -> None:
    data = bytearray(encode_batch(batch()))
    data[at % len(data)] ^= flip
    damaged = bytes(data[: len(data) - cut % len(data)] if cut % 2 else data)
    try:
        decoded = decode_batch(damaged)
    except BatchFormatError:
        return
    assert decode_batch(encode_batch(decoded)).id == decoded.id
