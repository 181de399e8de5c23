"""The one migration path on a real TimescaleDB (Apache edition): hypertables where they help, plain ledger tables."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from tests.postgres import with_database
from warehouse.postgres.database.connect import connect
from warehouse.postgres.database.hypertables import (
    Capabilities,
    Edition,
    capabilities,
    compress_closed,
    drop_old_log,
    interval_for,
    sizes,
    tune,
)
from warehouse.postgres.database.migrate import migrate, pending

pytestmark = pytest.mark.timescaledb


def test_the_same_migrations_make_hypertables_and_leave_the_ledger_plain(timescaledb_dsn: str) -> None:
    assert migrate(timescaledb_dsn)
    assert pending(timescaledb_dsn) == ()
    with psycopg.connect(timescaledb_dsn) as connection:
        found = {
            name
            for (name,) in connection.execute(
                "select hypertable_name from timescaledb_information.hypertables"
            ).fetchall()
        }
        guarded = connection.execute(
            "select count(*) from pg_trigger where tgrelid = 'location_history'::regclass"
            " and tgname ~ 'no_(change|truncate)'"
        ).fetchone()
    assert {"stream_log", "device_event", "location_history"} <= found
    assert guarded == (2,)
    assert not found & {"move", "balance", "reservation", "request", "outbox"}


@pytest.fixture
def own(timescaledb_dsn: str) -> Iterator[str]:
    """A migrated database of this test's own on the TimescaleDB server."""
    with psycopg.connect(timescaledb_dsn, autocommit=True) as connection:
        connection.execute("create database chunks")
        migrate(with_database(timescaledb_dsn, "chunks"))
        yield with_database(timescaledb_dsn, "chunks")
        connection.execute("drop database chunks with (force)")


def test_the_edition_is_asked_and_chunks_follow_the_configured_rate(own: str) -> None:
    with psycopg.connect(own, autocommit=True) as connection:
        assert capabilities(connection) == Capabilities(Edition.APACHE, owner=True)
        (changed,) = tune(connection, 5000.0)
        assert "stream_log" in changed
        assert tune(connection, 5000.0) == []
        (log,) = [table for table in sizes(connection) if table.name == "stream_log"]
        assert log.interval == interval_for(5000.0) == timedelta(hours=1)
        assert compress_closed(connection) == 0


def test_old_chunks_are_dropped_but_not_what_a_recovery_needs(own: str) -> None:
    with connect(own) as connection:  # as the service works
        tune(connection, 500.0)
        connection.execute("insert into stream_head (consumer, seq, snapshot_seq) values ('a', 40, 40), ('b', 40, 20)")
        connection.execute(
            "insert into stream_log (at, consumer, seq, kind, body)"
            " select now() - make_interval(days => 41 - n), c, n, 2, ''"
            " from generate_series(1, 40) n, unnest(array['a', 'b']) c"
        )
        before = connection.execute("select count(*) from stream_log").fetchone()
        assert before == (80,)
        # b's recovery needs entries 21 and later, the oldest of which is 20 days old.
        assert drop_old_log(connection, timedelta(days=7)) > 0
        kept = connection.execute(
            "select consumer, min(seq), max(seq) from stream_log group by 1 order by 1"
        ).fetchall()
        assert [last for _, _, last in kept] == [40, 40]
        assert 15 <= kept[1][1] <= 21
        connection.execute("update stream_head set snapshot_seq = 40")
        drop_old_log(connection, timedelta(days=7))
        kept = connection.execute("select min(seq) from stream_log").fetchall()
        assert 30 <= kept[0][0] <= 35


def test_plain_postgresql_has_no_chunks(database: str) -> None:
    with connect(database) as connection:
        assert capabilities(connection).edition is Edition.PLAIN
        assert (tune(connection, 1.0), drop_old_log(connection, timedelta(days=7)), sizes(connection)) == ([], 0, ())


@pytest.mark.parametrize(("rate", "hours"), [(0.0, 168), (500.0, 4), (50.0, 37), (1e9, 1)])
def test_a_chunk_lasts_as_long_as_it_takes_to_fill(rate: float, hours: int) -> None:
    assert interval_for(rate) == timedelta(hours=hours)
