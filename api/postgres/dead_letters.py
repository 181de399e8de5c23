"""Reads the stream's dead letters and marks them: the stream's host takes up what is marked `replay`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from api.postgres.pool import Pool
from api.postgres.select import select_one, select_page
from warehouse.postgres.queries.paging import Limit
from warehouse.postgres.queries.view_rows import view_row

BODY_SHOWN_BYTES = 65_536

_SUMMARY: LiteralString = """
select dead_letter_id, kind, source, key, reason, octet_length(body) as body_bytes, status, note, actor, recorded_at,
       decided_at, {body} as body
  from dead_letter"""


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """One input that could not be processed; `body` only when it was asked for, cut at BODY_SHOWN_BYTES."""

    dead_letter_id: UUID
    kind: str
    source: str
    key: str
    reason: str
    body_bytes: int
    status: str
    note: str
    actor: str
    recorded_at: datetime
    decided_at: datetime | None
    body: bytes | None


async def dead_letters(
    pool: Pool, status: str | None, kind: str | None, after: tuple[datetime, UUID] | None, limit: Limit
) -> Sequence[DeadLetterRow]:
    """Newest first."""
    return await select_page(
        pool,
        DeadLetterRow,
        _SUMMARY.replace("{body}", "null::bytea"),
        {
            "status = %(status)s": status is not None,
            "kind = %(kind)s": kind is not None,
            "(recorded_at, dead_letter_id) < (%(recorded_at)s, %(dead_letter_id)s)": after is not None,
        },
        "order by recorded_at desc, dead_letter_id desc limit %(limit)s",
        {
            "status": status,
            "kind": kind,
            "recorded_at": after[0] if after else None,
            "dead_letter_id": after[1] if after else None,
            "limit": limit,
        },
    )


async def dead_letter(pool: Pool, dead_letter_id: UUID) -> DeadLetterRow | None:
    """One, with the beginning of its body."""
    query: LiteralString = _SUMMARY.replace("{body}", "substring(body for %(shown)s)")
    values = {"dead_letter_id": dead_letter_id, "shown": BODY_SHOWN_BYTES}
    return await select_one(pool, DeadLetterRow, query + " where dead_letter_id = %(dead_letter_id)s", values)


_DECIDE = """
update dead_letter set status = %(status)s, actor = %(actor)s, note = %(note)s, decided_at = now()
 where dead_letter_id = %(dead_letter_id)s and status = any(%(undecided)s)
"""


async def decide(pool: Pool, dead_letter_id: UUID, status: str, actor: str, note: str) -> DeadLetterRow | None:
    """Mark it `replay` or `dropped`; the letter afterwards, None when there is none.

    Only what is open, or waiting for its replay, changes; deciding the same twice changes nothing.
    """
    undecided = ["open"] if status == "replay" else ["open", "replay"]
    values = {
        "dead_letter_id": dead_letter_id,
        "status": status,
        "actor": actor,
        "note": note,
        "undecided": undecided,
        "shown": BODY_SHOWN_BYTES,
    }
    query: LiteralString = _SUMMARY.replace("{body}", "null::bytea")
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("set transaction read write")
        await connection.execute(_DECIDE, values)
        async with connection.cursor(row_factory=view_row(DeadLetterRow)) as cursor:
            await cursor.execute(query + " where dead_letter_id = %(dead_letter_id)s", values)
            return await cursor.fetchone()
