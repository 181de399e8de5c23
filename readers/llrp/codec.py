"""Encoding and decoding, both derived from the definitions in `messages` and `params`.

Each definition is compiled once, on import, to a `Layout`: runs of fixed fields become one `struct.Struct` each,
variable fields and sub-parameters one step each. What a decoder accepts:

- Sub-parameters in any order, though the standard fixes it and we keep it: readers differ, and order carries nothing.
- Parameters of LLRP 1.1 in messages of either version; encoding refuses them in 1.0.1.
- Reserved bits of any value; they are sent as zero.
- Unknown custom parameters and messages, kept as bytes, and unknown enumeration values, kept as numbers.

Everything else raises `DecodeError`, and nothing but: a missing, repeated or unknown parameter, a length that does not
fit its surroundings, bytes left over. Where a definition admits `Custom` twice (after a list that may itself hold
vendors' elements), the customs at the end go to the second place.
"""

from __future__ import annotations

import inspect
import struct
import sys
import types
import typing
from collections.abc import Callable
from typing import Any, NamedTuple

from readers.llrp import messages, params
from readers.llrp.enums import StatusCode, WireEnum
from readers.llrp.errors import DecodeError, EncodeError
from readers.llrp.wire import (
    CUSTOM,
    HEADER,
    HEADER_BYTES,
    TLV_HEADER_BYTES,
    VERSION_1_0_1,
    VERSION_1_1,
    BitArray,
    Bits,
    BitVector,
    CustomParameter,
    Element,
    FixedOctets,
    Kind,
    Message,
    Pad,
    Parameter,
    Rest,
    Signed,
    Unsigned,
    Utf8,
    Vector,
)

DEPTH_MAX = 24
"""Parameters nested deeper are refused. The deepest of the standard is 9; only ParameterError nests without bound."""


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
    layout = _MESSAGES.get(message_type)
    if layout is None:
        return UnknownMessage(message_type, data[start:])
    message: Message = layout.read(data, start, len(data), 0)
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
    if isinstance(message, messages.VendorMessage):
        out += _VENDOR_SUBTYPE_U8.pack(message.VENDOR, message.SUBTYPE)
    _layout_of(type(message)).write(message, out, version)
    return bytes(out)


def encode_parameter(parameter: Parameter, *, version: int = VERSION_1_0_1) -> bytes:
    """One parameter with its header. Raises `EncodeError`."""
    out = bytearray()
    _write_parameter(parameter, out, version)
    return bytes(out)


_U16 = struct.Struct("!H")
_TLV = struct.Struct("!HH")
_VENDOR_SUBTYPE_U8 = struct.Struct("!IB")
_VENDOR_SUBTYPE_U32 = struct.Struct("!II")


class _Shortage(Exception):
    """A field reaches beyond the end of its element."""


_Values = list[Any]
_ReadStep = Callable[[bytes, int, int, _Values], int]
_WriteStep = Callable[[Any, bytearray], None]


class Field(NamedTuple):
    """One field of a definition: its name, its kind, the bytes reserved after it, and its enumeration if it has one."""

    name: str
    kind: Kind
    pad_bytes: int
    enum: type[WireEnum] | None
    is_bool: bool


class Slot(NamedTuple):
    """One place for sub-parameters: the classes it admits and how many."""

    name: str
    classes: tuple[type[Parameter], ...]
    many: bool
    required: bool


