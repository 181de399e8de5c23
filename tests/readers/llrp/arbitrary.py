"""Arbitrary LLRP messages, derived from the same definitions that the codec is derived from."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from readers.llrp.codec import layouts
from readers.llrp.fields import Field
from readers.llrp.layout import Layout, Slot
from readers.llrp.params import Custom, VendorParameter
from readers.llrp.wire import (
    BitArray,
    Bits,
    BitVector,
    CustomParameter,
    Element,
    FixedOctets,
    Message,
    Octets,
    Rest,
    Signed,
    Unsigned,
    Utf8,
    Vector,
)

LAYOUTS = layouts()
MESSAGES = sorted((cls for cls in LAYOUTS if issubclass(cls, Message)), key=lambda cls: cls.__name__)
PARAMETERS = sorted((cls for cls in LAYOUTS if not issubclass(cls, Message)), key=lambda cls: cls.__name__)
_DEPTH = 3


@st.composite
def bit_arrays(draw: st.DrawFn) -> BitArray:
    bits = draw(st.integers(0, 130))
    size = (bits + 7) // 8
    return BitArray(bits, draw(st.binary(min_size=size, max_size=size)))


def _numbers(field: Field) -> st.SearchStrategy[Any]:
    kind = field.kind
    match kind:
        case Unsigned(size):
            numbers = st.integers(0, 256**size - 1)
        case Signed(size):
            return st.integers(-(256**size) // 2, 256**size // 2 - 1)
        case Bits(width):
            numbers = st.integers(0, 2**width - 1)
        case Vector(size):
            item = st.integers(0, 256**size - 1)
            return st.lists(item.map(field.enum) if field.enum else item, max_size=5).map(tuple)
        case Octets() | Rest():
            return st.binary(max_size=20)
        case FixedOctets(size):
            return st.binary(min_size=size, max_size=size)
        case Utf8():
            return st.text(max_size=20)
        case BitVector():
            return bit_arrays()
    if field.enum is not None:
        return numbers.map(field.enum)
    return numbers.map(bool) if field.is_bool else numbers


@cache
def elements(cls: type[Element], depth: int = 0) -> st.SearchStrategy[Any]:
    """Instances of one definition, with sub-parameters down to a few levels."""
    layout: Layout = LAYOUTS[cls]
    arguments = {field.name: _numbers(field) for field in layout.fields}
    for slot in layout.slots:
        arguments[slot.name] = _slot(layout, slot, depth)
    if cls is Custom:
        known = {(one.VENDOR, one.SUBTYPE) for one in PARAMETERS if issubclass(one, VendorParameter)}
        return st.builds(cls, **arguments).filter(lambda c: (c.VendorIdentifier, c.ParameterSubtype) not in known)
    return st.builds(cls, **arguments)


def _slot(layout: Layout, slot: Slot, depth: int) -> st.SearchStrategy[Any]:
    classes = [cls for cls in slot.classes if _belongs(layout, slot, cls)]
    if not classes or (depth >= _DEPTH and not slot.required):
        return st.just(()) if slot.many else st.none()
    one = st.one_of([elements(Custom if cls is CustomParameter else cls, depth + 1) for cls in classes])
    if slot.many:
        return st.lists(one, min_size=int(slot.required), max_size=3).map(tuple)
    return one if slot.required else st.none() | one


def _belongs(layout: Layout, slot: Slot, cls: type[Element]) -> bool:
    """Whether decoding puts such a parameter into this slot: vendors' go to one of two that admit them."""
    admitting = [s for s in layout.slots if CustomParameter in s.classes]
    if cls is not CustomParameter or len(admitting) < 2:
        return True
    return slot is (admitting[0] if admitting[0].required else admitting[1])
