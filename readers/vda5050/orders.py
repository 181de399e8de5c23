"""What a vehicle does with an order that arrives: take it, extend the one in hand, ignore it, or reject it and why.

The rules of VDA 5050 2.1.0, 6.6.4 (order acceptance and update) and 6.6.5 (rejection), in the order in which a message
is tested. An update must begin where the base in hand ends (the stitching node: same nodeId and sequenceId); the base
stays as it was, the horizon is replaced. The same update once more is ignored when it says the same.

Nodes have even sequence ids and edges odd ones, without gaps; the base is a beginning of the path.
"""

from dataclasses import dataclass
from enum import StrEnum

from readers.vda5050.header import Version
from readers.vda5050.order import Order
from readers.vda5050.state import ErrorLevel, OperatingMode


class OrderError(StrEnum):
    """Error types that 3.0 predefines for orders; all WARNING but one, until the next order is accepted."""

    VALIDATION_FAILURE = "VALIDATION_FAILURE"
    INVALID_ORDER_ACTION = "INVALID_ORDER_ACTION"
    MOBILE_ROBOT_NOT_AVAILABLE = "MOBILE_ROBOT_NOT_AVAILABLE"
    OTHER_ORDER_ACTIVE = "OTHER_ORDER_ACTIVE"
    START_NODE_OUT_OF_RANGE = "START_NODE_OUT_OF_RANGE"
    NO_ROUTE_TO_TARGET = "NO_ROUTE_TO_TARGET"
    OUTDATED_ORDER_UPDATE = "OUTDATED_ORDER_UPDATE"
    SAME_ORDER_UPDATE_ID = "SAME_ORDER_UPDATE_ID"
    ORDER_UPDATE_FOLLOWING_CANCEL = "ORDER_UPDATE_FOLLOWING_CANCEL"
    NO_ORDER_TO_CANCEL = "NO_ORDER_TO_CANCEL"

    def text(self, version: Version) -> str:
        """How the version says it. 2.1 predefines fewer and coarser types; where it has none, 3.0's is used."""
        return _TEXT_2_1.get(self, str(self)) if version is Version.V2_1 else str(self)

    @property
    def level(self) -> ErrorLevel:
        return ErrorLevel.WARNING


