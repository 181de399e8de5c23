"""The audit log, for what is no command: sign-ins, refused ones too, and what the program does by itself."""

from typing import Any

from psycopg.types.json import Jsonb

from warehouse.postgres.books.balances import Conn


def add(conn: Conn, actor: str, device: str, command: str, outcome: str, after: dict[str, Any] | None = None) -> None:
    conn.execute(
        "insert into audit_log (actor, device, command, outcome, after) values (%s, %s, %s, %s, %s)",
        (actor, device, command, outcome, Jsonb(after or {})),
    )
