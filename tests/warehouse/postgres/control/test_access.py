"""API keys: shown once, stored as a hash, gone when revoked or expired; one bootstrap key."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from warehouse.commands import ALL_RIGHTS, Actor, CreateKey, Permission, Result, RevokeKey, Rights
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.commands import execute
from warehouse.postgres.control import access

ADMIN = Actor("admin", "", ALL_RIGHTS)


def made(conn: Conn, command: CreateKey) -> str:
    done = execute(conn, command, actor=ADMIN, source="test", client_event_id=str(uuid4()))
    assert isinstance(done, Result), done
    key = access.give_secret(conn, done.response["key_id"])
    assert key is not None
    return key


def holder_of(conn: Conn, key: str) -> access.KeyHolder | None:
    parts = access.parse(key)
    return access.check(key, conn.execute(access.FIND, (parts[0] if parts else "",)).fetchone())


def test_a_key_is_found_until_revoked_and_its_secret_is_stored_nowhere(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        key = made(conn, CreateKey("erp", (Permission.READ, Permission.DOCUMENT), device="dock"))
        holder = holder_of(conn, key)
        assert holder is not None
        wanted = Rights(frozenset({Permission.READ, Permission.DOCUMENT}))
        assert (holder.name, holder.device, holder.rights) == ("erp", "dock", wanted)
        secret = key.removeprefix(f"tl_{holder.key_id}_")
        for table in ("api_key", "request", "audit_log", "outbox"):
            assert secret not in str(conn.execute(f"select * from {table}".encode()).fetchall())  # noqa: S608
        assert access.give_secret(conn, holder.key_id) is None
        assert holder_of(conn, key[:-1] + ("a" if key[-1] != "a" else "b")) is None
        execute(conn, RevokeKey(holder.key_id), actor=ADMIN, source="test", client_event_id="r")
        assert holder_of(conn, key) is None


def test_a_key_without_its_secret_opens_nothing(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        command = CreateKey("erp", (Permission.READ,))
        done = execute(conn, command, actor=ADMIN, source="test", client_event_id="1")
        assert isinstance(done, Result)
        assert holder_of(conn, f"tl_{done.response['key_id']}_{'x' * 43}") is None


def test_a_key_expires_and_its_rights_end_at_its_warehouses(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("insert into location (code, kind, level) values ('W1', 'internal', 'warehouse')")
        rights = (Permission.MOVE, Permission.MASTER_DATA)
        key = made(conn, CreateKey("pda", rights, warehouses=("W1",), expires_at=datetime(2999, 1, 1, tzinfo=UTC)))
        holder = holder_of(conn, key)
        assert holder is not None
        assert holder.rights == Rights(within={"W1": frozenset({Permission.MOVE})})
        conn.execute("update api_key set expires_at = now()")
        assert holder_of(conn, key) is None


@pytest.mark.parametrize(
    "key", ["", "tl_", "tl_zz_x", "Bearer", "tl_0123456789ab_short", "xx_0123456789ab_" + "s" * 40]
)
def test_other_text_is_nobody(database: str, key: str) -> None:
    with psycopg.connect(database) as conn:
        assert holder_of(conn, key) is None
        with pytest.raises(ValueError, match="a key is"):
            access.adopt_key(conn, key, "x", "x")


def test_eight_first_starts_make_one_bootstrap_key(database: str) -> None:
    barrier = threading.Barrier(8)

    def start(_: int) -> str | None:
        with psycopg.connect(database, autocommit=True) as conn:
            barrier.wait(30)
            return access.bootstrap_key(conn)

    with ThreadPoolExecutor(8) as pool:
        keys = [key for key in pool.map(start, range(8)) if key is not None]
    assert len(keys) == 1
