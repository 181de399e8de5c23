"""Which vehicle gets which task, and who holds which station."""

from collections.abc import Iterable, Sequence

from edge.fleet.tasks import FleetTask
from edge.fleet.vehicle import VehicleView
from warehouse.roads import StationKind
from warehouse.routes import Routes


class Occupancy:
    """Which vehicle holds which station's node: the one on it, or the one whose base leads there."""

    def __init__(self, routes: Routes, vehicles: Iterable[VehicleView]) -> None:
        self._routes = routes
        self._holders: dict[str, set[str]] = {}
        for view in vehicles:
            for node in self._held_by(view):
                self._holders.setdefault(node, set()).add(view.name)

    def is_free_for(self, view: VehicleView, node: str) -> bool:
        """Whether this vehicle may be let onto a node; road nodes always."""
        return node not in self._routes.station_at or self._holders.get(node, set()) <= {view.name}

    def nearest_free(self, view: VehicleView, kind: StationKind) -> str | None:
        """The node of the closest station of a kind that nobody else holds."""
        start = view.node(self._routes)
        ways = []
        for station in self._routes.of_kind(kind):
            way = self._routes.way(start, station.node) if start is not None else None
            if way is not None and self.is_free_for(view, station.node):
                ways.append((way.length_m, station.node))
        return min(ways, default=(0.0, None))[1]

    def _held_by(self, view: VehicleView) -> set[str]:
        held = {view.node(self._routes)} if view.state is not None else set()
        job, state = view.job, view.state
        if job is not None and job.plan is not None:
            passed = state.last_node_sequence_id if state is not None and job.is_ours(state) else 0
            held |= {node.node_id for node in job.plan.nodes if node.released and node.sequence_id >= passed}
            if not job.is_transport:
                held.add(job.mission.stops[-1][0])
        elif state is not None:
            held |= {node.node_id for node in state.node_states if node.released}
        return {node for node in held if node is not None and node in self._routes.station_at}


def assign(
    routes: Routes, tasks: Sequence[FleetTask], ready: Sequence[VehicleView]
) -> list[tuple[FleetTask, VehicleView]]:
    """Tasks in their order, each to the vehicle with the shortest way to its source; those nobody can reach wait."""
    left, found = list(ready), []
    for task in tasks:
        source, target = routes.stations.get(task.source), routes.stations.get(task.target)
        if not left:
            break
        if source is None or target is None or routes.way(source.node, target.node) is None:
            continue
        ways = []
        for index, view in enumerate(left):
            start = view.node(routes)
            way = routes.way(start, source.node) if start is not None else None
            if way is not None:
                ways.append((way.length_m, index))
        if ways:
            found.append((task, left.pop(min(ways)[1])))
    return found
