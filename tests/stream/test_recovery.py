"""State that another version wrote: made again from the log, to the same results; refused when the log was trimmed."""

from collections.abc import Callable

import psycopg
import pytest

from stream.embedded import EmbeddedHost
from stream.recovery import StateOutdatedError, recovered
from stream.store import Store
from tests.stream.plant_books import another_database, prepare, query, results
from tests.stream.traffic import heartbeats, site, traffic

LOG = traffic(18)
LOG += heartbeats(LOG[-1], 12)


def host(dsn: str, *, rebuild: bool = False) -> EmbeddedHost:
    return EmbeddedHost(site(), Store(dsn, site()), rebuild=rebuild)


def change(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def of_another_version(dsn: str) -> None:
    """A map where this version expects other fields: what a snapshot of another version looks like."""
    change(dsn, "update operator_state set body = '\\x81a161c0'")


def half_way(dsn: str) -> None:
    prepare(dsn)
    host(dsn).process_sync(LOG[: len(LOG) // 2])
    of_another_version(dsn)


def test_state_of_another_version_is_made_again_from_the_log(
    database: str, postgres_dsn: str, migrated_template: str
) -> None:
    half_way(database)
    host(database).process_sync(LOG)
    with another_database(postgres_dsn, migrated_template) as straight:
        prepare(straight)
        host(straight).process_sync(LOG)
        assert results(database) == results(straight)
    assert results(database)["movements"]
    # The next start stands on a snapshot of this version.
    host(database).process_sync([])
    assert query(database, "select snapshot_seq = seq from stream_head") == [(True,)]


def test_with_a_trimmed_log_it_is_refused_with_what_there_is_to_do(database: str) -> None:
    half_way(database)
    change(database, "delete from stream_log where seq <= 5")
    with pytest.raises(StateOutdatedError, match=r"begins at entry 6.*--rebuild"):
        host(database).process_sync(LOG)
    host(database, rebuild=True).process_sync(LOG)
    assert query(database, "select count(*) from data_gap") == [(0,)]
    assert results(database)["movements"]


def test_a_log_that_is_wholly_trimmed_begins_after_its_head(database: str) -> None:
    half_way(database)
    change(database, "delete from stream_log")
    store = Store(database, site())
    try:
        assert store.log_begins() == store.standing().seq + 1
        begun: list[int] = []
        build: Callable[..., object] = lambda standing, log: begun.append(len(list(log)))  # noqa: E731
        recovered(store, build)
        assert begun == [0]
    finally:
        store.close()
