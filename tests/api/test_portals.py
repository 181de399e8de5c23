"""Portals: configuration, what they show at this moment, and what they showed."""

import psycopg

from api.ports import LiveEvent
from tests.api.conftest import Running
from tests.api.pages import walk
from tests.api.stream_rows import add_signals


async def test_portals_show_what_is_live(api: Running) -> None:
    api.live.now = [LiveEvent("live.signal", "door-2", {"colour": "red", "reason": "wrong tag"})]
    [first, second] = (await api.client.get("/v1/portals")).json()["items"]
    assert (first["name"], first["inside"], first["effect"], first["live"]) == ("door-1", "hall", "post", [])
    assert second["antennas"] == ["dock-2:1"]
    assert second["live"] == [{"type": "live.signal", "data": {"colour": "red", "reason": "wrong tag"}}]
    assert (await api.client.get("/v1/portals/door-2")).json() == second


async def test_signals_of_the_same_time_in_pages(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        add_signals(connection, 11)
        add_signals(connection, 1, "door-2")
    shown = await walk(api.client, "/v1/portals/door-1/signals", limit=2)
    assert [signal["reason"] for signal in shown] == [f"reason {n}" for n in reversed(range(11))]
    assert (shown[0]["colour"], shown[0]["missing"]) == ("amber", ["E2"])


async def test_an_unknown_portal(api: Running) -> None:
    for path in ("/v1/portals/door-9", "/v1/portals/door-9/signals"):
        assert (await api.client.get(path)).status_code == 404
