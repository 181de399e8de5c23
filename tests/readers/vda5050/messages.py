"""Messages with every field set, and the standard's schemas of both versions."""

import json
from functools import cache

import jsonschema_rs

from readers.vda5050.connection import Connection, ConnectionState, Visualization
from readers.vda5050.factsheet import (
    Factsheet,
    OptionalParameter,
    PhysicalParameters,
    ProtocolFeatures,
    ProtocolLimits,
    SupportedAction,
    Timing,
    TypeSpecification,
)
from readers.vda5050.header import Topic, Version
from readers.vda5050.order import (
    Action,
    ActionParameter,
    BlockingType,
    Deviation,
    Edge,
    InstantActions,
    Node,
    NodePosition,
    Order,
)
from readers.vda5050.state import (
    ActionState,
    ActionStatus,
    EdgeState,
    EmergencyStop,
    Error,
    ErrorLevel,
    Information,
    Load,
    NodeState,
    OperatingMode,
    Position,
    PowerSupply,
    Reference,
    SafetyState,
    State,
    Velocity,
)
from tests.shared_data import shared_data

FOLDERS = {Version.V2_1: "2.1.0", Version.V3_0: "main-3.0.x"}


@cache
def schema(version: Version, topic: Topic) -> jsonschema_rs.Validator:
    file = shared_data("vda5050", FOLDERS[version], f"{topic}.schema")
    return jsonschema_rs.validator_for(json.loads(file.read_text(encoding="utf-8")), validate_formats=True)


def faults(version: Version, topic: Topic, payload: bytes) -> list[str]:
    """What the standard's schema finds wrong with a payload."""
    return [str(error) for error in schema(version, topic).iter_errors(json.loads(payload))]


def node(name: str, sequence_id: int, *actions: Action, released: bool = True) -> Node:
    return Node(node_id=name, sequence_id=sequence_id, released=released, actions=actions)


def edge(name: str, sequence_id: int, *, released: bool = True) -> Edge:
    return Edge(edge_id=name, sequence_id=sequence_id, released=released, actions=())


def action(name: str, kind: str = "pick") -> Action:
    return Action(action_type=kind, action_id=name, blocking_type=BlockingType.HARD)


POSITION = NodePosition(x=1.5, y=-2, map_id="hall", theta=0.5, allowed_deviation_xy=Deviation(a=0.5, b=0.5, theta=0.0))
FULL_ACTION = Action(
    action_type="pick",
    action_id="a-1",
    blocking_type=BlockingType.SOFT,
    action_descriptor="pick the pallet",
    action_parameters=(
        ActionParameter(key="loadId", value="376123450000000018"),
        ActionParameter(key="height", value=1.25),
        ActionParameter(key="raw", value={"maximumSpeed": 1, "localized": True}),
    ),
)
ORDER = Order(
    order_id="t-1.0",
    order_update_id=3,
    nodes=(
        Node(
            node_id="a",
            sequence_id=0,
            released=True,
            actions=(FULL_ACTION,),
            node_position=POSITION,
            node_descriptor="dock",
        ),
        node("b", 2, released=False),
    ),
    edges=(
        Edge(
            edge_id="a-b",
            sequence_id=1,
            released=False,
            actions=(action("a-2", "beep"),),
            maximum_speed=1.5,
            orientation=0.1,
            orientation_type="TANGENTIAL",
            direction="left",
            reach_orientation_before_entering=True,
            max_rotation_speed=0.4,
            length=7.5,
            maximum_mobile_robot_height=2.5,
            minimum_load_handling_device_height=0.1,
            trajectory={"degree": 1, "knotVector": [0, 0, 1, 1], "controlPoints": [{"x": 0, "y": 0}, {"x": 1, "y": 0}]},
            corridor={"leftWidth": 0.5, "rightWidth": 0.5, "corridorReferencePoint": "KINEMATIC_CENTER"},
            edge_descriptor="aisle",
        ),
    ),
)
STATE = State(
    order_id="t-1.0",
    order_update_id=3,
    last_node_id="a",
    last_node_sequence_id=0,
    node_states=(NodeState(node_id="b", sequence_id=2, released=True, node_descriptor="n"),),
    edge_states=(EdgeState(edge_id="a-b", sequence_id=1, released=True, edge_descriptor="e"),),
    driving=True,
    action_states=(ActionState(action_id="a-1", action_status=ActionStatus.FINISHED, action_result="ok"),),
    instant_action_states=(),
    power_supply=PowerSupply(state_of_charge=75.5, charging=False, battery_voltage=48, battery_health=90, range=900),
    operating_mode=OperatingMode.TEACH_IN,
    errors=(
        Error(
            error_type="E1",
            error_level=ErrorLevel.FATAL,
            error_references=(Reference(reference_key="nodeId", reference_value="b"),),
            error_description="what",
            error_hint="how",
        ),
    ),
    safety_state=SafetyState(active_emergency_stop=EmergencyStop.MANUAL, field_violation=True),
    mobile_robot_position=Position(x=1, y=2, theta=0.5, map_id="hall", localized=True, deviation_range=0.1),
    velocity=Velocity(vx=1.0, vy=0, omega=0.25),
    loads=(Load(load_id="l", load_type="EPAL", load_position="fork", weight=812.5),),
    paused=False,
    new_base_request=True,
    distance_since_last_node=3.5,
    information=(Information(info_type="i", info_level="INFO", info_descriptor="d"),),
)
FACTSHEET = Factsheet(
    type_specification=TypeSpecification(
        series_name="S",
        mobile_robot_kinematics="DIFF",
        mobile_robot_class="FORKLIFT",
        maximum_load_mass=1000,
        localization_types=("NATURAL",),
        navigation_types=("AUTONOMOUS",),
    ),
    physical_parameters=PhysicalParameters(
        minimum_speed=0.1,
        maximum_speed=1.5,
        maximum_acceleration=0.5,
        maximum_deceleration=1,
        minimum_height=0.25,
        maximum_height=2,
        width=0.8,
        length=1.8,
    ),
    protocol_limits=ProtocolLimits(
        maximum_string_lengths={"maximumIdLength": 64, "idNumericalOnly": False},
        maximum_array_lengths={"order.nodes": 100},
        timing=Timing(minimum_order_interval=1, minimum_state_interval=0.5, default_state_interval=30),
    ),
    protocol_features=ProtocolFeatures(
        optional_parameters=(OptionalParameter(parameter="order.nodes.nodePosition", support="REQUIRED"),),
        mobile_robot_actions=(
            SupportedAction(action_type="pick", action_scopes=("NODE",), pause_allowed=True, cancel_allowed=True),
        ),
    ),
    mobile_robot_geometry={"envelopes2d": [{"envelope2dId": "body", "vertices": [{"x": 0, "y": 0}]}]},
    load_specification={
        "loadSets": [{"setName": "EPAL", "loadType": "EPAL", "maximumWeight": 1000, "maximumSpeed": 1}]
    },
    mobile_robot_configuration={"versions": [{"key": "software", "value": "1"}]},
)
MESSAGES = [
    ORDER,
    STATE,
    FACTSHEET,
    InstantActions(actions=(Action(action_type="cancelOrder", action_id="c-1", action_descriptor="now"),)),
    *(Connection(connection_state=state) for state in ConnectionState if state != ConnectionState.HIBERNATING),
    Visualization(
        reference_state_header_id=0, mobile_robot_position=STATE.mobile_robot_position, velocity=STATE.velocity
    ),
]
