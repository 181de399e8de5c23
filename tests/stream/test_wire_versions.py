"""Processes one version apart understand each other, while a site is upgraded one process after the other.

`golden/wire_1.json` holds the bytes of `wire_values` as an earlier version wrote them (commit b977c0b, each in
hexadecimal); in `wire_2.json` a device event has a body, in `wire_3.json` doors know what may not pass. Today's code
reads them all, and still writes the newest; a version that writes other bytes adds a file of its own and keeps the old
ones. And what the next version may append, this one does not stumble over.
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.batch_codec import BatchFormatError, decode_batch, encode_batch
from stream.kafka_messages import decode_place_input, decode_report, encode_input
from stream.model import DeviceEventKind, Sightings
from stream.mqtt_topics import (
    decode_ack,
    decode_expectation,
    decode_resend,
    decode_signal,
    encode_ack,
    encode_expectation,
    encode_resend,
    encode_signal,
)
from tests.stream import wire_values as values

GOLDEN = sorted(Path(__file__).with_name("golden").glob("wire_*.json"))
LATER = "of a later version"
KINDS: dict[str, tuple[Any, Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "batch": (values.BATCH, encode_batch, decode_batch),
    "expectation input": (values.EXPECTATION, encode_input, decode_place_input),
    "left out input": (values.LEFT_OUT, encode_input, decode_place_input),
    "redelivery input": (values.REDELIVERY, encode_input, decode_place_input),
    "reports": (values.REPORTS, encode_input, decode_report),
    "signal": (values.SIGNAL, encode_signal, decode_signal),
    "expectation": (values.EXPECTATION, encode_expectation, decode_expectation),
    "ack": (values.ACK, encode_ack, decode_ack),
    "resend": (values.RESEND, encode_resend, decode_resend),
}


# What files before `wire_3` do not say.
BEFORE_BARRED: dict[str, Any] = {
    "signal": dataclasses.replace(values.SIGNAL, barred=()),
    **dict.fromkeys(
        ("expectation", "expectation input"),
        dataclasses.replace(
            values.EXPECTATION,
            documents=tuple(dataclasses.replace(each, barred=()) for each in values.EXPECTATION.documents),
        ),
    ),
}


def recorded(path: Path) -> dict[str, bytes]:
    return {name: bytes.fromhex(text) for name, text in json.loads(path.read_text()).items()}


def same(one: Any, other: Any) -> bool:
    """Equal, columns of sightings by their values."""
    if isinstance(one, Sightings):
        columns = [(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one)]
        return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in columns)
    if dataclasses.is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one)
        )
    return bool(one == other)


def grown(value: Any) -> Any:
    """Every map with an entry that nobody knows yet."""
    match value:
        case dict():
            return {**{key: grown(inner) for key, inner in value.items()}, LATER: [1, {LATER: None}]}
        case list():
            return [grown(inner) for inner in value]
        case _:
            return value


def of_next_version(name: str, data: bytes) -> bytes:
    """These bytes as a version would write them that appended fields wherever it may."""
    if name == "batch":
        schema, *fields, sightings, events = msgspec.msgpack.decode(data)
        later = [*fields, [*sightings, LATER], [[*event, LATER] for event in events], LATER]
        return msgspec.msgpack.encode([schema, *later])
    if data[:1] == b"{":
        return msgspec.json.encode(grown(msgspec.json.decode(data)))
    outer = msgspec.msgpack.decode(data)
    outer["body"] = msgspec.msgpack.encode(grown(msgspec.msgpack.decode(outer["body"])))
    return msgspec.msgpack.encode(outer | {LATER: 1})


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", KINDS)
def test_what_an_earlier_version_wrote_means_the_same_today(name: str, path: Path) -> None:
    value, _, decode = KINDS[name]
    expected = BEFORE_BARRED.get(name, value) if path.stem < "wire_3" else value
    assert same(decode(recorded(path)[name]), expected)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_written_today_is_what_the_newest_file_holds(name: str) -> None:
    value, encode, _ = KINDS[name]
    assert encode(value) == recorded(GOLDEN[-1])[name]


@pytest.mark.parametrize("name", KINDS)
def test_what_a_later_version_appends_is_passed_over(name: str) -> None:
    value, encode, decode = KINDS[name]
    data = of_next_version(name, encode(value))
    assert data != encode(value)
    assert same(decode(data), value)


def test_an_event_of_a_later_version_costs_nobody_the_sightings_beside_it() -> None:
    fields = msgspec.msgpack.decode(encode_batch(values.BATCH))
    device, _, *rest, detail, body = fields[-1][0]
    fields[-1] = [[device, "moved_by_hand", *rest, "by two", body], [device, "moved_by_hand", *rest, detail, body]]
    read = decode_batch(msgspec.msgpack.encode(fields))
    assert same(read.sightings, values.BATCH.sightings)
    assert [event.kind for event in read.events] == [DeviceEventKind.OTHER] * 2
    assert read.events[0].detail == "moved_by_hand: by two"
    assert decode_batch(encode_batch(read)).events == read.events


def test_another_schema_is_refused_by_its_number() -> None:
    _, *rest = msgspec.msgpack.decode(encode_batch(values.BATCH))
    with pytest.raises(BatchFormatError, match="batch schema 2, this program knows 1"):
        decode_batch(msgspec.msgpack.encode([2, *rest]))
    outer = msgspec.msgpack.decode(encode_input(values.LEFT_OUT))
    with pytest.raises(BatchFormatError, match="input schema 2, this program knows 1"):
        decode_place_input(msgspec.msgpack.encode(outer | {"schema": 2}))
