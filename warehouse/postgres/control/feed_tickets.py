"""Tickets for the live feed: made by somebody who is known, good once and for `HOLDS_S`.

A browser's EventSource cannot send an `Authorization` header, and what stands in an address ends in logs and histories.
So a page asks for a ticket as itself and opens the feed with that: 256 random bits that are gone when they were used
and soon in any case. They stand for the key or the session that asked, not for what these may do: that is looked up
when the feed is opened and while it runs. At most `LIVE_MAX` of one holder are live; the oldest go first.
"""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

from warehouse.postgres.books.balances import Conn

HOLDS_S = 30
LIVE_MAX = 20


@dataclass(frozen=True, slots=True)
class TicketHolder:
    """Who asked for it: a key by its id, or a session."""

    key_id: str | None
    session_id: UUID | None


def make(conn: Conn, holder: TicketHolder) -> str:
    """A new ticket; expired ones go. In the caller's transaction."""
    ticket = secrets.token_urlsafe(32)
    conn.execute("delete from feed_ticket where expires_at <= now()")
    conn.execute(
        """delete from feed_ticket where digest in (
               select digest from feed_ticket
               where key_id is not distinct from %s and session_id is not distinct from %s
               order by expires_at desc offset %s)""",
        (holder.key_id, holder.session_id, LIVE_MAX - 1),
    )
    conn.execute(
        """insert into feed_ticket (digest, key_id, session_id, expires_at)
           values (%s, %s, %s, now() + make_interval(secs => %s))""",
        (_digest(ticket), holder.key_id, holder.session_id, HOLDS_S),
    )
    return ticket


def redeem(conn: Conn, ticket: str) -> TicketHolder | None:
    """Whose it is, once; None when it is unknown, was used or has expired."""
    row = conn.execute(
        "delete from feed_ticket where digest = %s returning key_id, session_id, expires_at > now()", (_digest(ticket),)
    ).fetchone()
    return TicketHolder(row[0], row[1]) if row is not None and row[2] else None


def _digest(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode("utf-8", "surrogateescape")).digest()
