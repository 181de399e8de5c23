"""Migrations: numbered SQL files, applied in order, each in one transaction, under one advisory lock.

An applied file is recorded with its SHA-256. A file that changed, vanished or was numbered below the newest applied one
stops everything: history that differs from the files is for a person to settle. After the files the service's role gets
its rights (`warehouse.postgres.database.grants`) and who reads within warehouses their views (`control.reading`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import psycopg

from warehouse.postgres.control.reading import clear_views, make_views
from warehouse.postgres.database.grants import grant_service

# Arbitrary, the same in every version of this program: two processes must not migrate one database at once.
_LOCK_KEY = 0x7461676C


class MigrationError(Exception):
    """The database's history and the migration files disagree."""


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One file: `0001_warehouse.sql` has number 1 and name `0001_warehouse`."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> tuple[Migration, ...]:
    """The migrations in this package, in order. MigrationError when two share a number."""
    files = resources.files("warehouse.postgres") / "migrations"
    found = sorted(
        Migration(int(file.name[:4]), file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in files.iterdir()
        if file.name.endswith(".sql")
    )
    numbers = [migration.number for migration in found]
    if len(set(numbers)) != len(numbers):
        raise MigrationError(f"two migrations share a number: {[m.name for m in found]}")
    return tuple(found)


def migrate(dsn: str, migrations: Sequence[Migration] | None = None) -> tuple[str, ...]:
    """Apply what is missing; the names applied now. Raises MigrationError; what was applied before the error stays."""
    wanted = shipped() if migrations is None else tuple(migrations)
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            applied = _migrated(connection, wanted)
            if migrations is None:
                make_views(connection)
            return applied
    except psycopg.errors.InsufficientPrivilege as error:
        message = f"this user may not migrate ({error.diag.message_primary})"
        raise MigrationError(f"{message}: run tagledger migrate as the owner of the tables") from None


def _migrated(connection: psycopg.Connection, wanted: tuple[Migration, ...]) -> tuple[str, ...]:
    applied_now: list[str] = []
    connection.execute("select pg_advisory_lock(%s)", (_LOCK_KEY,))
    connection.execute(
        "create table if not exists migration (number int primary key, name text not null, digest text not null,"
        " applied_at timestamptz not null default now())"
    )
    missing = _missing(connection, wanted)
    if missing:
        clear_views(connection)  # a column that a view shows cannot be changed
    for migration in missing:
        with connection.transaction():
            connection.execute(migration.sql.encode())  # our own files, which take no parameters
            connection.execute(
                "insert into migration (number, name, digest) values (%s, %s, %s)",
                (migration.number, migration.name, migration.digest),
            )
        applied_now.append(migration.name)
    grant_service(connection)
    return tuple(applied_now)


def pending(dsn: str) -> tuple[str, ...]:
    """The names `migrate` would apply, changing nothing. Raises MigrationError as it would."""
    with psycopg.connect(dsn) as connection:
        known = connection.execute("select to_regclass('migration')").fetchone()
        if known is None or known[0] is None:
            return tuple(migration.name for migration in shipped())
        return tuple(migration.name for migration in _missing(connection, shipped()))


def _missing(connection: psycopg.Connection, wanted: Sequence[Migration]) -> list[Migration]:
    """Those not applied yet, after checking those that are."""
    by_number = {migration.number: migration for migration in wanted}
    applied = connection.execute("select number, name, digest from migration order by number").fetchall()
    for number, name, digest in applied:
        file = by_number.pop(number, None)
        if file is None:
            raise MigrationError(f"the database has migration {name}, which this version does not know: upgrade it")
        if file.digest != digest:
            raise MigrationError(f"migration {name} was changed after it was applied: restore the file, add a new one")
    newest = max((number for number, _, _ in applied), default=0)
    missing = sorted(by_number.values())
    if missing and missing[0].number < newest:
        raise MigrationError(f"migration {missing[0].name} comes before an applied one: number it {newest + 1}")
    return missing
