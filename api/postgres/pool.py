"""The API's pool of connections for queries: autocommit (one round trip a select), read only, bounded statements."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from warehouse.postgres.database.connect import with_options

STATEMENT_TIMEOUT_MS = 10_000
# A request waits this long for a connection, then is answered 503.
POOL_WAIT_S = 3.0
# At most this many requests wait; more are answered 503 at once.
WAITING_MAX = 500

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@contextlib.asynccontextmanager
async def query_pool(dsn: str, size_max: int) -> AsyncIterator[Pool]:
    """A pool while the block runs. It connects in the background: a database that is away delays nothing here."""
    ours = f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"
    settings = {"application_name": "tagledger-api", "connect_timeout": 5}
    pool: Pool = AsyncConnectionPool(
        with_options(dsn, ours),
        kwargs={"autocommit": True, **settings},
        min_size=min(2, size_max),
        max_size=size_max,
        timeout=POOL_WAIT_S,
        max_waiting=WAITING_MAX,
        open=False,
        name="api",
    )
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()
