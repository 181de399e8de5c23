"""Connections of the service: under the role without rights to change what is append-only (see `grants`).

The login may be the owner of the tables, which then is laid down at the start of every connection, or (better) a user
of its own that is nothing but a member of the role: then there is no more to take up again.
"""

from typing import Any

import psycopg
from psycopg import Connection, conninfo

from warehouse.postgres.database.grants import SERVICE_ROLE


def service_dsn(dsn: str) -> str:
    """The DSN whose connections run as the service role. Where the role could not be made, the DSN itself."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Since 16 membership and the right to take up the role are two things; before, the second comes with the first.
        right = "set" if connection.info.server_version >= 160000 else "member"
        row = connection.execute(
            "select pg_has_role(oid, %s) from pg_roles where rolname = %s", (right, SERVICE_ROLE)
        ).fetchone()
    if row is None or not row[0]:
        return dsn
    return with_options(dsn, f"-c role={SERVICE_ROLE}")


def with_options(dsn: str, options: str) -> str:
    """The DSN with more server options, beside those it has: given as an argument they would replace its role."""
    given = str(conninfo.conninfo_to_dict(dsn).get("options") or "")
    return conninfo.make_conninfo(dsn, options=f"{given} {options}".strip())


def connect(dsn: str) -> Connection[Any]:
    """A connection of the service, in autocommit: transactions are explicit blocks."""
    return psycopg.connect(service_dsn(dsn), autocommit=True)
