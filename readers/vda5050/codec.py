"""Messages to and from JSON. Tolerant in, strict out.

In: unknown fields are ignored, nulls count as absent (vehicles send them for optional fields), lists that a state must
have but lacks are empty, numbers may be text's equal (1.0 for 1), values of enumerations that are not known survive.
Out: what the schemas require is always there, absent values are left out, and a value the version cannot say is an
`EncodeError`.

The header's version decides the dialect: 2.x is read as 2.1, 3.x as 3.0.
Bound: `PAYLOAD_MAX` bytes; more is refused unread.
"""

import math
from enum import StrEnum

import msgspec

from readers.vda5050.connection import Connection, ConnectionState, Visualization
from readers.vda5050.dialect import Json, from_2_1, to_2_1
from readers.vda5050.errors import EncodeError, MessageError
from readers.vda5050.factsheet import Factsheet
from readers.vda5050.header import Header, Topic, VehicleId, Version, timestamp_text, timestamp_us
from readers.vda5050.order import BlockingType, InstantActions, Order
from readers.vda5050.state import ActionStatus, EmergencyStop, ErrorLevel, OperatingMode, State

Message = Order | InstantActions | State | Visualization | Connection | Factsheet

PAYLOAD_MAX = 4 * 1024 * 1024

_TYPES: dict[Topic, type[Message]] = {
    Topic.ORDER: Order,
    Topic.INSTANT_ACTIONS: InstantActions,
    Topic.STATE: State,
    Topic.VISUALIZATION: Visualization,
    Topic.CONNECTION: Connection,
    Topic.FACTSHEET: Factsheet,
}
_TOPICS = {kind: topic for topic, kind in _TYPES.items()}
_STATE_LISTS = ("nodeStates", "edgeStates", "actionStates", "instantActionStates", "errors")


def topic_of(message: Message) -> Topic:
    """Where a message goes."""
    return _TOPICS[type(message)]


def encode(header: Header, message: Message) -> bytes:
    """The payload. Raises `EncodeError`."""
    topic = topic_of(message)
    _check(header, message)
    body: Json = msgspec.json.decode(msgspec.json.encode(message))
    if isinstance(message, Order | InstantActions):
        # msgspec leaves out what equals its default; the schemas require it.
        _write_blocking_types(body)
    if header.version is Version.V2_1:
        body = to_2_1(topic, body)
    head: Json = {
        "headerId": header.header_id,
        "timestamp": timestamp_text(header.at_us or 0),
        "version": str(header.version),
        "manufacturer": header.vehicle.manufacturer,
        "serialNumber": header.vehicle.serial_number,
    }
    return msgspec.json.encode(head | body)


def decode(topic: Topic, payload: bytes) -> tuple[Header, Message]:
    """The header and message in a payload. Raises `MessageError`."""
    if len(payload) > PAYLOAD_MAX:
        raise MessageError(f"{topic}: {len(payload)} bytes, more than {PAYLOAD_MAX}")
    try:
        found = msgspec.json.decode(payload)
        if not isinstance(found, dict):
            raise MessageError(f"{topic}: not a JSON object")
        plain = _without_nulls(found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"{topic}: {error}") from None
    header = _header(topic, plain)
    if header.version is Version.V2_1:
        plain = from_2_1(topic, plain)
    if topic is Topic.STATE:
        for key in _STATE_LISTS:
            plain.setdefault(key, [])
    try:
        return header, msgspec.convert(plain, _TYPES[topic], strict=False)
    except msgspec.ValidationError as error:
        raise MessageError(f"{topic}: {error}") from None


def _header(topic: Topic, plain: Json) -> Header:
    version = str(plain.get("version", ""))
    found = next((v for v in Version if v[:2] == version[:2]), None)
    if found is None:
        raise MessageError(f"{topic}: version {version!r} is not 2.x or 3.x")
    vehicle = VehicleId(str(plain.get("manufacturer", "")), str(plain.get("serialNumber", "")))
    number = plain.get("headerId", 0)
    whole = isinstance(number, int | float) and math.isfinite(number)
    return Header(int(number) if whole else 0, timestamp_us(str(plain.get("timestamp", ""))), found, vehicle)  # type: ignore[call-overload]


def _without_nulls(value: Json) -> Json:
    def clean(item: object) -> object:
        if isinstance(item, dict):
            return _without_nulls(item)
        if isinstance(item, list):
            return [clean(i) for i in item if i is not None]
        return item

    return {key: clean(item) for key, item in value.items() if item is not None}


def _write_blocking_types(body: Json) -> None:
    holders = [body, *body.get("nodes", ()), *body.get("edges", ())]  # type: ignore[misc]
    for holder in holders:
        for action in holder.get("actions", ()):
            action.setdefault("blockingType", str(BlockingType.NONE))


def _check(header: Header, message: Message) -> None:
    """Refuse what the version has no value for, where the dialect has no nearest one."""
    if isinstance(message, State):
        stop = message.safety_state.active_emergency_stop
        if header.version is Version.V3_0 and stop == EmergencyStop.AUTOACK:
            raise EncodeError("3.0 has no AUTOACK: report the protective field instead")
        _known("emergency stop", stop, EmergencyStop)
        _known("operating mode", message.operating_mode, OperatingMode)
        for action_state in (*message.action_states, *message.instant_action_states):
            _known("action status", action_state.action_status, ActionStatus)
        for error in message.errors:
            _known("error level", error.error_level, ErrorLevel)
    elif isinstance(message, Connection):
        _known("connection state", message.connection_state, ConnectionState)
    elif isinstance(message, InstantActions):
        for action in message.actions:
            if action.blocking_type != BlockingType.NONE and header.version is Version.V3_0:
                raise EncodeError(
                    f"3.0 has only NONE for instant actions, {action.action_id} asks {action.blocking_type}"
                )
    elif isinstance(message, Order):
        if not message.nodes:
            raise EncodeError("an order has at least one node")
        for action in message.actions:
            _known("blocking type", action.blocking_type, BlockingType)


def _known(what: str, value: str, names: type[StrEnum]) -> None:
    if value not in set(names):
        raise EncodeError(f"{value!r} is no {what} of the standard")