class Layout:
    """One definition, compiled."""

    def __init__(self, cls: type[Element]) -> None:
        self.cls = cls
        self.fields: list[Field] = []
        self.slots: list[Slot] = []
        self._describe(cls)
        self._keywords = self._keyword_names()
        self._runs = _runs(self.fields)
        self.fixed_bytes = _fixed_bytes(self._runs)
        self._simple = self._simple_struct()
        self._base = len(self.fields)
        self._slot_of: dict[int, int] = {}
        self._custom_slots: list[int] = []
        for i, slot in enumerate(self.slots):
            for member in slot.classes:
                if issubclass(member, CustomParameter):
                    self._custom_slots.append(i)
                    self._slot_of.setdefault(CUSTOM, i)
                else:
                    self._slot_of[member.TYPE] = i

    def _describe(self, cls: type[Element]) -> None:
        hints = typing.get_type_hints(cls, vars(sys.modules[cls.__module__]), {}, include_extras=True)
        for name, argument in inspect.signature(cls).parameters.items():
            hint = hints[name]
            if typing.get_origin(hint) is typing.Annotated:
                python_type, *notes = typing.get_args(hint)
                pads = [note.size_bytes for note in notes if isinstance(note, Pad)]
                if typing.get_origin(python_type) is tuple:
                    python_type = typing.get_args(python_type)[0]
                is_enum = isinstance(python_type, type) and issubclass(python_type, WireEnum)
                enum = python_type if is_enum else None
                self.fields.append(Field(name, notes[0], sum(pads), enum, python_type is bool))
            else:
                many = typing.get_origin(hint) is tuple
                inner = typing.get_args(hint)[0] if many else hint
                union = typing.get_origin(inner) in (types.UnionType, typing.Union)
                members = [a for a in typing.get_args(inner) if a is not type(None)] if union else [inner]
                required = argument.default is inspect.Parameter.empty
                self.slots.append(Slot(name, tuple(members), many, required))

    def _keyword_names(self) -> tuple[str, ...]:
        """The names in wire order, where the constructor takes them by name only."""
        arguments = inspect.signature(self.cls).parameters.values()
        named = any(argument.kind is inspect.Parameter.KEYWORD_ONLY for argument in arguments)
        return (*(field.name for field in self.fields), *(slot.name for slot in self.slots)) if named else ()

    def _simple_struct(self) -> struct.Struct | None:
        """The one Struct that reads the whole element, where there is nothing to convert."""
        if self.slots or self._keywords or len(self._runs) != 1:
            return None
        run = self._runs[0]
        return run.struct if isinstance(run, _FixedRun) and run.plain else None

    def read(self, data: bytes, start: int, end: int, depth: int) -> Any:
        """The element whose content is data[start:end]. Raises `DecodeError`."""
        if self._simple is not None:
            if end - start != self._simple.size:
                raise self._length_error(start, end, depth)
            return self.cls(*self._simple.unpack_from(data, start))
        values: _Values = []
        position = start
        try:
            for run in self._runs:
                position = run.read(data, position, end, values)
        except _Shortage as shortage:
            raise DecodeError(
                position, f"{shortage} in {self.cls.__name__}", f"{end - position} bytes", _level(depth, "FieldError")
            ) from None
        if self.slots:
            self._read_parameters(data, position, end, depth, values)
        elif position != end:
            raise self._length_error(position, end, depth)
        if self._keywords:
            return self.cls(**dict(zip(self._keywords, values, strict=True)))
        return self.cls(*values)

    def _length_error(self, start: int, end: int, depth: int) -> DecodeError:
        expected = f"{self.fixed_bytes} bytes in {self.cls.__name__}" if self.fixed_bytes else "nothing more"
        return DecodeError(start, expected, f"{end - start} bytes", _level(depth, "ParameterError"))

    def _read_parameters(self, data: bytes, position: int, end: int, depth: int, values: _Values) -> None:
        base = self._base
        slots = self.slots
        values.extend([] if slot.many else None for slot in slots)
        if depth >= DEPTH_MAX and position < end:
            raise DecodeError(
                position, f"at most {DEPTH_MAX} nested parameters", "one more", _level(depth, "ParameterError")
            )
        while position < end:
            first = data[position]
            if first & 0x80:
                kind = first & 0x7F
                layout = _TV[kind]
                content = position + 1
                if layout is None:
                    raise self._unknown(position, kind, depth)
                stop = content + layout.fixed_bytes
            else:
                if end - position < TLV_HEADER_BYTES:
                    raise DecodeError(
                        position, "a parameter header", f"{end - position} bytes", _level(depth, "ParameterError")
                    )
                head, length = _TLV.unpack_from(data, position)
                kind = head & 0x3FF
                layout = _TLVS.get(kind)
                if length < TLV_HEADER_BYTES:
                    raise DecodeError(
                        position + 2, "a parameter length of 4 or more", f"{length}", _level(depth, "ParameterError")
                    )
                content = position + TLV_HEADER_BYTES
                stop = position + length
            if stop > end:
                raise DecodeError(
                    position,
                    f"parameter {kind} to end by offset {end}",
                    f"its end at {stop}",
                    _level(depth, "OverflowParameter"),
                )
            index = self._slot_of.get(kind, -1)
            if kind == CUSTOM:
                if index < 0:
                    raise self._unexpected(position, kind, depth)
                parameter = _read_custom(data, content, stop, depth + 1)
                index = self._custom_slot(type(parameter), index)
            elif layout is None:
                raise self._unknown(position, kind, depth)
            elif index < 0:
                raise self._unexpected(position, kind, depth)
            else:
                try:
                    parameter = layout.read(data, content, stop, depth + 1)
                except DecodeError as error:
                    error.path = (kind, *error.path)
                    raise
            if slots[index].many:
                values[base + index].append(parameter)
            elif values[base + index] is None:
                values[base + index] = parameter
            else:
                raise DecodeError(
                    position, f"one {slots[index].name}", "another", _level(depth, "DuplicateParameter"), (kind,)
                )
            position = stop
        if len(self._custom_slots) == 2:
            self._split_customs(values)
        for i, slot in enumerate(slots):
            found = values[base + i]
            if slot.required and not found:
                raise DecodeError(
                    end,
                    f"{slot.name} in {self.cls.__name__}",
                    "none",
                    _level(depth, "MissingParameter"),
                    (slot.classes[0].TYPE,),
                )
            if slot.many:
                values[base + i] = tuple(found)

    def _custom_slot(self, cls: type[Parameter], first: int) -> int:
        """Vendors' parameters that have a place of their own inside others go there."""
        for i in self._custom_slots:
            if cls in self.slots[i].classes:
                return i
        for i in self._custom_slots:
            if CustomParameter in self.slots[i].classes:
                return i
        return first

    def _split_customs(self, values: _Values) -> None:
        first, second = (self._base + i for i in self._custom_slots)
        if self.slots[self._custom_slots[0]].required:
            return
        mixed = values[first]
        cut = len(mixed)
        while cut and isinstance(mixed[cut - 1], CustomParameter):
            cut -= 1
        values[second] = mixed[cut:]
        values[first] = mixed[:cut]

    def _unknown(self, offset: int, kind: int, depth: int) -> DecodeError:
        name = self.cls.__name__
        return DecodeError(
            offset, f"a parameter of {name}", f"unknown type {kind}", _level(depth, "UnknownParameter"), (kind,)
        )

    def _unexpected(self, offset: int, kind: int, depth: int) -> DecodeError:
        name = self.cls.__name__
        return DecodeError(
            offset, f"a parameter of {name}", f"type {kind}", _level(depth, "UnexpectedParameter"), (kind,)
        )

    def write(self, element: Element, out: bytearray, version: int) -> None:
        """Append the element's content, without its header. Raises `EncodeError`."""
        if version < element.SINCE:
            raise EncodeError(f"{self.cls.__name__} is new in LLRP 1.1 and cannot go into a version {version} message")
        try:
            for run in self._runs:
                run.write(element, out)
        except (struct.error, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise EncodeError(f"{self.cls.__name__}: {error}") from error
        for slot in self.slots:
            value = getattr(element, slot.name)
            if slot.many:
                if slot.required and not value:
                    raise EncodeError(f"{self.cls.__name__} needs at least one {slot.name}")
                for parameter in value:
                    self._write_slot(slot, parameter, out, version)
            elif value is not None:
                self._write_slot(slot, value, out, version)
            elif slot.required:
                raise EncodeError(f"{self.cls.__name__} needs a {slot.name}")

    def _write_slot(self, slot: Slot, parameter: Parameter, out: bytearray, version: int) -> None:
        if not isinstance(parameter, slot.classes):
            raise EncodeError(f"{self.cls.__name__}.{slot.name} cannot hold {type(parameter).__name__}")
        _write_parameter(parameter, out, version)


def _level(depth: int, name: str) -> StatusCode:
    """The code for an error directly in a message (M_) or inside a parameter (P_)."""
    return StatusCode[("P_" if depth else "M_") + name]


def _write_parameter(parameter: Parameter, out: bytearray, version: int) -> None:
    layout = _layout_of(type(parameter))
    if parameter.TYPE < 128:
        out.append(0x80 | parameter.TYPE)
        layout.write(parameter, out, version)
        return
    start = len(out)
    out += b"\0\0\0\0"
    if isinstance(parameter, params.VendorParameter):
        out += _VENDOR_SUBTYPE_U32.pack(parameter.VENDOR, parameter.SUBTYPE)
    layout.write(parameter, out, version)
    length = len(out) - start
    if length > 0xFFFF:
        raise EncodeError(f"{type(parameter).__name__} takes {length} bytes, a parameter holds 65,535")
    _TLV.pack_into(out, start, parameter.TYPE, length)


def _read_custom(data: bytes, start: int, end: int, depth: int) -> Any:
    if end - start < _VENDOR_SUBTYPE_U32.size:
        raise DecodeError(start, "vendor and subtype", f"{end - start} bytes", _level(depth, "FieldError"), (CUSTOM,))
    vendor, subtype = _VENDOR_SUBTYPE_U32.unpack_from(data, start)
    content = start + _VENDOR_SUBTYPE_U32.size
    layout = _VENDOR_PARAMETERS.get((vendor, subtype))
    if layout is not None:
        try:
            return layout.read(data, content, end, depth)
        except DecodeError:
            pass  # another firmware's shape: kept as bytes
    return params.Custom(vendor, subtype, data[content:end])


def _read_custom_message(data: bytes, start: int) -> Message:
    if len(data) - start < _VENDOR_SUBTYPE_U8.size:
        raise DecodeError(start, "vendor and subtype", f"{len(data) - start} bytes", StatusCode.M_FieldError)
    vendor, subtype = _VENDOR_SUBTYPE_U8.unpack_from(data, start)
    content = start + _VENDOR_SUBTYPE_U8.size
    layout = _VENDOR_MESSAGES.get((vendor, subtype))
    if layout is not None:
        try:
            message: Message = layout.read(data, content, len(data), 0)
            return message
        except DecodeError:
            pass  # another firmware's shape: kept as bytes
    return messages.CustomMessage(vendor, subtype, data[content:])


class _Part(NamedTuple):
    """One field inside a fixed run: its shift within the packed value, its mask, and its converter."""

    name: str
    shift: int
    mask: int
    enum: type[WireEnum] | None
    is_bool: bool


class _FixedRun:
    """Consecutive fields of known size, read and written by one Struct. Bits share the unsigned number they lie in."""

    def __init__(self, fields: list[Field]) -> None:
        codes = "!"
        self.items: list[list[_Part]] = []
        open_bits = 0
        for field in fields:
            kind = field.kind
            if isinstance(kind, Bits):
                width = kind.reserved_before + kind.width + kind.reserved
                if not open_bits:
                    self.items.append([])
                open_bits += width
                self.items[-1] = [part._replace(shift=part.shift + width) for part in self.items[-1]]
                self.items[-1].append(
                    _Part(field.name, kind.reserved, (1 << kind.width) - 1, field.enum, field.is_bool)
                )
                if open_bits % 8 == 0:
                    codes += {8: "B", 16: "H"}[open_bits]
                    open_bits = 0
            else:
                self.items.append([_Part(field.name, 0, 0, field.enum, False)])
                codes += _code(kind)
            codes += "x" * field.pad_bytes
        assert open_bits == 0, f"bits of {fields} do not fill bytes"
        self.struct = struct.Struct(codes)
        self.size = self.struct.size
        self.names = [part.name for item in self.items for part in item]
        self.plain = all(len(item) == 1 and not item[0].mask and item[0].enum is None for item in self.items)

    def read(self, data: bytes, position: int, end: int, values: _Values) -> int:
        stop = position + self.size
        if stop > end:
            raise _Shortage(f"{self.size} bytes for {', '.join(self.names)}")
        raw = self.struct.unpack_from(data, position)
        if self.plain:
            values.extend(raw)
            return stop
        for value, parts in zip(raw, self.items, strict=True):
            for _, shift, mask, enum, is_bool in parts:
                part = value >> shift & mask if mask else value
                if enum is not None:
                    part = enum(part)
                elif is_bool:
                    part = part == 1
                values.append(part)
        return stop

    def write(self, element: Any, out: bytearray) -> None:
        if self.plain:
            out += self.struct.pack(*[getattr(element, name) for name in self.names])
            return
        raw = []
        for parts in self.items:
            total: Any = 0
            for name, shift, mask, _, _ in parts:
                value = getattr(element, name)
                if mask:
                    if not 0 <= value <= mask:
                        raise ValueError(f"{name} = {value!r} does not fit into its bits")
                    total |= value << shift
                else:
                    total = value
            raw.append(total)
        out += self.struct.pack(*raw)


class _VariableRun:
    """One field that brings its own length, or takes all that is left."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._code = {1: "B", 2: "H", 4: "I"}[field.kind.size_bytes] if isinstance(field.kind, Vector) else ""

    def read(self, data: bytes, position: int, end: int, values: _Values) -> int:
        name, kind = self.field.name, self.field.kind
        if isinstance(kind, Rest):
            values.append(data[position:end])
            return end
        if isinstance(kind, FixedOctets):
            stop = position + kind.size_bytes
            if stop > end:
                raise _Shortage(f"{kind.size_bytes} bytes for {name}")
            values.append(data[position:stop])
            return stop
        start = position + 2
        if start > end:
            raise _Shortage(f"a count for {name}")
        count: int = _U16.unpack_from(data, position)[0]
        if isinstance(kind, BitVector):
            stop = start + (count + 7) // 8
        elif isinstance(kind, Vector):
            stop = start + count * kind.size_bytes
        else:
            stop = start + count
        if stop > end:
            raise _Shortage(f"{stop - start} bytes for {name}")
        if isinstance(kind, BitVector):
            values.append(BitArray(count, data[start:stop]))
        elif isinstance(kind, Vector):
            numbers = struct.unpack_from(f"!{count}{self._code}", data, start)
            enum = self.field.enum
            values.append(tuple(enum(number) for number in numbers) if enum else numbers)
        elif isinstance(kind, Utf8):
            values.append(data[start:stop].decode("utf-8", "surrogateescape"))
        else:
            values.append(data[start:stop])
        return stop

    def write(self, element: Any, out: bytearray) -> None:
        name, kind = self.field.name, self.field.kind
        value = getattr(element, name)
        if isinstance(kind, Rest):
            out += bytes(memoryview(value))
        elif isinstance(kind, FixedOctets):
            if len(value) != kind.size_bytes:
                raise ValueError(f"{name} takes {kind.size_bytes} bytes, not {len(value)}")
            out += bytes(memoryview(value))
        elif isinstance(kind, BitVector):
            if len(value.data) != (value.bits + 7) // 8:
                raise ValueError(f"{name} has {value.bits} bits in {len(value.data)} bytes")
            out += _U16.pack(value.bits) + value.data
        elif isinstance(kind, Vector):
            out += struct.pack(f"!H{len(value)}{self._code}", len(value), *value)
        else:
            content = value.encode("utf-8", "surrogateescape") if isinstance(kind, Utf8) else bytes(memoryview(value))
            out += _U16.pack(len(content)) + content


def _code(kind: Kind) -> str:
    if isinstance(kind, Unsigned):
        return {1: "B", 2: "H", 4: "I", 8: "Q"}[kind.size_bytes]
    assert isinstance(kind, Signed)
    return {1: "b", 2: "h", 4: "i"}[kind.size_bytes]


def _runs(fields: list[Field]) -> list[_FixedRun | _VariableRun]:
    runs: list[_FixedRun | _VariableRun] = []
    fixed: list[Field] = []
    for field in fields:
        if isinstance(field.kind, Unsigned | Signed | Bits):
            fixed.append(field)
            continue
        if fixed:
            runs.append(_FixedRun(fixed))
            fixed = []
        runs.append(_VariableRun(field))
    if fixed:
        runs.append(_FixedRun(fixed))
    return runs


def _fixed_bytes(runs: list[_FixedRun | _VariableRun]) -> int:
    """The size of an element all of whose fields have one, 0 for others."""
    total = 0
    for run in runs:
        if isinstance(run, _FixedRun):
            total += run.size
        elif isinstance(run.field.kind, FixedOctets):
            total += run.field.kind.size_bytes
        else:
            return 0
    return total


def _definitions(module: types.ModuleType, base: type[Element]) -> list[type[Element]]:
    found = []
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, base) and value.TYPE and value not in found:
            found.append(value)
    return found


_LAYOUTS: dict[type[Element], Layout] = {
    cls: Layout(cls)
    for cls in (*_definitions(messages, Message), *_definitions(params, Parameter))
    if cls.__name__ not in ("CustomParameter", "VendorParameter", "CustomMessageType", "VendorMessage")
}
_MESSAGES = {c.TYPE: layout for c, layout in _LAYOUTS.items() if issubclass(c, Message) and c.TYPE != CUSTOM}
_TLVS = {c.TYPE: layout for c, layout in _LAYOUTS.items() if issubclass(c, Parameter) and 128 <= c.TYPE < CUSTOM}
_TV: list[Layout | None] = [None] * 128
for _cls, _layout in _LAYOUTS.items():
    if issubclass(_cls, Parameter) and _cls.TYPE < 128:
        _TV[_cls.TYPE] = _layout
_VENDOR_PARAMETERS = {(c.VENDOR, c.SUBTYPE): x for c, x in _LAYOUTS.items() if issubclass(c, params.VendorParameter)}
_VENDOR_MESSAGES = {(c.VENDOR, c.SUBTYPE): x for c, x in _LAYOUTS.items() if issubclass(c, messages.VendorMessage)}


def layouts() -> dict[type[Element], Layout]:
    """Every definition, compiled; for completeness tests and printing."""
    return dict(_LAYOUTS)


def _layout_of(cls: type[Element]) -> Layout:
    try:
        return _LAYOUTS[cls]
    except KeyError:
        raise EncodeError(f"{cls.__name__} is not a message or parameter of LLRP") from None
