"""`/`: what is here; `/problems/{code}`: what an error means. Plain JSON, open to all."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.problems import INTERNAL, ProblemKind, not_found


@dataclass(frozen=True, slots=True)
class Link:
    """Where something is, and what."""

    href: Annotated[str, Field(examples=["/v1/stock"])]
    title: Annotated[str, Field(examples=["Stock by item, lot and location"])]


@dataclass(frozen=True, slots=True)
class Landing:
    """What this server offers."""

    name: Annotated[str, Field(examples=["Tagledger"])]
    site: Annotated[str, Field(examples=["plant-1"])]
    version: Annotated[str, Field(examples=["0.1.0"])]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """What one kind of problem means."""

    code: Annotated[str, Field(examples=["invalid_cursor"])]
    status: Annotated[int, Field(examples=[400])]
    title: Annotated[str, Field(examples=["The cursor is not one this list gave out"])]
    fix: Annotated[str, Field(examples=["Start again without a cursor."])]


_LINKS = (
    Link("/docs", "API documentation, works without the internet"),
    Link("/openapi.json", "The OpenAPI document"),
    Link("/livez", "Is the process alive"),
    Link("/readyz", "Is everything it needs there"),
    Link("/metrics", "Numbers for Prometheus"),
    Link("/v1/tags", "Tags: where they are"),
    Link("/v1/locations", "Zones and bins: what is here"),
    Link("/v1/stock", "Stock by item, lot and location"),
    Link("/v1/movements", "Movements: the ledger"),
    Link("/v1/passages", "Loads through portals, with evidence"),
    Link("/v1/documents", "Documents and their progress"),
    Link("/v1/discrepancies", "What did not fit"),
    Link("/v1/readers", "Readers and their health"),
    Link("/v1/portals", "Portals and what they show"),
    Link("/v1/dead-letters", "Input that could not be processed"),
    Link("/v1/feed", "What happens, as it happens"),
)


def router(site: str, version: str, kinds: tuple[ProblemKind, ...]) -> APIRouter:
    """Both pages."""
    routes = APIRouter(tags=["service"])
    by_code = {kind.code: kind for kind in kinds}

    @routes.get("/", operation_id="index", summary="What is here", response_model=Landing)
    async def index() -> Response:
        """Links to everything. No key needed."""
        return json_response(Landing("Tagledger", site, version, _LINKS))

    @routes.get(
        "/problems/{code}",
        operation_id="problem_page",
        summary="What a problem means",
        response_model=ProblemPage,
        responses=problems(INTERNAL),
    )
    async def problem_page(
        code: Annotated[str, Path(max_length=64, examples=["invalid_cursor"])],
    ) -> Response:
        """The page behind the `type` of a problem. No key needed."""
        kind = by_code.get(code)
        if kind is None:
            raise not_found("problem", code)
        return json_response(ProblemPage(kind.code, kind.status, kind.title, kind.fix))

    return routes
