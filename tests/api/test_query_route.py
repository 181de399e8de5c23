"""A route that reads its query at once answers and documents as FastAPI would."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.query_route import QueryRoute


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=10)] = 3
    name: str | None = None


class AskedMany(BaseModel):
    names: list[str] = []


def application(**how: Any) -> httpx.AsyncClient:
    routes = APIRouter(**how)

    @routes.get("/one")
    async def one(request: Request, query: Annotated[Asked, Query()]) -> Response:
        return JSONResponse([request.url.path, query.model_dump(), sorted(query.model_fields_set)])

    @routes.get("/many")
    async def many(request: Request, query: Annotated[AskedMany, Query()]) -> Response:
        return JSONResponse(query.model_dump())

    @routes.get("/in/{place}")
    async def inside(request: Request, place: int, query: Annotated[Asked, Query()]) -> Response:
        return JSONResponse([place, query.model_dump()])

    @routes.get("/of/{tag}/{count}")
    async def of(count: int, tag: Annotated[str, Path(pattern="^[a-c]+$")]) -> Response:
        return JSONResponse([tag, count])

    @routes.get("/headed/{tag}")
    async def headed(response: Response, tag: str) -> dict[str, str]:
        response.headers["x-tag"] = tag
        return {"tag": tag}

    @routes.get("/plain/{tag}")
    def plain(tag: str) -> Response:
        return JSONResponse(tag)

    app = FastAPI()
    app.include_router(routes)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize(
    "path",
    [
        "/one",
        "/one?limit=7&name=a%20b",
        "/one?limit=1&limit=2",
        "/one?name=",
        "/one?limit=11",
        "/one?limit=x&other=1",
        "/one?limt=3",
        "/many?names=a&names=b",
        "/in/4?limit=2",
        "/in/x?limit=0",
        "/in/x?limit=0&limt=1",
        "/of/abc/4",
        "/of/d%20/x?unknown=1",
        "/of/a%2Fb/4",
        "/headed/a",
        "/plain/a",
    ],
)
async def test_the_answer_is_fastapis(path: str) -> None:
    plain, ours = [await application(**how).get(path) for how in ({}, {"route_class": QueryRoute})]
    assert (ours.status_code, ours.json()) == (plain.status_code, plain.json())


async def test_the_documentation_is_fastapis() -> None:
    plain, ours = [await application(**how).get("/openapi.json") for how in ({}, {"route_class": QueryRoute})]
    assert ours.json() == plain.json()
