"""The bytes of a capture file.

    file   = magic (8 bytes) , header length u32 , CRC-32 of header u32 , header , { block }
    block  = marker (8) , flags u8 , 3 zero bytes , stored length u32 , raw length u32 , CRC-32 u32 , stored bytes
    stored = msgpack array of records, compressed by zlib when flag 1 is set

Integers are little-endian. The CRC of a block covers flags, lengths and stored bytes. Records are msgpack arrays that
begin with their kind; a reader ignores fields appended to a kind it knows, and refuses kinds it does not know, which
only a later version of the magic may bring.

Version 2 has an expectation by document. In version 1 it was one list a portal, `documents` only names; files of that
version are read, the list as one document of all the names. (Some files of version 1 have it by document already.)
"""

import struct
import zlib
from typing import TypeAlias

import msgspec

from edge.errors import CaptureFormatError
from stream.model import DeviceEvent, DeviceEventKind
from warehouse.loads import Expectation, ExpectedDocument

MAGIC = b"TLCAPT\x02\n"
VERSION = MAGIC[6]
_VERSIONS = (1, VERSION)
MARKER = b"\xf7TLBLK\r\n"
HEADER_BYTES_MAX = 16 * 1024 * 1024
BLOCK_BYTES_MAX = 64 * 1024 * 1024
"""A block's raw bytes at most; a length beyond it is damage."""

_FILE_HEAD = struct.Struct("<8sII")
_BLOCK_HEAD = struct.Struct("<8sB3xIII")
BLOCK_HEAD_BYTES = _BLOCK_HEAD.size
FILE_HEAD_BYTES = _FILE_HEAD.size
_FLAG_ZLIB = 1


class CaptureHeader(msgspec.Struct, frozen=True):
    """Whose capture this is. `site_text` is the site file as the operator wants it kept: without passwords."""

    site: str
    agent: str
    created_us: int
    site_text: str = ""
    site_digest: str = ""


class StartRecord(msgspec.Struct, array_like=True, frozen=True, tag=0):
    """An edge started: nothing unsealed before this reaches a later seal."""

    agent: str
    window_ms: int
    at_us: int


