"""How 2.1 spells the model, as data: names per object, values per field, and the few fields that are built differently.

The model is 3.0's. An object is known by the key that holds it ("" is the message); objects in a list by the list's
key. A table reads 3.0 name → 2.1 name and is used both ways. What the other version cannot say:

    to 2.1   SINGLE → HARD, STARTUP → SERVICE, INTERVENED → MANUAL, URGENT → WARNING, CRITICAL → FATAL,
             HIBERNATING → OFFLINE, PAUSED → RUNNING, RETRIABLE → FAILED; an ellipse of deviation → the circle
             inside it; instant actions' states join the actions' states, where 2.1 keeps them; no `retriable`
    from 2.1 the ends of an edge must be its neighbours, and are then not kept; every action may be paused and
             cancelled

The order of choice is always the more careful reading: less may run in parallel, fewer orders are taken.
"""

from collections.abc import Callable, Mapping

from readers.vda5050.errors import EncodeError, MessageError
from readers.vda5050.header import Topic

Json = dict[str, object]
Names = Mapping[str, Mapping[str, str]]

# Objects of any shape that belong to somebody else: never respelled.
_OPAQUE = frozenset({"value", "trajectory"})

_ACTION = {"actionDescriptor": "actionDescription"}

_ORDER: Names = {
    "nodes": {"nodeDescriptor": "nodeDescription"},
    "edges": {
        "edgeDescriptor": "edgeDescription",
        "maximumSpeed": "maxSpeed",
        "maximumMobileRobotHeight": "maxHeight",
        "minimumLoadHandlingDeviceHeight": "minHeight",
        "reachOrientationBeforeEntering": "rotationAllowed",
    },
    "actions": _ACTION,
    "corridor": {"corridorReferencePoint": "corridorRefPoint"},
}

_STATE: Names = {
    "": {"mobileRobotPosition": "agvPosition", "powerSupply": "batteryState"},
    "nodeStates": {"nodeDescriptor": "nodeDescription"},
    "edgeStates": {"edgeDescriptor": "edgeDescription"},
    "actionStates": {**_ACTION, "actionResult": "resultDescription"},
    "mobileRobotPosition": {"localized": "positionInitialized"},
    "powerSupply": {"stateOfCharge": "batteryCharge", "range": "reach"},
    "information": {"infoDescriptor": "infoDescription"},
    "safetyState": {"activeEmergencyStop": "eStop"},
}

_FACTSHEET: Names = {
    "": {"mobileRobotGeometry": "agvGeometry", "mobileRobotConfiguration": "vehicleConfig"},
    "typeSpecification": {
        "mobileRobotKinematics": "agvKinematic",
        "mobileRobotClass": "agvClass",
        "maximumLoadMass": "maxLoadMass",
    },
    "physicalParameters": {
        "minimumSpeed": "speedMin",
        "maximumSpeed": "speedMax",
        "maximumAcceleration": "accelerationMax",
        "maximumDeceleration": "decelerationMax",
        "minimumHeight": "heightMin",
        "maximumHeight": "heightMax",
    },
    "protocolLimits": {"maximumStringLengths": "maxStringLens", "maximumArrayLengths": "maxArrayLens"},
    "maximumStringLengths": {
        "maximumMessageLength": "msgLen",
        "maximumTopicSerialLength": "topicSerialLen",
        "maximumTopicElementLength": "topicElemLen",
        "maximumIdLength": "idLen",
        "maximumLoadIdLength": "loadIdLen",
    },
    "timing": {"minimumOrderInterval": "minOrderInterval", "minimumStateInterval": "minStateInterval"},
    "protocolFeatures": {"mobileRobotActions": "agvActions"},
    "mobileRobotActions": {"actionResult": "resultDescription"},
    "envelopes2d": {"envelope2dId": "set", "vertices": "polygonPoints"},
    "envelopes3d": {"envelope3dId": "set"},
    "loadSets": {
        "maximumWeight": "maxWeight",
        "minimumLoadhandlingHeight": "minLoadhandlingHeight",
        "maximumLoadhandlingHeight": "maxLoadhandlingHeight",
        "minimumLoadhandlingDepth": "minLoadhandlingDepth",
        "maximumLoadhandlingDepth": "maxLoadhandlingDepth",
        "minimumLoadhandlingTilt": "minLoadhandlingTilt",
        "maximumLoadhandlingTilt": "maxLoadhandlingTilt",
        "maximumSpeed": "agvSpeedLimit",
        "maximumAcceleration": "agvAccelerationLimit",
        "maximumDeceleration": "agvDecelerationLimit",
    },
}

_NAMES: Mapping[Topic, Names] = {
    Topic.ORDER: _ORDER,
    Topic.INSTANT_ACTIONS: {"actions": _ACTION},
    Topic.STATE: _STATE,
    Topic.VISUALIZATION: {
        "": {"mobileRobotPosition": "agvPosition"},
        "mobileRobotPosition": {"localized": "positionInitialized"},
    },
    Topic.CONNECTION: {},
    Topic.FACTSHEET: _FACTSHEET,
}

