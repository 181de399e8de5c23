"""People over HTTP: the first sign-in, tokens as OAuth2 has them, what ends a session, what a token may and may not."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from api import jwt_tokens
from api.app import issuer
from api.gate import CACHE_TTL_S, Gate
from api.oauth import WAITING_MAX, Doorway
from api.postgres.key_ring import PostgresKeys
from api.postgres.pool import query_pool
from api.problems import ProblemError
from tests.api.conftest import SITE, running_for_people
from tests.api.test_gate import Clock, through
from warehouse.postgres.control import accounts, passwords, sessions, signing_keys
from warehouse.postgres.control.people import ensure_roles
from warehouse.postgres.database.connect import connect

OLD, NEW = "one-time-secret", "correct horse battery"


@dataclass(frozen=True, slots=True)
class Door:
    """The API with its real key ring, whose gate remembers nothing, and an administrator called `admin`."""

    client: httpx.AsyncClient
    dsn: str

    async def token(self, **form: str) -> httpx.Response:
        return await self.client.post("/v1/token", data=form)

    async def signed_in(self, name: str = "admin", password: str = NEW) -> dict[str, Any]:
        response = await self.token(grant_type="password", username=name, password=password)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer


@pytest.fixture
async def door(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr("api.gate.CACHE_TTL_S", 0.0)
    with connect(database) as conn:
        ensure_roles(conn)
        accounts.first_administrator(conn)
        passwords.store(conn, "admin", NEW, one_time=False)
    async with (
        running_for_people(database) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=30) as client,
    ):
        yield Door(client, database)


def bearer(answer: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer['access_token']}"}


async def test_the_first_sign_in_leads_to_a_password_and_nowhere_else(door: Door) -> None:
    with connect(door.dsn) as conn:
        passwords.store(conn, "admin", OLD, one_time=True)
    first = await door.signed_in(password=OLD)
    assert first["password_change_required"] is True
    refused = await door.client.get("/v1/stock", headers=bearer(first))
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
    refused = await door.client.post("/v1/users", headers=bearer(first), json={"name": "x"})
    assert refused.status_code == 403
    me = (await door.client.get("/v1/me", headers=bearer(first))).json()
    assert (me["actor"], me["permissions"], me["password_change_required"]) == ("admin", [], True)

    async def change(old: str, new: str) -> httpx.Response:
        return await door.client.post("/v1/me/password", headers=bearer(first), json={"old": old, "new": new})

    assert [(await change(OLD, new)).status_code for new in ("short", OLD, "a" * 20)] == [422, 409, 409]
    assert (await change("wrong", NEW)).json()["code"] == "wrong_password"
    changed = await change(OLD, NEW)
    assert changed.status_code == 200
    assert changed.headers["cache-control"] == "no-store"
    assert (await door.client.get("/v1/stock", headers=bearer(changed.json()))).status_code == 200
    assert (await door.client.get("/v1/stock", headers=bearer(first))).status_code == 401


async def test_tokens_are_as_oauth2_has_them(door: Door) -> None:
    response = await door.token(grant_type="password", username="admin", password=NEW)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", jwt_tokens.ACCESS_S)
    header, payload = (
        json.loads(base64.urlsafe_b64decode(part + "==")) for part in answer["access_token"].split(".")[:2]
    )
    assert (header["typ"], header["alg"]) == ("at+jwt", "HS256")
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "sid"} == set(payload)  # RFC 9068, 2.2
    assert (payload["iss"], payload["sub"]) == ("tagledger:test-site", "admin")
    assert NEW not in json.dumps(payload)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"grant_type": "password", "username": "admin"}, "invalid_request"),
        ({"grant_type": "password", "username": "a" * 65, "password": "x"}, "invalid_request"),
        ({"grant_type": "password", "username": "ad\0min", "password": "x"}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "rt_x"}, "invalid_grant"),
        ({"grant_type": "password", "username": "nobody", "password": NEW}, "invalid_grant"),
        ({"grant_type": "password", "username": "admin", "password": "wrong"}, "invalid_grant"),
    ],
)
async def test_errors_are_as_oauth2_has_them(door: Door, form: dict[str, str], error: str) -> None:
    response = await door.token(**form)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"


async def test_what_is_no_form_is_refused(door: Door) -> None:
    for body, kind in (
        (b'{"grant_type": "password"}', "application/json"),
        (b"grant_type=password&grant_type=refresh_token", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a" * 10_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"x%d=1" % n for n in range(50)), "application/x-www-form-urlencoded"),
    ):
        response = await door.client.post("/v1/token", content=body, headers={"Content-Type": kind})
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request"), body[:40]


async def test_a_stranger_cannot_tell_who_exists(door: Door) -> None:
    answers = []
    for name in ("admin", "nobody"):
        with connect(door.dsn) as conn:
            conn.execute("delete from sign_in_attempt")
        wrong = await door.token(grant_type="password", username=name, password="wrong")
        with connect(door.dsn) as conn:
            conn.execute("update sign_in_attempt set locked_until = now() + interval '99.5 seconds'")
        locked = await door.token(grant_type="password", username=name, password=NEW)
        assert locked.headers["retry-after"]
        answers.append((wrong.status_code, wrong.json(), locked.status_code, locked.json()["error"]))
    assert answers[0] == answers[1]
    assert answers[0][2:] == (429, "slow_down")


async def test_refreshing_and_signing_out(door: Door) -> None:
    first = await door.signed_in()
    again = await door.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again.status_code == 200
    assert again.json()["refresh_token"] != first["refresh_token"]
    assert (await door.client.get("/v1/me", headers=bearer(again.json()))).status_code == 200
    for token in (again.json()["refresh_token"], again.json()["access_token"], "whatever"):
        assert (await door.client.post("/v1/token/revoke", data={"token": token})).status_code == 200
    assert (await door.client.get("/v1/me", headers=bearer(again.json()))).status_code == 401
    other = await door.signed_in()
    assert (await door.client.post("/v1/token/revoke", data={"token": other["access_token"]})).status_code == 200
    assert (await door.client.get("/v1/me", headers=bearer(other))).status_code == 401
    assert (await door.client.post("/v1/token/revoke", data={})).status_code == 400


async def test_a_token_that_was_tampered_with_is_no_token(door: Door) -> None:
    token = (await door.signed_in())["access_token"]
    head, body, signature = token.split(".")
    with connect(door.dsn) as conn, conn.transaction():
        key = signing_keys.current(conn)
        row = conn.execute("select session_id from session").fetchone()
    assert row is not None
    session_id = UUID(str(row[0]))
    claims = jwt_tokens.TokenClaims("admin", session_id)
    us, now_s = issuer(SITE.name), json.loads(base64.urlsafe_b64decode(body + "=="))["iat"]

    def made(who: jwt_tokens.TokenClaims = claims, by: str = us, at_s: int = now_s, secret: bytes = key.secret) -> str:
        return jwt_tokens.make(who, by, at_s, key.kid, secret)

    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt", "kid": key.kid}).encode())
    bad = {
        "another signature": f"{head}.{body}.{signature[:-2]}AA",
        "none": f"{unsigned.decode().rstrip('=')}.{body}.",
        "expired": made(at_s=now_s - jwt_tokens.ACCESS_S - 60),
        "another issuer": made(by="tagledger:elsewhere"),
        "another key": made(secret=b"x" * 32),
        "another person": made(jwt_tokens.TokenClaims("kim", session_id)),
        "no such session": made(jwt_tokens.TokenClaims("admin", uuid4())),
        "cut": token[:-20],
        "long": token + "A" * 3000,
    }
    assert (await door.client.get("/v1/me", headers={"Authorization": f"Bearer {made()}"})).status_code == 200
    for name, text in bad.items():
        response = await door.client.get("/v1/me", headers={"Authorization": f"Bearer {text}"})
        assert response.status_code == 401, name


async def test_users_keys_and_the_log_of_it(door: Door) -> None:
    admin = bearer(await door.signed_in())

    async def do(path: str, key: str = "", **body: Any) -> dict[str, Any]:
        headers = {**admin, **({"Idempotency-Key": key} if key else {})}
        response = await door.client.post(path, headers=headers, json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    made = await do("/v1/users", "click", name="kim", role="keeper")
    again = await do("/v1/users", "click", name="kim", role="keeper")
    assert (again["repeated"], again["response"]["one_time_password"]) == (True, None)
    reset = await do("/v1/users/reset-password", name="kim")
    once = reset["response"]["one_time_password"]
    assert once != made["response"]["one_time_password"]
    stale = await door.token(grant_type="password", username="kim", password=made["response"]["one_time_password"])
    assert stale.status_code == 400
    kim = await door.signed_in("kim", once)
    changed = await door.client.post(
        "/v1/me/password", headers=bearer(kim), json={"old": once, "new": "a new pass phrase"}
    )
    kim = changed.json()
    # A keeper keeps, and administers nothing.
    assert (await door.client.get("/v1/stock", headers=bearer(kim))).status_code == 200
    for path in ("/v1/users", "/v1/keys", "/v1/audit", "/v1/dead-letters"):
        assert (await door.client.get(path, headers=bearer(kim))).status_code == 403, path
    refused = await door.client.post("/v1/users", headers=bearer(kim), json={"name": "mate"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "'users'" in refused.json()["detail"]
    key = (await do("/v1/keys", name="screen", permissions=["read"]))["response"]
    assert (await door.client.get("/v1/stock", headers={"X-API-Key": key["key"]})).status_code == 200
    assert (await door.client.get("/v1/me", headers={"X-API-Key": key["key"]})).json()["kind"] == "key"
    listed = (await door.client.get("/v1/keys", headers=admin)).json()["items"]
    assert [(k["name"], k["permissions"]) for k in listed] == [("screen", ["read"])]
    await do("/v1/keys/revoke", key_id=key["key_id"])
    assert (await door.client.get("/v1/stock", headers={"X-API-Key": key["key"]})).status_code == 401
    user = (await door.client.get("/v1/users/kim", headers=admin)).json()
    assert (user["user"]["password"], len(user["sessions"])) == ("own", 1)
    await do("/v1/users/disable", name="kim", reason="left")
    assert (await door.client.get("/v1/stock", headers=bearer(kim))).status_code == 401

    async def log(**filters: str) -> list[tuple[str, str, str]]:
        page = (await door.client.get("/v1/audit", headers=admin, params={"limit": "1000", **filters})).json()
        return [(row["actor"], row["command"], row["outcome"]) for row in page["items"]]

    assert await log(command="CreateUser", refused="true") == [("kim", "CreateUser", "forbidden")]
    assert await log(actor="kim", command="SignIn") == [("kim", "SignIn", "done"), ("kim", "SignIn", "refused")]
    assert ("admin", "DisableUser", "done") in await log(outcome="done")
    whole = (await door.client.get("/v1/audit", headers=admin)).text
    for secret in (
        once,
        made["response"]["one_time_password"],
        key["key"].removeprefix(f"tl_{key['key_id']}_"),
        NEW,
        "a new pass phrase",
    ):
        assert secret not in whole


async def test_the_log_comes_in_pages(door: Door) -> None:
    admin = bearer(await door.signed_in())
    for n in range(5):
        await door.client.post("/v1/items", headers=admin, json={"code": f"I{n}"})
    seen: list[int] = []
    link: str | None = "/v1/audit?limit=2"
    while link is not None:
        page = (await door.client.get(link, headers=admin)).json()
        seen += [row["seq"] for row in page["items"]]
        link = page["next"]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) >= 6


async def test_a_session_that_ended_holds_as_long_as_the_gate_remembers_it(database: str) -> None:
    clock = Clock()
    with connect(database) as conn:
        ensure_roles(conn)
        accounts.first_administrator(conn)
        passwords.store(conn, "admin", NEW, one_time=False)
        session = accounts.sign_in(conn, "admin", NEW, "")
        assert isinstance(session, sessions.Session)
        with conn.transaction():
            key = signing_keys.current(conn)
            row = conn.execute("select extract(epoch from now())::bigint").fetchone()
        assert row is not None
        token = jwt_tokens.make(jwt_tokens.TokenClaims("admin", session.session_id), "us", row[0], key.kid, key.secret)
        async with query_pool(database, 1) as pool:
            gate = Gate(through, PostgresKeys(pool, "us"), clock)
            assert await gate._find(token) is not None
            conn.execute("update person set disabled_at = now()")
            clock.now_s += CACHE_TTL_S - 0.01
            assert await gate._find(token) is not None
            clock.now_s += 0.02
            assert await gate._find(token) is None


async def test_a_feed_ends_when_its_reader_may_not_read_any_more(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.feed.RECHECK_S", 0.05)
    reader = bearer(await door.signed_in())
    async with asyncio.timeout(30), door.client.stream("GET", "/v1/feed", headers=reader) as stream:
        lines = stream.aiter_lines()
        assert await anext(lines)
        with connect(door.dsn) as conn:
            conn.execute("update session set ended_at = now()")
        async for _line in lines:
            pass


async def test_those_who_wait_to_sign_in_are_bounded() -> None:
    doorway, leave = Doorway(), asyncio.Event()

    async def enter() -> None:
        async with doorway:
            await leave.wait()

    tasks = [asyncio.create_task(enter()) for _ in range(WAITING_MAX + 2)]
    await asyncio.sleep(0)
    with pytest.raises(ProblemError, match="too many people"):
        async with doorway:
            pass
    leave.set()
    await asyncio.gather(*tasks)
    async with doorway:
        pass
