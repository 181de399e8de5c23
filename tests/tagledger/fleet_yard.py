"""A yard whose tasks are the warehouse's: books on PostgreSQL, a real broker, our master, simulated vehicles."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import psycopg
from psycopg_pool import ConnectionPool

from readers.vda5050.header import VehicleId, Version
from simulators.vda5050.faults import Fault
from simulators.vda5050.floor import Floor
from simulators.vda5050.service import VehicleService
from simulators.vda5050.vehicle import SimulatedVehicle
from tagledger.command_desk import DirectBus, WritePool
from tagledger.fleet import SiteFleet
from tests.edge.fleet.yard import settings, yard
from tests.mosquitto import Mosquitto
from tests.warehouse.postgres.task_store import TaskStore, open_task_store
from warehouse.commands import SetPutawayRule
from warehouse.postgres.books.integrity import check
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Portal, Site, Zone

SPEED = 30.0


class FastClock:
    """Plant time at `SPEED` times the machine's."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def now_us(self) -> int:
        return 1_772_400_000_000_000 + int((time.monotonic() - self._start_s) * SPEED * 1e6)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


def site_of(broker: Mosquitto, **changes: object) -> Site:
    """The yard's roads: what the door D1 brings into STAGE is handed over at dock-0, bins are the racks."""
    roads = yard()
    stations = tuple(
        replace(station, location="STAGE", portal="D1") if station.name == "dock-0" else station
        for station in roads.stations
    )
    return Site(
        "yard",
        zones=(Zone("STAGE"), Zone("YARD")),
        portals=(Portal("D1", "STAGE", "YARD"),),
        roads=replace(roads, stations=stations),
        fleet=settings(port=broker.port, silent_s=300.0, **changes),
    )


@dataclass
class FleetYard:
    """Everything that runs; parts are stopped and started by name: `master` or a vehicle's."""

    store: TaskStore
    broker: Mosquitto
    site: Site
    pool: WritePool
    dsn: str
    floor: Floor = field(default_factory=Floor)
    clock: FastClock = field(default_factory=FastClock)
    vehicles: dict[str, VehicleService] = field(default_factory=dict)
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    units: list[str] = field(default_factory=list)
    fleet: SiteFleet | None = None

    def receive(self, *numbers: int) -> None:
        """Pallets come in by the door, on the floor and in the books."""
        for number in numbers:
            code, _ = self.store.receive(number)
            self.floor.put("lorry", "at-dock-0", code)
            self.units.append(code)

    def start(self, name: str, faults: Sequence[Fault] = ()) -> None:
        if name == "master":
            self.fleet = SiteFleet(self.site, self.dsn, DirectBus(self.pool).submit, self.pool, self.clock)
            self.running[name] = asyncio.create_task(self.fleet.run())
            return
        if name not in self.vehicles:
            config = next(v for v in self.site.fleet.vehicles if v.name == name)
            home = next(n for n in self.site.roads.nodes if n.name == f"at-{config.home}")
            vehicle = SimulatedVehicle(name, Version(config.version), self.floor, home.name, home.x_m, home.y_m)
            identity = VehicleId(config.manufacturer, config.serial_number)
            self.vehicles[name] = VehicleService(
                vehicle, identity, self.clock, self.broker.host, self.broker.port, faults=faults, keepalive_s=2
            )
        self.running[name] = asyncio.create_task(self.vehicles[name].run())

    async def stop(self, *names: str) -> None:
        stopped = [self.running.pop(name) for name in names]
        for task in stopped:
            task.cancel()
        if stopped:
            _, left = await asyncio.wait(stopped, timeout=30)
            assert not left, left

    async def until(self, condition: Callable[[], bool], within_s: float = 60.0) -> None:
        end_s = time.monotonic() + within_s
        while not condition():
            for task in self.running.values():
                if task.done():
                    task.result()
            assert time.monotonic() < end_s, self._as_it_is()
            await asyncio.sleep(0.05)

    def _as_it_is(self) -> str:
        history = self.store.store.conn.execute(
            "select h.code, e.beat, e.event, e.owner, e.reason, e.detail from task_event e join task using (task_id)"
            " join handling_unit h using (hu_id) order by seq, beat"
        ).fetchall()
        told = [] if self.fleet is None else [str(state) for state in self.fleet.vehicles()]
        return "\n".join([*map(str, history), *told])

    def states(self) -> list[str]:
        return [state for _, state, _ in self.store.tasks()]

    def done(self) -> int:
        return self.states().count("done")

    def assert_books_and_floor_agree(self) -> None:
        """Each unit was set down once by a vehicle, stands where the books have it, and is in one place."""
        for unit, state, target in self.store.tasks():
            assert state == "done"
            assert self.store.at(unit) == {target}
            assert unit in self.floor.at(f"at-{target}")
            assert self.floor.drops_of(unit) == 2, "the lorry's and the vehicle's"
            assert self.store.events(unit).count("done") == 1
        taken = [name for service in self.vehicles.values() for name in service.vehicle.orders_taken]
        assert len(taken) == len(set(taken))
        assert check(self.store.store.conn) == []


@asynccontextmanager
async def fleet_yard(dsn: str, broker: Mosquitto, pallets: int, **changes: object) -> AsyncIterator[FleetYard]:
    """Pallets at the dock, racks free, master and four vehicles at work."""
    store = open_task_store(dsn, bins=0)
    store.bins(*(f"rack-{n}" for n in range(8)), units_max=1)
    store.store.do(SetPutawayRule("pallets", "RACK", unit_kind="pallet"))
    site = site_of(broker, **changes)
    with psycopg.connect(dsn, autocommit=True) as connection:
        ensure_places(connection, site)
    with ConnectionPool(dsn, min_size=1, max_size=4, kwargs={"autocommit": True}, open=True) as pool:
        found = FleetYard(store, broker, site, pool, dsn)
        try:
            found.receive(*range(1, pallets + 1))
            for vehicle in site.fleet.vehicles:
                found.start(vehicle.name)
            found.start("master")
            yield found
        finally:
            await found.stop(*list(found.running))
            store.store.conn.close()
