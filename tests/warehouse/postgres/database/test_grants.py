"""Every table of every migration under the service's role: read and written, never changed where it is append-only."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection, conninfo, sql

from tests.warehouse.postgres.store import Store
from warehouse.postgres.database.connect import connect, service_dsn
from warehouse.postgres.database.grants import APPEND_ONLY, SERVICE_ROLE, wrong_grants
from warehouse.postgres.database.migrate import Migration, MigrationError, migrate, shipped

# With fewer rights than reading and writing, for a reason; a table that is in none of the two lists is written freely.
SPECIAL = {
    "migration": {"select"},
    "document_kind": {"select"},
    "outbox": {"select", "insert", "delete"},
    "request": {"select", "insert", "delete"},
    "api_key": {"select", "insert", "update"},
    "person": {"select", "insert", "update"},
}


@pytest.fixture
def owner(database: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as conn:
        yield conn


def tables(conn: Connection[Any]) -> dict[str, set[str]]:
    """What the service may do with each table."""
    rows = conn.execute(
        """select c.relname, array(select r from unnest(array['select', 'insert', 'update', 'delete', 'truncate',
                                                              'references', 'trigger']) r
                                   where has_table_privilege(%s, c.oid, r))
           from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')""",
        (SERVICE_ROLE,),
    )
    return {table: set(rights) for table, rights in rows}


def test_every_table_has_the_rights_of_its_kind(owner: Connection[Any]) -> None:
    found = tables(owner)
    assert len(found) > 40
    guarded = {
        row[0]
        for row in owner.execute(
            """select t.relname from pg_class t join pg_trigger g on g.tgrelid = t.oid
               join pg_proc f on f.oid = g.tgfoid where f.proname = 'refuse_change'"""
        )
    }
    assert guarded >= set(APPEND_ONLY)
    for table, rights in found.items():
        wanted = (
            {"select", "insert"} if table in guarded else SPECIAL.get(table, {"select", "insert", "update", "delete"})
        )
        assert rights == wanted, table
    assert wrong_grants(owner) == []


def test_what_is_append_only_refuses_its_owner_too(owner: Connection[Any], database: str) -> None:
    kinds: dict[str, set[int]] = {}
    for table, kind in owner.execute(
        """select g.tgrelid::regclass::text, g.tgtype from pg_trigger g join pg_proc f on f.oid = g.tgfoid
           where f.proname = 'refuse_change' and g.tgenabled = 'O'"""
    ):
        kinds.setdefault(table, set()).add(kind)
    # tgtype: 1 row, 2 before, 8 delete, 16 update, 32 truncate (src/include/catalog/pg_trigger.h)
    assert all(found == {1 | 2 | 8 | 16, 2 | 32} for found in kinds.values()), kinds
    store = Store(connect(database))
    store.items(1)
    store.post(store.load(store.tags(1, 1, 2)))
    for table in sorted(kinds):
        columns = owner.execute(sql.SQL("select * from {} limit 0").format(sql.Identifier(table))).description
        assert columns is not None
        name = sql.Identifier(columns[-1].name)  # the first is an identity, which nobody may change anywhere
        for statement in ("update {t} set {c} = {c}", "delete from {t}", "truncate {t} cascade"):
            text = sql.SQL(statement).format(t=sql.Identifier(table), c=name)  # type: ignore[arg-type]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                store.conn.execute(text)
            if statement.startswith("truncate") or store.one(f"select count(*) from {table}"):  # noqa: S608
                with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="is append-only"):
                    owner.execute(text)
    store.conn.close()


def test_a_later_migration_that_says_nothing_about_rights_gets_them(database: str, owner: Connection[Any]) -> None:
    later = Migration(
        9999,
        "9999_later",
        """create table thing (n int); create table fact (n int); create view things as select n from thing;
           create trigger fact_no_change before update or delete on fact
           for each row execute function refuse_change()""",
    )
    assert migrate(database, [*shipped(), later]) == ("9999_later",)
    found = tables(owner)
    assert (found["thing"], found["fact"]) == ({"select", "insert", "update", "delete"}, {"select", "insert"})
    owner.execute(f"grant truncate on fact to {SERVICE_ROLE}")
    owner.execute(f"revoke insert on thing from {SERVICE_ROLE}")
    assert wrong_grants(owner) == [f"{SERVICE_ROLE} may truncate on fact", f"{SERVICE_ROLE} may not insert on thing"]
    migrate(database, [*shipped(), later])
    assert wrong_grants(owner) == []


@pytest.fixture
def member(owner: Connection[Any], database: str) -> Iterator[str]:
    """The DSN of a user who is a member of the role and nothing else."""
    name = f"member_{uuid4().hex[:12]}"
    owner.execute(f"create role {name} login password 'test' in role {SERVICE_ROLE}".encode())
    yield conninfo.make_conninfo(database, user=name, password="test")
    owner.execute(f"drop owned by {name}".encode())
    owner.execute(f"drop role {name}".encode())


def test_a_user_of_its_own_has_no_more_to_take_up(member: str) -> None:
    with connect(member) as conn:
        assert conn.execute("select current_user").fetchone() == (SERVICE_ROLE,)
        conn.execute("set role none")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("delete from audit_log")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("alter table move disable trigger all")
    with pytest.raises(MigrationError, match="as the owner"):
        migrate(member)


def test_options_of_the_dsn_stay(database: str) -> None:
    given = conninfo.make_conninfo(database, options="-c statement_timeout=1234")
    with psycopg.connect(service_dsn(given)) as conn:
        row = conn.execute("select current_user, current_setting('statement_timeout')").fetchone()
    assert row == (SERVICE_ROLE, "1234ms")
