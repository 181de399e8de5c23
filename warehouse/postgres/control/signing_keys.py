"""The secrets access tokens are signed with. A new one every `ROTATE_DAYS`; the one before still checks what it signed.

They lie in the database, which every process that serves the API shares. Who could read them there could make tokens,
but a token only stands for a session that is open in that same database.
"""

import secrets
from dataclasses import dataclass

from warehouse.postgres.books.balances import Conn

ROTATE_DAYS = 30

ALL = "select kid, secret from signing_key order by created_at desc"
_NEWEST = """select kid, secret, created_at > now() - make_interval(days => %s) from signing_key
    order by created_at desc limit 1"""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """256 random bits and their name."""

    kid: str
    secret: bytes


def current(conn: Conn) -> SigningKey:
    """The key to sign with, made when there is none or it is old. In the caller's transaction."""
    row = conn.execute(_NEWEST, (ROTATE_DAYS,)).fetchone()
    if row is None or not row[2]:
        conn.execute("select pg_advisory_xact_lock(hashtextextended('tagledger signing key', 0))")
        row = conn.execute(_NEWEST, (ROTATE_DAYS,)).fetchone()
        if row is None or not row[2]:
            return rotate(conn)
    return SigningKey(row[0], bytes(row[1]))


def rotate(conn: Conn, *, forget: bool = False) -> SigningKey:
    """Sign with a new key from now on. `forget`: what the others signed holds no longer, at once."""
    key = SigningKey(secrets.token_hex(8), secrets.token_bytes(32))
    conn.execute(
        "delete from signing_key where %s or created_at < now() - make_interval(days => %s)",
        (forget, 2 * ROTATE_DAYS),
    )
    conn.execute("insert into signing_key (kid, secret) values (%s, %s)", (key.kid, key.secret))
    return key
