"""How fields lie on the wire: runs of fixed ones behind one Struct each, variable ones by themselves."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from readers.llrp.enums import WireEnum
from readers.llrp.wire import BitArray, Bits, BitVector, FixedOctets, Kind, Rest, Signed, Unsigned, Utf8, Vector

_U16 = struct.Struct("!H")

Values = list[Any]


class Shortage(Exception):
    """A field reaches beyond the end of its element; the text says which."""


class Field(NamedTuple):
    """One field of a definition: its name, its kind, the bytes reserved after it, and its enumeration if it has one."""

    name: str
    kind: Kind
    pad_bytes: int
    enum: type[WireEnum] | None
    is_bool: bool


class _Part(NamedTuple):
    """One field inside a fixed run: its shift within the packed value, its mask, and its converter."""

    name: str
    shift: int
    mask: int
    enum: type[WireEnum] | None
    is_bool: bool


class FixedRun:
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

    def read(self, data: bytes, position: int, end: int, values: Values) -> int:
        stop = position + self.size
        if stop > end:
            raise Shortage(f"{self.size} bytes for {', '.join(self.names)}")
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


class VariableRun:
    """One field that brings its own length, or takes all that is left."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._code = {1: "B", 2: "H", 4: "I"}[field.kind.size_bytes] if isinstance(field.kind, Vector) else ""

    def read(self, data: bytes, position: int, end: int, values: Values) -> int:
        name, kind = self.field.name, self.field.kind
        if isinstance(kind, Rest):
            values.append(data[position:end])
            return end
        if isinstance(kind, FixedOctets):
            stop = position + kind.size_bytes
            if stop > end:
                raise Shortage(f"{kind.size_bytes} bytes for {name}")
            values.append(data[position:stop])
            return stop
        start = position + 2
        if start > end:
            raise Shortage(f"a count for {name}")
        count: int = _U16.unpack_from(data, position)[0]
        if isinstance(kind, BitVector):
            stop = start + (count + 7) // 8
        elif isinstance(kind, Vector):
            stop = start + count * kind.size_bytes
        else:
            stop = start + count
        if stop > end:
            raise Shortage(f"{stop - start} bytes for {name}")
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


def runs_of(fields: list[Field]) -> list[FixedRun | VariableRun]:
    runs: list[FixedRun | VariableRun] = []
    fixed: list[Field] = []
    for field in fields:
        if isinstance(field.kind, Unsigned | Signed | Bits):
            fixed.append(field)
            continue
        if fixed:
            runs.append(FixedRun(fixed))
            fixed = []
        runs.append(VariableRun(field))
    if fixed:
        runs.append(FixedRun(fixed))
    return runs


def fixed_bytes_of(runs: list[FixedRun | VariableRun]) -> int:
    """The size of an element all of whose fields have one, 0 for others."""
    total = 0
    for run in runs:
        if isinstance(run, FixedRun):
            total += run.size
        elif isinstance(run.field.kind, FixedOctets):
            total += run.field.kind.size_bytes
        else:
            return 0
    return total
