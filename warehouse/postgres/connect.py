"""Connections of the service: under the role without rights to change what is append-only."""

from typing import Any

import psycopg
from psycopg import Connection, conninfo

SERVICE_ROLE = "tagledger_service"


def service_dsn(dsn: str) -> str:
    """The DSN whose connections run as the service role. Where the role could not be made, the DSN itself."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(
            "select pg_has_role(oid, 'member') from pg_roles where rolname = %s", (SERVICE_ROLE,)
        ).fetchone()
    if row is None or not row[0]:
        return dsn
    given = str(conninfo.conninfo_to_dict(dsn).get("options") or "")
    return conninfo.make_conninfo(dsn, options=f"{given} -c role={SERVICE_ROLE}".strip())


def connect(dsn: str) -> Connection[Any]:
    """A connection of the service, in autocommit: transactions are explicit blocks."""
    return psycopg.connect(service_dsn(dsn), autocommit=True)
