"""The wire format of edge batches: one format for the spool, MQTT, Kafka and captures.

An edge batch is one msgpack array: schema version, id, times, sightings, events. Sightings are an array of their
dictionaries and of one byte string per column, raw little-endian, so that encoding copies memory and decoding makes
views on it. Tags travel as the EPC's bytes, joined, with their lengths; antennas as (reader, port).

Versions: `SCHEMA` is the only one there is. A decoder accepts the versions it knows and refuses others by name; fields
may only ever be appended, which needs no new version because a decoder skips what follows the fields it knows. So may
kinds of events: one that is not known is kept as `OTHER` and costs nobody the sightings beside it.

Decoding trusts nothing: lengths agree, indices are in range, dictionaries hold no entry twice, rows are in order,
numbers are finite where absence is not a value. Any other bytes raise `BatchFormatError`, and nothing else.
"""

from itertools import accumulate, pairwise
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.model import BatchId, DeviceEvent, DeviceEventKind, EdgeBatch, Sightings
from warehouse.site import AntennaRef

SCHEMA = 1
BATCH_BYTES_MAX = 64 * 1024 * 1024
"""Larger input is refused before it is parsed: about a million sightings, far above what one seal holds."""


class BatchFormatError(ValueError):
    """These bytes are not an edge batch (or sightings) of a version this program knows; the text says what is wrong."""


class _WireSightings(msgspec.Struct, array_like=True, frozen=True):
    tag_lengths: bytes  # uint8 each: an EPC is at most 496 bits (Gen2 PC length field: 31 words)
    tags: bytes
    antennas: tuple[tuple[str, int], ...]
    tag: bytes
    antenna: bytes
    first_us: bytes
    last_us: bytes
    reads: bytes
    power_mw: bytes
    peak_dbm: bytes
    channel: bytes
    phase_rad: bytes
    phase_slope_rad_s: bytes
    doppler_hz: bytes


class _WireEvent(msgspec.Struct, array_like=True, frozen=True):
    device: str
    kind: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,62}$")]
    at_us: int
    port: int | None
    state: bool | None
    value: float | None
    detail: str
    body: bytes = b""


class _WireBatch(msgspec.Struct, array_like=True, frozen=True):
    schema: int
    agent: str
    epoch: str
    counter: int
    watermark_us: int
    sealed_us: int
    sightings: _WireSightings
    events: tuple[_WireEvent, ...]


class _WireHead(msgspec.Struct, array_like=True, frozen=True):
    schema: int


_KINDS = {str(kind): kind for kind in DeviceEventKind}
_batch_decoder = msgspec.msgpack.Decoder(_WireBatch)
_sightings_decoder = msgspec.msgpack.Decoder(_WireSightings)
_head_decoder = msgspec.msgpack.Decoder(_WireHead)
_encoder = msgspec.msgpack.Encoder()


def encode_batch(batch: EdgeBatch) -> bytes:
    """The bytes of a batch, the same for the same batch. Raises ValueError for a tag that is not whole bytes."""
    events = tuple(
        _WireEvent(
            event.device, event.kind, event.at_us, event.port, event.state, event.value, event.detail, event.body
        )
        for event in batch.events
    )
    name = batch.id
    return _encoder.encode(
        _WireBatch(
            SCHEMA,
            name.agent,
            name.epoch,
            name.counter,
            batch.watermark_us,
            batch.sealed_us,
            _to_wire(batch.sightings),
            events,
        )
    )


def decode_batch(data: bytes) -> EdgeBatch:
    """The batch in these bytes; its columns are read-only views. Raises `BatchFormatError`."""
    wire = _parse(_batch_decoder, data)
    if wire.schema != SCHEMA:
        raise BatchFormatError(f"batch schema {wire.schema}, this program knows {SCHEMA}")
    if not wire.agent or not wire.epoch or not 1 <= wire.counter < 2**63:
        raise BatchFormatError(f"batch id ({wire.agent!r}, {wire.epoch!r}, {wire.counter}) is not a name")
    for name in ("watermark_us", "sealed_us"):
        _require_int64(getattr(wire, name), name)
    for event in wire.events:
        _require_int64(event.at_us, "event at_us")
        if event.value is not None and not np.isfinite(event.value):
            raise BatchFormatError("an event's value is not finite")
    return EdgeBatch(
        id=BatchId(wire.agent, wire.epoch, wire.counter),
        watermark_us=wire.watermark_us,
        sealed_us=wire.sealed_us,
        sightings=_from_wire(wire.sightings),
        events=tuple(
            DeviceEvent(
                event.device,
                _KINDS.get(event.kind, DeviceEventKind.OTHER),
                event.at_us,
                event.port,
                event.state,
                event.value,
                event.detail if event.kind in _KINDS else f"{event.kind}: {event.detail}",
                event.body,
            )
            for event in wire.events
        ),
    )


def encode_sightings(sightings: Sightings) -> bytes:
    """Sightings alone (a passage's evidence), in the form they have inside a batch."""
    return _encoder.encode(_to_wire(sightings))


