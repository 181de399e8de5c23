"""Orders over the road map: bring a load, charge, go away. Names are derived, so that a restart finds them again.

An order is named `task.attempt`, its actions `order:pick` and `order:drop`. Park and charge orders carry the time they
were decided at; nothing depends on finding those again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec.structs

from edge.fleet.tasks import FleetTask
from readers.vda5050.order import Action, ActionParameter, BlockingType, Edge, Node, NodePosition
from readers.vda5050.plan import OrderPlan
from readers.vda5050.state import ENDED, State
from warehouse.routes import Routes, Way


@dataclass(frozen=True, slots=True)
class Mission:
    """What an order is for: actions at its stations, in driving order. A transport has a task and attempt."""

    order_id: str
    stops: tuple[tuple[str, tuple[Action, ...]], ...]
    task: FleetTask | None = None
    attempt: int = 0

    @property
    def pick_id(self) -> str:
        return f"{self.order_id}:pick"


def transport(routes: Routes, task: FleetTask, attempt: int) -> Mission | None:
    """Pick at the source, drop at the target; None when the site has no such station."""
    source, target = routes.stations.get(task.source), routes.stations.get(task.target)
    if source is None or target is None:
        return None
    order_id = f"{task.task_id}.{attempt}"
    load = (ActionParameter(key="loadId", value=task.load_id),) if task.load_id else ()

    def action(kind: str, station: str) -> Action:
        return Action(
            action_type=kind,
            action_id=f"{order_id}:{kind}",
            blocking_type=BlockingType.HARD,
            action_parameters=(ActionParameter(key="stationName", value=station), *load),
        )

    stops = ((source.node, (action("pick", source.name),)), (target.node, (action("drop", target.name),)))
    return Mission(order_id, stops, task, attempt)


def charge(vehicle: str, node: str, at_us: int) -> Mission:
    """Drive to a charger and begin charging."""
    order_id = f"charge-{vehicle}-{at_us}"
    action = Action(action_type="startCharging", action_id=f"{order_id}:charge", blocking_type=BlockingType.HARD)
    return Mission(order_id, ((node, (action,)),))


def park(vehicle: str, node: str, at_us: int) -> Mission:
    """Drive away from where others want to be."""
    return Mission(f"park-{vehicle}-{at_us}", ((node, ()),))


def path(
    routes: Routes, start: str, stops: Sequence[tuple[str, tuple[Action, ...]]]
) -> tuple[list[Node], list[Edge]] | None:
    """Nodes and edges from `start` over the stops, actions on their nodes; None when there is no way."""
    nodes, edges = [_node(routes, start)], list[Edge]()
    here = start
    for goal, actions in stops:
        way: Way | None = routes.way(here, goal)
        if way is None:
            return None
        nodes += [_node(routes, name) for name in way.nodes[1:]]
        edges += [
            Edge(
                edge_id=f"{edge.start}-{edge.end}",
                sequence_id=0,
                released=False,
                actions=(),
                length=edge.length_m,
                maximum_speed=edge.speed_max_m_s or None,
            )
            for edge in way.edges
        ]
        nodes[-1] = _node(routes, goal, (*nodes[-1].actions, *actions))
        here = goal
    return nodes, edges


def plan(routes: Routes, mission: Mission, start: str, *, charging: bool) -> OrderPlan | None:
    """The whole order, its first node released; a vehicle that charges is first unplugged. None without a way."""
    found = path(routes, start, mission.stops)
    if found is None:
        return None
    nodes, edges = found
    if charging:
        unplug = Action(
            action_type="stopCharging", action_id=f"{mission.order_id}:unplug", blocking_type=BlockingType.HARD
        )
        nodes[0] = _node(routes, nodes[0].node_id, (unplug, *nodes[0].actions))
    return OrderPlan.begin(mission.order_id, nodes, edges, 1)


def resumed(routes: Routes, mission: Mission, state: State) -> OrderPlan | None:
    """The order that a vehicle reports to be driving, made again after our memory was lost.

    The base is what the vehicle says it is; the horizon is planned anew over the stops whose actions it does not know
    or has not begun beyond its base. None when its base leads somewhere our road map does not.
    """
    here = Node(node_id=state.last_node_id, sequence_id=state.last_node_sequence_id, released=True, actions=())
    ahead = sorted((n for n in state.node_states if n.released), key=lambda n: n.sequence_id)
    base = [here, *(Node(node_id=n.node_id, sequence_id=n.sequence_id, released=True, actions=()) for n in ahead)]
    if any(node.node_id not in routes.nodes for node in base):
        return None
    # Stops that are behind the vehicle, and those that lie in its base: their actions were sent with it.
    left = list(mission.stops)
    while left and left[0][1] and all(state.status_of(a.action_id) in ENDED for a in left[0][1]):
        left.pop(0)
    for index, node in enumerate(base):
        while left and left[0][0] == node.node_id and all(state.status_of(a.action_id) for a in left[0][1]):
            base[index] = msgspec.structs.replace(node, actions=left.pop(0)[1])
    found = path(routes, base[-1].node_id, left)
    if found is None:
        return None
    nodes, edges = found
    edges_base = [
        Edge(edge_id=f"{a.node_id}-{b.node_id}", sequence_id=b.sequence_id - 1, released=True, actions=())
        for a, b in pairwise(base)
    ]
    kept = OrderPlan(mission.order_id, state.order_update_id, tuple(base), tuple(edges_base), base[-1].sequence_id)
    return kept if len(nodes) == 1 else kept.rerouted(nodes[1:], edges, 0)


def _node(routes: Routes, name: str, actions: tuple[Action, ...] = ()) -> Node:
    at = routes.nodes[name]
    position = NodePosition(x=at.x_m, y=at.y_m, map_id=at.map_id)
    return Node(node_id=name, sequence_id=0, released=False, actions=actions, node_position=position)