# field (3.0 name) → value in 3.0 → value in 2.1. Where two share one, the first is what 2.1's means.
_VALUES: Mapping[str, Mapping[str, str]] = {
    "connectionState": {"CONNECTION_BROKEN": "CONNECTIONBROKEN", "HIBERNATING": "OFFLINE"},
    "operatingMode": {"TEACH_IN": "TEACHIN", "STARTUP": "SERVICE", "INTERVENED": "MANUAL"},
    "errorLevel": {"URGENT": "WARNING", "CRITICAL": "FATAL"},
    "actionStatus": {"PAUSED": "RUNNING", "RETRIABLE": "FAILED"},
    "blockingType": {"SINGLE": "HARD"},
    "corridorReferencePoint": {"KINEMATIC_CENTER": "KINEMATICCENTER"},
}
_ONLY_2_1 = {("connectionState", "CONNECTIONBROKEN"), ("operatingMode", "TEACHIN")} | {
    ("corridorReferencePoint", "KINEMATICCENTER")
}


def to_2_1(topic: Topic, message: Json) -> Json:
    """A 3.0 message as 2.1 says it. Raises `EncodeError` when an edge has no neighbours to be its ends."""
    message = dict(message)
    if topic is Topic.ORDER:
        message["edges"] = _with_ends(message)
    elif topic is Topic.STATE:
        message["actionStates"] = [*_items(message, "actionStates"), *_items(message, "instantActionStates")]
        message.pop("instantActionStates", None)
    elif topic is Topic.VISUALIZATION:
        message.pop("referenceStateHeaderId", None)
    elif topic is Topic.FACTSHEET:
        message["protocolFeatures"] = _each(message, "protocolFeatures", _without_permissions)
    return _walk(message, "", _NAMES[topic], _out)


def from_2_1(topic: Topic, message: Json) -> Json:
    """A 2.1 message as 3.0 says it. Raises `MessageError` when an edge names other ends than its neighbours."""
    inverse = {holder: {old: new for new, old in names.items()} for holder, names in _NAMES[topic].items()}
    message = _walk(message, "", inverse, _in)
    if topic is Topic.ORDER:
        message["edges"] = _without_ends(message)
    elif topic is Topic.STATE:
        message.setdefault("instantActionStates", [])
    elif topic is Topic.VISUALIZATION:
        message.setdefault("referenceStateHeaderId", 0)
    elif topic is Topic.FACTSHEET:
        message["physicalParameters"] = {"minimumHeight": 0.0, **_object(message, "physicalParameters")}
        message["protocolFeatures"] = _each(
            message, "protocolFeatures", lambda action: {"pauseAllowed": True, "cancelAllowed": True, **action}
        )
    return message


def _walk(value: Json, holder: str, names: Names, step: Callable[[str, object], object]) -> Json:
    """Respell one object and all below it; `holder` is the 3.0 name of the key that holds it."""
    spelled = names.get(holder, {})
    walked: Json = {}
    for key, item in value.items():
        name = spelled.get(key, key)
        # Tables are keyed by 3.0 names: on the way in that is the new one, on the way out the old one.
        inner = key if step is _out else name
        if inner in _OPAQUE:
            walked[name] = item
        elif isinstance(item, dict):
            walked[name] = step(inner, _walk(item, inner, names, step))
        elif isinstance(item, list):
            walked[name] = [_walk(i, inner, names, step) if isinstance(i, dict) else i for i in item]
        else:
            walked[name] = step(inner, item)
    if step is _out:
        walked.pop("retriable", None)
    return walked


def _out(field: str, value: object) -> object:
    if field == "reachOrientationBeforeEntering":
        return not value
    if field == "allowedDeviationXY" and isinstance(value, dict):
        return min(value["a"], value["b"])
    return _VALUES[field].get(value, value) if field in _VALUES and isinstance(value, str) else value


def _in(field: str, value: object) -> object:
    if field == "reachOrientationBeforeEntering":
        return not value
    if field == "allowedDeviationXY" and isinstance(value, int | float):
        return {"a": value, "b": value, "theta": 0.0}
    if isinstance(value, str) and (field, value) in _ONLY_2_1:
        return next(new for new, old in _VALUES[field].items() if old == value)
    return value


def _with_ends(message: Json) -> list[Json]:
    nodes = {node["sequenceId"]: node["nodeId"] for node in _items(message, "nodes")}
    edges = []
    for edge in _items(message, "edges"):
        at = edge["sequenceId"]
        if not isinstance(at, int) or at - 1 not in nodes or at + 1 not in nodes:
            raise EncodeError(f"edge {edge['edgeId']}: no nodes before and after sequence id {at}")
        edges.append({**edge, "startNodeId": nodes[at - 1], "endNodeId": nodes[at + 1]})
    return edges


def _without_ends(message: Json) -> list[Json]:
    # Whatever is in its place: what is no number is told of when the message is read.
    nodes = {
        at: node.get("nodeId") for node in _items(message, "nodes") if isinstance(at := node.get("sequenceId"), int)
    }
    edges = []
    for edge in _items(message, "edges"):
        at = edge.get("sequenceId")
        for key, neighbour in (("startNodeId", -1), ("endNodeId", 1)):
            if isinstance(at, int) and key in edge and nodes.get(at + neighbour) != edge[key]:
                raise MessageError(f"edges: {key} of {edge.get('edgeId')} is not its neighbour")
        edges.append({key: value for key, value in edge.items() if key not in ("startNodeId", "endNodeId")})
    return edges


def _without_permissions(action: Json) -> Json:
    return {key: value for key, value in action.items() if key not in ("pauseAllowed", "cancelAllowed")}


def _each(message: Json, holder: str, change: Callable[[Json], Json]) -> Json:
    features = _object(message, holder)
    return {**features, "mobileRobotActions": [change(action) for action in _items(features, "mobileRobotActions")]}


def _object(message: Json, key: str) -> Json:
    value = message.get(key)
    return value if isinstance(value, dict) else {}


def _items(message: Json, key: str) -> list[Json]:
    value = message.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
