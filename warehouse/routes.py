"""Shortest ways over the road map. A way never leads through a station, only from one and to one.

Two stations side by side could wait for each other for ever (each vehicle lets go of its station only by driving on),
so there has to be a road node between them: `problems` says where there is none.
"""

import heapq
import math
from dataclasses import dataclass

from warehouse.roads import MapEdge, MapNode, RoadMap, Station, StationKind


@dataclass(frozen=True, slots=True)
class Way:
    """Nodes from start to goal and the edges between them, each in driving direction."""

    nodes: tuple[str, ...]
    edges: tuple[MapEdge, ...]
    length_m: float


class Routes:
    """A road map, indexed. Raises KeyError for names it does not hold, where a caller should have checked."""

    def __init__(self, roads: RoadMap) -> None:
        self.nodes: dict[str, MapNode] = {node.name: node for node in roads.nodes}
        self.stations: dict[str, Station] = {station.name: station for station in roads.stations}
        self.station_at: dict[str, Station] = {station.node: station for station in roads.stations}
        self._from: dict[str, list[tuple[float, MapEdge]]] = {name: [] for name in self.nodes}
        for edge in roads.edges:
            ends = [(edge.start, edge.end)] + ([(edge.end, edge.start)] if edge.both_ways else [])
            for start, end in ends:
                if start in self.nodes and end in self.nodes:
                    length_m = edge.length_m or self._straight_m(start, end)
                    oriented = MapEdge(start, end, False, length_m, edge.speed_max_m_s)
                    self._from[start].append((length_m, oriented))

    def way(self, start: str, goal: str) -> Way | None:
        """The shortest way (Dijkstra); ties go to the smaller name. None when there is none."""
        best: dict[str, tuple[float, MapEdge | None]] = {start: (0.0, None)}
        queue, done = [(0.0, start)], set[str]()
        while queue:
            length_m, name = heapq.heappop(queue)
            if name in done:
                continue
            done.add(name)
            if name == goal:
                return self._way_to(goal, best)
            if name != start and name in self.station_at:
                continue
            for step_m, edge in self._from.get(name, ()):
                reached_m = length_m + step_m
                if edge.end not in best or reached_m < best[edge.end][0]:
                    best[edge.end] = (reached_m, edge)
                    heapq.heappush(queue, (reached_m, edge.end))
        return None

    def lengths_from(self, start: str) -> dict[str, float]:
        """Metres from a node to every station's node that can be reached; 0 to itself."""
        found, done = {start: 0.0}, set[str]()
        queue = [(0.0, start)]
        while queue:
            length_m, name = heapq.heappop(queue)
            if name in done:
                continue
            done.add(name)
            if name != start and name in self.station_at:
                continue
            for step_m, edge in self._from.get(name, ()):
                if length_m + step_m < found.get(edge.end, math.inf):
                    found[edge.end] = length_m + step_m
                    heapq.heappush(queue, (length_m + step_m, edge.end))
        return {name: length_m for name, length_m in found.items() if name in self.station_at}

    def nearest(self, x_m: float, y_m: float, map_id: str, within_m: float) -> str | None:
        """The node closest to a position, if one is within reach."""
        near = [
            (math.hypot(node.x_m - x_m, node.y_m - y_m), node.name)
            for node in self.nodes.values()
            if node.map_id == map_id
        ]
        distance_m, name = min(near, default=(math.inf, ""))
        return name if distance_m <= within_m else None

    def of_kind(self, kind: StationKind) -> list[Station]:
        """The stations of a kind, in the site file's order."""
        return [station for station in self.stations.values() if station.kind is kind]

    def _way_to(self, goal: str, best: dict[str, tuple[float, MapEdge | None]]) -> Way:
        edges: list[MapEdge] = []
        name = goal
        while (edge := best[name][1]) is not None:
            edges.append(edge)
            name = edge.start
        edges.reverse()
        return Way((name, *(edge.end for edge in edges)), tuple(edges), best[goal][0])

    def _straight_m(self, start: str, end: str) -> float:
        a, b = self.nodes[start], self.nodes[end]
        return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m)


def problems(roads: RoadMap) -> list[str]:
    """What is wrong with a road map, each with where; empty when nothing is."""
    found: list[str] = []
    names = [node.name for node in roads.nodes]
    known = set(names)
    found += [f"node {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    stations = [station.name for station in roads.stations]
    found += [f"station {name} is there twice" for name in sorted({n for n in stations if stations.count(n) > 1})]
    for edge in roads.edges:
        found += [
            f"edge {edge.start}-{edge.end}: no node {name}" for name in (edge.start, edge.end) if name not in known
        ]
    at = [station.node for station in roads.stations]
    for station in roads.stations:
        if station.node not in known:
            found.append(f"station {station.name}: no node {station.node}")
        if at.count(station.node) > 1:
            found.append(f"station {station.name}: node {station.node} has another station")
    found += [
        f"edge {e.start}-{e.end}: joins two stations, put a road node between them"
        for e in roads.edges
        if e.start in at and e.end in at
    ]
    if found:
        return found
    routes = Routes(roads)
    for one in roads.stations:
        for other in roads.stations:
            if routes.way(one.node, other.node) is None:
                found.append(f"station {other.name}: no way from {one.name}")
    return found
