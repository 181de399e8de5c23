"""What the service's role may do with every table: one rule over the catalogue, applied at the end of every migration.

A table, also one of a later migration that says nothing about rights, is read and written. One that `refuse_change`
guards is append-only: the role reads it and adds to it, and has no right to change, remove or empty anything. The
triggers refuse that to its owner too. A few tables have rights of their own, named here. Nothing is granted to others.

A migrating user without the right to create roles leaves the role out: then the service works as that user, the
triggers alone hold, and `tagledger doctor` says so.
"""

from typing import Any

import psycopg
from psycopg import Connection, sql

SERVICE_ROLE = "tagledger_service"

# What must be append-only, whatever the migrations say.
APPEND_ONLY = (
    "move",
    "move_tag",
    "audit_log",
    "location_history",
    "posting",
    "period_close",
    "inspection",
    "task_event",
    "value_entry",
    "stock_snapshot",
    "snapshot_day",
    "ledger_seal",
)

_RIGHTS = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
_WRITTEN = frozenset({"select", "insert", "update", "delete"})
_ADDED_TO = frozenset({"select", "insert"})
# Tables with rights of their own.
_SPECIAL = {
    "migration": frozenset({"select"}),  # the program's history is the owner's
    "document_kind": frozenset({"select"}),  # what kinds mean is the program's
    "outbox": frozenset({"select", "insert", "delete"}),  # told messages stay as they were told, until they are old
    "request": frozenset({"select", "insert", "delete"}),  # so do answers
    "api_key": frozenset({"select", "insert", "update"}),  # who once had a key stays known
    "person": frozenset({"select", "insert", "update"}),  # and who was somebody
}

_TABLES = """
    select c.relname, c.relkind = 'v',
           exists (select from pg_trigger g join pg_proc f on f.oid = g.tgfoid
                   where g.tgrelid = c.oid and f.proname = 'refuse_change'),
           array(select r from unnest(%(rights)s::text[]) r where has_table_privilege(%(role)s, c.oid, r))
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v')
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    order by c.relname"""


def grant_service(conn: Connection[Any]) -> bool:
    """Make the role where it is missing and give it what it has to have; whether there is such a role."""
    for statement in (f"create role {SERVICE_ROLE} nologin", f"grant {SERVICE_ROLE} to current_user"):
        try:
            with conn.transaction():
                if "create" not in statement or not _role_exists(conn):
                    conn.execute(statement.encode())
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            pass  # not our right; or another database of this server is migrated right now
    if not _role_exists(conn):
        return False
    with conn.transaction():
        role = sql.Identifier(SERVICE_ROLE)
        schema = sql.Identifier(_schema(conn))
        conn.execute(sql.SQL("grant usage on schema {} to {}").format(schema, role))
        conn.execute(sql.SQL("grant usage on all sequences in schema {} to {}").format(schema, role))
        for table, (wanted, held) in _rights(conn).items():
            for verb, direction, rights in (("revoke", "from", held - wanted), ("grant", "to", wanted - held)):
                if rights:
                    change = f"{verb} {', '.join(sorted(rights))} on {{}} {direction} {{}}"
                    conn.execute(sql.SQL(change).format(sql.Identifier(table), role))
    return True


def wrong_grants(conn: Connection[Any]) -> list[str]:
    """What the service may do and should not, or the other way round; one line a table. Changes nothing."""
    if not _role_exists(conn):
        return [f"there is no role {SERVICE_ROLE}: the service works as the user it connects as"]
    found = []
    for table, (wanted, held) in _rights(conn).items():
        too_much, too_little = ", ".join(sorted(held - wanted)), ", ".join(sorted(wanted - held))
        found += [f"{SERVICE_ROLE} may {too_much} on {table}"] if too_much else []
        found += [f"{SERVICE_ROLE} may not {too_little} on {table}"] if too_little else []
    return found


def _rights(conn: Connection[Any]) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """By table: the rights the role is to have, and those it has."""
    rows = conn.execute(_TABLES, {"rights": list(_RIGHTS), "role": SERVICE_ROLE})
    return {
        table: (_wanted(table, is_view=is_view, is_guarded=is_guarded), frozenset(held))
        for table, is_view, is_guarded, held in rows
    }


def _wanted(table: str, *, is_view: bool, is_guarded: bool) -> frozenset[str]:
    if is_view:
        return frozenset({"select"})
    if is_guarded or table in APPEND_ONLY:
        return _ADDED_TO
    return _SPECIAL.get(table, _WRITTEN)


def _role_exists(conn: Connection[Any]) -> bool:
    return conn.execute("select from pg_roles where rolname = %s", (SERVICE_ROLE,)).fetchone() is not None


def _schema(conn: Connection[Any]) -> str:
    row = conn.execute("select current_schema()").fetchone()
    assert row is not None
    return str(row[0])
