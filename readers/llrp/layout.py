"""Definitions compiled: what the annotations of `messages` and `params` say, in the form the codec runs on."""

from __future__ import annotations

import inspect
import struct
import sys
import types
import typing
from typing import NamedTuple

from readers.llrp import messages, messages_custom, params
from readers.llrp.enums import WireEnum
from readers.llrp.fields import Field, FixedRun, fixed_bytes_of, runs_of
from readers.llrp.wire import CUSTOM, CustomMessageType, CustomParameter, Element, Message, Pad, Parameter


class Slot(NamedTuple):
    """One place for sub-parameters: the classes it admits and how many."""

    name: str
    classes: tuple[type[Parameter], ...]
    many: bool
    required: bool


class Layout:
    """One definition: its fields, then its slots for sub-parameters, in the standard's order."""

    def __init__(self, cls: type[Element]) -> None:
        self.cls = cls
        self.fields: list[Field] = []
        self.slots: list[Slot] = []
        arguments = inspect.signature(cls).parameters
        self._describe(arguments)
        named = any(one.kind is inspect.Parameter.KEYWORD_ONLY for one in arguments.values())
        names = (*(field.name for field in self.fields), *(slot.name for slot in self.slots))
        self.keywords = names if named else ()
        """The names in wire order, where the constructor takes them by name only."""
        self.runs = runs_of(self.fields)
        self.fixed_bytes = fixed_bytes_of(self.runs)
        """The size of the content where no field or parameter varies, else 0."""
        self.simple = self._simple_struct()
        """The one Struct that reads the whole content, where there is nothing to convert."""
        self.slot_of: dict[int, int] = {}
        """Which slot takes a parameter type; for CUSTOM the first that takes any."""
        self.custom_slots: list[int] = []
        for i, slot in enumerate(self.slots):
            for member in slot.classes:
                if issubclass(member, CustomParameter):
                    self.custom_slots.append(i)
                    self.slot_of.setdefault(CUSTOM, i)
                else:
                    self.slot_of[member.TYPE] = i

    def _describe(self, arguments: typing.Mapping[str, inspect.Parameter]) -> None:
        hints = typing.get_type_hints(self.cls, vars(sys.modules[self.cls.__module__]), {}, include_extras=True)
        for name, argument in arguments.items():
            hint = hints[name]
            if typing.get_origin(hint) is typing.Annotated:
                self.fields.append(_field(name, *typing.get_args(hint)))
            else:
                self.slots.append(_slot(name, hint, argument.default is inspect.Parameter.empty))

    def _simple_struct(self) -> struct.Struct | None:
        if self.slots or self.keywords or len(self.runs) != 1:
            return None
        run = self.runs[0]
        return run.struct if isinstance(run, FixedRun) and run.plain else None

    def custom_slot(self, cls: type[Parameter]) -> int:
        """The slot for a vendor's parameter: the one made for it where there is one, else the first that takes any."""
        for wanted in (cls, CustomParameter):
            for i in self.custom_slots:
                if wanted in self.slots[i].classes:
                    return i
        return self.custom_slots[0]


def _field(name: str, python_type: typing.Any, *notes: typing.Any) -> Field:
    if typing.get_origin(python_type) is tuple:
        python_type = typing.get_args(python_type)[0]
    is_enum = isinstance(python_type, type) and issubclass(python_type, WireEnum)
    pad_bytes = sum(note.size_bytes for note in notes if isinstance(note, Pad))
    return Field(name, notes[0], pad_bytes, python_type if is_enum else None, python_type is bool)


def _slot(name: str, hint: typing.Any, required: bool) -> Slot:
    many = typing.get_origin(hint) is tuple
    inner = typing.get_args(hint)[0] if many else hint
    is_union = typing.get_origin(inner) in (types.UnionType, typing.Union)
    classes = [one for one in typing.get_args(inner) if one is not types.NoneType] if is_union else [inner]
    return Slot(name, tuple(classes), many, required)


_BASES = (CustomParameter, params.VendorParameter, CustomMessageType, messages_custom.VendorMessage)


def _definitions() -> list[type[Element]]:
    found: list[type[Element]] = []
    for module, base in ((messages, Message), (messages_custom, Message), (params, Parameter)):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, base) and value.TYPE and value not in _BASES:
                found.append(value)
    return found


LAYOUTS: dict[type[Element], Layout] = {cls: Layout(cls) for cls in _definitions()}
"""Every definition. Unchanged after import, as all tables here."""

MESSAGES: dict[int, Layout] = {}
TLV_PARAMETERS: dict[int, Layout] = {}
TV_PARAMETERS: list[Layout | None] = [None] * 128
VENDOR_MESSAGES: dict[tuple[int, int], Layout] = {}
VENDOR_PARAMETERS: dict[tuple[int, int], Layout] = {}

for _cls, _layout in LAYOUTS.items():
    if issubclass(_cls, messages_custom.VendorMessage):
        VENDOR_MESSAGES[_cls.VENDOR, _cls.SUBTYPE] = _layout
    elif issubclass(_cls, params.VendorParameter):
        VENDOR_PARAMETERS[_cls.VENDOR, _cls.SUBTYPE] = _layout
    elif issubclass(_cls, Message):
        MESSAGES[_cls.TYPE] = _layout
    elif _cls.TYPE < 128:
        TV_PARAMETERS[_cls.TYPE] = _layout
    else:
        TLV_PARAMETERS[_cls.TYPE] = _layout
