"""Both dialects: what is sent satisfies the standard's schemas and comes back the same; odd input survives."""

import json
from contextlib import suppress

import msgspec
import msgspec.structs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.vda5050.codec import PAYLOAD_MAX, Message, decode, encode, topic_of
from readers.vda5050.connection import Connection
from readers.vda5050.errors import EncodeError, MessageError
from readers.vda5050.header import Header, HeaderCounter, Topic, VehicleId, Version, timestamp_text, timestamp_us
from readers.vda5050.order import Action, BlockingType, InstantActions, Order
from readers.vda5050.state import ActionState, ActionStatus, EmergencyStop, SafetyState, State

from .messages import FACTSHEET, MESSAGES, ORDER, STATE, edge, faults, node

VEHICLE = VehicleId("acme", "r-7")
AT_US = 1_700_000_000_123_000


def header(version: Version) -> Header:
    return Header(7, AT_US, version, VEHICLE)


def plain(version: Version, message: Message) -> dict[str, object]:
    return json.loads(encode(header(version), message))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("version", list(Version))
def test_messages_satisfy_the_schemas_and_come_back(version: Version, message: Message) -> None:
    payload = encode(header(version), message)
    assert faults(version, topic_of(message), payload) == []
    assert decode(topic_of(message), payload) == (header(version), message)


def test_the_schemas_find_faults() -> None:
    assert faults(Version.V2_1, Topic.STATE, encode(header(Version.V3_0), STATE))
    assert faults(Version.V3_0, Topic.STATE, encode(header(Version.V2_1), STATE))


def test_2_1_spells_it_its_own_way() -> None:
    state = plain(Version.V2_1, STATE)
    assert state["batteryState"]["batteryCharge"] == 75.5
    assert state["agvPosition"]["positionInitialized"] is True
    assert (state["operatingMode"], state["safetyState"]["eStop"]) == ("TEACHIN", "MANUAL")
    order = plain(Version.V2_1, ORDER)
    found = order["edges"][0]
    assert (found["startNodeId"], found["endNodeId"], found["maxSpeed"]) == ("a", "b", 1.5)
    assert found["rotationAllowed"] is False
    assert order["nodes"][0]["nodePosition"]["allowedDeviationXY"] == 0.5
    parameters = order["nodes"][0]["actions"][0]["actionParameters"]
    assert parameters[2]["value"] == {"maximumSpeed": 1, "localized": True}  # another's object, not respelled
    sheet = plain(Version.V2_1, FACTSHEET)
    assert sheet["physicalParameters"]["speedMax"] == 1.5
    assert sheet["loadSpecification"]["loadSets"][0]["agvSpeedLimit"] == 1
    assert "pauseAllowed" not in sheet["protocolFeatures"]["agvActions"][0]


def test_what_2_1_cannot_say_becomes_the_more_careful_value() -> None:
    single = Action(action_type="pick", action_id="x", blocking_type=BlockingType.SINGLE, retriable=True)
    order = plain(Version.V2_1, Order(order_id="o", order_update_id=0, nodes=(node("a", 0, single),), edges=()))
    assert order["nodes"][0]["actions"][0] == {"actionType": "pick", "actionId": "x", "blockingType": "HARD"}
    instant = ActionState(action_id="i", action_status=ActionStatus.RETRIABLE)
    state = msgspec.structs.replace(STATE, instant_action_states=(instant,), operating_mode="STARTUP")
    found = plain(Version.V2_1, state)
    assert found["operatingMode"] == "SERVICE"
    assert [(a["actionId"], a["actionStatus"]) for a in found["actionStates"]] == [("a-1", "FINISHED"), ("i", "FAILED")]
    assert faults(Version.V2_1, Topic.STATE, encode(header(Version.V2_1), state)) == []


