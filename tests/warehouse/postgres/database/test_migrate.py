"""Migrations run once, in order, under a lock, and refuse a history that differs from the files."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.postgres import with_database
from warehouse.postgres.database.migrate import Migration, MigrationError, migrate, pending, shipped

ONE = Migration(1, "0001_one", "create table one (n int)")
TWO = Migration(2, "0002_two", "create table two (n int); insert into two values (1)")


@pytest.fixture
def empty(postgres_dsn: str) -> str:
    name = f"tagledger_empty_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return with_database(postgres_dsn, name)


def test_each_migration_is_applied_once_in_order(empty: str) -> None:
    assert migrate(empty, [TWO, ONE]) == ("0001_one", "0002_two")
    assert migrate(empty, [ONE, TWO]) == ()


def test_eight_processes_at_once_apply_each_once(empty: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: migrate(empty, [ONE, TWO]), range(8)))
    assert sorted(done, reverse=True) == [("0001_one", "0002_two")] + [()] * 7


def test_a_failing_migration_leaves_nothing_of_itself_and_all_before_it(empty: str) -> None:
    broken = Migration(2, "0002_broken", "create table two (n int); select 1/0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, [ONE, broken])
    assert migrate(empty, [ONE, TWO]) == ("0002_two",)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([Migration(1, "0001_one", "create table one (m int)"), TWO], "was changed after it was applied"),
        ([ONE], "does not know"),
        ([Migration(0, "0000_zero", ""), ONE, TWO], "comes before an applied one"),
    ],
)
def test_a_history_that_differs_from_the_files_is_refused(empty: str, files: list[Migration], says: str) -> None:
    migrate(empty, [ONE, TWO])
    with pytest.raises(MigrationError, match=says):
        migrate(empty, files)


def test_the_shipped_migrations_apply_and_nothing_is_pending_after(empty: str) -> None:
    names = tuple(migration.name for migration in shipped())
    assert pending(empty) == names
    assert migrate(empty) == names
    assert pending(empty) == ()


def test_no_index_of_a_balance_is_about_what_a_posting_changes(empty: str) -> None:
    """One that is makes every posting write all of the balance's indexes anew (0052, 0060)."""
    migrate(empty)
    with psycopg.connect(empty) as connection:
        named = connection.execute(
            """select distinct d.objid::regclass::text, a.attname from pg_index i
               join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
                                and d.refobjid = i.indrelid
               join pg_attribute a on a.attrelid = i.indrelid and a.attnum = d.refobjsubid
               where i.indrelid = 'balance'::regclass"""
        ).fetchall()
    assert ("balance_item_page", "item_id") in named, "what indexes are about is found"
    changed = {"on_hand", "reserved", "last_seq", "last_effective_at", "first_in_at"}
    assert [index for index, column in named if column in changed] == []
