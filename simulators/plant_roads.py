"""The roads inside the simulated plant: a handover behind every door, bins along aisles, parks and chargers.

                 A1-2L ╷A1-2R   A2-2L ╷A2-2R            y = 16 m and every 3 m on
                 A1-1L ┤A1-1R   A2-1L ┤A2-1R  …         y = 13 m
    park … ──────●─────●────────●─────●──────── …       y = 10 m, the road all vehicles share
                 dock-1         dock-2                  y = 7 m, behind the doors

Metres; x runs along the doors as in the radio's plan. Every bin is a station of its own and takes one pallet.
"""

from dataclasses import dataclass
from itertools import pairwise

from warehouse.roads import FleetSettings, MapEdge, MapNode, RoadMap, Station, StationKind, Vehicle

AISLES = 6
AISLE_M = 4.0
RACKS = "racks"
_ROAD_M, _DOCK_M, _FIRST_M, _LEVEL_M, _SPUR_M = 10.0, 7.0, 13.0, 3.0, 1.2
_WEST_M = -8.0


@dataclass(frozen=True, slots=True)
class PlantFloor:
    """Roads, vehicles and bins of a plant; `dock_of` is the node behind each portal, `bin_at` the bin at a node."""

    roads: RoadMap
    fleet: FleetSettings
    bins: tuple[str, ...]
    dock_of: dict[str, str]
    bin_at: dict[str, str]


def floor_of(doors: tuple[tuple[str, float], ...], inside: str, bins: int, vehicles: int) -> PlantFloor:
    """A floor for these doors (portal, x in metres), with at least so many bins, in the location `inside`."""
    nodes: dict[str, MapNode] = {}
    edges: list[MapEdge] = []
    stations: list[Station] = []

    def station(name: str, x_m: float, y_m: float, road: str, kind: StationKind, **about: str) -> None:
        nodes[f"at-{name}"] = MapNode(f"at-{name}", x_m, y_m)
        edges.append(MapEdge(road, f"at-{name}"))
        stations.append(Station(name, f"at-{name}", kind, **about))

    levels = -(-bins // (2 * AISLES))
    aisles = [_WEST_M + AISLE_M * aisle for aisle in range(AISLES)]
    row = {x_m: f"road-{x_m:g}" for x_m in sorted({*aisles, *(x_m for _, x_m in doors), *_ends(aisles)})}
    for x_m, name in row.items():
        nodes[name] = MapNode(name, x_m, _ROAD_M)
    names = list(row.values())
    edges += [MapEdge(start, end) for start, end in pairwise(names)]
    for portal, x_m in doors:
        name = f"dock-{portal.rpartition('-')[2]}"
        station(name, x_m, _DOCK_M, row[x_m], StationKind.TRANSFER, location=inside, portal=portal)
    for number, x_m in enumerate(aisles, 1):
        below = row[x_m]
        for level in range(1, levels + 1):
            y_m = _FIRST_M + _LEVEL_M * (level - 1)
            here = f"aisle-{number}-{level}"
            nodes[here] = MapNode(here, x_m, y_m)
            edges.append(MapEdge(below, here))
            for side, sign in (("L", -1.0), ("R", 1.0)):
                station(f"A{number}-{level}{side}", x_m + sign * _SPUR_M, y_m, here, StationKind.TRANSFER)
            below = here
    west, east = _ends(aisles)
    for number in range(1, vehicles + 1):
        end = west if number % 2 else east
        step = 1.5 * ((number + 1) // 2)
        y_m = _ROAD_M + step if number % 4 < 2 else _ROAD_M - step
        station(f"park-{number}", end, y_m, row[end], StationKind.PARK)
    for number, x_m in enumerate((west, east), 1):
        station(f"charger-{number}", x_m, _ROAD_M - 4.0, row[x_m], StationKind.CHARGE)
    fleet = FleetSettings(
        vehicles=tuple(
            Vehicle(f"agv-{n}", "plantworks", f"pw-{n}", "2.1.0" if n % 2 else "3.0.0", f"park-{n}")
            for n in range(1, vehicles + 1)
        ),
        mqtt="3.1.1",
        base_nodes=6,
        order_valid_s=20.0,
        silent_s=300.0,
    )
    places = [s for s in stations if s.kind is StationKind.TRANSFER and not s.portal]
    return PlantFloor(
        RoadMap(tuple(nodes.values()), tuple(edges), tuple(stations)),
        fleet,
        tuple(s.name for s in places),
        {s.portal: s.node for s in stations if s.portal},
        {s.node: s.name for s in places},
    )


def _ends(aisles: list[float]) -> tuple[float, float]:
    return aisles[0] - AISLE_M, aisles[-1] + AISLE_M
