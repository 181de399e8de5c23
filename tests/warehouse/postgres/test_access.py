"""API keys: shown once, stored as a hash, gone when revoked; one bootstrap key."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from warehouse.postgres import access


def test_a_key_is_found_until_revoked_and_its_secret_is_not_stored(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        key = access.create_key(conn, "erp", ("documents:write",), "admin")
        holder = access.find_holder(conn, key)
        assert holder is not None
        assert (holder.name, holder.scopes) == ("erp", ("documents:write",))
        stored = str(conn.execute("select * from api_key").fetchall())
        assert key.rpartition("_")[2] not in stored
        assert access.find_holder(conn, key[:-1] + ("a" if key[-1] != "a" else "b")) is None
        assert access.revoke_key(conn, holder.key_id)
        assert access.find_holder(conn, key) is None
        assert not access.revoke_key(conn, holder.key_id)


@pytest.mark.parametrize(
    "key", ["", "tl_", "tl_zz_x", "Bearer", "tl_0123456789ab_short", "xx_0123456789ab_" + "s" * 40]
)
def test_other_text_is_nobody(database: str, key: str) -> None:
    with psycopg.connect(database) as conn:
        assert access.find_holder(conn, key) is None
        with pytest.raises(ValueError, match="a key is"):
            access.adopt_key(conn, key, "x", (), "x")


def test_eight_first_starts_make_one_bootstrap_key(database: str) -> None:
    barrier = threading.Barrier(8)

    def start(_: int) -> str | None:
        with psycopg.connect(database, autocommit=True) as conn:
            barrier.wait(30)
            return access.bootstrap_key(conn)

    with ThreadPoolExecutor(8) as pool:
        keys = [key for key in pool.map(start, range(8)) if key is not None]
    assert len(keys) == 1
