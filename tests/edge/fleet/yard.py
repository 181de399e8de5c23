"""A yard with docks, racks, chargers and parks on a ring of roads, and a task book in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.fleet.tasks import Failure, FleetClaim, FleetTask, TaskStep
from warehouse.roads import FleetSettings, MapEdge, MapNode, RoadMap, Station, StationKind, Vehicle

SIDE = 8


def yard() -> RoadMap:
    """Eight road nodes in a row, 10 m apart; docks south of the first four, racks north of all, chargers and parks."""
    nodes = [MapNode(f"road-{i}", 10.0 * i, 0.0) for i in range(SIDE)]
    edges = [MapEdge(f"road-{i}", f"road-{i + 1}") for i in range(SIDE - 1)]
    stations = []

    def spur(name: str, road: int, side: float, kind: StationKind = StationKind.TRANSFER) -> None:
        nodes.append(MapNode(f"at-{name}", 10.0 * road, side))
        edges.append(MapEdge(f"road-{road}", f"at-{name}"))
        stations.append(Station(name, f"at-{name}", kind))

    for i in range(3):
        spur(f"dock-{i}", i, -6.0)
    for i in range(SIDE):
        spur(f"rack-{i}", i, 6.0)
    for i in range(2):
        spur(f"charger-{i}", 3 + i, -6.0, StationKind.CHARGE)
        spur(f"park-{i}", 5 + i, -6.0, StationKind.PARK)
    spur("park-2", 7, -6.0, StationKind.PARK)
    nodes.append(MapNode("at-park-3", 80.0, 0.0))
    edges.append(MapEdge("road-7", "at-park-3"))
    stations.append(Station("park-3", "at-park-3", StationKind.PARK))
    return RoadMap(tuple(nodes), tuple(edges), tuple(stations))


def settings(**changes: object) -> FleetSettings:
    """Four vehicles, two of each version, each with its park."""
    vehicles = tuple(
        Vehicle(f"agv-{i}", "acme", f"r-{i}", "2.1.0" if i % 2 else "3.0.0", f"park-{i}") for i in range(4)
    )
    return FleetSettings(vehicles=vehicles, **changes)  # type: ignore[arg-type]


def tasks(number: int) -> list[FleetTask]:
    """Pallets from the docks to the racks."""
    return [FleetTask(f"t-{i}", f"dock-{i % 3}", f"rack-{i % SIDE}", load_id=f"pallet-{i}") for i in range(number)]


@dataclass
class Entry:
    task: FleetTask
    vehicle: str | None = None
    attempt: int = 0
    step: TaskStep | None = None
    state: str = "open"
    history: list[object] = field(default_factory=list)


class MemoryBook:
    """Implements `TaskBook`. A failed task with its load at the source is open again; others wait for a person."""

    def __init__(self, found: Sequence[FleetTask] = ()) -> None:
        self.entries = {task.task_id: Entry(task) for task in found}
        self.down = False

    def add(self, task: FleetTask) -> None:
        self.entries[task.task_id] = Entry(task)

    async def open_tasks(self, limit: int) -> list[FleetTask]:
        self._reach()
        return [e.task for e in self.entries.values() if e.state == "open"][:limit]

    async def claims(self) -> list[FleetClaim]:
        self._reach()
        return [
            FleetClaim(e.task, e.vehicle, e.attempt, e.step)
            for e in self.entries.values()
            if e.state in ("claimed", "lost") and e.vehicle is not None
        ]

    async def claim(self, task_id: str, vehicle: str) -> int | None:
        self._reach()
        entry = self.entries[task_id]
        if entry.state == "claimed" and entry.vehicle == vehicle:
            return entry.attempt
        if entry.state != "open":
            return None
        entry.state, entry.vehicle, entry.step, entry.attempt = "claimed", vehicle, None, entry.attempt + 1
        return entry.attempt

    async def progress(self, task_id: str, attempt: int, step: TaskStep, at_us: int) -> None:
        self._reach()
        entry = self.entries[task_id]
        if entry.attempt == attempt and entry.state in ("claimed", "lost"):
            entry.step = step
            entry.history.append((attempt, step))

    async def done(self, task_id: str, attempt: int, at_us: int) -> None:
        self._reach()
        entry = self.entries[task_id]
        if entry.attempt == attempt and entry.state != "done":
            entry.state = "done"
            entry.history.append((attempt, "done"))

    async def failed(self, task_id: str, attempt: int, failure: Failure, at_us: int) -> None:
        self._reach()
        entry = self.entries[task_id]
        if entry.attempt == attempt and entry.state in ("claimed", "lost"):
            if failure.is_lost:
                entry.state = "lost"
            else:
                entry.state, entry.vehicle = ("open" if failure.is_retriable else "failed"), None
            entry.history.append((attempt, failure))

    def states(self) -> dict[str, str]:
        return {name: entry.state for name, entry in self.entries.items()}

    def _reach(self) -> None:
        if self.down:
            raise ConnectionError("the book is away")
