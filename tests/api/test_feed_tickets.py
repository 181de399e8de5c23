"""Tickets for the live feed: once, for seconds, as whoever asked, and no longer than that may last."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest

from api import feed
from tests.api.conftest import Running, running_for_people
from warehouse.postgres.control import access
from warehouse.postgres.control.feed_tickets import LIVE_MAX, TicketHolder, make, redeem

KEY = "tl_" + "0123456789ab" + "_" + "s" * 32


@pytest.fixture
async def served(database: str) -> AsyncIterator[Running]:
    with psycopg.connect(database, autocommit=True) as conn:
        access.adopt_key(conn, KEY, "screen", "test")
    async with running_for_people(database) as running:
        running.client.headers["Authorization"] = f"Bearer {KEY}"
        yield running


async def ticket(of: Running) -> str:
    answer = await of.client.post("/v1/feed/tickets")
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in"] == 30
    return str(answer.json()["ticket"])


async def opened(of: Running, address: str) -> tuple[int, str]:
    """Status, and the first that comes; without a header, as a browser does."""
    async with (
        httpx.AsyncClient(base_url=of.url, trust_env=False, timeout=30) as browser,
        browser.stream("GET", address) as answer,
    ):
        async for text in answer.aiter_text():
            return answer.status_code, text
    return answer.status_code, ""


async def test_a_ticket_opens_the_feed_once(served: Running) -> None:
    one = await ticket(served)
    status, text = await opened(served, f"/v1/feed?ticket={one}")
    assert (status, text.splitlines()[0]) == (200, "retry: 1000")
    again = await opened(served, f"/v1/feed?ticket={one}")
    assert (again[0], json.loads(again[1])["code"]) == (401, "unauthenticated")


async def test_a_ticket_opens_nothing_but_the_feed_and_not_beside_a_key(served: Running) -> None:
    one = await ticket(served)
    assert (await opened(served, f"/v1/stock?ticket={one}"))[0] == 401
    assert (await opened(served, f"/v1/feed/?ticket={one}"))[0] == 401
    assert (await opened(served, f"/v1/feed?ticket={one}&ticket={one}"))[0] == 401
    both = await served.client.get("/v1/feed", params={"ticket": one})
    assert both.status_code == 401
    assert (await opened(served, f"/v1/feed?ticket={one}"))[0] == 200


async def test_two_at_once_with_one_ticket_are_one(served: Running) -> None:
    one = await ticket(served)
    found = await asyncio.gather(*(opened(served, f"/v1/feed?ticket={one}") for _ in range(5)))
    assert sorted(status for status, _ in found) == [200, 401, 401, 401, 401]


async def test_a_stream_by_ticket_ends_with_the_key_that_asked(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "RECHECK_S", 0.05)
    one = await ticket(served)
    with psycopg.connect(served.dsn, autocommit=True) as conn:
        async with (
            httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=30) as browser,
            browser.stream("GET", "/v1/feed", params={"ticket": one}) as answer,
        ):
            assert answer.status_code == 200
            conn.execute("update api_key set revoked_at = now() where key_id = '0123456789ab'")
            async for _ in answer.aiter_text():
                pass  # until the server ends it


def test_expired_and_too_many_are_gone(database: str) -> None:
    holder = TicketHolder("0123456789ab", None)
    with psycopg.connect(database, autocommit=True) as conn:
        tickets = [make(conn, holder) for _ in range(LIVE_MAX + 1)]
        other = make(conn, TicketHolder("ba9876543210", None))
        assert redeem(conn, tickets[0]) is None
        assert redeem(conn, tickets[1]) == holder
        conn.execute("update feed_ticket set expires_at = now()")
        assert redeem(conn, tickets[2]) is None
        assert redeem(conn, other) is None
        assert make(conn, holder)
        assert conn.execute("select count(*) from feed_ticket").fetchone() == (1,)
