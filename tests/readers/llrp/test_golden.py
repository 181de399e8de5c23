"""Real captures: LTK's frames byte for byte and against their XML, the R420's bodies against EdgeX's JSON of them."""

import base64
import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from readers.llrp import messages
from readers.llrp.codec import decode, decode_body, encode, encode_body, layouts
from readers.llrp.enums import WireEnum
from readers.llrp.framing import Framer
from readers.llrp.wire import BitArray, Element
from tests.readers.llrp.additions import NEW_IN_1_1
from tests.shared_data import shared_data

LAYOUTS = layouts()
FRAMES = {"dx101_a": 934, "dx101_b": 24, "dx101_c": 11}


def frames_of(name: str) -> list[bytes]:
    return Framer().feed(shared_data("llrp", "ltk", f"{name}.bin").read_bytes())


@pytest.mark.parametrize("name", FRAMES)
def test_every_golden_frame_encodes_to_the_bytes_it_was_decoded_from(name: str) -> None:
    frames = frames_of(name)
    assert len(frames) == FRAMES[name]
    for frame in frames:
        version, message_id, message = decode(frame)
        assert encode(message, message_id=message_id, version=version) == frame


@pytest.mark.parametrize("name", ["dx101_a", "dx101_b"])
def test_golden_frames_say_what_their_xml_says(name: str) -> None:
    types = {
        one.get("name"): int(one.get("typeNum", "0"))
        for one in ET.parse(shared_data("llrp", "ltk", "llrp-1x0-def.xml")).getroot()
        if one.tag.endswith("messageDefinition")
    }
    elements = list(ET.parse(shared_data("llrp", "ltk", f"{name}.xml")).getroot())
    frames = frames_of(name)
    assert len(elements) == len(frames)
    for element, frame in zip(elements, frames, strict=True):
        _, message_id, message = decode(frame)
        assert types[_local(element)] == message.TYPE
        assert int(element.get("MessageID", "-1")) == message_id
        assert _xml_tree(element) == _our_tree(message)


def _local(element: ET.Element) -> str:
    return element.tag.partition("}")[2]


def _xml_tree(element: ET.Element) -> list[Any]:
    return [
        (_local(child), _xml_tree(child) if len(child) else (child.text or "").strip(), child.get("Count", ""))
        for child in element
        if isinstance(child.tag, str)
    ]


def _our_tree(element: Element) -> list[Any]:
    """The same as LTK writes it: names, decimal or hex numbers, ISO times, counts of bits."""
    tree: list[Any] = []
    layout = LAYOUTS[type(element)]
    for field in layout.fields:
        value = getattr(element, field.name)
        if field.name in NEW_IN_1_1.get(type(element).__name__, ()):
            assert value is False, "a reserved bit of 1.0.1"
            continue
        count = ""
        if isinstance(value, bool):
            text = str(value).lower()
        elif isinstance(value, WireEnum):
            text = value.name.rstrip("_")
        elif isinstance(value, bytes):
            text = value.hex().upper()
        elif isinstance(value, BitArray):
            text, count = value.data.hex().upper(), str(value.bits)
        elif isinstance(value, tuple):
            text = " ".join(one.name if isinstance(one, WireEnum) else str(one) for one in value)
        elif type(element).__name__.endswith(("UTC", "UTCTimestamp")):
            text = f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value):%Y-%m-%dT%H:%M:%S.%fZ}"
        else:
            text = str(value)
        tree.append((field.name, text, count))
    for slot in layout.slots:
        value = getattr(element, slot.name)
        for one in value if slot.many else [value] if value is not None else []:
            tree.append((type(one).__name__, _our_tree(one) or "", ""))
    return tree


R420 = [
    "CloseConnectionResponse-000",
    "GetAccessSpecsResponse-000",
    "GetROSpecsResponse-000",
    "GetReaderCapabilitiesResponse-000",
    "GetReaderConfigResponse-000",
    "ReaderEventNotification-000",
    *(f"roAccessReports/ROAccessReport-00{i}" for i in range(1, 6)),
]


@pytest.mark.parametrize("name", R420)
def test_the_r420s_bodies_say_what_their_json_says(name: str) -> None:
    body = shared_data("llrp", "edgex-r420", f"{name}.bytes").read_bytes()
    expected = json.loads(shared_data("llrp", "edgex-r420", f"{name}.json").read_text())
    description = yaml.safe_load(shared_data("llrp", "edgex-r420", "messages.yaml").read_text())
    name = name.rpartition("/")[2].partition("-")[0]
    message = decode_body(getattr(messages, name).TYPE, body)
    assert encode_body(message) == body
    parameters = {one["name"]: one for one in description["parameters"]}
    (described,) = [one for one in description["messages"] if one["name"] == name]
    assert _agree(expected, message, described, parameters) == len(_leaves(message))


def _leaves(element: Element) -> list[Any]:
    layout = LAYOUTS[type(element)]
    found = [getattr(element, field.name) for field in layout.fields]
    for slot in layout.slots:
        value = getattr(element, slot.name)
        for one in value if slot.many else [value] if value is not None else []:
            found += _leaves(one)
    return found


def _agree(expected: Any, ours: Element, described: dict[str, Any], parameters: dict[str, Any]) -> int:
    """Check every value of EdgeX's JSON against ours, by the order in its own description; how many there were.

    EdgeX writes a parameter of one field as that field, and zero for the timestamp that was not chosen.
    """
    fields = [one for one in described.get("fields", []) if not one.get("padding")]
    sub_parameters = described.get("parameters", [])
    checked = 0
    if not isinstance(expected, dict):
        expected = {fields[0]["name"]: expected}
    for field, ours_field in zip(fields, LAYOUTS[type(ours)].fields, strict=True):
        assert _same(expected[field["name"]], getattr(ours, ours_field.name)), (described["name"], field["name"])
        checked += 1
    held: dict[int, list[Element]] = {}
    for slot in LAYOUTS[type(ours)].slots:
        value = getattr(ours, slot.name)
        for one in value if slot.many else [value] if value is not None else []:
            held.setdefault(one.TYPE, []).append(one)
    for sub in sub_parameters:
        kind = sub["type"]
        key = next(k for k in (sub.get("name"), kind, kind + "s", kind[:-1] + "ies") if k in expected)
        mine = held.pop(parameters[kind]["type_id"], [])
        theirs = expected[key]
        if theirs is None or (sub.get("group") and not mine):
            assert not mine
            continue
        theirs = theirs if isinstance(theirs, list) else [theirs]
        assert len(theirs) == len(mine), (described["name"], key)
        for their_one, my_one in zip(theirs, mine, strict=True):
            checked += _agree(their_one, my_one, parameters[kind], parameters)
    assert not held
    return checked


def _same(theirs: Any, ours: Any) -> bool:
    if isinstance(ours, bytes):
        return base64.b64decode(theirs) == ours
    if isinstance(ours, tuple):
        return (base64.b64decode(theirs) == bytes(ours)) if isinstance(theirs, str) else theirs == list(ours)
    return bool(theirs == ours)