class FramesRecord(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """Messages of one reader in order, joined; `arrivals_us` is int64, `lengths` uint32, one per message."""

    reader: str
    arrivals_us: bytes
    lengths: bytes
    data: bytes


class ClockRecord(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """From here on `offset_us` is added to the reader's own timestamps."""

    reader: str
    arrival_us: int
    offset_us: int


class DisconnectedRecord(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """The connection ended: the next one begins with a new decoder, without clock offset."""

    reader: str
    at_us: int


class EventRecord(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """A device event that goes into the next seal."""

    device: str
    kind: DeviceEventKind
    at_us: int
    port: int | None
    state: bool | None
    value: float | None
    detail: str

    @classmethod
    def of(cls, event: DeviceEvent) -> "EventRecord":
        return cls(event.device, event.kind, event.at_us, event.port, event.state, event.value, event.detail)

    def event(self) -> DeviceEvent:
        return DeviceEvent(self.device, self.kind, self.at_us, self.port, self.state, self.value, self.detail)


class SealRecord(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """The edge sealed here, under this name; the agent is the last start's. `final`: open windows as well."""

    epoch: str
    counter: int
    watermark_us: int
    sealed_us: int
    final: bool = False


class CommandRecord(msgspec.Struct, array_like=True, frozen=True, tag=6):
    """A command someone gave; `body` is JSON."""

    at_us: int
    actor: str
    body: bytes


class ExpectationRecord(msgspec.Struct, array_like=True, frozen=True, tag=7):
    """What open documents expected at a portal from here on."""

    expectation: Expectation


class StopRecord(msgspec.Struct, array_like=True, frozen=True, tag=8):
    """Recording stopped here, and why; the edge may have gone on."""

    at_us: int
    reason: str


class _Expectation1(msgspec.Struct, frozen=True):
    portal: str
    at_us: int
    documents: tuple[str | ExpectedDocument, ...] = ()
    epcs: tuple[str, ...] = ()
    items: tuple[tuple[str, int], ...] = ()

    def current(self) -> Expectation:
        documents = tuple(document for document in self.documents if isinstance(document, ExpectedDocument))
        if self.epcs or self.items:
            names = ", ".join(document for document in self.documents if isinstance(document, str))
            documents += (ExpectedDocument(names, self.epcs, self.items),)
        return Expectation(self.portal, self.at_us, documents)


class _ExpectationRecord1(msgspec.Struct, array_like=True, frozen=True, tag=7):
    expectation: _Expectation1


Record: TypeAlias = (
    StartRecord
    | FramesRecord
    | ClockRecord
    | DisconnectedRecord
    | EventRecord
    | SealRecord
    | CommandRecord
    | ExpectationRecord
    | StopRecord
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[list[Record]] = msgspec.msgpack.Decoder(list[Record])
_Record1: TypeAlias = (
    StartRecord
    | FramesRecord
    | ClockRecord
    | DisconnectedRecord
    | EventRecord
    | SealRecord
    | CommandRecord
    | _ExpectationRecord1
    | StopRecord
)
_decoder_1: msgspec.msgpack.Decoder[list[_Record1]] = msgspec.msgpack.Decoder(list[_Record1])
_header_decoder = msgspec.msgpack.Decoder(CaptureHeader)


def encode_file_head(header: CaptureHeader) -> bytes:
    """The first bytes of a file."""
    body = _encoder.encode(header)
    return _FILE_HEAD.pack(MAGIC, len(body), zlib.crc32(body)) + body


def file_head_size(head: bytes) -> int:
    """How many bytes of header follow the first `FILE_HEAD_BYTES`. Raises `CaptureFormatError`."""
    if len(head) < FILE_HEAD_BYTES or not head.startswith(MAGIC[:6]):
        raise CaptureFormatError("not a capture: it does not begin with TLCAPT")
    magic, size, _ = _FILE_HEAD.unpack_from(head)
    if version_of(head) not in _VERSIONS or magic[7:] != MAGIC[7:]:
        known = " and ".join(map(str, _VERSIONS))
        raise CaptureFormatError(f"a capture of version {version_of(head)}, this program knows {known}")
    if size > HEADER_BYTES_MAX:
        raise CaptureFormatError(f"a capture header of {size} bytes, the bound is {HEADER_BYTES_MAX}")
    return int(size)


def version_of(head: bytes) -> int:
    """The version that a file's first bytes name."""
    return head[6]


def decode_file_header(head: bytes, body: bytes) -> CaptureHeader:
    """Raises `CaptureFormatError`."""
    _, size, crc = _FILE_HEAD.unpack_from(head)
    if len(body) != size or zlib.crc32(body) != crc:
        raise CaptureFormatError("the capture's header is damaged")
    try:
        return _header_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CaptureFormatError(f"the capture's header is not one: {error}") from error


def encode_block(records: list[Record], compress: bool) -> bytes:
    """One block."""
    raw = _encoder.encode(records)
    stored, flags = (zlib.compress(raw, 1), _FLAG_ZLIB) if compress else (raw, 0)
    crc = _crc(flags, len(raw), stored)
    return _BLOCK_HEAD.pack(MARKER, flags, len(stored), len(raw), crc) + stored


def block_stored_size(head: bytes) -> int | None:
    """How many bytes follow a block's head; None when this is no block's head."""
    marker, flags, stored, raw, _ = _BLOCK_HEAD.unpack(head)
    sane = marker == MARKER and flags in (0, _FLAG_ZLIB) and stored <= BLOCK_BYTES_MAX and raw <= BLOCK_BYTES_MAX
    return int(stored) if sane else None


def decode_block(head: bytes, stored: bytes, version: int = VERSION) -> list[Record]:
    """The records of a block of a file of that version. Raises `CaptureFormatError`."""
    _, flags, _, raw_size, crc = _BLOCK_HEAD.unpack(head)
    if _crc(flags, raw_size, stored) != crc:
        raise CaptureFormatError("checksum")
    try:
        raw = zlib.decompressobj().decompress(stored, max(raw_size, 1)) if flags & _FLAG_ZLIB else stored
        if len(raw) != raw_size:
            raise CaptureFormatError("length")
        if version == VERSION:
            return _decoder.decode(raw)
        return [
            ExpectationRecord(record.expectation.current()) if isinstance(record, _ExpectationRecord1) else record
            for record in _decoder_1.decode(raw)
        ]
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CaptureFormatError(f"records: {error}") from error


def _crc(flags: int, raw_size: int, stored: bytes) -> int:
    return zlib.crc32(stored, zlib.crc32(struct.pack("<BII", flags, len(stored), raw_size)))
