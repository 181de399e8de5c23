"""Default deny: every route but the open ones needs a key, with the permission that its document names."""

import asyncio

import httpx
import pytest

from api.gate import CACHE_MAX, CACHE_TTL_S, Gate
from api.principal import OPEN_PATHS, required_permission
from tests.api.conftest import GivenKeys, Running
from warehouse.commands import Permission


async def test_every_documented_operation_without_a_key_is_refused_unless_it_is_open(shared: Running) -> None:
    document = (await shared.client.get("/openapi.json")).json()
    async with httpx.AsyncClient(base_url=shared.url, trust_env=False) as stranger:
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                response = await stranger.request(method, path.replace("{", "").replace("}", ""))
                if operation["security"] == []:
                    assert path in OPEN_PATHS or path.startswith(("/problems/", "/v1/callbacks/")), path
                    assert response.status_code != 401
                else:
                    assert response.status_code == 401, f"{method} {path}"
                    assert response.headers["www-authenticate"].startswith("Bearer")
                    assert response.headers["content-type"] == "application/problem+json"
                    assert response.json()["code"] == "unauthenticated"


async def test_an_unknown_path_is_refused_before_it_is_unknown(shared: Running) -> None:
    async with httpx.AsyncClient(base_url=shared.url, trust_env=False) as stranger:
        assert (await stranger.get("/v1/whatever")).status_code == 401
        assert (await stranger.post("/v1/dead-letters/x/replay", content=b"{not json")).status_code == 401
    assert (await shared.client.get("/v1/whatever")).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer admin-key"},
        {"Authorization": "bearer admin-key"},
        {"X-API-Key": "admin-key"},
    ],
)
async def test_both_ways_to_carry_a_key(shared: Running, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=shared.url, headers=headers, trust_env=False) as client:
        assert (await client.get("/v1/readers")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic YWRtaW4ta2V5Og=="},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer admin-key", "X-API-Key": "admin-key"},
        {"Authorization": "Basic YWRtaW4ta2V5Og==", "X-API-Key": "admin-key"},
        {"X-API-Key": "k" * 300},
        {"X-API-Key": ""},
    ],
)
async def test_what_is_no_key_is_refused(shared: Running, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=shared.url, headers=headers, trust_env=False) as client:
        assert (await client.get("/v1/readers")).status_code == 401


async def test_permissions_do_not_contain_each_other(shared: Running) -> None:
    async def status(key: str, method: str, path: str) -> int:
        async with httpx.AsyncClient(base_url=shared.url, headers={"X-API-Key": key}, trust_env=False) as client:
            return (await client.request(method, path)).status_code

    assert await status("read-key", "GET", "/v1/readers") == 200
    assert await status("read-key", "GET", "/v1/dead-letters") == 403
    assert await status("command-key", "GET", "/v1/readers") == 403
    assert await status("admin-key", "GET", "/v1/dead-letters") == 200
    assert required_permission("POST", "/v1/anything") is Permission.CONFIGURE


async def test_a_key_store_that_is_away_closes_the_door(api: Running) -> None:
    api.keys.broken = True
    response = await api.client.get("/v1/readers")
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["retry-after"] == "5"


class Clock:
    """A monotonic clock the test turns."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def ask(gate: Gate, key: str) -> int:
    """One request through the gate alone; its status, 200 when it was let through."""
    sent: list[int] = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            sent.append(int(str(message["status"])))

    scope = {"type": "http", "method": "GET", "path": "/v1/x", "headers": [(b"x-api-key", key.encode())]}
    await gate(scope, asyncio.Event().wait, send)
    return sent[0] if sent else 200


async def through(scope: object, receive: object, send: object) -> None:
    return None


async def test_a_revoked_key_works_at_most_as_long_as_the_cache_keeps_it() -> None:
    keys, clock = GivenKeys(), Clock()
    gate = Gate(through, keys, clock)
    assert [await ask(gate, "read-key"), await ask(gate, "read-key"), keys.asked] == [200, 200, 1]
    del keys.holders["read-key"]
    clock.now_s += CACHE_TTL_S - 0.01
    assert await ask(gate, "read-key") == 200
    clock.now_s += 0.02
    assert await ask(gate, "read-key") == 401


async def test_guessed_keys_take_no_memory() -> None:
    gate = Gate(through, GivenKeys(), Clock())
    for n in range(CACHE_MAX + 50):
        await ask(gate, f"guess-{n}")
    assert len(gate._cache) == CACHE_MAX
