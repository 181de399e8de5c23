"""Two workers over one partition: who is late is fenced, who comes back begins from the database."""

from collections.abc import Iterator

import psycopg
import pytest

from stream.chunk import TopicPartition
from stream.kafka_messages import encode_input
from stream.owned_partitions import DatabaseRestoredError, Owned, OwnedPartitions
from stream.partition import PlacePartition
from stream.store import FencedError, Store
from stream.topology import operators_of
from tests.stream.plant_books import prepare, query
from tests.stream.test_partition import EXPECTED_AT_DOCK1, MESSAGES
from tests.stream.traffic import site

OPERATORS = operators_of(site())
Places = OwnedPartitions[PlacePartition]


def worker(dsn: str) -> Places:
    def store(partition: int) -> Store:
        return Store(dsn, site(), f"g/t/1/{partition}", None, TopicPartition("g", "t", "1", partition))

    return OwnedPartitions(store, lambda s, log, wanted: PlacePartition(site(), OPERATORS, s, log, wanted))


@pytest.fixture
def workers(database: str) -> Iterator[tuple[Places, Places]]:
    prepare(database)
    pair = worker(database), worker(database)
    yield pair
    for each in pair:
        each.forget(0)


def take(held: Places, first: int, last: int) -> None:
    """Messages of offsets `first` to `last`, computed and committed."""
    commit(held, compute(held, first, last), last)


def compute(held: Places, first: int, last: int) -> Owned[PlacePartition]:
    owned = held.current(0)
    for key, value in MESSAGES[first:last]:
        owned.part.take(key, value, "t")
    return owned


def commit(held: Places, owned: Owned[PlacePartition], last: int) -> None:
    chunk, _ = owned.part.cut()
    chunk.offsets = (owned.next_offset, last)
    owned.store.commit(chunk)
    held.advanced(0, last, 1)


def test_a_worker_that_lost_its_partition_cannot_write(database: str, workers: tuple[Places, Places]) -> None:
    first, second = workers
    take(first, 0, 20)
    late = compute(first, 20, 40)  # and then the machine stands still
    take(second, 20, 60)
    before = query(database, "select count(*), max(seq) from stream_log")
    with pytest.raises(FencedError):
        commit(first, late, 40)
    assert query(database, "select count(*), max(seq) from stream_log") == before
    assert query(database, "select next_offset from stream_position") == [(60,)]


def test_a_partition_that_comes_back_is_built_from_the_database(database: str, workers: tuple[Places, Places]) -> None:
    first, second = workers
    take(first, 0, 20)
    stale = first.current(0)
    take(second, 20, 60)
    fresh = first.current(0)
    assert fresh is not stale
    assert fresh.next_offset == 60
    take(first, 60, 90)
    assert query(database, "select count(*) from data_gap") == [(0,)]


def test_a_database_that_was_restored_ends_the_process(database: str, workers: tuple[Places, Places]) -> None:
    first, _ = workers
    take(first, 0, 20)
    with psycopg.connect(database) as connection:
        connection.execute("update stream_position set next_offset = 5")
    with pytest.raises(DatabaseRestoredError, match="at 5 in the database, at 20 here"):
        first.current(0)


def test_progress_is_counted(workers: tuple[Places, Places]) -> None:
    first, _ = workers
    take(first, 0, 20)
    owned = first.current(0)
    owned.part.take("dock1", encode_input(EXPECTED_AT_DOCK1), "t")
    commit(first, owned, 21)
    assert (first.progress[0].chunks, first.progress[0].messages) == (2, 2)
