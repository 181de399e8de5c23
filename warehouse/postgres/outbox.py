"""The outbox: messages written with what they tell about, read by cursor (transaction id, seq).

seq is given out before the commit, so a reader by seq alone skips rows of a transaction that commits late. Readers go
by (tx, seq) and stop below the oldest transaction still running; nothing can appear below that any more. The channel
`tagledger_feed` only wakes them: they look every second by themselves. A transaction that writes a message notifies,
but for groups of commands, which do it when they are committed (`wake`).
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from warehouse.postgres.books.balances import Conn

# Rows older than this are removed by `trim`; a reader that slept longer starts from a snapshot.
RETAIN_DAYS = 14


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the outbox; everything up to and on it was read. Written `tx-seq`."""

    tx: int = 0
    seq: int = 0

    def __str__(self) -> str:
        return f"{self.tx}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """ValueError when it is not `tx-seq`."""
        tx, _, seq = text.partition("-")
        return cls(int(tx), int(seq))


@dataclass(frozen=True, slots=True)
class Message:
    cursor: Cursor
    topic: str
    key: str
    payload: dict[str, Any]
    created_at: datetime


def add(conn: Conn, topic: str, key: str, payload: Mapping[str, Any]) -> None:
    conn.execute("insert into outbox (topic, key, payload) values (%s, %s, %s)", (topic, key, Jsonb(dict(payload))))


def wake(conn: Conn) -> None:
    """Wake the readers, of a connection outside a transaction. They will look anyway: nothing is raised."""
    with contextlib.suppress(psycopg.Error):
        conn.execute("notify tagledger_feed")


READ = """select tx::text::bigint, seq, topic, key, payload, created_at from outbox
    where (tx, seq) > (%(tx)s::text::xid8, %(seq)s) and tx < pg_snapshot_xmin(pg_current_snapshot())
      and (%(topics)s::text[] is null or topic = any(%(topics)s))
    order by tx, seq limit %(limit)s"""


def read(conn: Conn, after: Cursor, limit: int = 500, topics: tuple[str, ...] | None = None) -> list[Message]:
    """What became certain after the cursor, oldest first, at most `limit`."""
    rows = conn.execute(
        READ,
        {"tx": str(after.tx), "seq": after.seq, "limit": limit, "topics": list(topics) if topics is not None else None},
    )
    return [Message(Cursor(tx, seq), topic, key, payload, at) for tx, seq, topic, key, payload, at in rows]


def trim(conn: Conn) -> int:
    """Remove what is older than RETAIN_DAYS, in the caller's transaction; how many rows.

    How far is kept as the reader `trimmed`: whoever asks for what lies before it is told that it is gone.
    """
    gone = conn.execute(
        "delete from outbox where created_at < now() - make_interval(days => %s) returning tx::text::bigint, seq",
        (RETAIN_DAYS,),
    ).fetchall()
    if gone:
        tx, seq = max(gone)
        conn.execute(
            """insert into outbox_reader as r (name, tx, seq) values ('trimmed', %s::text::xid8, %s)
               on conflict (name) do update set tx = excluded.tx, seq = excluded.seq, updated_at = now()
               where (excluded.tx, excluded.seq) > (r.tx, r.seq)""",
            (str(tx), seq),
        )
    return len(gone)
