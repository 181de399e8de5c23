"""Vehicles: where they are, what they carry and do, and instant actions for those that our own master drives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response, utc_or_none
from api.paging import TEXT_PATTERN
from api.ports import FleetHealth, VehicleState
from api.postgres.pool import Pool
from api.problems import UNAVAILABLE, ProblemError, not_found
from warehouse.postgres.queries.tasks import Carried, carried
from warehouse.site import Site


@dataclass(frozen=True, slots=True)
class VehicleErrorView:
    """What a vehicle complains about."""

    kind: str
    level: Annotated[str, Field(examples=["WARNING"])]
    detail: str


@dataclass(frozen=True, slots=True)
class PositionView:
    """Metres on a map, and the node of the roads that was passed last."""

    x_m: float | None
    y_m: float | None
    map_id: str | None
    node: str | None


@dataclass(frozen=True, slots=True)
class VehicleView:
    """One vehicle. What it says of itself is null where another process, or another controller, drives it."""

    name: Annotated[str, Field(examples=["agv-1"])]
    connection: Annotated[str | None, Field(examples=["ONLINE"])]
    heard_at: Annotated[datetime | None, Field(description="When its last state arrived.")]
    battery_percent: float | None
    charging: bool | None
    position: PositionView | None
    driving: bool | None
    mode: Annotated[str | None, Field(examples=["AUTOMATIC"])]
    errors: tuple[VehicleErrorView, ...]
    order_id: str | None
    phase: Annotated[str | None, Field(description="What the master does with it.", examples=["running"])]
    task_id: Annotated[UUID | None, Field(description="The task it has.")]
    loads: Annotated[tuple[str, ...], Field(description="Handling units that the books have on it.")]
    on_hand: Annotated[Decimal, Field(description="Stock that the books have on it.")]


@dataclass(frozen=True, slots=True)
class Vehicles:
    """All vehicles that the site file names or that have carried something: so many that there are no pages."""

    items: tuple[VehicleView, ...]


class InstantAction(StrEnum):
    """Instant actions that need no parameters (VDA 5050 2.1.0, 6.8.2)."""

    START_PAUSE = "startPause"
    STOP_PAUSE = "stopPause"
    STATE_REQUEST = "stateRequest"
    FACTSHEET_REQUEST = "factsheetRequest"


class Instant(BaseModel):
    """What a vehicle is to do at once."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"action": "startPause"}]})

    action: InstantAction


@dataclass(frozen=True, slots=True)
class Sent:
    """Sent to the vehicle, which has not said yet what came of it."""

    vehicle: str
    action: InstantAction


VehicleName = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, description="Its name.", examples=["agv-1"])]


def router(site: Site, pool: Pool, fleet: FleetHealth | None) -> APIRouter:
    """Vehicles."""
    routes = APIRouter(prefix="/v1/vehicles", tags=["tasks"])
    named = [vehicle.name for vehicle in site.fleet.vehicles]

    async def views() -> list[VehicleView]:
        async with pool.connection() as connection:
            booked = {row.vehicle: row for row in await carried(connection)}
        heard = {state.name: state for state in _states(fleet)}
        names = [*named, *sorted(booked.keys() - set(named))]
        return [_view(name, heard.get(name), booked.get(name)) for name in names]

    async def known(name: str) -> VehicleView:
        found = next((view for view in await views() if view.name == name), None)
        if found is None:
            raise not_found("vehicle", name)
        return found

    @routes.get("", operation_id="vehicles_list", summary="Vehicles and how they are", response_model=Vehicles)
    async def vehicles_list() -> Response:
        """Those of the site file in its order, then others. As they change: `live.vehicle` in the feed."""
        return json_response(Vehicles(tuple(await views())))

    @routes.get("/{name}", operation_id="vehicles_get", summary="One vehicle", response_model=VehicleView)
    async def vehicles_get(name: VehicleName) -> Response:
        """Where it is, what it carries and what it does."""
        return json_response(await known(name))

    @routes.post(
        "/{name}/instant",
        operation_id="vehicles_instant",
        summary="Have a vehicle do something at once",
        response_model=Sent,
        responses=problems(UNAVAILABLE),
    )
    async def vehicles_instant(name: VehicleName, body: Instant) -> Response:
        """Pause, go on, or say how it is. Only vehicles that our own master drives; it is not kept for later."""
        if name not in named:
            raise not_found("vehicle of the site file", name)
        if fleet is None or not await fleet.instant(name, body.action):
            raise ProblemError(UNAVAILABLE, "another process is the master", headers={"Retry-After": "5"})
        return json_response(Sent(name, body.action))

    return routes


def _states(fleet: FleetHealth | None) -> Sequence[VehicleState]:
    return fleet.vehicles() if fleet is not None else ()


def _view(name: str, state: VehicleState | None, booked: Carried | None) -> VehicleView:
    loads = tuple(booked.units) if booked is not None else ()
    on_hand = booked.on_hand if booked is not None else Decimal(0)
    task_id = booked.task_id if booked is not None else None
    if state is None:
        return VehicleView(name, None, None, None, None, None, None, None, (), None, None, task_id, loads, on_hand)
    return VehicleView(
        name,
        state.connection,
        utc_or_none(state.heard_us),
        state.battery_percent,
        state.charging,
        PositionView(state.x_m, state.y_m, state.map_id, state.node) if state.node or state.x_m is not None else None,
        state.driving,
        state.mode,
        tuple(VehicleErrorView(error.kind, error.level, error.detail) for error in state.errors),
        state.order_id,
        state.phase,
        task_id,
        loads,
        on_hand,
    )
