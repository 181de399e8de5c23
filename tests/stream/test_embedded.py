"""The embedded host on a real database: what is stored, what is acknowledged, and what a bad input costs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from stream.batch_codec import BatchFormatError, decode_batch, encode_batch
from stream.dead_letters import Answer, DeadLetters, Status
from stream.embedded import EmbeddedHost, HostEndedError
from stream.live import Ack, Posted
from stream.model import EdgeBatch, Passage, Signal
from stream.operators.passages import PassageParams
from stream.places import FailureKind
from stream.sequencer import ResendWanted
from stream.store import FencedError, Store
from stream.topology import OperatorParams, operators_of
from tests.stream.operators.doubting_model import doubting, nothing_belongs
from tests.stream.plant_books import another_database, prepare, query, results
from tests.stream.test_places import POISON, brittle
from tests.stream.traffic import AGENT, EPOCH, START_US, batch, epc, heartbeats, sighting, site, traffic
from warehouse.loads import Expectation
from warehouse.site import AntennaRef

LOG = traffic(18)
LOG += heartbeats(LOG[-1], 12)
PATIENCE_S = 60.0


def host_on(dsn: str, **options: Any) -> EmbeddedHost:
    plant = site()
    return EmbeddedHost(plant, Store(dsn, plant), look_around_s=0.02, **options)


@pytest.fixture
def plant(database: str) -> str:
    prepare(database)
    return database


@asynccontextmanager
async def running(host: EmbeddedHost) -> AsyncIterator[EmbeddedHost]:
    run = asyncio.create_task(host.run())
    try:
        ready = asyncio.create_task(host.ready.wait())
        await asyncio.wait({run, ready}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        yield host
        host.stop()
        await asyncio.wait_for(run, PATIENCE_S)
    finally:
        run.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (the condition is in the database)
            await asyncio.sleep(0.01)


async def submit_all(host: EmbeddedHost, batches: list[EdgeBatch]) -> list[Ack]:
    return list(await asyncio.gather(*[await host.submit(each) for each in batches]))


@pytest.fixture(scope="module")
def expected(postgres_dsn: str, migrated_template: str) -> Any:
    """What the log leads to, straight through."""
    with another_database(postgres_dsn, migrated_template) as dsn:
        prepare(dsn)
        host_on(dsn).process_sync(LOG)
        yield results(dsn)


def test_a_recording_becomes_passages_movements_and_locations(plant: str) -> None:
    posted: list[Any] = []
    counts = host_on(plant).process_sync(LOG, posted=posted.append)
    found = results(plant)
    assert counts.batches == len(LOG)
    assert counts.passages == len(found["passages"]) == counts.postings == len(posted)
    assert counts.dead_letters == 0
    assert {row[5] for row in found["movements"]} == {"hall"}
    moved = sum(row[3] for row in found["movements"])
    assert moved == sum(fulfilled for *_, fulfilled in found["documents"]) > 0
    assert {row[5] for row in found["history"]} >= {"shelf"}


def test_the_same_recording_again_changes_nothing(plant: str) -> None:
    host_on(plant).process_sync(LOG)
    before = results(plant)
    again = host_on(plant).process_sync(LOG)
    assert (again.duplicates, again.batches) == (len(LOG), 0)
    assert results(plant) == before


def test_a_recording_that_nobody_watches_ends_the_same(plant: str, expected: Any) -> None:
    unwatched = operators_of(site(), OperatorParams(is_recording=True))
    host_on(plant, operators=unwatched).process_sync(LOG)
    assert results(plant) == expected


def test_what_a_second_look_at_a_load_takes_back_the_books_take_back(plant: str) -> None:
    """A model for which nothing belongs any more, once the load is gone."""
    passages = PassageParams(model=replace(doubting(), hindsight=nothing_belongs()), provisional_every_s=None)
    operators = operators_of(site(), OperatorParams(passages=passages))
    host_on(plant, operators=operators).process_sync(LOG)
    found = results(plant)
    first = {row[0]: row for row in found["passages"] if row[1] == 0}
    last = {row[0]: row for row in found["passages"] if row[1] == 1}
    assert first.keys() == last.keys()
    assert all(row[7] > 0 for row in first.values())
    assert all(row[7] == row[8] == 0 for row in last.values())
    into = sum(row[3] for row in found["movements"] if row[5] == "hall")
    assert into == sum(row[3] for row in found["movements"] if row[4] == "hall") > 0
    assert {fulfilled for *_, fulfilled in found["documents"]} == {0}


@pytest.mark.parametrize("cut", [20, 47, 71])
def test_a_restart_anywhere_ends_the_same(plant: str, cut: int, expected: Any) -> None:
    host_on(plant).process_sync(LOG[:cut])
    host_on(plant).process_sync(LOG[cut - 5 :])
    assert results(plant) == expected


async def test_live_batches_are_acknowledged_after_the_commit_and_published(plant: str, expected: Any) -> None:
    heard: list[object] = []
    acks: list[Ack] = []
    async with running(host_on(plant)) as host:
        host.on_ack.append(acks.append)
        live = host.subscribe()
        for each in LOG:
            ack = await (await host.submit(each))
            assert ack.counter >= each.id.counter
            stored = query(plant, "select counter from stream_inbox where agent = %s", (AGENT,))
            assert stored[0][0] >= ack.counter
        host.unsubscribe(live)
        heard = [item async for item in live]
    assert results(plant) == expected
    assert acks[-1] == Ack(AGENT, EPOCH, len(LOG))
    assert {type(item) for item in heard} >= {Passage, Posted, Expectation, Signal}
    provisional = [item for item in heard if isinstance(item, Passage) and not item.final]
    assert provisional


async def test_duplicated_reordered_and_delayed_batches_end_the_same(plant: str, expected: Any) -> None:
    jumbled = [each for n in range(0, len(LOG), 4) for each in (*LOG[n : n + 4][::-1], *LOG[n : n + 2])]
    async with running(host_on(plant)) as host:
        await submit_all(host, jumbled)
    assert results(plant) == expected
    assert query(plant, "select count(*) from data_gap") == [(0,)]


async def test_a_missing_batch_is_asked_for_then_declared_lost_and_taken_late(plant: str) -> None:
    wanted: list[ResendWanted] = []
    async with running(host_on(plant)) as host:
        host.on_resend.append(wanted.append)
        beating = asyncio.create_task(beat(host))
        await submit_all(host, [each for each in LOG if each.id.counter != 7])
        assert query(plant, "select first, last, filled from data_gap") == [(7, 7, 0)]
        assert set(wanted) == {ResendWanted(AGENT, EPOCH, 7)}
        beating.cancel()
        await submit_all(host, [LOG[6]])
    assert query(plant, "select first, last, filled from data_gap") == [(7, 7, 1)]
    assert query(plant, "select counter from stream_log where late") == [(7,)]


def test_a_load_in_the_door_when_a_recording_ends_is_over_with_it_and_only_once(plant: str) -> None:
    cut = next(n for n, each in enumerate(LOG) if each.watermark_us >= START_US + 6_000_000)
    host_on(plant).process_sync(LOG[:cut])
    assert query(plant, "select count(*) from passage") == [(0,)]
    host_on(plant).process_sync([], is_whole=True)
    assert query(plant, "select count(*) > 0 from passage") == [(True,)]
    passed = query(plant, "select passage_id, revision from passage order by 1, 2")
    host_on(plant).process_sync([], is_whole=True)
    assert query(plant, "select passage_id, revision from passage order by 1, 2") == passed


async def beat(host: EmbeddedHost) -> None:
    """The edge goes on: heartbeats after the log, until cancelled."""
    for each in heartbeats(LOG[-1], 1000):
        await host.submit(each)
        await asyncio.sleep(0.05)


async def test_a_silent_agent_is_left_out_on_record_and_time_goes_on(plant: str) -> None:
    clock_s = [0.0]
    async with running(host_on(plant, now_s=lambda: clock_s[0])) as host:
        await submit_all(host, [batch(1, agent="dying", at_us=START_US)])
        await submit_all(host, LOG)
        assert query(plant, "select count(*) from passage") == [(0,)]
        while not query(plant, "select 1 from stream_note where kind = 'source_left_out'"):
            # One agent goes on sending, the other does not.
            clock_s[0] += 0.5
            beat = heartbeats(LOG[-1], clock_s[0])[-1]
            await submit_all(host, [beat])
            await asyncio.sleep(0.05)  # the host looks around meanwhile
        await until(lambda: query(plant, "select count(*) from passage")[0][0] > 0)
    assert query(plant, "select distinct agent from stream_note where kind = 'source_left_out'") == [("dying",)]
    assert query(plant, "select agent from stream_log where kind = 2") == [("dying",)]


async def test_bytes_that_are_no_batch_become_a_dead_letter_and_cost_nothing_else(plant: str, expected: Any) -> None:
    with pytest.raises(BatchFormatError) as raised:
        decode_batch(b"garbage")
    async with running(host_on(plant)) as host:
        await (await host.submit_bytes_unreadable("topic/x", b"garbage", raised.value))
        await submit_all(host, LOG)
    (letter,) = DeadLetters(plant).list()
    assert (letter.kind, letter.source, letter.body) == (FailureKind.BATCH_BYTES, "topic/x", b"garbage")
    assert results(plant) == expected


async def test_a_batch_from_the_year_3000_does_not_stop_the_clock(plant: str, expected: Any) -> None:
    year_3000 = replace(batch(1, agent="broken"), watermark_us=32_503_680_000_000_000)
    async with running(host_on(plant)) as host:
        await submit_all(host, [year_3000])
        await submit_all(host, LOG)
    (letter,) = DeadLetters(plant).list()
    assert decode_batch(letter.body).id == year_3000.id
    assert results(plant) == expected


async def test_a_poison_batch_costs_its_place_that_batch_and_can_be_given_again(plant: str) -> None:
    site_ = site()
    async with running(EmbeddedHost(site_, Store(plant, site_), brittle(operators_of(site_)))) as host:
        await submit_all(host, LOG)
    letters = DeadLetters(plant)
    assert {(each.key, each.source) for each in letters.list()} == {
        (place, f"{AGENT}/{EPOCH}/{POISON}") for place in ("dock1", "dock2", "shelf")
    }
    assert len(results(plant)["passages"]) > 0
    for letter in letters.list():
        assert letters.replay(letter.letter_id, "ann") is Answer.DONE
    async with running(host_on(plant)):
        await until(lambda: not letters.list(Status.REPLAY))
    assert {each.status for each in letters.list(None)} == {Status.REPLAYED}


async def test_a_letter_that_fails_again_is_open_again(plant: str) -> None:
    site_ = site()
    host_on(plant).process_sync([])
    async with running(
        EmbeddedHost(site_, Store(plant, site_), brittle(operators_of(site_)), look_around_s=0.02)
    ) as host:
        await submit_all(host, LOG)
        letters = DeadLetters(plant)
        letter = letters.list()[0]
        letters.replay(letter.letter_id, "ann")
        await until(lambda: letters.get(letter.letter_id).status is Status.OPEN)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["batch_bytes", "place_slice", "tag_report", "posting", "location"])
async def test_a_letter_that_cannot_be_read_stops_nothing_and_stays_open(plant: str, kind: str) -> None:
    with psycopg.connect(plant) as connection:
        connection.execute(
            "insert into dead_letter (dead_letter_id, kind, source, key, reason, body, status)"
            " values (gen_random_uuid(), %s, 'somewhere', 'dock1', 'long ago', 'garbage', 'replay')",
            (kind,),
        )
    letters = DeadLetters(plant)
    async with running(host_on(plant)) as host:
        await until(lambda: not letters.list(Status.REPLAY))
        await submit_all(host, LOG[:3])
    (letter,) = letters.list(Status.OPEN)
    assert (letter.source, letter.body) == ("somewhere", b"garbage")
    assert letter.reason != "long ago"


class ClosedBooks:
    """Books in which posting is a bug and locations are not."""

    def post_load(self, connection: Any, load: Any) -> object:
        connection.execute("select 1/0")
        raise AssertionError

    def apply(self, connection: Any, updates: Any) -> object:
        return None

    def expected_at(self, connection: Any, portal: str) -> Expectation:
        return Expectation(portal, 0)


async def test_a_load_the_warehouse_breaks_on_is_kept_and_posted_when_given_again(plant: str) -> None:
    site_ = site()
    EmbeddedHost(site_, Store(plant, site_, books=ClosedBooks())).process_sync(LOG)
    letters = DeadLetters(plant)
    assert {each.kind for each in letters.list()} == {FailureKind.POSTING}
    assert all("DivisionByZero" in each.reason for each in letters.list())
    assert results(plant)["movements"] == []
    for letter in letters.list():
        letters.replay(letter.letter_id, "ann")
    async with running(host_on(plant)):
        await until(lambda: not letters.list(Status.REPLAY))
    assert results(plant)["movements"]


async def test_a_second_host_of_the_same_name_stops_the_first(plant: str) -> None:
    host = host_on(plant)
    run = asyncio.create_task(host.run())
    await asyncio.wait_for(host.ready.wait(), PATIENCE_S)
    await until(lambda: query(plant, "select seq from stream_head") != [(0,)])  # its first expectations
    host_on(plant).process_sync(LOG[:10])
    await host.submit(LOG[10])
    with pytest.raises(FencedError):
        await asyncio.wait_for(run, PATIENCE_S)


async def test_an_ended_host_says_so(plant: str) -> None:
    async with running(host_on(plant)) as host:
        await submit_all(host, LOG[:3])
    with pytest.raises(HostEndedError):
        await host.submit(LOG[3])
    assert query(plant, "select counter from stream_inbox") == [(3,)]


async def test_an_unknown_antenna_is_noted_and_costs_nothing_else(plant: str, expected: Any) -> None:
    stranger = replace(batch(1, agent=AGENT, epoch="other"), sightings=sighting(START_US, AntennaRef("new", 1), epc(5)))
    host_on(plant).process_sync([replace(stranger, watermark_us=START_US - 1), *LOG])
    assert query(plant, "select kind, detail, count from stream_note where kind <> 'epoch_begun'") == [
        ("unknown_antenna", "new:1", 1)
    ]
    assert results(plant) == expected


async def test_expectations_reach_the_light_and_are_asked_again_on_demand(plant: str) -> None:
    async with running(host_on(plant)) as host:
        await submit_all(host, LOG[:40])
        await host.refresh_expectations("dock1")
    colours = [row[0] for row in query(plant, "select colour from signal where portal = 'dock1' order by seq")]
    assert "amber" in colours  # some of the expected pieces came, not all


def test_entries_of_the_log_survive_their_bytes(plant: str) -> None:
    host_on(plant).process_sync(LOG[:12])
    stored = query(plant, "select body from stream_log where kind = 1 order by seq")
    assert [bytes(body) for (body,) in stored] == [encode_batch(each) for each in LOG[:12]]


def test_dead_letters_are_decided_once_and_dropped_only_with_a_reason(plant: str) -> None:
    site_ = site()
    EmbeddedHost(site_, Store(plant, site_), brittle(operators_of(site_))).process_sync(LOG)
    letters = DeadLetters(plant)
    first = letters.list(limit=1)[0].letter_id
    assert letters.drop(UUID(int=0), "ann", "x") is Answer.UNKNOWN
    assert letters.drop(first, "ann", " ") is Answer.NO_REASON
    assert letters.drop(first, "ann", "test traffic") is Answer.DONE
    assert letters.replay(first, "ann") is Answer.DECIDED_BEFORE
    dropped = letters.get(first)
    assert dropped is not None
    assert (dropped.status, dropped.note, dropped.actor) == (Status.DROPPED, "test traffic", "ann")
    assert first not in {each.letter_id for each in letters.list()}
