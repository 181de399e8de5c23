"""Reads what devices reported: connections, antennas, inputs, data loss, clock jumps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import Field

from api.postgres.pool import Pool
from api.postgres.select import select_page
from warehouse.postgres.queries.paging import Limit


@dataclass(frozen=True, slots=True)
class DeviceEventView:
    """One event of one device."""

    at: Annotated[datetime, Field(description="The device's own time.")]
    agent: Annotated[str, Field(description="The edge agent that reported it.", examples=["dock"])]
    device: Annotated[str, Field(examples=["dock-1"])]
    kind: Annotated[str, Field(examples=["reader_down"])]
    port: Annotated[int | None, Field(description="Antenna or input port.", examples=[1])]
    state: bool | None
    value: float | None
    detail: Annotated[str, Field(examples=["connection reset by peer"])]
    recorded_at: datetime


class EventPosition(NamedTuple):
    """Rows have no key of their own: the time of the last one shown, and how many of that time were shown."""

    at: datetime
    shown: int


def position_after(shown: Sequence[DeviceEventView], before: EventPosition | None) -> EventPosition:
    """Where to read on after a page that began at `before`."""
    at = shown[-1].at
    count = sum(1 for event in shown if event.at == at)
    if before is not None and before.at == at:
        count += before.shown
    return EventPosition(at, count)


async def device_events(
    pool: Pool, device: str, kind: str | None, after: EventPosition | None, limit: Limit
) -> Sequence[DeviceEventView]:
    """Newest first. Within one time the first recorded comes first, so what is added later shifts nothing."""
    return await select_page(
        pool,
        DeviceEventView,
        "select at, agent, device, kind, port, state, value, detail, recorded_at from device_event",
        {
            "device = %(device)s": True,
            "kind = %(kind)s": kind is not None,
            "at <= %(at)s": after is not None,
        },
        "order by at desc, recorded_at, agent, kind, port, detail limit %(limit)s offset %(shown)s",
        {
            "device": device,
            "kind": kind,
            "at": after.at if after else None,
            "shown": after.shown if after else 0,
            "limit": limit,
        },
    )
