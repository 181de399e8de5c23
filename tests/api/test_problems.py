"""Every error is an RFC 9457 problem that says what, where and how to fix it; a crash says nothing of its inside."""

import json

import httpx
import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg import sql
from structlog.testing import capture_logs

from api.metrics import HttpMetrics
from api.outermost import Outermost
from api.problem_handlers import json_pointer
from tests.api.conftest import Running

LETTER = "/v1/dead-letters/0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"/problems/{code}"
    assert all(isinstance(body[name], str) and body[name] for name in ("title", "detail", "fix"))
    return body


async def test_unknown_path(shared: Running) -> None:
    assert_problem(await shared.client.get("/nothing", headers={"Authorization": "Bearer admin-key"}), 404, "not_found")


async def test_wrong_method_names_the_right_ones(shared: Running) -> None:
    response = await shared.client.put("/v1/readers")
    assert_problem(response, 405, "method_not_allowed")
    assert "GET" in response.headers["allow"]


async def test_wrong_values_are_named_with_their_fix(shared: Running) -> None:
    response = await shared.client.get("/v1/passages", params={"limit": 5000, "since": "yesterday", "portl": "door-1"})
    body = assert_problem(response, 422, "invalid")
    errors = {error["parameter"]: error for error in body["errors"]}  # type: ignore[attr-defined]
    assert set(errors) == {"query:limit", "query:since", "query:portl"}
    assert errors["query:limit"]["fix"] == "use at most 1000"
    assert errors["query:portl"]["fix"] == "remove it, or correct its spelling"


async def test_wrong_body_values_have_pointers(shared: Running) -> None:
    response = await shared.client.post(f"{LETTER}/replay", json={"note": 7, "a/b": 1})
    body = assert_problem(response, 422, "invalid")
    assert {error["pointer"] for error in body["errors"]} == {"/note", "/a~1b"}  # type: ignore[attr-defined]
    assert json_pointer(["lines", 0, "~x"]) == "/lines/0/~0x"


@pytest.mark.parametrize("quantity", [10.5, True, "much", [], 10**20])
async def test_a_value_of_two_forms_is_one_problem_at_its_own_place(shared: Running, quantity: object) -> None:
    move = {"item": "A-100", "quantity": quantity, "source": "hall-a", "target": "yard"}
    body = assert_problem(await shared.client.post("/v1/stock/move", json=move), 422, "invalid")
    assert [error["pointer"] for error in body["errors"]] == ["/quantity"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "malformed"),
        (b"\xff\xfe{}", 400, "malformed"),
        (b"[" * 100_000, 400, "malformed"),
        (b"", 422, "invalid"),
        (b'"\\ud800"', 422, "invalid"),
        (b'{"note": "\\ud800"}', 422, "invalid"),
        (b'{"note": "\\u0000"}', 422, "invalid"),
        (b"x" * (1 << 20) + b"x", 413, "too_large"),
    ],
)
async def test_bad_bodies(shared: Running, content: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = await shared.client.post(f"{LETTER}/replay", content=content, headers=headers)
    assert_problem(response, status, code)


async def test_a_body_without_an_announced_length_is_bounded_too(shared: Running) -> None:
    async def chunks():  # type: ignore[no-untyped-def]
        for _ in range(20):
            yield b"x" * 100_000

    headers = {"Content-Type": "application/json"}
    assert_problem(await shared.client.post(f"{LETTER}/replay", content=chunks(), headers=headers), 413, "too_large")


async def test_a_cursor_of_another_list_or_filter_is_refused(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        connection.execute(
            "insert into dead_letter (dead_letter_id, kind, source, reason, body)"
            " select gen_random_uuid(), 'posting', 's', 'r', '' from generate_series(1, 3)"
        )
    following = (await api.client.get("/v1/dead-letters", params={"limit": 1})).json()["next"]
    cursor = httpx.URL(following).params["cursor"]
    assert (await api.client.get("/v1/dead-letters", params={"cursor": cursor})).status_code == 200
    for path, params in (
        ("/v1/passages", {"cursor": cursor}),
        ("/v1/dead-letters", {"cursor": cursor, "kind": "posting"}),
        ("/v1/dead-letters", {"cursor": cursor[:-4]}),
        ("/v1/dead-letters", {"cursor": "bm90aGluZw"}),
        ("/v1/dead-letters", {"cursor": "é"}),
        ("/v1/dead-letters", {"cursor": ""}),
    ):
        body = assert_problem(await api.client.get(path, params=params), 400, "invalid_cursor")
        [error] = body["errors"]  # type: ignore[misc]
        assert error["parameter"] == "query:cursor"
        assert error["fix"]


async def test_every_kind_has_a_page(shared: Running) -> None:
    document = (await shared.client.get("/openapi.json")).json()
    codes = {
        code
        for operations in document["paths"].values()
        for operation in operations.values()
        for response in operation["responses"].values()
        for code in response.get("content", {}).get("application/problem+json", {}).get("examples", {})
    }
    assert {"invalid", "internal", "invalid_cursor", "already_decided"} <= codes
    for code in codes:
        page = (await shared.client.get(f"/problems/{code}")).json()
        assert page["code"] == code


async def test_a_crash_is_a_500_whose_cause_is_only_in_the_log() -> None:
    async def crash(scope: object, receive: object, send: object) -> None:
        raise KeyError("the secret inside")

    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    with capture_logs() as logs:
        outermost = Outermost(crash, HttpMetrics(CollectorRegistry()))
        await outermost({"type": "http", "method": "GET", "path": "/v1/x", "headers": []}, None, send)
    body = json.loads(str(sent[1]["body"], "utf-8"))  # type: ignore[arg-type]
    assert (sent[0]["status"], body["code"]) == (500, "internal")
    assert "secret" not in json.dumps(body)
    assert [log["reference"] for log in logs] == [body["reference"]]


async def test_a_database_that_goes_away_is_a_503_and_comes_back(api: Running, postgres_dsn: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(api.dsn)["dbname"]
    with psycopg.connect(postgres_dsn, autocommit=True) as server:
        server.execute(sql.SQL("alter database {} allow_connections false").format(sql.Identifier(str(name))))
        server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        for _ in range(2):
            response = await api.client.get("/v1/passages")
            assert_problem(response, 503, "unavailable")
            assert response.headers["retry-after"] == "5"
        server.execute(sql.SQL("alter database {} allow_connections true").format(sql.Identifier(str(name))))
    # The pool comes back by itself; each try waits for a connection, so this is bounded by tries, not by time.
    for _ in range(20):
        if (await api.client.get("/v1/passages")).status_code == 200:
            return
    raise AssertionError("the API did not come back")
