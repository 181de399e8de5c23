"""Places: zones as configured, locations as booked, and what is in each."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import TEXT_PATTERN, Code, Lister, Page, Paging, Search
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found
from api.reading_scope import warehouses
from warehouse.postgres.queries.places import Place, TagHere, place, places, tags_in
from warehouse.site import Effect, Site, Zone


class LocationKind(StrEnum):
    """What a location is for; `internal` and `transit` hold stock."""

    INTERNAL = "internal"
    TRANSIT = "transit"
    OUTSIDE = "outside"
    SUPPLIER = "supplier"
    CUSTOMER = "customer"
    PRODUCTION = "production"
    SCRAP = "scrap"
    COUNT_LOSS = "count_loss"
    ADJUSTMENT = "adjustment"


class LocationLevel(StrEnum):
    """How large a location is."""

    SITE = "site"
    WAREHOUSE = "warehouse"
    ZONE = "zone"
    BIN = "bin"
    VEHICLE = "vehicle"


@dataclass(frozen=True, slots=True)
class ZoneView:
    """One zone of the site file: a place that antennas see, or a side of a portal."""

    name: Annotated[str, Field(examples=["hall-a"])]
    location: Annotated[str, Field(description="Its code in the books.", examples=["hall-a"])]
    effect: Annotated[Effect, Field(description="What its decisions may do to the books.")]
    antennas: Annotated[tuple[str, ...], Field(examples=[["rack-1-reader:1"]])]
    portals: Annotated[tuple[str, ...], Field(description="Portals it is a side of.", examples=[["door-1"]])]
    contents: Annotated[Place | None, Field(description="Null until the first start made it a location.")]


@dataclass(frozen=True, slots=True)
class Zones:
    """All zones of the site file: a list as long as that file, so it has no pages."""

    items: tuple[ZoneView, ...]


class LocationQuery(Paging):
    """Which locations."""

    q: Search = None
    kind: LocationKind | None = None
    level: LocationLevel | None = None
    parent: Annotated[Code | None, Field(description="Directly in this place.", examples=["hall-a"])] = None


_PLACES: Lister[Place, tuple[str]] = Lister("locations", tuple[str], Place, "code")
_TAGS: Lister[TagHere, tuple[str]] = Lister("location-tags", tuple[str], TagHere, "epc")

LocationCode = Annotated[
    str, Path(min_length=1, max_length=128, pattern=TEXT_PATTERN, description="Its code.", examples=["RACK-1-03"])
]
ZoneName = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, description="Its name.", examples=["hall-a"])]


def router(site_now: Callable[[], Site], pool: Pool) -> APIRouter:
    """Zones and locations; `site_now` is the site file as it holds now."""
    routes = APIRouter(prefix="/v1", tags=["places"])

    def zone_named(name: str) -> Zone | None:
        return next((zone for zone in site_now().zones if zone.name == name), None)

    async def known(code: str) -> Place:
        async with pool.connection() as connection:
            found = await place(connection, code)
        if found is None:
            raise not_found("location", code)
        return found

    async def tags_page(request: Request, code: str, query: Paging) -> Response:
        await known(code)
        within = f"/{code}"
        after = _TAGS.start(query, within)
        async with pool.connection() as connection:
            rows = await tags_in(connection, code, after[0] if after else None, _TAGS.take(query, within))
        return _TAGS.answer(request, query, rows, within)

    async def zone_view(zone: Zone) -> ZoneView:
        site = site_now()
        async with pool.connection() as connection:
            contents = await place(connection, zone.location_code)
        return ZoneView(
            zone.name,
            zone.location_code,
            zone.effect,
            tuple(str(antenna) for antenna in site.antennas_of(zone.name)),
            tuple(portal.name for portal in site.portals if zone.name in (portal.inside, portal.outside)),
            contents,
        )

    def shown(view: ZoneView) -> bool:
        return warehouses() is None or view.contents is not None

    @routes.get("/zones", operation_id="zones_list", summary="Zones and how much is in them", response_model=Zones)
    async def zones_list() -> Response:
        """All zones of the site file, in its order; those within their warehouses for who may read only there."""
        views = [await zone_view(zone) for zone in site_now().zones]
        return json_response(Zones(tuple(view for view in views if shown(view))))

    @routes.get("/zones/{name}", operation_id="zones_get", summary="One zone", response_model=ZoneView)
    async def zones_get(name: ZoneName) -> Response:
        """How it is watched and how much is in it."""
        zone = zone_named(name)
        view = await zone_view(zone) if zone is not None else None
        if view is None or not shown(view):
            raise not_found("zone", name)
        return json_response(view)

    @routes.get(
        "/zones/{name}/tags",
        operation_id="zones_tags",
        summary="What is in this zone",
        response_model=Page[TagHere],
        responses=problems(INVALID_CURSOR),
    )
    async def zones_tags(request: Request, name: ZoneName, query: Annotated[Paging, Query()]) -> Response:
        """Tags last seen there or in a bin of it, and not departed, by EPC."""
        zone = zone_named(name)
        if zone is None:
            raise not_found("zone", name)
        return await tags_page(request, zone.location_code, query)

    @routes.get(
        "/locations",
        operation_id="locations_list",
        summary="Locations and how much is in them",
        response_model=Page[Place],
        responses=problems(INVALID_CURSOR),
    )
    async def locations_list(request: Request, query: Annotated[LocationQuery, Query()]) -> Response:
        """Zones, bins and the counterparts of the books, by code."""
        after = _PLACES.start(query)
        async with pool.connection() as connection:
            rows = await places(
                connection,
                after[0] if after else None,
                _PLACES.take(query),
                query.kind,
                query.level,
                q=query.q,
                parent=query.parent,
            )
        return _PLACES.answer(request, query, rows)

    # The code comes last or before a fixed word, and may contain slashes.
    @routes.get(
        "/locations/{code:path}/tags",
        operation_id="locations_tags",
        summary="What is in this location",
        response_model=Page[TagHere],
        responses=problems(INVALID_CURSOR),
    )
    async def locations_tags(request: Request, code: LocationCode, query: Annotated[Paging, Query()]) -> Response:
        """Tags last seen there or in a place inside it, and not departed, by EPC. Stock: `/v1/stock?location=`."""
        return await tags_page(request, code, query)

    @routes.get("/locations/{code:path}", operation_id="locations_get", summary="One location", response_model=Place)
    async def locations_get(code: LocationCode) -> Response:
        """How much is seen and booked there, without the places inside it."""
        return json_response(await known(code))

    return routes
