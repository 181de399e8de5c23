"""Encoding and decoding, both derived from the definitions in `messages` and `params`.

What a decoder accepts:

- Sub-parameters in any order, though the standard fixes it and we keep it: readers differ, and order carries nothing.
- Parameters of LLRP 1.1 in messages of either version; encoding refuses them in 1.0.1.
- Reserved bits of any value; they are sent as zero.
- Unknown custom parameters and messages, kept as bytes, and unknown enumeration values, kept as numbers.

Everything else raises `DecodeError`, and nothing but: a missing, repeated or unknown parameter, a length that does not
fit its surroundings, bytes left over. Where a definition admits `Custom` twice (after a list that may itself hold
vendors' elements), the customs at the end go to the second place.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from readers.llrp import messages, params
from readers.llrp.enums import StatusCode
from readers.llrp.errors import DecodeError, EncodeError
from readers.llrp.fields import Shortage, Values
from readers.llrp.layout import (
    LAYOUTS,
    MESSAGES,
    TLV_PARAMETERS,
    TV_PARAMETERS,
    VENDOR_MESSAGES,
    VENDOR_PARAMETERS,
    Layout,
    Slot,
)
from readers.llrp.messages_custom import VendorMessage
from readers.llrp.wire import (
    CUSTOM,
    HEADER,
    HEADER_BYTES,
    TLV_HEADER_BYTES,
    VERSION_1_0_1,
    VERSION_1_1,
    CustomParameter,
    Element,
    Message,
    Parameter,
)

DEPTH_MAX = 24
"""Parameters nested deeper are refused. The deepest of the standard is 9; only ParameterError nests without bound."""

_TLV = struct.Struct("!HH")
_VENDOR_SUBTYPE_U8 = struct.Struct("!IB")
_VENDOR_SUBTYPE_U32 = struct.Struct("!II")


class UnknownMessage(Message, frozen=True):
    """A message whose type LLRP does not define, as bytes."""

    type: int
    body: bytes


class Frame(NamedTuple):
    """One decoded message with what its header said."""

    version: int
    message_id: int
    message: Message


def decode(frame: bytes | memoryview) -> Frame:
    """One complete message, header included.

    Raises `DecodeError` when the bytes are not exactly one message of version 1 or 2 as its definition demands.
    """
    data = bytes(frame)
    if len(data) < HEADER_BYTES:
        raise DecodeError(0, "a header of 10 bytes", f"{len(data)} bytes", StatusCode.M_ParameterError)
    head, length, message_id = HEADER.unpack_from(data)
    if length != len(data):
        raise DecodeError(2, f"length {len(data)}", f"{length}", StatusCode.M_ParameterError)
    version = head >> 10 & 7
    if version not in (VERSION_1_0_1, VERSION_1_1):
        raise DecodeError(0, "version 1 or 2", f"{version}", StatusCode.M_UnsupportedVersion)
    return Frame(version, message_id, decode_body(head & 0x3FF, data, HEADER_BYTES))


def decode_body(message_type: int, data: bytes, start: int = 0) -> Message:
    """The message of a type from its bytes after the header, data[start:]. Raises `DecodeError`."""
    if message_type == CUSTOM:
        return _read_custom_message(data, start)
    layout = MESSAGES.get(message_type)
    if layout is None:
        return UnknownMessage(message_type, data[start:])
    message: Message = _read(layout, data, start, len(data), 0)
    return message


def encode(message: Message, *, message_id: int, version: int = VERSION_1_0_1) -> bytes:
    """The message with its header. Raises `EncodeError` when a value does not fit its field or version."""
    body = encode_body(message, version=version)
    message_type = message.type if isinstance(message, UnknownMessage) else message.TYPE
    try:
        return HEADER.pack(version << 10 | message_type, HEADER_BYTES + len(body), message_id) + body
    except struct.error as error:
        raise EncodeError(f"{type(message).__name__}: header: {error}") from error


def encode_body(message: Message, *, version: int = VERSION_1_0_1) -> bytes:
    """The message without its header. Raises `EncodeError`."""
    if isinstance(message, UnknownMessage):
        return message.body
    out = bytearray()
    if isinstance(message, VendorMessage):
        out += _VENDOR_SUBTYPE_U8.pack(message.VENDOR, message.SUBTYPE)
    _write(message, out, version)
    return bytes(out)


def encode_parameter(parameter: Parameter, *, version: int = VERSION_1_0_1) -> bytes:
    """One parameter with its header. Raises `EncodeError`."""
    out = bytearray()
    _write_parameter(parameter, out, version)
    return bytes(out)


def layouts() -> dict[type[Element], Layout]:
    """Every definition, compiled."""
    return dict(LAYOUTS)


def _read(layout: Layout, data: bytes, start: int, end: int, depth: int) -> Any:
    """The element whose content is data[start:end]."""
    if layout.simple is not None:
        if end - start != layout.simple.size:
            raise _wrong_length(layout, start, end, depth)
        return layout.cls(*layout.simple.unpack_from(data, start))
    values: Values = []
    position = start
    try:
        for run in layout.runs:
            position = run.read(data, position, end, values)
    except Shortage as shortage:
        expected = f"{shortage} in {layout.cls.__name__}"
        raise DecodeError(position, expected, f"{end - position} bytes", _code(depth, "FieldError")) from None
    if layout.slots:
        _read_parameters(layout, data, position, end, depth, values)
    elif position != end:
        raise _wrong_length(layout, position, end, depth)
    if layout.keywords:
        return layout.cls(**dict(zip(layout.keywords, values, strict=True)))
    return layout.cls(*values)


def _read_parameters(layout: Layout, data: bytes, position: int, end: int, depth: int, values: Values) -> None:
    """Append the value of every slot from the parameters in data[position:end]."""
    base = len(values)
    slots = layout.slots
    values.extend([] if slot.many else None for slot in slots)
    if depth >= DEPTH_MAX and position < end:
        raise DecodeError(
            position, f"at most {DEPTH_MAX} nested parameters", "one more", _code(depth, "ParameterError")
        )
    while position < end:
        kind, content, stop, inner = _read_parameter_header(data, position, end, depth)
        index = layout.slot_of.get(kind, -1)
        if inner is None and kind != CUSTOM:
            raise _misplaced(layout, position, f"unknown type {kind}", depth, "UnknownParameter", kind)
        if index < 0:
            raise _misplaced(layout, position, f"type {kind}", depth, "UnexpectedParameter", kind)
        if inner is None:
            parameter = _read_custom(data, content, stop, depth + 1)
            index = layout.custom_slot(type(parameter))
        else:
            try:
                parameter = _read(inner, data, content, stop, depth + 1)
            except DecodeError as error:
                error.path = (kind, *error.path)
                raise
        if slots[index].many:
            values[base + index].append(parameter)
        elif values[base + index] is None:
            values[base + index] = parameter
        else:
            raise DecodeError(
                position, f"one {slots[index].name}", "another", _code(depth, "DuplicateParameter"), (kind,)
            )
        position = stop
    if len(layout.custom_slots) == 2:
        _split_customs(layout, base, values)
    for i, slot in enumerate(slots):
        found = values[base + i]
        if slot.required and not found:
            expected = f"{slot.name} in {layout.cls.__name__}"
            raise DecodeError(end, expected, "none", _code(depth, "MissingParameter"), (slot.classes[0].TYPE,))
        if slot.many:
            values[base + i] = tuple(found)


def _read_parameter_header(data: bytes, position: int, end: int, depth: int) -> tuple[int, int, int, Layout | None]:
    """Type, start and end of the content, and layout of the parameter at `position`; no layout if custom or unknown."""
    first = data[position]
    if first & 0x80:
        kind = first & 0x7F
        layout = TV_PARAMETERS[kind]
        content = position + 1
        stop = content + (layout.fixed_bytes if layout is not None else 0)
    else:
        if end - position < TLV_HEADER_BYTES:
            raise DecodeError(position, "a parameter header", f"{end - position} bytes", _code(depth, "ParameterError"))
        head, length = _TLV.unpack_from(data, position)
        kind = head & 0x3FF
        layout = TLV_PARAMETERS.get(kind) if kind != CUSTOM else None
        if length < TLV_HEADER_BYTES:
            raise DecodeError(
                position + 2, "a parameter length of 4 or more", f"{length}", _code(depth, "ParameterError")
            )
        content = position + TLV_HEADER_BYTES
        stop = position + length
    if stop > end:
        expected = f"parameter {kind} to end by offset {end}"
        raise DecodeError(position, expected, f"its end at {stop}", _code(depth, "OverflowParameter"), (kind,))
    return kind, content, stop, layout


def _split_customs(layout: Layout, base: int, values: Values) -> None:
    """Give the customs at the end of the first slot that takes them to the second."""
    first, second = layout.custom_slots
    if layout.slots[first].required:
        return
    mixed = values[base + first]
    cut = len(mixed)
    while cut and isinstance(mixed[cut - 1], CustomParameter):
        cut -= 1
    values[base + second] = mixed[cut:]
    values[base + first] = mixed[:cut]


def _read_custom(data: bytes, start: int, end: int, depth: int) -> Any:
    if end - start < _VENDOR_SUBTYPE_U32.size:
        raise DecodeError(start, "vendor and subtype", f"{end - start} bytes", _code(depth, "FieldError"), (CUSTOM,))
    vendor, subtype = _VENDOR_SUBTYPE_U32.unpack_from(data, start)
    content = start + _VENDOR_SUBTYPE_U32.size
    layout = VENDOR_PARAMETERS.get((vendor, subtype))
    if layout is not None:
        try:
            return _read(layout, data, content, end, depth)
        except DecodeError:
            pass  # another firmware's shape: kept as bytes
    return params.Custom(vendor, subtype, data[content:end])


def _read_custom_message(data: bytes, start: int) -> Message:
    if len(data) - start < _VENDOR_SUBTYPE_U8.size:
        raise DecodeError(start, "vendor and subtype", f"{len(data) - start} bytes", StatusCode.M_FieldError)
    vendor, subtype = _VENDOR_SUBTYPE_U8.unpack_from(data, start)
    content = start + _VENDOR_SUBTYPE_U8.size
    layout = VENDOR_MESSAGES.get((vendor, subtype))
    if layout is not None:
        try:
            message: Message = _read(layout, data, content, len(data), 0)
            return message
        except DecodeError:
            pass  # another firmware's shape: kept as bytes
    return messages.CustomMessage(vendor, subtype, data[content:])


def _code(depth: int, name: str) -> StatusCode:
    """The code for an error directly in a message (M_) or inside a parameter (P_)."""
    return StatusCode[("P_" if depth else "M_") + name]


def _wrong_length(layout: Layout, start: int, end: int, depth: int) -> DecodeError:
    name = layout.cls.__name__
    expected = f"{layout.fixed_bytes} bytes in {name}" if layout.fixed_bytes else f"nothing more in {name}"
    return DecodeError(start, expected, f"{end - start} bytes", _code(depth, "ParameterError"))


def _misplaced(layout: Layout, offset: int, found: str, depth: int, code: str, kind: int) -> DecodeError:
    return DecodeError(offset, f"a parameter of {layout.cls.__name__}", found, _code(depth, code), (kind,))


def _write(element: Element, out: bytearray, version: int) -> None:
    """Append the element's content, without its header."""
    layout = LAYOUTS.get(type(element))
    name = type(element).__name__
    if layout is None:
        raise EncodeError(f"{name} is not a message or parameter of LLRP")
    if version < element.SINCE:
        raise EncodeError(f"{name} is new in LLRP 1.1 and cannot go into a version {version} message")
    try:
        for run in layout.runs:
            run.write(element, out)
    except (struct.error, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EncodeError(f"{name}: {error}") from error
    for slot in layout.slots:
        value = getattr(element, slot.name)
        if not slot.many:
            value = () if value is None else (value,)
        if slot.required and not value:
            raise EncodeError(f"{name} needs {'at least one' if slot.many else 'a'} {slot.name}")
        for parameter in value:
            _write_into_slot(name, slot, parameter, out, version)


def _write_into_slot(name: str, slot: Slot, parameter: Parameter, out: bytearray, version: int) -> None:
    if not isinstance(parameter, slot.classes):
        raise EncodeError(f"{name}.{slot.name} cannot hold {type(parameter).__name__}")
    _write_parameter(parameter, out, version)


def _write_parameter(parameter: Parameter, out: bytearray, version: int) -> None:
    if parameter.TYPE < 128:
        out.append(0x80 | parameter.TYPE)
        _write(parameter, out, version)
        return
    start = len(out)
    out += b"\0\0\0\0"
    if isinstance(parameter, params.VendorParameter):
        out += _VENDOR_SUBTYPE_U32.pack(parameter.VENDOR, parameter.SUBTYPE)
    _write(parameter, out, version)
    length = len(out) - start
    if length > 0xFFFF:
        raise EncodeError(f"{type(parameter).__name__} takes {length} bytes, a parameter holds 65,535")
    _TLV.pack_into(out, start, parameter.TYPE, length)
