"""Readers: how they are now, as the edge sees them, and what they reported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response, utc_or_none
from api.paging import TEXT_PATTERN, Code, Lister, Page, Pages
from api.ports import ReaderHealth, ReaderState
from api.postgres.device_events import DeviceEventView, EventPosition, device_events, position_after
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, not_found
from warehouse.site import Reader, Site


@dataclass(frozen=True, slots=True)
class AntennaView:
    """One antenna port, the place it watches, and how it is."""

    port: Annotated[int, Field(examples=[1])]
    place: Annotated[str, Field(description="Zone or portal.", examples=["door-1"])]
    side: Annotated[str | None, Field(description="Side of its portal.", examples=["outside"])]
    connected: Annotated[bool | None, Field(description="Null when the reader does not say.")]
    reads_total: Annotated[int | None, Field(description="Since the edge started.", examples=[18230])]
    last_read_at: Annotated[datetime | None, Field(description="Reader time.")]


@dataclass(frozen=True, slots=True)
class ReaderView:
    """One reader of the site file and its health; null where no edge of this process drives it."""

    name: Annotated[str, Field(examples=["dock-1"])]
    address: Annotated[str, Field(examples=["192.0.2.10:5084"])]
    driver: Annotated[str, Field(examples=["native"])]
    connected: bool | None
    since: Annotated[datetime | None, Field(description="Connected, or not, since.")]
    last_event: Annotated[str | None, Field(examples=["connected"])]
    clock_offset_us: Annotated[int | None, Field(description="Added to the reader's own time.", examples=[-1500])]
    reconnects_total: Annotated[int | None, Field(examples=[2])]
    antennas: tuple[AntennaView, ...]


@dataclass(frozen=True, slots=True)
class Readers:
    """All readers of the site file: a list as long as that file, so it has no pages."""

    items: tuple[ReaderView, ...]


class DeviceEventQuery(Pages):
    """Which events."""

    kind: Annotated[Code | None, Field(examples=["reader_down"])] = None


_EVENTS: Lister[DeviceEventView, EventPosition] = Lister(
    "device-events", EventPosition, DeviceEventView, position_of=position_after
)


def _view(configured: Reader, state: ReaderState | None) -> ReaderView:
    by_port = {antenna.port: antenna for antenna in state.antennas} if state else {}
    antennas = []
    for antenna in configured.antennas:
        health = by_port.get(antenna.port)
        antennas.append(
            AntennaView(
                antenna.port,
                antenna.place,
                antenna.side,
                health.connected if health else None,
                health.reads_total if health else None,
                utc_or_none(health.last_read_us) if health else None,
            )
        )
    address = f"{configured.host}:{configured.port}"
    if state is None:
        return ReaderView(configured.name, address, configured.driver, None, None, None, None, None, tuple(antennas))
    return ReaderView(
        configured.name,
        state.address or address,
        state.driver,
        state.connected,
        utc_or_none(state.since_us),
        state.last_event,
        state.clock_offset_us,
        state.reconnects_total,
        tuple(antennas),
    )


ReaderName = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, description="The reader.", examples=["dock-1"])]


def router(site_now: Callable[[], Site], pool: Pool, health: ReaderHealth | None) -> APIRouter:
    """Readers and their events; `site_now` is the site file as it holds now."""
    routes = APIRouter(prefix="/v1/readers", tags=["readers"])

    def configured() -> dict[str, Reader]:
        return {reader.name: reader for reader in site_now().readers}

    def states() -> dict[str, ReaderState]:
        found: Sequence[ReaderState] = health.readers() if health is not None else ()
        return {state.name: state for state in found}

    @routes.get("", operation_id="readers_list", summary="Readers and their health", response_model=Readers)
    async def readers_list() -> Response:
        """All readers of the site file, in its order."""
        now = states()
        return json_response(Readers(tuple(_view(reader, now.get(reader.name)) for reader in site_now().readers)))

    @routes.get("/{name}", operation_id="readers_get", summary="One reader", response_model=ReaderView)
    async def readers_get(name: ReaderName) -> Response:
        """Its connection, clock and antennas."""
        if name not in configured():
            raise not_found("reader", name)
        return json_response(_view(configured()[name], states().get(name)))

    @routes.get(
        "/{name}/events",
        operation_id="readers_events",
        summary="What a reader reported",
        response_model=Page[DeviceEventView],
        responses=problems(INVALID_CURSOR),
    )
    async def readers_events(
        request: Request, name: ReaderName, query: Annotated[DeviceEventQuery, Query()]
    ) -> Response:
        """Newest first."""
        if name not in configured():
            raise not_found("reader", name)
        within = f"/{name}"
        after = _EVENTS.start(query, within)
        rows = await device_events(pool, name, query.kind, after, _EVENTS.take(query, within))
        return _EVENTS.answer(request, query, rows, within)

    return routes
