"""What may be acknowledged to an edge, from the rows that workers wrote; and one bridge at a time."""

from collections.abc import Iterator

import psycopg
import pytest

from stream.bridge_positions import CommittedPositions, Stored
from stream.routing import Router, places_of
from tests.stream.traffic import AGENT, EPOCH, site

PLACES = [place for place in places_of(site()) if Router(site()).serves(AGENT, place)]


@pytest.fixture
def positions(database: str) -> Iterator[CommittedPositions]:
    made = CommittedPositions(database, site(), "g", "g.places")
    assert made.locked()
    yield made
    made.close()


def store(dsn: str, place: str, counter: int, consumer: str = "g/g.places/1/0") -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "insert into stream_inbox (consumer, agent, epoch, counter, watermark_us) values (%s, %s, %s, %s, 0)",
            (consumer, f"{AGENT}@{place}", EPOCH, counter),
        )


def test_a_batch_is_stored_when_every_place_has_it(database: str, positions: CommittedPositions) -> None:
    assert positions.read() == {}
    for counter, place in enumerate(PLACES[1:], 5):
        store(database, place, counter)
    assert positions.read() == {(AGENT, EPOCH): Stored(0, 3 + len(PLACES))}
    store(database, PLACES[0], 4)
    assert positions.read() == {(AGENT, EPOCH): Stored(4, 3 + len(PLACES))}


def test_a_new_topic_goes_on_where_the_old_one_ended_and_other_groups_do_not_count(
    database: str, positions: CommittedPositions
) -> None:
    for place in PLACES:
        store(database, place, 7)
        store(database, place, 99, "other/g.places/1/0")
    store(database, PLACES[0], 9, "g/g.places/2/1")
    assert positions.read() == {(AGENT, EPOCH): Stored(7, 9)}


def test_the_lock_is_one_bridge_s_and_goes_with_its_connection(database: str, positions: CommittedPositions) -> None:
    second = CommittedPositions(database, site(), "g", "g.places")
    assert not second.locked()
    other = CommittedPositions(database, site(), "another", "another.places")
    assert other.locked()
    other.close()
    positions.close()
    assert second.locked()
    second.close()
