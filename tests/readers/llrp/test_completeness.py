"""The definitions against the two machine-readable descriptions: nothing missing, renamed, reordered or resized."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
import yaml

from readers.llrp import enums, enums_c1g2
from readers.llrp.codec import layouts
from readers.llrp.layout import Layout
from readers.llrp.wire import (
    CUSTOM,
    Bits,
    BitVector,
    CustomParameter,
    FixedOctets,
    Message,
    Octets,
    Parameter,
    Rest,
    Signed,
    Unsigned,
    Utf8,
    Vector,
)
from tests.readers.llrp.additions import NEW_IN_1_1
from tests.shared_data import shared_data

LAYOUTS = layouts()
PARAMETERS = {c.TYPE: x for c, x in LAYOUTS.items() if issubclass(c, Parameter) and c.TYPE != CUSTOM}
MESSAGES = {c.TYPE: x for c, x in LAYOUTS.items() if issubclass(c, Message) and c.TYPE != CUSTOM}

LTK_DEFINITIONS = 146
"""Messages and parameters of 1.0.1, custom ones aside."""


def _ltk() -> ET.Element:
    return ET.parse(shared_data("llrp", "ltk", "llrp-1x0-def.xml")).getroot()


def _tag(element: ET.Element) -> str:
    return element.tag.partition("}")[2]


def _ltk_kind(wire: str) -> Any:
    if wire in ("u1", "u2"):
        return int(wire[1:])
    return {
        "u8": Unsigned(1), "u16": Unsigned(2), "u32": Unsigned(4), "u64": Unsigned(8), "s8": Signed(1),
        "s16": Signed(2), "u8v": (Octets(), Vector(1)), "u16v": Vector(2), "u32v": Vector(4), "u96": FixedOctets(12),
        "utf8v": Utf8(), "u1v": BitVector(), "bytesToEnd": Rest(),
    }[wire]  # fmt: skip


def test_all_of_ltks_1_0_description_is_here_under_its_names_in_its_order() -> None:
    checked = 0
    choices = {
        one.get("name"): {child.get("type") for child in one} for one in _ltk() if _tag(one) == "choiceDefinition"
    }
    for one in _ltk():
        number = int(one.get("typeNum", "0"))
        if _tag(one) == "parameterDefinition" and number != CUSTOM:
            layout = PARAMETERS[number]
            assert layout.cls.__name__ == one.get("name")
        elif _tag(one) == "messageDefinition" and number != CUSTOM:
            layout = MESSAGES[number]
            assert layout.cls.__name__.casefold() == (one.get("name") or "").replace("_", "").casefold()
        else:
            continue
        _compare_with_ltk(layout, one, choices)
        checked += 1
    assert checked == LTK_DEFINITIONS


def _compare_with_ltk(layout: Layout, described: ET.Element, choices: dict[str | None, set[str | None]]) -> None:
    name = layout.cls.__name__
    new = NEW_IN_1_1.get(name, set())
    theirs = [child for child in described if _tag(child) in ("field", "parameter", "choice")]
    ours = [one for one in (*layout.fields, *layout.slots) if one.name not in new]
    assert [one.name for one in ours] == [child.get("name") or child.get("type") for child in theirs], name
    for mine, child in zip(ours, theirs, strict=True):
        if _tag(child) == "field":
            kind = _ltk_kind(child.get("type", ""))
            if isinstance(kind, int):
                assert isinstance(mine.kind, Bits)
                assert mine.kind.width == kind
            else:
                assert mine.kind in kind if isinstance(kind, tuple) else mine.kind == kind, (name, mine.name)
            assert (mine.enum.__name__ if mine.enum else None) == child.get("enumeration"), (name, mine.name)
        else:
            many, required = {"1": (False, True), "0-1": (False, False), "1-N": (True, True), "0-N": (True, False)}[
                child.get("repeat", "")
            ]
            assert (mine.many, mine.required) == (many, required), (name, mine.name)
            admitted = {"Custom" if c is CustomParameter else c.__name__ for c in mine.classes if c.SINCE == 1}
            expected = choices[child.get("type")] if _tag(child) == "choice" else {child.get("type")}
            assert admitted - {"ClientRequestOpSpec", "ClientRequestOpSpecResult"} == expected, (name, mine.name)


def test_reserved_bits_of_ltks_description_are_accounted_for() -> None:
    """An element without variable fields has as many bits as LTK says, reserved ones included."""
    sizes = {"u1": 1, "u2": 2, "u8": 8, "s8": 8, "u16": 16, "s16": 16, "u32": 32, "u64": 64, "u96": 96}
    checked = 0
    for one in _ltk():
        fields = [child for child in one if _tag(child) in ("field", "reserved")]
        if not _tag(one).endswith("rDefinition") or not fields or one.get("typeNum") == str(CUSTOM):
            continue
        if any(child.get("type", "u8") not in sizes for child in fields):
            continue
        bits = sum(int(child.get("bitCount") or sizes[child.get("type", "")]) for child in fields)
        assert PARAMETERS[int(one.get("typeNum", "0"))].fixed_bytes * 8 == bits, one.get("name")
        checked += 1
    assert checked > 60


def test_enumerations_hold_ltks_entries() -> None:
    for one in _ltk():
        if _tag(one) != "enumerationDefinition":
            continue
        name = one.get("name", "")
        ours = getattr(enums_c1g2 if name.startswith("C1G2") else enums, name)
        entries = {child.get("name"): int(child.get("value", "-1")) for child in one if _tag(child) == "entry"}
        assert entries.items() <= {member.name.rstrip("_"): int(member) for member in ours}.items(), ours


EDGEX_OMITS = {
    "HoppingEvent": {"NextChannelIndex"},
    "RFSurveyEvent": {"SpecIndex"},
    "C1G2TagInventoryStateAwareSingulationAction": {"S_All"},
}
"""Fields of the standard that EdgeX's description leaves out; the first two are in LTK's."""

EDGEX_STORAGE = {"uint8": 8, "byte": 8, "int8": 8, "uint16": 16, "int16": 16, "uint32": 32, "uint64": 64, "bool": 1}


@pytest.mark.parametrize("part", ["parameters", "messages"])
def test_all_of_edgexs_1_1_description_is_here(part: str) -> None:
    description = yaml.safe_load(shared_data("llrp", "edgex-r420", "messages.yaml").read_text())
    ours = PARAMETERS if part == "parameters" else MESSAGES
    type_ids = {one["name"]: one["type_id"] for one in description["parameters"]}
    types = {one["name"]: one for one in description["types"]}
    described = [one for one in description[part] if one["type_id"] != CUSTOM]
    assert {one["type_id"] for one in described} == set(ours)
    for one in described:
        layout = ours[one["type_id"]]
        name = layout.cls.__name__
        if part == "messages":
            assert name == one["name"]
        if name != "C1G2_PC":  # EdgeX splits its 16 bits into five fields
            fields = [field for field in one.get("fields", []) if not field.get("padding")]
            mine = [field for field in layout.fields if field.name not in EDGEX_OMITS.get(name, set())]
            assert len(fields) == len(mine), name
            for field, my_field in zip(fields, mine, strict=True):
                _compare_sizes(field["type"], my_field, types, name)
        slots = {c.TYPE: (slot, c) for slot in layout.slots for c in slot.classes}
        subs = one.get("parameters", [])
        assert {type_ids[sub["type"]] for sub in subs} == set(slots), name
        for sub in subs:
            _, cls = slots[type_ids[sub["type"]]]
            if sub.get("version") == 2:
                assert cls.SINCE == 2


def _compare_sizes(type_name: str, mine: Any, types: dict[str, Any], name: str) -> None:
    described = types.get(type_name, {})
    storage = described.get("storage", type_name)
    kind = mine.kind
    where = (name, mine.name, type_name)
    if storage not in EDGEX_STORAGE:
        assert isinstance(kind, Octets | Vector | Utf8 | BitVector | FixedOctets | Rest), where
    elif isinstance(kind, Bits):
        assert kind.width == described.get("bits", 1) or storage == "bool" or name == "AccessSpec", where
    else:
        assert kind.size_bytes * 8 == EDGEX_STORAGE[storage], where


def test_the_1_1_status_codes_and_triggers_are_edgexs() -> None:
    description = yaml.safe_load(shared_data("llrp", "edgex-r420", "messages.yaml").read_text())
    types = {one["name"]: one for one in description["types"]}
    assert set(types["StatusCode"]["values"].values()) == {int(code) for code in enums.StatusCode}
    for theirs, ours in {
        "ROReportTriggerType": enums.ROReportTriggerType,
        "TagObservationTriggerType": enums.TagObservationTriggerType,
        "ReaderEventType": enums.NotificationEventType,
        "C1G2BlockPermalockResultType": enums_c1g2.C1G2BlockPermalockResultType,
    }.items():
        assert len(types[theirs]["values"]) == len(ours), theirs


def test_responses_belong_to_their_requests() -> None:
    for layout in MESSAGES.values():
        if layout.cls.RESPONSE:  # type: ignore[attr-defined]
            answer = MESSAGES[layout.cls.RESPONSE].cls.__name__  # type: ignore[attr-defined]
            assert answer == layout.cls.__name__ + "Response"
