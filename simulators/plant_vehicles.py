"""The vehicles of the simulated plant, and the pallets on its floor: what comes in by a door stands behind it until a
vehicle takes it away; what goes out is fetched from wherever it stands.
"""

import asyncio
from collections import deque
from dataclasses import replace

from readers.vda5050.header import VehicleId, Version
from simulators.plant import Plant
from simulators.vda5050.floor import Floor
from simulators.vda5050.service import Clock, VehicleService
from simulators.vda5050.vehicle import SimulatedVehicle, VehicleParams

FORKLIFT = "forklift"
_LOOK_S = 0.5
_PARAMS = VehicleParams(speed_m_s=2.0, work_s=3.0, charge_percent_per_s=2.0)
# One has to charge early in the day, so that a demo of a few minutes shows it.
_TIRED_PERCENT = 25.2


class PlantVehicles:
    """All vehicles of a plant and its floor; `run` until cancelled."""

    def __init__(self, plant: Plant, clock: Clock, port: int) -> None:
        self.floor = Floor()
        self._plant = plant
        self._clock = clock
        self._comes = deque(sorted((at_us, node, unit) for at_us, node, unit in plant.arrivals))
        self._goes = deque(sorted((at_us, unit) for at_us, unit in plant.departures))
        self._waited: list[str] = []
        home = {node.name: node for node in plant.site.roads.nodes}
        self._services = []
        for number, config in enumerate(plant.site.fleet.vehicles):
            start = home[f"at-{config.home}"]
            params = _PARAMS if number else replace(_PARAMS, start_percent=_TIRED_PERCENT)
            vehicle = SimulatedVehicle(
                config.name, Version(config.version), self.floor, start.name, start.x_m, start.y_m, params=params
            )
            identity = VehicleId(config.manufacturer, config.serial_number)
            self._services.append(VehicleService(vehicle, identity, clock, "127.0.0.1", port))

    async def run(self) -> None:
        """Drive, and let pallets come and go."""
        async with asyncio.TaskGroup() as group:
            for service in self._services:
                group.create_task(service.run())
            group.create_task(self._traffic())

    def standing(self) -> dict[str, str]:
        """Where each pallet that came in stands now, by SSCC: a bin, the place behind a door, or a vehicle."""
        plan = self._plant.floor
        found = {}
        for node in (*plan.bin_at, *plan.dock_of.values()):
            for unit in self.floor.at(node):
                found[unit] = plan.bin_at.get(node, self._plant.inside)
        for service in self._services:
            if service.vehicle.load_id is not None:
                found[service.vehicle.load_id] = service.vehicle.name
        return found

    async def _traffic(self) -> None:
        while True:
            now_us = self._clock.now_us()
            while self._comes and self._comes[0][0] <= now_us:
                _, node, unit = self._comes.popleft()
                self.floor.put(FORKLIFT, node, unit)
            while self._goes and self._goes[0][0] <= now_us:
                self._waited.append(self._goes.popleft()[1])
            # One that is on a vehicle at this moment is fetched when it has been set down.
            self._waited = [unit for unit in self._waited if not self._fetched(unit)]
            await self._clock.sleep(_LOOK_S)

    def _fetched(self, unit: str) -> bool:
        plan = self._plant.floor
        nodes = (*plan.bin_at, *plan.dock_of.values())
        return any(self.floor.take(FORKLIFT, node, unit) for node in nodes if unit in self.floor.at(node))