def decode_sightings(data: bytes) -> Sightings:
    """Sightings alone; columns are read-only views. Raises `BatchFormatError`."""
    return _from_wire(_parse(_sightings_decoder, data))


def _to_wire(sightings: Sightings) -> _WireSightings:
    # At once: one by one the tags cost as much as all the columns.
    tags = bytes.fromhex("".join(sightings.tags))
    lengths, odd = np.divmod(np.fromiter(map(len, sightings.tags), np.int64, len(sightings.tags)), 2)
    if odd.any() or lengths.sum() != len(tags) or (lengths > 255).any():
        raise ValueError("a tag is not whole bytes of hexadecimal digits, at most 255 of them")
    return _WireSightings(
        tag_lengths=lengths.astype(np.uint8).tobytes(),
        tags=tags,
        antennas=tuple((antenna.reader, antenna.port) for antenna in sightings.antennas),
        **{name: np.ascontiguousarray(getattr(sightings, name), dtype).tobytes() for name, dtype in _COLUMNS},
    )


_COLUMNS = (
    ("tag", np.dtype("<u4")),
    ("antenna", np.dtype("<u2")),
    ("first_us", np.dtype("<i8")),
    ("last_us", np.dtype("<i8")),
    ("reads", np.dtype("<u4")),
    ("power_mw", np.dtype("<f8")),
    ("peak_dbm", np.dtype("<f4")),
    ("channel", np.dtype("<u2")),
    ("phase_rad", np.dtype("<f4")),
    ("phase_slope_rad_s", np.dtype("<f4")),
    ("doppler_hz", np.dtype("<f4")),
)


def _from_wire(wire: _WireSightings) -> Sightings:
    n = len(wire.tag) // 4
    columns: dict[str, NDArray[Any]] = {}
    for name, dtype in _COLUMNS:
        raw: bytes = getattr(wire, name)
        if len(raw) != n * dtype.itemsize:
            raise BatchFormatError(f"column {name} has {len(raw)} bytes for {n} sightings")
        columns[name] = np.frombuffer(raw, dtype)
    tags = _tags(wire.tag_lengths, wire.tags)
    antennas = tuple(AntennaRef(reader, port) for reader, port in wire.antennas)
    if len(set(antennas)) != len(antennas):
        raise BatchFormatError("an antenna is in the dictionary twice")
    if not all(0 <= antenna.port < 2**16 and antenna.reader for antenna in antennas):
        raise BatchFormatError("an antenna of the dictionary has no reader or no 16-bit port")
    if n:
        _check_rows(columns, len(tags), len(antennas))
    return Sightings(tags=tags, antennas=antennas, **columns)


def _tags(lengths: bytes, joined: bytes) -> tuple[str, ...]:
    if sum(lengths) != len(joined):
        raise BatchFormatError(f"tags have {len(joined)} bytes, their lengths say {sum(lengths)}")
    text = joined.hex().upper()
    ends = accumulate(lengths, lambda end, length: end + 2 * length, initial=0)
    tags = tuple(text[start:end] for start, end in pairwise(ends))
    if len(set(tags)) != len(tags):
        raise BatchFormatError("a tag is in the dictionary twice")
    return tags


def _check_rows(columns: dict[str, NDArray[Any]], tags: int, antennas: int) -> None:
    if int(columns["tag"].max()) >= tags or int(columns["antenna"].max()) >= antennas:
        raise BatchFormatError("a sighting names a tag or antenna outside the dictionary")
    first = columns["first_us"]
    if (first[1:] < first[:-1]).any() or (columns["last_us"] < first).any():
        raise BatchFormatError("sightings are out of order, or end before they begin")
    if not columns["reads"].all():
        raise BatchFormatError("a sighting has no reads")
    power = columns["power_mw"]
    if not np.isfinite(power).all() or (power < 0).any():
        raise BatchFormatError("power_mw is not finite or below zero")
    for name in ("peak_dbm", "phase_rad", "phase_slope_rad_s", "doppler_hz"):
        if np.isinf(columns[name]).any():
            raise BatchFormatError(f"{name} is infinite")


def _parse(decoder: "msgspec.msgpack.Decoder[Any]", data: bytes) -> Any:
    if len(data) > BATCH_BYTES_MAX:
        raise BatchFormatError(f"{len(data)} bytes, the bound is {BATCH_BYTES_MAX}")
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        schema = _schema_of(data) if decoder is _batch_decoder else SCHEMA
        if schema not in (None, SCHEMA):
            raise BatchFormatError(f"batch schema {schema}, this program knows {SCHEMA}") from error
        raise BatchFormatError(f"not an edge batch: {error}") from error


def _schema_of(data: bytes) -> int | None:
    try:
        return _head_decoder.decode(data).schema
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _require_int64(value: int, name: str) -> None:
    if not -(2**63) <= value < 2**63:
        raise BatchFormatError(f"{name} {value} is outside 64 bits")
