"""Everything that wants attention: stock, doors, devices, counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, LiteralString
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.paging import Code, Lister, Page, Paging
from api.postgres.pool import Pool
from api.postgres.select import select_page
from api.problems import INVALID_CURSOR


@dataclass(frozen=True, slots=True)
class AlertView:
    """One matter: open until `cleared_at`. `told` are the channels whose mail went out."""

    alert_id: UUID
    kind: Annotated[str, Field(examples=["device_down"])]
    subject: Annotated[str, Field(examples=["device dock-1"])]
    detail: Annotated[str, Field(examples=["dock-1 is down since 2026-03-01 08:00 UTC"])]
    departments: Annotated[list[str], Field(examples=[["it", "warehouse"]])]
    raised_at: datetime
    cleared_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    told: Annotated[list[str], Field(examples=[["night shift"]])]


class AlertQuery(Paging):
    """Which alerts."""

    open: Annotated[bool | None, Field(description="Not over yet.", examples=[True])] = None
    kind: Annotated[Code | None, Field(examples=["device_down"])] = None
    department: Annotated[Code | None, Field(examples=["warehouse"])] = None


_SELECT: LiteralString = """select e.alert_id, e.kind, e.subject, e.detail, e.departments, e.raised_at, e.cleared_at,
    k.acknowledged_by, k.acknowledged_at,
    array(select n.channel from alert_notice n where n.alert_id = e.alert_id and n.state = 'sent' order by 1) as told
    from every_alert e left join alert_acknowledgement k using (alert_id)"""
_ALERTS: Lister[AlertView, tuple[datetime, UUID]] = Lister(
    "alerts", tuple[datetime, UUID], AlertView, "raised_at", "alert_id"
)


def router(pool: Pool) -> APIRouter:
    """Alerts."""
    routes = APIRouter(prefix="/v1/alerts", tags=["alerts"])

    @routes.get(
        "",
        operation_id="alerts_list",
        summary="What wants attention",
        response_model=Page[AlertView],
        responses=problems(INVALID_CURSOR),
    )
    async def alerts_list(request: Request, query: Annotated[AlertQuery, Query()]) -> Response:
        """Newest first."""
        at, key = _ALERTS.start(query) or (None, None)
        conditions: Mapping[LiteralString, bool] = {
            "e.cleared_at is null": query.open is True,
            "e.cleared_at is not null": query.open is False,
            "e.kind = %(kind)s": query.kind is not None,
            "%(department)s = any (e.departments)": query.department is not None,
            "(e.raised_at, e.alert_id) < (%(at)s, %(id)s)": at is not None,
        }
        values = {**query.filters(), "at": at, "id": key, "limit": _ALERTS.take(query)}
        order: LiteralString = "order by e.raised_at desc, e.alert_id desc limit %(limit)s"
        rows = await select_page(pool, AlertView, _SELECT, conditions, order, values)
        return _ALERTS.answer(request, query, rows)

    return routes
