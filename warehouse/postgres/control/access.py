"""API keys: `tl_<key id>_<secret>`, stored as the SHA-256 of the secret. The secret is shown once, when it is made.

The secret has 256 random bits, so a fast hash is enough: there is nothing to guess. A key has permissions of its own,
maybe only within warehouses, and maybe the device it is bound to. The command that creates one leaves its secret to be
made (`give_secret`), so that no log and no recording has it; until then the key opens nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from warehouse.commands import Actor, Audit, CreateKey, RefusalCode, RevokeKey, Rights
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.control.people import find_warehouse, permissions_of, require_holding
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse
from warehouse.roles import EVERYTHING, rights_of

BOOTSTRAP_NAME = "bootstrap"

# For callers with their own (asynchronous) connection; `check` reads its row.
FIND = """select name, permissions, warehouses, device, digest from api_key
    where key_id = %s and digest <> '' and revoked_at is null and (expires_at is null or expires_at > now())"""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Whom a key stands for and what it may do."""

    key_id: str
    name: str
    rights: Rights
    device: str = ""


def create_key(conn: Conn, c: CreateKey, actor: Actor, request_id: UUID) -> Answer:
    if not c.name:
        raise Refuse(RefusalCode.INVALID, "name", "a key needs a name: the books call its holder by it")
    if conn.execute("select 1 from person where name = %s", (c.name.lower(),)).fetchone() is not None:
        raise Refuse(RefusalCode.EXISTS, "name", f"{c.name!r} is a person")
    if c.expires_at is not None and c.expires_at <= database_now(conn):
        raise Refuse(RefusalCode.INVALID, "expires_at", "that time is past")
    of_role = permissions_of(conn, c.role) if c.role is not None else []
    permissions = sorted({*map(str, c.permissions), *of_role})
    if not permissions:
        raise Refuse(RefusalCode.INVALID, "permissions", "a key needs permissions, or a role that has some")
    for n, warehouse in enumerate(c.warehouses):
        find_warehouse(conn, warehouse, f"warehouses.{n}")
    require_holding(actor, _grants(permissions, c.warehouses), "permissions")
    key_id = request_id.hex[:12]
    conn.execute(
        """insert into api_key (key_id, name, permissions, warehouses, device, created_by, expires_at)
           values (%s, %s, %s, %s, %s, %s, %s)""",
        (key_id, c.name, permissions, list(c.warehouses), c.device, actor.name, c.expires_at),
    )
    return {"key_id": key_id, "name": c.name}, Audit(after={"key_id": key_id, "permissions": permissions})


def revoke_key(conn: Conn, c: RevokeKey, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        "select name, permissions, warehouses, revoked_at from api_key where key_id = %s for update", (c.key_id,)
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "key_id", f"no key {c.key_id!r}")
    name, permissions, warehouses, revoked_at = row
    if revoked_at is not None:
        raise Refuse(RefusalCode.WRONG_STATE, "key_id", f"it was revoked at {revoked_at:%Y-%m-%d %H:%M}")
    require_holding(actor, _grants(permissions, warehouses), "key_id")
    conn.execute("update api_key set revoked_at = now() where key_id = %s", (c.key_id,))
    return {"key_id": c.key_id, "name": name}, Audit({"revoked": False}, {"revoked": True, "name": name})


def give_secret(conn: Conn, key_id: str) -> str | None:
    """The key in full, which is not possible again; None when it has its secret already."""
    secret = secrets.token_urlsafe(32)
    query = "update api_key set digest = %s where key_id = %s and digest = '' and revoked_at is null"
    if not conn.execute(query, (_digest(secret), key_id)).rowcount:
        return None
    return f"tl_{key_id}_{secret}"


def bootstrap_key(conn: Conn) -> str | None:
    """The first start's key with every permission; None when any key exists."""
    with conn.transaction():
        conn.execute("lock table api_key in share row exclusive mode")
        row = conn.execute("select exists (select from api_key)").fetchone()
        if row is not None and row[0]:
            return None
        key_id = secrets.token_hex(6)
        conn.execute(
            "insert into api_key (key_id, name, permissions, created_by) values (%s, %s, %s, 'first start')",
            (key_id, BOOTSTRAP_NAME, [EVERYTHING]),
        )
        return give_secret(conn, key_id)


def adopt_key(conn: Conn, key: str, name: str, created_by: str) -> None:
    """Take a key with every permission whose full text is known already (environment, secret store).

    ValueError when malformed.
    """
    parts = parse(key)
    if parts is None:
        raise ValueError("a key is tl_<12 hexadecimal digits>_<secret of at least 32 characters>")
    key_id, secret = parts
    conn.execute(
        """insert into api_key (key_id, digest, name, permissions, created_by) values (%s, %s, %s, %s, %s)
           on conflict (key_id) do nothing""",
        (key_id, _digest(secret), name, [EVERYTHING], created_by),
    )


def check(key: str, row: Sequence[object] | None) -> KeyHolder | None:
    """The holder when the row FIND gave is for this key."""
    parts = parse(key)
    if parts is None or row is None:
        return None
    if not hmac.compare_digest(str(row[4]), _digest(parts[1])):
        return None
    return holder(parts[0], row)


def holder(key_id: str, row: Sequence[object]) -> KeyHolder:
    """Of the row FIND gave for a key, by whoever was known by it before."""
    name, permissions, warehouses, device, _ = row
    assert isinstance(permissions, list)
    assert isinstance(warehouses, list)
    return KeyHolder(key_id, str(name), rights_of(_grants(permissions, warehouses)), str(device))


def parse(key: str) -> tuple[str, str] | None:
    """Key id and secret of `tl_<key id>_<secret>`."""
    mark, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    if mark != "tl" or len(key_id) != 12 or any(c not in "0123456789abcdef" for c in key_id) or len(secret) < 32:
        return None
    return key_id, secret


def _grants(permissions: Sequence[str], warehouses: Sequence[str]) -> list[tuple[Sequence[str], str | None]]:
    return [(permissions, warehouse) for warehouse in warehouses] or [(permissions, None)]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


HANDLERS: Handlers = {
    CreateKey: create_key,
    RevokeKey: revoke_key,
}
