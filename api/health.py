"""`/livez` and `/readyz`. Alive means this event loop answers; ready means everything a request needs is there.

Both are open, because whatever restarts or routes around this process holds no key. An orchestrator restarts on livez,
so livez looks at nothing else: a database that is away is no reason to restart the API.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from api.encoding import json_response
from api.ports import Dependencies


@dataclass(frozen=True, slots=True)
class Alive:
    """The process answers."""

    status: Literal["alive"] = "alive"


@dataclass(frozen=True, slots=True)
class DependencyReport:
    """One thing the service needs."""

    name: Annotated[str, Field(examples=["database"])]
    ready: Annotated[bool, Field(examples=[True])]
    detail: Annotated[str, Field(examples=["PostgreSQL 18.6, migrated"])] = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Ready when every dependency is."""

    status: Annotated[Literal["ready", "not ready"], Field(examples=["ready"])]
    dependencies: tuple[DependencyReport, ...]


def router(dependencies: Dependencies) -> APIRouter:
    """Both probes."""
    routes = APIRouter(tags=["service"])

    @routes.get("/livez", operation_id="livez", summary="Is the process alive", response_model=Alive)
    async def livez() -> Response:
        """Looks at nothing but itself. No key needed."""
        return json_response(Alive())

    @routes.get(
        "/readyz",
        operation_id="readyz",
        summary="Is everything it needs there",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "Something is missing; `dependencies` says what."}},
    )
    async def readyz() -> Response:
        """Each dependency by name. No key needed."""
        states = await dependencies.check()
        reports = tuple(DependencyReport(state.name, state.ready, state.detail) for state in states)
        ready = all(report.ready for report in reports)
        return json_response(Readiness("ready" if ready else "not ready", reports), 200 if ready else 503)

    return routes
