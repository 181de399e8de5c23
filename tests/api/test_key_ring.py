"""Keys in the database: found, bound to permissions, revoked; the service's role is kept by the pool."""

import psycopg

from api.postgres.key_ring import PostgresKeys
from api.postgres.pool import query_pool
from tests.warehouse.postgres.control.test_access import made
from warehouse.commands import ALL_RIGHTS, CreateKey, Permission, Rights
from warehouse.postgres.control.access import bootstrap_key
from warehouse.postgres.database.connect import service_dsn
from warehouse.postgres.database.grants import SERVICE_ROLE


async def test_the_bootstrap_key_may_do_everything_and_others_what_they_were_given(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        first = bootstrap_key(connection)
        screen = made(connection, CreateKey("screen", (Permission.READ,)))
        connection.execute("update api_key set permissions = '{read,later}' where name = 'screen'")
    assert first is not None
    async with query_pool(service_dsn(database), 2) as pool:
        keys = PostgresKeys(pool, "us")
        holder = await keys.find(first)
        assert holder is not None
        assert (holder.actor, holder.rights) == ("bootstrap", ALL_RIGHTS)
        holder = await keys.find(screen)
        assert holder is not None
        assert (holder.actor, holder.rights) == ("screen", Rights(frozenset({Permission.READ})))
        for wrong in ("", "tl_", screen[:-1], screen + "x", "tl_" + "0" * 12 + "_" + "x" * 43, "admin", "a.b.c"):
            assert await keys.find(wrong) is None
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("update api_key set revoked_at = now() where name = 'screen'")
        assert await keys.find(screen) is None


async def test_queries_run_read_only_and_as_the_service(database: str) -> None:
    async with query_pool(service_dsn(database), 1) as pool, pool.connection() as connection:
        row = await (
            await connection.execute("select current_user, current_setting('transaction_read_only')")
        ).fetchone()
        assert row == (SERVICE_ROLE, "on")
