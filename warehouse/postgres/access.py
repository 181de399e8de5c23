"""API keys: `tl_<key id>_<secret>`, stored as the SHA-256 of the secret. The secret is shown once, when it is made.

The secret has 256 random bits, so a fast hash is enough: there is nothing to guess.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from warehouse.postgres.balances import Conn

BOOTSTRAP_NAME = "bootstrap"
ALL_SCOPES = ("*",)

FIND = """select name, scopes, digest from api_key
    where key_id = %s and revoked_at is null and (expires_at is null or expires_at > now())"""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Whom a key stands for and what it may do; scope `*` is everything."""

    key_id: str
    name: str
    scopes: tuple[str, ...]


def create_key(
    conn: Conn, name: str, scopes: tuple[str, ...], created_by: str, expires_at: datetime | None = None
) -> str:
    """Make a key and give it in full, which is not possible again."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    conn.execute(
        "insert into api_key (key_id, digest, name, scopes, created_by, expires_at) values (%s, %s, %s, %s, %s, %s)",
        (key_id, digest_of(secret), name, list(scopes), created_by, expires_at),
    )
    return f"tl_{key_id}_{secret}"


def bootstrap_key(conn: Conn) -> str | None:
    """The first start's key with every scope; None when any key exists."""
    with conn.transaction():
        conn.execute("lock table api_key in share row exclusive mode")
        row = conn.execute("select exists (select from api_key)").fetchone()
        if row is not None and row[0]:
            return None
        return create_key(conn, BOOTSTRAP_NAME, ALL_SCOPES, "first start")


def adopt_key(conn: Conn, key: str, name: str, scopes: tuple[str, ...], created_by: str) -> None:
    """Take a key whose full text is known already (environment, secret store). ValueError when malformed."""
    parts = parse(key)
    if parts is None:
        raise ValueError("a key is tl_<12 hexadecimal digits>_<secret of at least 32 characters>")
    key_id, secret = parts
    conn.execute(
        """insert into api_key (key_id, digest, name, scopes, created_by) values (%s, %s, %s, %s, %s)
           on conflict (key_id) do nothing""",
        (key_id, digest_of(secret), name, list(scopes), created_by),
    )


def revoke_key(conn: Conn, key_id: str) -> bool:
    """Whether there was a live key of that id."""
    done = conn.execute("update api_key set revoked_at = now() where key_id = %s and revoked_at is null", (key_id,))
    return done.rowcount == 1


def find_holder(conn: Conn, key: str) -> KeyHolder | None:
    """Who holds a live key; None for any other text."""
    parts = parse(key)
    if parts is None:
        return None
    return check(key, conn.execute(FIND, (parts[0],)).fetchone())


def check(key: str, row: tuple[str, list[str], str] | None) -> KeyHolder | None:
    """The holder when the row FIND gave is for this key; for callers with their own (asynchronous) connection."""
    parts = parse(key)
    if parts is None or row is None:
        return None
    name, scopes, digest = row
    if not hmac.compare_digest(digest, digest_of(parts[1])):
        return None
    return KeyHolder(parts[0], name, tuple(scopes))


def parse(key: str) -> tuple[str, str] | None:
    """Key id and secret of `tl_<key id>_<secret>`."""
    mark, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    if mark != "tl" or len(key_id) != 12 or any(c not in "0123456789abcdef" for c in key_id) or len(secret) < 32:
        return None
    return key_id, secret


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