_TEXT_2_1 = {
    OrderError.VALIDATION_FAILURE: "validationError",
    OrderError.INVALID_ORDER_ACTION: "orderError",
    OrderError.START_NODE_OUT_OF_RANGE: "noRouteError",
    OrderError.NO_ROUTE_TO_TARGET: "noRouteError",
    OrderError.OUTDATED_ORDER_UPDATE: "orderUpdateError",
    OrderError.SAME_ORDER_UPDATE_ID: "orderUpdateError",
    OrderError.ORDER_UPDATE_FOLLOWING_CANCEL: "orderUpdateError",
    OrderError.OTHER_ORDER_ACTIVE: "orderUpdateError",
    OrderError.NO_ORDER_TO_CANCEL: "noOrderToCancel",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the decision depends on: the order in hand (whole path so far, None before the first) and the vehicle.

    `near` are the nodes whose allowed deviation the vehicle stands in; `actions` the action types it can do.
    """

    order: Order | None
    idle: bool
    cancelled: bool
    operating_mode: str
    near: frozenset[str]
    actions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Taken:
    """The order in hand from now on. With `extended` it goes on; otherwise it begins at its first node."""

    order: Order
    extended: bool


@dataclass(frozen=True, slots=True)
class Ignored:
    """The same message once more."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not taken; the order in hand goes on unchanged."""

    error: OrderError
    detail: str


def judge(order: Order, standing: Standing) -> Taken | Ignored | Rejected:
    """What becomes of an order message."""
    fault = fault_in(order)
    if fault is not None:
        return Rejected(OrderError.VALIDATION_FAILURE, fault)
    unknown = sorted({a.action_type for a in order.actions} - standing.actions)
    if unknown:
        return Rejected(OrderError.INVALID_ORDER_ACTION, f"cannot do {', '.join(unknown)}")
    in_hand = standing.order
    if in_hand is not None and in_hand.order_id == order.order_id:
        return _update(order, in_hand, standing)
    if standing.operating_mode not in (OperatingMode.AUTOMATIC, OperatingMode.SEMIAUTOMATIC):
        return Rejected(OrderError.MOBILE_ROBOT_NOT_AVAILABLE, f"operating mode is {standing.operating_mode}")
    if not standing.idle:
        return Rejected(OrderError.OTHER_ORDER_ACTIVE, f"{in_hand.order_id if in_hand else '?'} is not finished")
    first = order.nodes[0]
    if first.node_id not in standing.near:
        return Rejected(OrderError.START_NODE_OUT_OF_RANGE, f"not on {first.node_id}")
    return Taken(order, extended=False)


def _update(order: Order, in_hand: Order, standing: Standing) -> Taken | Ignored | Rejected:
    if order.order_update_id < in_hand.order_update_id:
        detail = f"update {order.order_update_id} after {in_hand.order_update_id}"
        return Rejected(OrderError.OUTDATED_ORDER_UPDATE, detail)
    if order.order_update_id == in_hand.order_update_id:
        if _says_the_same(order, in_hand):
            return Ignored()
        return Rejected(OrderError.SAME_ORDER_UPDATE_ID, f"update {order.order_update_id} said something else before")
    if standing.cancelled:
        return Rejected(OrderError.ORDER_UPDATE_FOLLOWING_CANCEL, "the order was cancelled")
    stitch, end = order.nodes[0], in_hand.base_nodes[-1]
    if (stitch.node_id, stitch.sequence_id) != (end.node_id, end.sequence_id):
        detail = (
            f"begins at {stitch.node_id} ({stitch.sequence_id}), the base ends at {end.node_id} ({end.sequence_id})"
        )
        return Rejected(OrderError.VALIDATION_FAILURE, detail)
    return Taken(stitched(in_hand, order), extended=True)


def stitched(in_hand: Order, update: Order) -> Order:
    """The base in hand followed by the update; the stitching node stays as it was."""
    edges = (*(edge for edge in in_hand.edges if edge.released), *update.edges)
    return Order(
        order_id=in_hand.order_id,
        order_update_id=update.order_update_id,
        nodes=(*in_hand.base_nodes, *update.nodes[1:]),
        edges=edges,
    )


def fault_in(order: Order) -> str | None:
    """What is wrong with an order taken by itself; None when nothing is."""
    if not order.nodes:
        return "no nodes"
    first = order.nodes[0].sequence_id
    if first % 2:
        return f"node {order.nodes[0].node_id} has odd sequence id {first}"
    if [n.sequence_id for n in order.nodes] != list(range(first, first + 2 * len(order.nodes), 2)):
        return "sequence ids of nodes are not consecutive even numbers"
    if [e.sequence_id for e in order.edges] != [n.sequence_id + 1 for n in order.nodes[:-1]]:
        return "sequence ids of edges are not those between the nodes"
    if not order.nodes[0].released:
        return "the first node is not released"
    for edge, before, after in zip(order.edges, order.nodes, order.nodes[1:], strict=False):
        if after.released and not before.released:
            return f"node {after.node_id} is released beyond the horizon"
        if edge.released != after.released:
            return f"edge {edge.edge_id} and its end are not released together"
    names = [action.action_id for action in order.actions]
    if len(names) != len(set(names)):
        return "an action id is used twice"
    return None


def _says_the_same(order: Order, in_hand: Order) -> bool:
    """Whether the message is a repetition: the nodes and edges it brings are those in hand."""
    begin = order.nodes[0].sequence_id
    nodes = tuple(node for node in in_hand.nodes if node.sequence_id >= begin)
    edges = tuple(edge for edge in in_hand.edges if edge.sequence_id > begin)
    ids = [(node.node_id, node.released) for node in nodes] == [(node.node_id, node.released) for node in order.nodes]
    return ids and edges == order.edges and nodes[1:] == order.nodes[1:]
