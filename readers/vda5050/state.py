"""State: what a vehicle says of itself (VDA 5050 2.1.0, 6.10; state schemas of both versions).

Sent on events and at least every 30 s. Lists that a vehicle leaves out, or sends as null, are read as empty.
"""

from enum import StrEnum

from readers.vda5050.order import NodePosition, Wire


class ActionStatus(StrEnum):
    """How far an action is; 2.1 has no PAUSED and RETRIABLE."""

    WAITING = "WAITING"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    RETRIABLE = "RETRIABLE"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


REQUESTS = ("stateRequest", "factsheetRequest")
"""What a master's own requests for messages are named by; no order waits for them."""

ENDED = frozenset({ActionStatus.FINISHED, ActionStatus.FAILED})


class OperatingMode(StrEnum):
    """Who drives. Orders are taken in AUTOMATIC and SEMIAUTOMATIC only."""

    STARTUP = "STARTUP"
    AUTOMATIC = "AUTOMATIC"
    SEMIAUTOMATIC = "SEMIAUTOMATIC"
    INTERVENED = "INTERVENED"
    MANUAL = "MANUAL"
    SERVICE = "SERVICE"
    TEACH_IN = "TEACH_IN"


class ErrorLevel(StrEnum):
    """From "go on" to "cannot go on without a person"; 2.1 knows the first and the last."""

    WARNING = "WARNING"
    URGENT = "URGENT"
    CRITICAL = "CRITICAL"
    FATAL = "FATAL"


class EmergencyStop(StrEnum):
    """How an emergency stop is acknowledged; AUTOACK is only in 2.1."""

    NONE = "NONE"
    AUTOACK = "AUTOACK"
    MANUAL = "MANUAL"
    REMOTE = "REMOTE"


class NodeState(Wire, frozen=True):
    """A node still to be reached."""

    node_id: str
    sequence_id: int
    released: bool
    node_position: NodePosition | None = None
    node_descriptor: str | None = None


class EdgeState(Wire, frozen=True):
    """An edge still to be left."""

    edge_id: str
    sequence_id: int
    released: bool
    edge_descriptor: str | None = None


class ActionState(Wire, frozen=True):
    """How far one action is."""

    action_id: str
    action_status: str
    action_type: str | None = None
    action_descriptor: str | None = None
    action_result: str | None = None


class Position(Wire, frozen=True):
    """Where the vehicle is; worth nothing unless `localized`."""

    x: float
    y: float
    theta: float
    map_id: str
    localized: bool
    localization_score: float | None = None
    deviation_range: float | None = None


class Velocity(Wire, frozen=True):
    """In the vehicle's coordinates, m/s and rad/s."""

    vx: float | None = None
    vy: float | None = None
    omega: float | None = None


class Load(Wire, frozen=True):
    """Something on the vehicle; weight in kg."""

    load_id: str | None = None
    load_type: str | None = None
    load_position: str | None = None
    weight: float | None = None


class PowerSupply(Wire, frozen=True):
    """State of charge in percent, range in metres."""

    state_of_charge: float
    charging: bool
    battery_voltage: float | None = None
    battery_health: float | None = None
    range: float | None = None


class Reference(Wire, frozen=True):
    """What an error or information is about."""

    reference_key: str
    reference_value: str


class Error(Wire, frozen=True):
    """An active error."""

    error_type: str
    error_level: str
    error_references: tuple[Reference, ...] = ()
    error_description: str | None = None
    error_hint: str | None = None

    def in_words(self) -> str:
        """Type and description, for a person."""
        return ": ".join(filter(None, (self.error_type, self.error_description)))

    def refers_to(self, key: str, value: str) -> bool:
        return any(r.reference_key == key and r.reference_value == value for r in self.error_references)


class Information(Wire, frozen=True):
    """For people only; no rule may read it (2.1.0, 6.10.6)."""

    info_type: str
    info_level: str
    info_descriptor: str | None = None
    info_references: tuple[Reference, ...] = ()


class SafetyState(Wire, frozen=True):
    """Emergency stop and protective field."""

    active_emergency_stop: str
    field_violation: bool


class State(Wire, frozen=True):
    """A whole state. `order_id` is "" before the first order; `load`s are None when the vehicle cannot tell."""

    order_id: str
    order_update_id: int
    last_node_id: str
    last_node_sequence_id: int
    node_states: tuple[NodeState, ...]
    edge_states: tuple[EdgeState, ...]
    driving: bool
    action_states: tuple[ActionState, ...]
    instant_action_states: tuple[ActionState, ...]
    power_supply: PowerSupply
    operating_mode: str
    errors: tuple[Error, ...]
    safety_state: SafetyState
    mobile_robot_position: Position | None = None
    velocity: Velocity | None = None
    loads: tuple[Load, ...] | None = None
    paused: bool | None = None
    new_base_request: bool | None = None
    distance_since_last_node: float | None = None
    information: tuple[Information, ...] = ()

    @property
    def is_idle(self) -> bool:
        """Nothing left of the order: no node or edge to come, every action ended but requests for messages, which
        some vehicles name for ever.
        """
        return (
            not self.node_states
            and not self.edge_states
            and all(a.action_status in ENDED or a.action_id.startswith(REQUESTS) for a in self.action_states)
        )

    def status_of(self, action_id: str) -> str | None:
        """The status of an action, of the order or instant; None when the vehicle does not know it."""
        for action in (*self.action_states, *self.instant_action_states):
            if action.action_id == action_id:
                return action.action_status
        return None
