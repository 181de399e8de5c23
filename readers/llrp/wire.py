"""The kinds of field LLRP knows, and the headers around them: the vocabulary of the definitions.

A definition is a `msgspec.Struct` whose annotations say how each field lies on the wire: `U16`, `Text`,
`Annotated[ROSpecState, Unsigned(1)]`, and, for sub-parameters, how often they occur:

    X: X                     exactly one
    X: X | None = None       at most one
    X: tuple[X, ...]         one or more
    X: tuple[X, ...] = ()    any number

Bits narrower than a byte are packed from the most significant bit; `Bits(1, reserved=7)` is one bit followed by seven
reserved ones, which are sent as zero and ignored on reception. All numbers are big-endian (LLRP 1.0.1 §16.1).

Message header, 10 bytes: 3 reserved bits, 3 version, 10 type; u32 length, this header included; u32 message id.
TLV parameter: 6 reserved bits, 10 type (128 and up); u16 length, these 4 bytes included. TV parameter: one bit set,
7 type (1 to 127); its length follows from the type.
"""

from __future__ import annotations

import struct
from typing import Annotated, ClassVar

import msgspec

HEADER = struct.Struct("!HII")
HEADER_BYTES = HEADER.size
TLV_HEADER_BYTES = 4
CUSTOM = 1023
"""Type of custom messages and of custom parameters."""

VERSION_1_0_1 = 1
VERSION_1_1 = 2


class Unsigned(msgspec.Struct, frozen=True):
    """An unsigned number of 1, 2, 4 or 8 bytes."""

    size_bytes: int


class Signed(msgspec.Struct, frozen=True):
    """A two's complement number of 1, 2 or 4 bytes."""

    size_bytes: int


class Bits(msgspec.Struct, frozen=True):
    """1 to 8 bits, followed by reserved bits."""

    width: int
    reserved: int = 0
    reserved_before: int = 0


class Pad(msgspec.Struct, frozen=True):
    """Reserved bytes after the field it accompanies."""

    size_bytes: int


class Vector(msgspec.Struct, frozen=True):
    """u16 count, then that many unsigned numbers of `size_bytes` each."""

    size_bytes: int


class Octets(msgspec.Struct, frozen=True):
    """u16 count, then that many bytes."""


class FixedOctets(msgspec.Struct, frozen=True):
    """Exactly `size_bytes` bytes."""

    size_bytes: int


class Utf8(msgspec.Struct, frozen=True):
    """u16 count of bytes, then UTF-8; bytes that are not are kept as surrogate escapes, so they re-encode unchanged."""


class BitVector(msgspec.Struct, frozen=True):
    """u16 count of bits, then that many bits, filled up to whole bytes."""


class Rest(msgspec.Struct, frozen=True):
    """All bytes up to the end of the message or parameter."""


Kind = Unsigned | Signed | Bits | Vector | Octets | FixedOctets | Utf8 | BitVector | Rest


class BitArray(msgspec.Struct, frozen=True):
    """`bits` bits, the first one in the most significant bit of `data[0]`; `data` has ceil(bits / 8) bytes."""

    bits: int
    data: bytes

    @classmethod
    def whole(cls, data: bytes) -> BitArray:
        """All bits of `data`."""
        return cls(len(data) * 8, data)


Bit = Annotated[bool, Bits(1)]
U8 = Annotated[int, Unsigned(1)]
U16 = Annotated[int, Unsigned(2)]
U32 = Annotated[int, Unsigned(4)]
U64 = Annotated[int, Unsigned(8)]
S8 = Annotated[int, Signed(1)]
S16 = Annotated[int, Signed(2)]
S32 = Annotated[int, Signed(4)]
U8s = Annotated[bytes, Octets()]
U16s = Annotated[tuple[int, ...], Vector(2)]
U32s = Annotated[tuple[int, ...], Vector(4)]
U96 = Annotated[bytes, FixedOctets(12)]
Text = Annotated[str, Utf8()]
BitString = Annotated[BitArray, BitVector()]
ToEnd = Annotated[bytes, Rest()]


class Element(msgspec.Struct, frozen=True, gc=False):
    """A message or a parameter. `SINCE` is the protocol version it appeared in."""

    TYPE: ClassVar[int] = 0
    SINCE: ClassVar[int] = VERSION_1_0_1


class Message(Element, frozen=True, gc=False):
    """What follows a message header. `RESPONSE` is the type of the message that answers it, 0 for none."""

    RESPONSE: ClassVar[int] = 0


class Parameter(Element, frozen=True, gc=False):
    """A TLV parameter, or a TV parameter when `TYPE` is below 128."""


class CustomParameter(Parameter, frozen=True, gc=False):
    """A parameter of type 1023: `Custom` when we do not know the vendor's subtype, else a class of its own."""

    TYPE: ClassVar[int] = CUSTOM


class CustomMessageType(Message, frozen=True, gc=False):
    """A message of type 1023: `CustomMessage` when we do not know the vendor's subtype, else a class of its own."""

    TYPE: ClassVar[int] = CUSTOM
