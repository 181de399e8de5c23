"""What runs beside the commands of a site: the built-in master, the leases of claims, tasks over MQTT for others."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from api.ports import LiveEvent, LiveSource
from edge.exchange.service import TaskExchange
from tagledger.command_desk import WritePool
from tagledger.fleet import SiteFleet
from tagledger.task_book import Submit
from tagledger.task_exchange import WarehouseTaskSource
from tagledger.task_lapses import watch_leases
from warehouse.site import Site

VEHICLES_EVERY_S = 0.5


async def run_task_parts(site: Site, fleet: SiteFleet | None, submit: Submit, pool: WritePool) -> None:
    """Until cancelled; the first failure of any of them ends all."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(watch_leases(submit, pool))
            if fleet is not None:
                group.create_task(fleet.run())
            if site.task_exchange.host:
                source = WarehouseTaskSource(submit, pool)
                group.create_task(TaskExchange(site.name, site.task_exchange, source).run())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


class LiveVehicles:
    """Implements `LiveSource`: another source's events, and every change of a vehicle, looked at twice a second."""

    def __init__(self, portals: LiveSource, fleet: SiteFleet) -> None:
        self._portals = portals
        self._fleet = fleet
        self._latest: dict[str, LiveEvent] = {}
        self._deliver: list[Callable[[LiveEvent], None]] = []

    def portals(self) -> Sequence[LiveEvent]:
        """What portals show, and how vehicles are."""
        return (*self._portals.portals(), *self._latest.values())

    def subscribe(self, deliver: Callable[[LiveEvent], None]) -> Callable[[], None]:
        """Every event from now on."""
        self._deliver.append(deliver)
        end = self._portals.subscribe(deliver)

        def leave() -> None:
            self._deliver.remove(deliver)
            end()

        return leave

    async def run(self) -> None:
        """Look at the vehicles until cancelled."""
        while True:
            for state in self._fleet.vehicles():
                data: dict[str, Any] = asdict(state)
                event = LiveEvent("live.vehicle", "", data)
                if self._latest.get(state.name) != event:
                    self._latest[state.name] = event
                    for deliver in list(self._deliver):
                        deliver(event)
            await asyncio.sleep(VEHICLES_EVERY_S)
