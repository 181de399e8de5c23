"""Times and days are ISO 8601 text wherever they are taken: a number is refused at its field, with the fix."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.api.conftest import Running

FIX = {
    "date-time": "use RFC 3339 time with its offset, such as 2026-03-01T08:00:00Z",
    "date": "use a day such as 2026-03-01",
}


@pytest.fixture
async def document(shared: Running) -> dict[str, Any]:
    found: dict[str, Any] = (await shared.client.get("/openapi.json")).json()
    return found


def time_format(schema: dict[str, Any]) -> str | None:
    forms = [schema, *schema.get("anyOf", ())]
    return next((form["format"] for form in forms if form.get("format") in FIX), None)


def times_in(schema: dict[str, Any], schemas: dict[str, Any], path: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The path and the format of each time in a body."""
    for form in (schema, *schema.get("anyOf", ())):
        if "$ref" in form:
            yield from times_in(schemas[form["$ref"].rpartition("/")[2]], schemas, path)
        if form.get("format") in FIX:
            yield path, form["format"]
        for name, inner in form.get("properties", {}).items():
            yield from times_in(inner, schemas, (*path, name))
        if "items" in form:
            yield from times_in(form["items"], schemas, (*path, 0))


def put(body: Any, path: tuple[Any, ...], value: object) -> None:
    """Into a body that has nothing there yet; whatever else is missing is refused as well."""
    for part, following in pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(body, list):
            if not body:
                body.append(empty)
            body = body[part]
        else:
            body = body.setdefault(part, empty)
    body[path[-1]] = value


@pytest.mark.parametrize("number", [1_700_000_000, 1_700_000_000.5, "1700000000", True])
async def test_no_body_takes_a_number_for_a_time(shared: Running, document: dict[str, Any], number: object) -> None:
    schemas = document["components"]["schemas"]
    tried = 0
    for address, methods in document["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        for path, form in times_in(content["schema"], schemas) if content else ():
            body: dict[str, Any] = {}
            put(body, path, number)
            answer = await shared.client.post(address.replace("{", "").replace("}", ""), json=body)
            pointer = "".join(f"/{part}" for part in path)
            fixes = {error["pointer"]: error["fix"] for error in answer.json()["errors"]}
            assert (answer.status_code, fixes.get(pointer)) == (422, FIX[form]), (address, pointer)
            tried += 1
    assert tried > 30


@pytest.mark.parametrize("number", ["1700000000", "1700000000.5"])
async def test_no_query_takes_a_number_for_a_time(shared: Running, document: dict[str, Any], number: str) -> None:
    tried = 0
    for address, methods in document["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", ()):
            form = time_format(parameter["schema"])
            if form is None:
                continue
            answer = await shared.client.get(
                address.replace("{", "").replace("}", ""), params={parameter["name"]: number}
            )
            fixes = {error["parameter"]: error["fix"] for error in answer.json()["errors"]}
            assert (answer.status_code, fixes.get(f"query:{parameter['name']}")) == (422, FIX[form]), address
            tried += 1
    assert tried > 10


async def test_a_time_without_its_offset_is_told_to_add_it_and_a_day_is_no_time(shared: Running) -> None:
    fixes = []
    for value in ("2026-03-01T08:00:00", "2026-03-01"):
        answer = await shared.client.get("/v1/movements", params={"since": value})
        fixes.append(answer.json()["errors"][0]["fix"])
    assert fixes == ["add the offset, such as Z or +08:00", FIX["date-time"]]
    assert (await shared.client.get("/v1/movements", params={"since": "2026-03-01T08:00:00+08:00"})).status_code == 200