@pytest.mark.parametrize("version", list(Version))
def test_nulls_unknown_fields_and_unknown_values_survive(version: Version) -> None:
    found = plain(version, STATE)
    found |= {"loads": None, "errors": None, "velocity": None, "operatingMode": "DREAMING", "vendor": {"x": [None]}}
    found["nodeStates"] = None
    found["headerId"] = None
    read, state = decode(Topic.STATE, json.dumps(found).encode())
    assert isinstance(state, State)
    assert (state.loads, state.errors, state.velocity, state.node_states) == (None, (), None, ())
    assert state.operating_mode == "DREAMING"
    assert read.header_id == 0
    assert read.at_us == AT_US


def test_an_edge_must_lie_between_its_nodes() -> None:
    with pytest.raises(EncodeError, match="e-9"):
        encode(
            header(Version.V2_1), Order(order_id="o", order_update_id=0, nodes=(node("a", 0),), edges=(edge("e-9", 1),))
        )
    found = plain(Version.V2_1, ORDER)
    found["edges"][0]["endNodeId"] = "elsewhere"
    with pytest.raises(MessageError, match="endNodeId"):
        decode(Topic.ORDER, json.dumps(found).encode())


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (Version.V3_0, msgspec.structs.replace(STATE, operating_mode="DREAMING")),
        (
            Version.V3_0,
            msgspec.structs.replace(
                STATE, safety_state=SafetyState(active_emergency_stop=EmergencyStop.AUTOACK, field_violation=False)
            ),
        ),
        (
            Version.V3_0,
            InstantActions(actions=(Action(action_type="x", action_id="x", blocking_type=BlockingType.HARD),)),
        ),
        (Version.V2_1, Order(order_id="o", order_update_id=0, nodes=(), edges=())),
        (Version.V2_1, Connection(connection_state="GONE")),
    ],
)
def test_what_the_standard_has_no_value_for_is_not_sent(version: Version, message: Message) -> None:
    with pytest.raises(EncodeError):
        encode(header(version), message)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"version":"1.1.0"}',
        b'{"version":"2.1.0","connectionState":5}',
        b"[" * 100_000,
        b" " * (PAYLOAD_MAX + 1),
    ],
)
def test_what_is_no_message_is_a_message_error(payload: bytes) -> None:
    with pytest.raises(MessageError):
        decode(Topic.CONNECTION, payload)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_a_message_with_anything_in_any_field_is_read_or_a_message_error(data: st.DataObject) -> None:
    message = data.draw(st.sampled_from(MESSAGES))
    version = data.draw(st.sampled_from(list(Version)))
    found = plain(version, message)
    holder: object = found
    while isinstance(holder, dict | list) and holder:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        inner = holder[key]
        if not (isinstance(inner, dict | list) and inner) or data.draw(st.booleans()):
            holder[key] = data.draw(_JSON)
            break
        holder = inner
    with suppress(MessageError):  # never any other error
        decode(topic_of(message), json.dumps(found).encode())


@pytest.mark.parametrize(
    ("text", "at_us"),
    [
        ("2023-11-14T22:13:20.123Z", AT_US),
        ("2023-11-14T22:13:20.12Z", AT_US - 3_000),
        ("2023-11-14T23:13:20.123456789+01:00", AT_US + 456),
        ("2023-11-14T22:13:20.123", AT_US),
        ("yesterday", None),
        ("", None),
    ],
)
def test_timestamps(text: str, at_us: int | None) -> None:
    assert timestamp_us(text) == at_us
    assert timestamp_us(timestamp_text(AT_US)) == AT_US


def test_header_ids_count_per_topic_and_wrap() -> None:
    counter = HeaderCounter()
    assert [counter.next(Topic.STATE) for _ in range(3)] == [0, 1, 2]
    assert counter.next(Topic.ORDER) == 0
    counter._next[Topic.STATE] = 0xFFFF_FFFF
    assert [counter.next(Topic.STATE) for _ in range(2)] == [0xFFFF_FFFF, 0]
