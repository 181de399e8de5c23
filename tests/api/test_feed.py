"""The live feed over real transactions: nothing lost, nothing doubled, order of the cursor, bounded clients."""

import asyncio
import random
from typing import Any

import httpx
import psycopg
import pytest

from api.ports import LiveEvent
from tests.api.conftest import Running
from tests.api.event_stream import events

INSERT = (
    "insert into outbox (topic, payload)"
    " values (%s, jsonb_build_object('n', %s::int, 'updates', jsonb_build_array(jsonb_build_array('E2', %s::text))))"
)


async def connect(dsn: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(dsn)


async def emit(connection: psycopg.AsyncConnection[Any], n: int, topic: str = "posting", location: str = "A") -> None:
    await connection.execute(INSERT, (topic, n, location))


async def test_events_arrive_after_their_commit(api: Running) -> None:
    async with events(api.client) as feed, await connect(api.dsn) as writer:
        await emit(writer, 1)
        await writer.commit()
        received = await feed.next()
    assert (received.kind, received.data) == ("posting", {"n": 1, "updates": [["E2", "A"]]})


async def test_an_event_waits_for_older_transactions_and_is_not_lost(api: Running) -> None:
    """seq is not commit order: the slow transaction took its seq first and commits last."""
    async with events(api.client) as feed, await connect(api.dsn) as slow, await connect(api.dsn) as quick:
        await emit(slow, 1)
        await emit(quick, 2)
        await quick.commit()
        with pytest.raises(TimeoutError):
            await feed.next(timeout_s=0.3)
        await slow.commit()
    # A fresh client resuming from before both gets both, in cursor order.
    async with events(api.client, feed.last_id) as feed:
        assert [(await feed.next()).data["n"] for _ in range(2)] == [1, 2]


async def test_a_rolled_back_transaction_holds_nothing_up(api: Running) -> None:
    async with events(api.client) as feed, await connect(api.dsn) as slow, await connect(api.dsn) as quick:
        await emit(slow, 1)
        await emit(quick, 2)
        await quick.commit()
        await slow.rollback()
        assert (await feed.next()).data["n"] == 2


async def test_resuming_anywhere_neither_loses_nor_doubles(api: Running) -> None:
    """Writers with overlapping transactions, a client that is cut after every few events and resumes by id."""
    total, writers = 240, 4
    rng = random.Random(7)

    async def write(worker: int) -> None:
        async with await connect(api.dsn) as connection:
            for n in range(worker, total, writers):
                await emit(connection, n)
                await asyncio.sleep(rng.random() * 0.004)
                if rng.random() < 0.5:
                    await connection.commit()
            await connection.commit()

    async with events(api.client) as feed:
        last_id = feed.last_id
    writing = [asyncio.create_task(write(worker)) for worker in range(writers)]
    seen: list[int] = []
    positions: list[str] = []
    while len(seen) < total:
        async with events(api.client, last_id) as feed:
            for _ in range(rng.randint(1, 25)):
                received = await feed.next()
                seen.append(received.data["n"])
                positions.append(received.id)
                last_id = feed.last_id
                if len(seen) == total:
                    break
    await asyncio.gather(*writing)
    assert sorted(seen) == list(range(total))
    ordered = [tuple(int(part) for part in position.split("-")) for position in positions]
    assert ordered == sorted(ordered)


async def test_a_long_backlog_is_caught_up_in_pages_then_followed(api: Running) -> None:
    async with events(api.client) as feed:
        start = feed.last_id
    async with await connect(api.dsn) as writer:
        await writer.execute(
            "insert into outbox (topic, payload) select 'posting', jsonb_build_object('n', n)"
            " from generate_series(1, 2300) as n"
        )
        await writer.commit()
        async with events(api.client, start) as feed:
            caught_up = [(await feed.next()).data["n"] for _ in range(2300)]
            await emit(writer, 2301)
            await writer.commit()
            assert [*caught_up, (await feed.next()).data["n"]] == list(range(1, 2302))


async def test_a_client_that_does_not_read_is_cut_off_the_hub_and_still_gets_everything(api: Running) -> None:
    filler = "x" * 2000
    async with events(api.client) as feed, await connect(api.dsn) as writer:
        for _ in range(12):
            await writer.execute(
                "insert into outbox (topic, payload) select 'posting', jsonb_build_object('n', n, 'f', %s::text)"
                " from generate_series(1, 400) as n",
                (filler,),
            )
            await writer.commit()
        numbers = [(await feed.next()).data["n"] for _ in range(4800)]
    assert numbers == list(range(1, 401)) * 12


async def test_filters_by_type_and_location(api: Running) -> None:
    async with events(api.client, type=["location"], location=["B"]) as feed, await connect(api.dsn) as writer:
        await emit(writer, 1, "posting", "B")
        await emit(writer, 2, "location", "A")
        await emit(writer, 3, "location", "B")
        await writer.commit()
        assert (await feed.next()).data["n"] == 3


async def test_passages_come_before_the_movements_of_their_transaction(api: Running) -> None:
    async with events(api.client) as feed, await connect(api.dsn) as writer:
        await emit(writer, 1)
        await writer.execute(
            "insert into passage (passage_id, revision, portal, opened_at, closed_at, direction, direction_score,"
            " belongs, unsure, strays) values (gen_random_uuid(), 0, 'door-1', now(), now(), 'in', 0.9, 3, 0, 1)"
        )
        await writer.commit()
        first, second = await feed.next(), await feed.next()
    assert (first.kind, first.data["portal"], first.data["belongs"]) == ("passage", "door-1", 3)
    assert second.kind == "posting"


async def test_live_events_have_no_id_and_the_current_ones_come_first(api: Running) -> None:
    api.live.now = [LiveEvent("live.signal", "door-1", {"colour": "green"})]
    async with events(api.client) as feed:
        current = await feed.next()
        api.live.say(LiveEvent("live.passage", "door-1", {"tags": 3}))
        received = await feed.next()
    assert (current.kind, current.id, current.data) == ("live.signal", "", {"portal": "door-1", "colour": "green"})
    assert (received.kind, received.id, received.data) == ("live.passage", "", {"portal": "door-1", "tags": 3})


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ("nonsense", 400, "invalid_cursor"),
        ("1-2", 400, "invalid_cursor"),
        ("-1-0-0", 400, "invalid_cursor"),
        ("99999999999999999999-0-1", 400, "invalid_cursor"),
        ("9000000000000000000-0-1", 410, "expired_position"),
    ],
)
async def test_bad_ids_are_refused(api: Running, given: str, status: int, code: str) -> None:
    response = await api.client.get("/v1/feed", headers={"Last-Event-ID": given})
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_trimmed_log_says_that_it_does_not_reach_back(api: Running) -> None:
    async with events(api.client) as feed:
        old = feed.last_id
    async with await connect(api.dsn) as writer:
        await emit(writer, 1)
        await writer.commit()
        await writer.execute(
            "insert into outbox_reader (name, tx, seq) select 'trimmed', tx, seq from outbox order by tx desc limit 1"
        )
        await writer.commit()
    response = await api.client.get("/v1/feed", headers={"Last-Event-ID": old})
    assert (response.status_code, response.json()["code"]) == (410, "expired_position")


async def test_open_streams_end_when_the_server_stops(api: Running) -> None:
    """The fixture's own end would hang on this stream otherwise; here the client sees a clean end."""
    async with httpx.AsyncClient(base_url=api.url, headers=api.client.headers, trust_env=False) as client:
        async with events(client) as feed:
            reading = asyncio.create_task(feed.next())
            await asyncio.sleep(0)
        with pytest.raises((StopAsyncIteration, httpx.StreamClosed, httpx.ReadError, TimeoutError)):
            await reading
