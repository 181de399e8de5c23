"""`tagledger up`, which is stream, books, API and master at once, killed without notice while vehicles work.

The vehicles live on in this process over a broker that is killed too. In the end every
pallet has been set down once, in the bin the books name, and nothing that was held back has driven a vehicle.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from edge.clock import WallClock
from readers.vda5050.header import VehicleId, Version
from simulators.vda5050.floor import Floor
from simulators.vda5050.service import VehicleService
from simulators.vda5050.vehicle import SimulatedVehicle, VehicleParams
from tests.e2e.sites import Folder, eventually, wait_for
from tests.mosquitto import Mosquitto
from tests.tagledger.fleet_yard import site_of
from tests.warehouse.postgres.store import Store
from tests.warehouse.postgres.task_store import TaskStore
from warehouse.commands import CreateLocation, SetPutawayRule
from warehouse.postgres.books.integrity import check
from warehouse.site import Antenna, Reader, Site

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(300)]
PALLETS = 4
SEED = 11
# Real time, so the vehicles are quick: a pallet takes about three seconds.
PARAMS = VehicleParams(speed_m_s=25.0, work_s=0.5)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.end()


@asynccontextmanager
async def vehicles(site: Site, floor: Floor, broker: Mosquitto) -> AsyncIterator[list[SimulatedVehicle]]:
    at = {node.name: node for node in site.roads.nodes}
    made, running = [], []
    for config in site.fleet.vehicles:
        home = at[f"at-{config.home}"]
        vehicle = SimulatedVehicle(
            config.name, Version(config.version), floor, home.name, home.x_m, home.y_m, params=PARAMS
        )
        identity = VehicleId(config.manufacturer, config.serial_number)
        service = VehicleService(vehicle, identity, WallClock(), broker.host, broker.port, keepalive_s=2)
        made.append(vehicle)
        running.append(asyncio.create_task(service.run()))
    try:
        yield made
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def receive(floor: Floor, store: TaskStore, number: int) -> str:
    code, _ = store.receive(number)
    floor.put("lorry", "at-dock-0", code)
    return code


async def test_every_task_ends_done_once_however_often_the_process_dies(folder: Folder, mosquitto: Mosquitto) -> None:
    chance = random.Random(SEED)
    floor = Floor()
    # A door needs a reader; this one is not there, the pallets are received by the books alone.
    reader = Reader("r", "127.0.0.1", antennas=(Antenna(1, "D1"),))
    site = folder.write(replace(site_of(mosquitto, order_valid_s=2.0), readers=(reader,)))
    up = folder.start("up", "--site", folder.site_file)
    wait_for(lambda: up.said("up"), "up to say so", up.process)
    store = TaskStore(Store(psycopg.connect(folder.dsn(), autocommit=True)))
    store.store.items(2)
    store.store.do(CreateLocation("RACK"))
    store.bins(*(f"rack-{n}" for n in range(8)), units_max=1)
    store.store.do(SetPutawayRule("pallets", "RACK", unit_kind="pallet"))

    def done() -> int:
        return [state for _, state, _ in store.tasks()].count("done")

    async with vehicles(site, floor, mosquitto) as fleet:
        units = [receive(floor, store, number) for number in range(1, PALLETS + 1)]
        for kill in range(2):
            wanted = min(PALLETS - 1, done() + 1)
            await eventually(lambda wanted=wanted: done() >= wanted, "a task done")
            await asyncio.sleep(chance.uniform(0.0, 0.5))
            store.store.conn.close()
            up.kill()
            if kill == 1:
                mosquitto.kill()
                mosquitto.start()
            up = folder.start("up", "--site", folder.site_file)
            wait_for(lambda up=up: up.said("up"), "up to say so", up.process)  # type: ignore[misc]
            store.store = Store(psycopg.connect(folder.dsn(), autocommit=True))
        await eventually(lambda: done() == PALLETS, "every task done")
        await eventually(lambda: all(vehicle.is_idle for vehicle in fleet), "vehicles idle")
        taken = [order for vehicle in fleet for order in vehicle.orders_taken]
    assert len(taken) == len(set(taken))
    for unit, _, target in store.tasks():
        assert floor.drops_of(unit) == 2, "the lorry's and the vehicle's"
        assert unit in floor.at(f"at-{target}")
        assert store.at(unit) == {target}
        assert store.events(unit).count("done") == 1
    assert len(units) == PALLETS
    assert check(store.store.conn) == []
    store.store.conn.close()
