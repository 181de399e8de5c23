"""What serves a site works as the service's role, over the embedded server and over a site's own."""

from pathlib import Path

import psycopg
import pytest

from tagledger.database import open_database
from warehouse.postgres.database.grants import SERVICE_ROLE
from warehouse.postgres.database.migrate import MigrationError
from warehouse.site import Site, Zone
from warehouse.site_settings import DatabaseSettings


def user_of(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select current_user").fetchone()
    return str(row[0]) if row else ""


def test_the_embedded_server_and_a_given_one_are_used_as_the_service(tmp_path: Path, database: str) -> None:
    embedded = Site("here", zones=(Zone("hall"),), state_dir=str(tmp_path))
    given = Site("there", zones=(Zone("hall"),), database=DatabaseSettings(database))
    for site in (embedded, given):
        with open_database(site) as dsn:
            assert user_of(dsn) == SERVICE_ROLE
            with psycopg.connect(dsn) as connection:
                assert connection.execute("select count(*) from location where code = 'hall'").fetchone() == (1,)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("delete from move")
    with open_database(given, as_owner=True) as dsn:
        assert user_of(dsn) != SERVICE_ROLE


def test_a_user_that_may_not_migrate_is_told_who_can(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("delete from migration where number = (select max(number) from migration)")
    as_service = DatabaseSettings(f"{database} options='-c role={SERVICE_ROLE}'")
    with (
        pytest.raises(MigrationError, match=r"may not migrate .* run tagledger migrate as the owner"),
        open_database(Site("there", database=as_service)),
    ):
        pass
