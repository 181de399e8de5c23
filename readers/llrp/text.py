"""Messages as plain values (for JSON) and as indented text.

Names are the standard's. Enumerations print their names and reserved values their numbers, bytes print as hex, absent
parameters not at all. Where the standard gives a choice, the chosen parameter's name is the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from readers.llrp.codec import UnknownMessage, layouts
from readers.llrp.enums import WireEnum
from readers.llrp.wire import BitArray, Element, Message

_LAYOUTS = layouts()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_PARAMETERS = ("UTCTimestamp", "FirstSeenTimestampUTC", "LastSeenTimestampUTC")


def plain(element: Element) -> dict[str, Any]:
    """The fields and parameters of a message or parameter as JSON has them."""
    if isinstance(element, UnknownMessage):
        return {"type": element.type, "body": element.body.hex()}
    layout = _LAYOUTS[type(element)]
    found: dict[str, Any] = {field.name: _plain_value(getattr(element, field.name)) for field in layout.fields}
    for slot in layout.slots:
        value = getattr(element, slot.name)
        if value is None or value == ():
            continue
        named = [cls.__name__ for cls in slot.classes] != [slot.name]
        if slot.many:
            found[slot.name] = [_chosen(one) if named else plain(one) for one in value]
        else:
            found[slot.name] = _chosen(value) if named else plain(value)
    return found


def lines(element: Element, indent: int = 0) -> Iterator[str]:
    """A message or parameter for reading, one field a line, parameters indented under their names."""
    margin = "  " * indent
    if isinstance(element, UnknownMessage):
        yield f"{margin}body {element.body.hex()}"
        return
    layout = _LAYOUTS[type(element)]
    for field in layout.fields:
        value = getattr(element, field.name)
        shown = _plain_value(value)
        text = " ".join(map(str, shown)) if isinstance(shown, list) else str(shown)
        if isinstance(value, BitArray):
            text = f"{value.data.hex()} ({value.bits} bits)"
        if type(element).__name__ in _UTC_PARAMETERS:
            text += _as_utc(value)
        yield f"{margin}{field.name} {text}".rstrip()
    for slot in layout.slots:
        value = getattr(element, slot.name)
        for one in value if slot.many else [value] if value is not None else []:
            yield f"{margin}{type(one).__name__}"
            yield from lines(one, indent + 1)


def message_name(message: Message) -> str:
    """The definition's name; a number for types LLRP does not define."""
    return f"type {message.type}" if isinstance(message, UnknownMessage) else type(message).__name__


def _chosen(parameter: Element) -> dict[str, Any]:
    return {type(parameter).__name__: plain(parameter)}


def _plain_value(value: Any) -> Any:
    if isinstance(value, WireEnum):
        return int(value) if value.is_reserved else value.name.rstrip("_")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, BitArray):
        return {"bits": value.bits, "data": value.data.hex()}
    if isinstance(value, tuple):
        return [_plain_value(one) for one in value]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value


def _as_utc(microseconds: int) -> str:
    try:
        return f" ({_EPOCH + timedelta(microseconds=microseconds):%Y-%m-%dT%H:%M:%S.%fZ})"
    except OverflowError:
        return ""
