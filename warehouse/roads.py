"""The roads that vehicles drive on, the stations they serve, and the vehicles. Plain values from the site file.

A station is a node where something is handed over, charged or parked; at most one vehicle is let onto it. Nodes between
stations are roads. Positions are metres on the map named by `map_id`.
"""

from dataclasses import dataclass
from enum import StrEnum


class StationKind(StrEnum):
    """What a vehicle does at a station."""

    TRANSFER = "transfer"
    CHARGE = "charge"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class MapNode:
    """A point that vehicles drive over."""

    name: str
    x_m: float
    y_m: float
    map_id: str = "site"


@dataclass(frozen=True, slots=True)
class MapEdge:
    """A way from one node to another; `length_m` 0 is the straight line, `speed_max_m_s` 0 no limit."""

    start: str
    end: str
    both_ways: bool = True
    length_m: float = 0.0
    speed_max_m_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Station:
    """A place at a node; `location` is its code in the ledger (its name when empty).

    What a portal brings in is handed over at the station that names it as its `portal`.
    """

    name: str
    node: str
    kind: StationKind = StationKind.TRANSFER
    location: str = ""
    portal: str = ""

    @property
    def location_code(self) -> str:
        return self.location or self.name


@dataclass(frozen=True, slots=True)
class RoadMap:
    """All roads and stations of a site."""

    nodes: tuple[MapNode, ...] = ()
    edges: tuple[MapEdge, ...] = ()
    stations: tuple[Station, ...] = ()


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle that speaks VDA 5050; `version` is 2.1.0 or 3.0.0, `home` the station it parks at."""

    name: str
    manufacturer: str
    serial_number: str
    version: str = "2.1.0"
    home: str = ""


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """The built-in master. An order is not sent later than `order_valid_s` after it was decided.

    `mqtt` is the protocol's version, 5 or 3.1.1. `base_nodes` nodes are released ahead of a vehicle. A vehicle silent
    for `silent_s` loses what it cannot have begun. `tls_ca` is a PEM file with the authority of the broker's
    certificate, where the system does not trust it.
    """

    vehicles: tuple[Vehicle, ...] = ()
    host: str = "127.0.0.1"
    port: int = 1883
    username: str = ""
    password: str = ""
    tls: bool = False
    tls_ca: str = ""
    interface: str = "uagv"
    mqtt: str = "5"
    base_nodes: int = 3
    order_valid_s: float = 5.0
    silent_s: float = 60.0
    charge_below_percent: float = 25.0
    charged_percent: float = 80.0
