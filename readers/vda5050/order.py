"""Order and instant actions: what the master tells a vehicle (VDA 5050 2.1.0, 6.6 and 6.8; order and instantActions
schemas of both versions). Positions in metres, angles in radians, on the map named by `map_id`.

Enumerations of the standard are text here, so that a value of a later version survives; the StrEnums name those known.
"""

from enum import StrEnum

import msgspec


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of a message; names on the wire are those of 3.0, other dialects are spelled by `dialect`."""


class BlockingType(StrEnum):
    """What an action may run beside. 2.1 has no SINGLE: it becomes HARD there, which allows less."""

    NONE = "NONE"
    SOFT = "SOFT"
    SINGLE = "SINGLE"
    HARD = "HARD"


class ActionParameter(Wire, frozen=True):
    """A key and any JSON value."""

    key: str
    value: object


class Action(Wire, frozen=True):
    """Work on a node, along an edge, or at once."""

    action_type: str
    action_id: str
    blocking_type: str = msgspec.field(default=BlockingType.NONE)
    action_descriptor: str | None = None
    action_parameters: tuple[ActionParameter, ...] = ()
    retriable: bool | None = None

    def parameter(self, key: str) -> object:
        """The value of a parameter; None when it is not there."""
        return next((p.value for p in self.action_parameters if p.key == key), None)


class Deviation(Wire, frozen=True):
    """The ellipse around a node that counts as having reached it: half axes and the angle of `a`."""

    a: float
    b: float
    theta: float


class NodePosition(Wire, frozen=True):
    """Where a node is."""

    x: float
    y: float
    map_id: str
    theta: float | None = None
    allowed_deviation_xy: Deviation | None = msgspec.field(default=None, name="allowedDeviationXY")
    allowed_deviation_theta: float | None = None


class Node(Wire, frozen=True):
    """A node of an order; `released` nodes are the base, the others the horizon."""

    node_id: str
    sequence_id: int
    released: bool
    actions: tuple[Action, ...]
    node_position: NodePosition | None = None
    node_descriptor: str | None = None


class Edge(Wire, frozen=True):
    """The way between the nodes with the sequence ids before and after its own."""

    edge_id: str
    sequence_id: int
    released: bool
    actions: tuple[Action, ...]
    maximum_speed: float | None = None
    orientation: float | None = None
    orientation_type: str | None = None
    direction: str | None = None
    reach_orientation_before_entering: bool | None = None
    max_rotation_speed: float | None = None
    length: float | None = None
    maximum_mobile_robot_height: float | None = None
    minimum_load_handling_device_height: float | None = None
    trajectory: dict[str, object] | None = None
    corridor: dict[str, object] | None = None
    edge_descriptor: str | None = None


class Order(Wire, frozen=True):
    """An order (update 0) or an update of one."""

    order_id: str
    order_update_id: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def base_nodes(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.released)

    @property
    def actions(self) -> tuple[Action, ...]:
        """All actions in the order they are met."""
        parts: list[Node | Edge] = sorted([*self.nodes, *self.edges], key=lambda part: part.sequence_id)
        return tuple(action for part in parts for action in part.actions)


class InstantActions(Wire, frozen=True):
    """Actions to be done at once, whatever the order."""

    actions: tuple[Action, ...]
