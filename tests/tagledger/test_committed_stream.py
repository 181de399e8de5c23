"""What an API in a process of its own shows of the portals: what one beside the stream does, out of the database."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from api.ports import LiveEvent
from api.postgres.pool import query_pool
from edge.clock import WallClock
from stream.embedded import EmbeddedHost
from tagledger.api_ports import LivePortals
from tagledger.committed_stream import CommittedStream
from tagledger.stream_parts import running_host
from tests.stream.plant_books import prepare
from tests.stream.traffic import START_US, heartbeats, site, traffic
from warehouse.commands import ALL_RIGHTS, Actor, OverrideSignal, Result
from warehouse.loads import OverrideColour
from warehouse.postgres.commands import execute
from warehouse.postgres.goods.places import ensure_places

PATIENCE_S = 30.0
LOG = traffic(18)
LOG += heartbeats(LOG[-1], 12)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (the condition is in the database)
            await asyncio.sleep(0.01)


@pytest.fixture
async def host(database: str) -> AsyncIterator[EmbeddedHost]:
    prepare(database)
    with psycopg.connect(database, autocommit=True) as connection:
        ensure_places(connection, site())
    async with running_host(site(), database) as made:
        yield made


def events(live: CommittedStream | LivePortals) -> list[LiveEvent]:
    heard: list[LiveEvent] = []
    live.subscribe(heard.append)
    return heard


def loads(heard: list[LiveEvent]) -> list[LiveEvent]:
    return [event for event in heard if event.kind == "live.passage"]


def standing(live: CommittedStream | LivePortals) -> dict[tuple[str, str], LiveEvent]:
    return {(event.portal, event.kind): event for event in live.portals()}


async def test_a_load_in_a_door_and_its_light_are_seen_as_beside_the_stream(host: EmbeddedHost, database: str) -> None:
    async with query_pool(database, 2) as pool:
        beside, apart = LivePortals(host, lambda: START_US), CommittedStream(pool, lambda: START_US)
        following = [asyncio.create_task(live.run()) for live in (beside, apart)]
        heard, heard_apart = events(beside), events(apart)
        try:
            await until(lambda: bool(apart.gauges()))  # from its first look on it misses no signal
            rest = iter(LOG)
            for batch in rest:
                await (await host.submit(batch))
                if loads(heard):
                    break
            await until(lambda: standing(apart) == standing(beside) != {})
            assert not loads(heard_apart)[-1].data["final"]

            latecomer = CommittedStream(pool, lambda: START_US)
            following.append(asyncio.create_task(latecomer.run()))
            await until(lambda: [e for e in latecomer.portals() if e.kind == "live.passage"] == loads(heard)[-1:])

            for batch in rest:
                await (await host.submit(batch))
            await until(lambda: loads(heard)[-1].data["final"] and loads(heard_apart)[-1:] == loads(heard)[-1:])
            await until(lambda: standing(apart) == standing(beside))
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)


async def test_what_a_person_orders_a_door_to_show_is_seen_and_its_end_too(host: EmbeddedHost, database: str) -> None:
    def order(colour: OverrideColour | None, name: str) -> None:
        command = OverrideSignal("dock1", "forklift broke down", colour, 60)
        with psycopg.connect(database, autocommit=True) as connection:
            actor = Actor("ana", rights=ALL_RIGHTS)
            assert isinstance(
                execute(connection, command, actor=actor, source="portal orders", client_event_id=name), Result
            )

    async with query_pool(database, 2) as pool:
        apart = CommittedStream(pool, WallClock().now_us)
        following = asyncio.create_task(apart.run())
        heard = events(apart)
        try:
            order(OverrideColour.RED, "red")
            await until(lambda: ("dock1", "live.override") in standing(apart))
            shown = standing(apart)["dock1", "live.override"].data
            assert (shown["colour"], shown["ordered_by"]) == ("red", "ana")
            order(None, "end")
            await until(lambda: heard[-1].data["colour"] is None)
            assert standing(apart) == {}
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
