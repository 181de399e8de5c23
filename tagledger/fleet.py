"""The built-in master in the process that executes commands: `up`, or `api` where the parts are apart.

Two masters must never drive one fleet: who holds the site's advisory lock in the database runs it, others wait for it.
A master whose lock's connection is lost stops at once and drives nothing until it has the lock again.
"""

import asyncio
import zlib
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog

from api.ports import VehicleError, VehicleState
from edge.clock import Clock
from edge.fleet.service import FleetService
from edge.fleet.vehicle import VehicleView
from tagledger.command_desk import WritePool
from tagledger.task_book import Submit, WarehouseTasks
from warehouse.site import Site

_LOCK_SPACE = 0x666C
_LOOK_S = 2.0

_log = structlog.get_logger(__name__)


class SiteFleet:
    """Implements the API's `FleetHealth`. `run` until cancelled."""

    def __init__(self, site: Site, dsn: str, submit: Submit, pool: WritePool, clock: Clock) -> None:
        self._dsn = dsn
        self._key = zlib.crc32(site.name.encode()) - (1 << 31)
        self._site = site
        self._clock = clock
        self._book = WarehouseTasks(site, submit, pool)
        self._service: FleetService | None = None

    def vehicles(self) -> Sequence[VehicleState]:
        """Every vehicle of the site file, in its order; without states while another process is the master."""
        if self._service is None:
            return ()
        return tuple(_state(view) for view in self._service.master.vehicles.values())

    async def instant(self, vehicle: str, action_type: str) -> bool:
        """Send an instant action; False while another process is the master. KeyError for an unknown vehicle."""
        if self._service is None:
            return False
        await self._service.instant(vehicle, action_type)
        return True

    def reload(self, site: Site) -> None:
        """The roads and stations are this site's from now on."""
        self._site = site
        self._book.reload(site)
        if self._service is not None:
            self._service.master.reload(site.roads)

    async def run(self) -> None:
        """Be the master whenever no other process is."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True, application_name="tagledger-fleet", connect_timeout=5
                ) as connection:
                    await self._hold(connection)
            except (psycopg.Error, OSError) as error:
                _log.warning("the fleet waits for the database", error=str(error).strip())
            await asyncio.sleep(_LOOK_S)

    async def _hold(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while not await self._locked(connection):  # noqa: ASYNC110  (the other process is asked through the database)
            await asyncio.sleep(_LOOK_S)
        self._service = FleetService(self._site.roads, self._site.fleet, self._book, self._clock)
        driving = asyncio.create_task(self._service.run(), name="fleet")
        try:
            while not driving.done():
                await asyncio.wait({driving}, timeout=_LOOK_S)
                await connection.execute("select 1")
            driving.result()
        finally:
            self._service = None
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)

    async def _locked(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        found = await connection.execute("select pg_try_advisory_lock(%s, %s)", (_LOCK_SPACE, self._key))
        row = await found.fetchone()
        return row is not None and bool(row[0])


def fleet_of(site: Site, dsn: str, submit: Submit, pool: WritePool, clock: Clock) -> SiteFleet | None:
    """The fleet of a site file that names vehicles; None for one that does not."""
    return SiteFleet(site, dsn, submit, pool, clock) if site.fleet.vehicles else None


def _state(view: VehicleView) -> VehicleState:
    state, job = view.state, view.job
    at = state.mobile_robot_position if state is not None else None
    task = job.mission.task if job is not None else None
    return VehicleState(
        name=view.name,
        connection=view.connection or "unknown",
        heard_us=view.heard_us,
        battery_percent=state.power_supply.state_of_charge if state is not None else None,
        charging=state.power_supply.charging if state is not None else None,
        x_m=at.x if at is not None else None,
        y_m=at.y if at is not None else None,
        map_id=at.map_id if at is not None else None,
        node=state.last_node_id if state is not None else None,
        driving=state.driving if state is not None else None,
        mode=str(state.operating_mode) if state is not None else None,
        errors=tuple(
            VehicleError(error.error_type, str(error.error_level), error.error_description or "")
            for error in (state.errors if state is not None else ())
        ),
        order_id=state.order_id or None if state is not None else None,
        phase=str(job.phase) if job is not None else "idle",
        task_id=task.task_id if task is not None else None,
        loads=tuple(load.load_id or "" for load in (state.loads or ()) if state is not None) if state else (),
    )
