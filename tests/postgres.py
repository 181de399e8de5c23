"""PostgreSQL for tests: `postgres_dsn` is a server for the session, `database` a fresh migrated database per test.

The server is TAGLEDGER_TEST_DSN when set (its user must be able to create databases), else the embedded one. Fresh
databases are copies of one migrated template, which costs tens of milliseconds.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo, sql

from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer

# Tests kill processes, not the machine, so they need no fsync.
_SETTINGS = {"fsync": "off", "max_connections": "200"}


# What a session's databases may take: about 10 MB each, and they are dropped after their test.
_MEMORY_BYTES_MIN = 2 << 30


def _fast_folder() -> str | None:
    """Memory where there is enough of it: making a database takes a second on a busy disk, hundredths there."""
    memory = Path("/dev/shm")
    enough = memory.is_dir() and shutil.disk_usage(memory).free >= _MEMORY_BYTES_MIN
    return str(memory) if enough else None


def with_database(dsn: str, name: str) -> str:
    """The same server and user, another database."""
    return conninfo.make_conninfo(dsn, dbname=name)


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """A DSN whose user may create databases."""
    given = os.environ.get("TAGLEDGER_TEST_DSN")
    if given:
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="tagledger-test-", dir=_fast_folder()) as folder,
        EmbeddedServer(Path(folder), _SETTINGS) as server,
    ):
        yield server.dsn


@pytest.fixture(scope="session")
def migrated_template(postgres_dsn: str) -> Iterator[str]:
    """The name of a database with every migration applied and no rows of its own."""
    name = f"tagledger_template_{uuid4().hex[:12]}"
    _run(postgres_dsn, sql.SQL("create database {}").format(sql.Identifier(name)))
    migrate(with_database(postgres_dsn, name))
    yield name
    _run(postgres_dsn, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database(postgres_dsn: str, migrated_template: str) -> Iterator[str]:
    """The DSN of a fresh migrated database, dropped after the test."""
    name = f"tagledger_test_{uuid4().hex[:12]}"
    template = sql.Identifier(migrated_template)
    # TimescaleDB keeps a worker of its own in every database, and a template must have nobody in it.
    free = "select pg_terminate_backend(pid) from pg_stat_activity where datname = {}"
    _run(postgres_dsn, sql.SQL(free).format(migrated_template))
    _run(
        postgres_dsn,
        sql.SQL("create database {} template {} strategy file_copy").format(sql.Identifier(name), template),
    )
    yield with_database(postgres_dsn, name)
    _run(postgres_dsn, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _run(dsn: str, statement: sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)
