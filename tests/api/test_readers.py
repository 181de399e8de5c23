"""Readers: the site file joined with what the edge knows, and their events in stable pages."""

import psycopg

from tests.api.conftest import Running
from tests.api.pages import walk
from tests.api.stream_rows import add_device_events


async def test_configured_readers_with_their_health(api: Running) -> None:
    [first, second] = (await api.client.get("/v1/readers")).json()["items"]
    assert (first["name"], first["connected"], first["clock_offset_us"]) == ("dock-1", True, 150)
    assert [(a["port"], a["place"], a["side"], a["reads_total"]) for a in first["antennas"]] == [
        (1, "door-1", "outside", 120),
        (2, "door-1", "inside", 0),
    ]
    assert (second["connected"], second["antennas"][0]["reads_total"]) == (False, None)
    assert (await api.client.get("/v1/readers/dock-2")).json() == second


async def test_an_unknown_reader(api: Running) -> None:
    for path in ("/v1/readers/dock-9", "/v1/readers/dock-9/events"):
        assert (await api.client.get(path)).json()["code"] == "not_found"


async def test_walking_events_of_equal_times_gives_each_once_while_more_come(api: Running) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        add_device_events(connection, 41)
        add_device_events(connection, 5, device="dock-2")

        async def add(page: int) -> None:
            add_device_events(connection, 2, first=36 - page)

        walked = await walk(api.client, "/v1/readers/dock-1/events", add, limit=3)
    keys = [(event["at"], event["recorded_at"], event["kind"]) for event in walked]
    assert len(set(keys)) == len(keys) >= 41
    assert [event["at"] for event in walked] == sorted((event["at"] for event in walked), reverse=True)
    assert {event["device"] for event in walked} == {"dock-1"}


async def test_events_of_one_kind(api: Running) -> None:
    with psycopg.connect(api.dsn) as connection:
        add_device_events(connection, 10)
    found = await walk(api.client, "/v1/readers/dock-1/events", kind="reader_down", limit=2)
    assert [event["kind"] for event in found] == ["reader_down"] * 5
