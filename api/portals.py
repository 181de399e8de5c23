"""Portals: how they are set up, what they show now, and what they showed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import TEXT_PATTERN, Lister, Page, Paging
from api.ports import LiveSource
from api.postgres.pool import Pool
from api.postgres.signals import SignalPosition, SignalView, signals
from api.problems import INVALID_CURSOR, not_found
from api.reading_scope import warehouses
from warehouse.site import Effect, Portal, Site


@dataclass(frozen=True, slots=True)
class LiveView:
    """What a portal shows at this moment: the same as the live events of the feed."""

    type: Annotated[str, Field(examples=["live.signal"])]
    data: Annotated[dict[str, Any], Field(examples=[{"colour": "green", "reason": "complete"}])]


@dataclass(frozen=True, slots=True)
class PortalView:
    """One portal of the site file and what it shows."""

    name: Annotated[str, Field(examples=["door-1"])]
    inside: Annotated[str, Field(description="The zone a load comes in to.", examples=["hall-a"])]
    outside: Annotated[str, Field(examples=["yard"])]
    effect: Annotated[Effect, Field(description="What its decisions may do to the books.")]
    antennas: Annotated[tuple[str, ...], Field(examples=[["dock-1:1", "dock-1:2"]])]
    neighbours: Annotated[tuple[str, ...], Field(examples=[["door-2"]])]
    live: Annotated[tuple[LiveView, ...], Field(description="Empty when nothing is in the door, or nobody watches.")]


@dataclass(frozen=True, slots=True)
class Portals:
    """All portals of the site file: a list as long as that file, so it has no pages."""

    items: tuple[PortalView, ...]


_SIGNALS: Lister[SignalView, SignalPosition] = Lister("signals", SignalPosition, SignalView, "at", "seq")

PortalName = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, description="The portal.", examples=["door-1"])]


def router(site_now: Callable[[], Site], pool: Pool, live: LiveSource | None) -> APIRouter:
    """Portals and their signals; `site_now` is the site file as it holds now."""
    routes = APIRouter(prefix="/v1/portals", tags=["portals"])

    async def configured() -> dict[str, Portal]:
        """Those of the site file; within their warehouses for who may read only there."""
        names = None
        if warehouses() is not None:
            async with pool.connection() as connection:
                names = {name for (name,) in await (await connection.execute("select name from portal")).fetchall()}
        return {portal.name: portal for portal in site_now().portals if names is None or portal.name in names}

    def view(portal: Portal) -> PortalView:
        events = live.portals() if live is not None else ()
        return PortalView(
            portal.name,
            portal.inside,
            portal.outside,
            portal.effect,
            tuple(str(antenna) for antenna in site_now().antennas_of(portal.name)),
            portal.neighbours,
            tuple(LiveView(event.kind, dict(event.data)) for event in events if event.portal == portal.name),
        )

    @routes.get("", operation_id="portals_list", summary="Portals and what they show", response_model=Portals)
    async def portals_list() -> Response:
        """All portals of the site file, in its order."""
        return json_response(Portals(tuple(view(portal) for portal in (await configured()).values())))

    @routes.get("/{name}", operation_id="portals_get", summary="One portal", response_model=PortalView)
    async def portals_get(name: PortalName) -> Response:
        """Its zones, antennas and what it shows."""
        portal = (await configured()).get(name)
        if portal is None:
            raise not_found("portal", name)
        return json_response(view(portal))

    @routes.get(
        "/{name}/signals",
        operation_id="portals_signals",
        summary="What a portal showed",
        response_model=Page[SignalView],
        responses=problems(INVALID_CURSOR),
    )
    async def portals_signals(request: Request, name: PortalName, query: Annotated[Paging, Query()]) -> Response:
        """Newest first."""
        if name not in await configured():
            raise not_found("portal", name)
        within = f"/{name}"
        rows: Sequence[SignalView] = await signals(
            pool, name, _SIGNALS.start(query, within), _SIGNALS.take(query, within)
        )
        return _SIGNALS.answer(request, query, rows, within)

    return routes
