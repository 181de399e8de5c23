"""One transaction a chunk: fenced, and tried again until the database is back."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from stream.books import WarehouseBooks
from stream.chunk import Chunk
from stream.embedded import EmbeddedHost
from stream.log import BatchTaken
from stream.model import DeviceEvent, DeviceEventKind, Passage
from stream.sequencer import GapFound, Position
from stream.store import FencedError, Store
from tests.stream.plant_books import prepare, query
from tests.stream.traffic import AGENT, EPOCH, START_US, batch, epc, site, traffic
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.site import Direction

PATIENCE_S = 60.0


@pytest.fixture
def store(database: str) -> Store:
    made = Store(database, site())
    made.standing()
    return made


def chunk(after_seq: int, *counters: int) -> Chunk:
    entries: list[Any] = [BatchTaken(batch(counter)) for counter in counters]
    return Chunk(after_seq, entries, positions=[Position(AGENT, EPOCH, counters[-1], ((2, 4), (7, 7)))])


def test_where_a_consumer_stands_is_what_was_committed(store: Store, database: str) -> None:
    store.commit(chunk(0, 1, 2))
    standing = Store(database, site()).standing()
    assert (standing.seq, standing.snapshot_seq) == (2, 0)
    assert standing.positions == (Position(AGENT, EPOCH, 2, ((2, 4), (7, 7))),)
    assert [entry.batch.id.counter for entry in store.entries_after(0)] == [1, 2]  # type: ignore[union-attr]


def test_consumers_do_not_see_each_other(store: Store, database: str) -> None:
    store.commit(chunk(0, 1))
    other = Store(database, site(), "other")
    assert other.standing().seq == 0
    other.commit(chunk(0, 1))
    assert [row[0] for row in query(database, "select consumer from stream_log order by 1")] == ["embedded", "other"]


def test_a_chunk_whose_answer_was_lost_is_stored_once(store: Store, database: str) -> None:
    first = chunk(0, 1)
    store.commit(first)
    store.commit(first)
    assert query(database, "select count(*) from stream_log") == [(1,)]


def test_a_chunk_from_elsewhere_is_fenced_off_and_leaves_nothing(store: Store, database: str) -> None:
    store.commit(chunk(0, 1, 2))
    with pytest.raises(FencedError):
        store.commit(chunk(0, 1))
    assert query(database, "select count(*) from stream_log") == [(2,)]


def test_a_killed_connection_is_opened_again(store: Store, database: str) -> None:
    store.commit(chunk(0, 1))
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'stream embedded' and datname = current_database()"
        )
    store.commit(chunk(1, 2))
    assert store.retries >= 1
    assert query(database, "select seq from stream_head") == [(2,)]


class _Breaking(WarehouseBooks):
    """Breaks in the middle of a pipeline, as a connection that is lost there does: what was sent is never read."""

    def __init__(self) -> None:
        self.calls = 0

    def apply(self, connection: psycopg.Connection[Any], updates: Sequence[LocationUpdate]) -> int:
        self.calls += 1
        if self.calls == 1:
            connection.pgconn.enter_pipeline_mode()
            connection.pgconn.send_query_params(b"select 1 / 0", None)
            connection.pgconn.pipeline_sync()
            raise psycopg.OperationalError("lost in the middle of a pipeline")
        return 0


def test_a_connection_that_broke_in_a_pipeline_is_replaced(database: str) -> None:
    books = _Breaking()
    store = Store(database, site(), books=books)
    store.standing()
    made = chunk(0, 1)
    made.out.locations.append(LocationUpdate(uuid4(), epc(1), "hall", LocationEvent.ARRIVED, START_US, ""))
    done = threading.Thread(target=store.commit, args=(made,), daemon=True)
    done.start()
    done.join(PATIENCE_S)
    assert (done.is_alive(), books.calls, store.retries) == (False, 2, 1)
    assert query(database, "select seq from stream_head") == [(1,)]


class _Dawdling(WarehouseBooks):
    """Stands still inside the first transaction, as a paused process does: between statements or in one."""

    def __init__(self, entered: threading.Event, until: threading.Event, within: str) -> None:
        self._entered, self._until, self._within = entered, until, within

    def apply(self, connection: psycopg.Connection[Any], updates: Sequence[LocationUpdate]) -> int:
        with connection.cursor() as cursor:
            if self._within == "copy":
                cursor.execute("create temporary table taken (n int)")
                with cursor.copy("copy taken from stdin") as copy:
                    for row in self._rows():
                        copy.write_row(row)
            elif self._within == "pipeline":
                cursor.executemany("select %s::int", self._rows())
            else:
                self._stand_still()
        return 0

    def _rows(self) -> Iterator[tuple[int]]:
        yield (1,)
        self._stand_still()
        yield (2,)

    def _stand_still(self) -> None:
        self._entered.set()
        self._until.wait(PATIENCE_S)


@pytest.mark.parametrize("within", ["transaction", "copy", "pipeline"])
def test_who_stands_still_in_a_transaction_loses_its_locks_and_is_fenced(database: str, within: str) -> None:
    store = Store(database, site(), silent_s=0.5)
    store.standing()
    entered, resumed = threading.Event(), threading.Event()
    paused = Store(database, site(), books=_Dawdling(entered, resumed, within), silent_s=0.5)
    slow = chunk(0, 1)
    slow.out.locations.append(LocationUpdate(uuid4(), epc(1), "hall", LocationEvent.ARRIVED, START_US, ""))
    failed: list[Exception] = []

    def commit() -> None:
        try:
            paused.commit(slow)
        except FencedError as error:
            failed.append(error)

    standing = threading.Thread(target=commit)
    standing.start()
    assert entered.wait(PATIENCE_S)
    store.commit(chunk(0, 1, 2))  # returns, though the other has the lock
    resumed.set()
    standing.join(PATIENCE_S)
    assert len(failed) == 1
    assert query(database, "select seq from stream_head") == [(2,)]


def test_a_failure_in_the_middle_leaves_nothing_of_the_chunk(store: Store, database: str) -> None:
    bad = chunk(0, 1)
    bad.gaps = [GapFound(AGENT, EPOCH, 1, 2**63)]  # no bigint
    with pytest.raises(psycopg.DataError):
        store.commit(bad)
    assert query(database, "select seq from stream_head") == [(0,)]
    assert query(database, "select count(*) from stream_log") == [(0,)]


def test_device_events_are_kept_with_what_a_database_cannot_write_replaced(store: Store, database: str) -> None:
    from dataclasses import replace

    event = DeviceEvent("r\0", DeviceEventKind.PROTOCOL_ERROR, START_US, detail="junk \0 bytes")
    store.commit(Chunk(0, [BatchTaken(replace(batch(1), events=(event,)))]))
    assert query(database, "select device, detail from device_event") == [("r\ufffd", "junk \ufffd bytes")]


def test_a_withdrawn_passage_is_shown_at_its_door_and_is_in_no_book(store: Store, database: str) -> None:
    taken = chunk(0, 1)
    shown = Passage(UUID(int=1), "dock2", START_US, START_US + 1_000_000, Direction.UNSURE, 0.5, (), True, 0)
    taken.out.passages = [replace(shown, withdrawn=True)]
    assert store.commit(taken).postings == ()
    assert query(database, "select body -> 'withdrawn', final from live_load") == [(True, True)]
    assert query(database, "select from passage union all select from posting") == []


def test_the_log_is_trimmed_only_behind_the_snapshot(database: str) -> None:
    prepare(database)
    plant = site()
    EmbeddedHost(plant, Store(database, plant)).process_sync(traffic(3))
    store = Store(database, plant)
    store.commit(Chunk(12, [BatchTaken(batch(1, epoch="next"))]))
    assert store.trim(keep_days=1) == 0
    assert store.trim(keep_days=0) == 12
    assert [entry.batch.id.epoch for entry in store.entries_after(12)] == ["next"]  # type: ignore[union-attr]
    assert EmbeddedHost(plant, Store(database, plant)).process_sync([]).batches == 0
