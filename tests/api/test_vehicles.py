"""Vehicles over the API: what they say of themselves beside what the books have on them, and instant actions."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import httpx
import pytest

from api.app import ApiParts, create_app
from api.ports import VehicleError, VehicleState
from api.postgres.pool import query_pool
from api.server import serving
from tagledger.accounts import PooledAccounts
from tests.api.conftest import ADMIN, SITE, GivenDependencies, GivenKeys
from tests.api.direct_commands import DirectCommands
from tests.warehouse.postgres.task_store import open_task_store
from warehouse.commands import ReportTask
from warehouse.roads import FleetSettings, Vehicle
from warehouse.tasks import TaskStep

_STATE = VehicleState(
    "agv-1", "ONLINE", 1_700_000_000_000_000, 81.5, False, 3.0, 4.0, "site", "road-3", True, "AUTOMATIC",
    (VehicleError("driveFault", "WARNING", "wheel slips"),), "t.1", "running", "t", ("pallet",),
)  # fmt: skip


class GivenFleet:
    """A master of one vehicle; `is_here` False: another process is."""

    def __init__(self) -> None:
        self.is_here = True
        self.sent: list[tuple[str, str]] = []

    def vehicles(self) -> Sequence[VehicleState]:
        return (_STATE,) if self.is_here else ()

    async def instant(self, vehicle: str, action_type: str) -> bool:
        if self.is_here:
            self.sent.append((vehicle, action_type))
        return self.is_here


@asynccontextmanager
async def api(dsn: str, fleet: GivenFleet | None) -> AsyncIterator[httpx.AsyncClient]:
    vehicles = FleetSettings((Vehicle("agv-1", "m", "1"), Vehicle("agv-2", "m", "2")))
    site = replace(SITE, fleet=vehicles)
    with DirectCommands(dsn, 2) as bus:
        async with query_pool(dsn, 2) as pool:
            parts = ApiParts(
                site, "0", pool, dsn, GivenKeys(), bus, PooledAccounts(bus.pool), GivenDependencies(), fleet=fleet
            )
            async with (
                serving(create_app(parts), "127.0.0.1", 0) as url,
                httpx.AsyncClient(base_url=url, headers=ADMIN, trust_env=False, timeout=20) as client,
            ):
                yield client


async def test_what_it_says_and_what_it_carries(database: str) -> None:
    yard = open_task_store(database)
    unit, _ = yard.receive(1)
    task = yard.claim("agv-1")
    yard.do(ReportTask(UUID(task["task_id"]), 1, TaskStep.PICKED, vehicle="agv-1"))
    async with api(database, GivenFleet()) as client:
        first, second = (await client.get("/v1/vehicles")).json()["items"]
        assert (first["name"], first["battery_percent"], first["position"]["node"]) == ("agv-1", 81.5, "road-3")
        assert (first["loads"], first["on_hand"], first["task_id"]) == ([unit], "3", task["task_id"])
        assert first["errors"] == [{"kind": "driveFault", "level": "WARNING", "detail": "wheel slips"}]
        assert (second["name"], second["connection"], second["loads"]) == ("agv-2", None, [])
        assert (await client.get("/v1/vehicles/agv-1")).json() == first
        assert (await client.get("/v1/vehicles/agv-9")).status_code == 404


@pytest.mark.parametrize("is_here", [True, False])
async def test_instant_actions_go_out_where_the_master_is(database: str, is_here: bool) -> None:
    fleet = GivenFleet()
    fleet.is_here = is_here
    async with api(database, fleet) as client:
        answer = await client.post("/v1/vehicles/agv-1/instant", json={"action": "startPause"})
        assert answer.status_code == (200 if is_here else 503)
        assert fleet.sent == ([("agv-1", "startPause")] if is_here else [])
        assert (await client.post("/v1/vehicles/nobody/instant", json={"action": "startPause"})).status_code == 404
        assert (await client.post("/v1/vehicles/agv-1/instant", json={"action": "cancelOrder"})).status_code == 422
