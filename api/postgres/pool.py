"""The API's pool of connections for queries: autocommit (one round trip a select), read only, bounded statements.

A connection lent while reading is limited to warehouses (`api.reading_scope`) shows only what is there. That costs two
round trips, and nothing for who reads everywhere.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool

from api.reading_scope import warehouses
from warehouse.postgres.control import reading
from warehouse.postgres.database.connect import with_options

STATEMENT_TIMEOUT_MS = 10_000
# A request waits this long for a connection, then is answered 503.
POOL_WAIT_S = 3.0
# At most this many requests wait; more are answered 503 at once.
WAITING_MAX = 500

Pool = AsyncConnectionPool[AsyncConnection[Any]]


class ReadingPool(Pool):
    """Lends connections that show what the caller may read."""

    def connection(  # type: ignore[override]  # the pool names a private class
        self, timeout: float | None = None
    ) -> contextlib.AbstractAsyncContextManager[AsyncConnection[Any]]:
        """See `AsyncConnectionPool.connection`. A connection that cannot be set back is closed, not lent again."""
        limited = warehouses()
        return super().connection(timeout) if limited is None else self._limited(limited, timeout)

    @contextlib.asynccontextmanager
    async def _limited(self, to: frozenset[str], timeout: float | None) -> AsyncIterator[AsyncConnection[Any]]:
        async with super().connection(timeout) as connection:
            try:
                await connection.execute(reading.ENTER, {"codes": sorted(to)})
                yield connection
            finally:
                await _set_back(connection)


async def _set_back(connection: AsyncConnection[Any]) -> None:
    """The next who gets this connection must not meet the views: what cannot be set back for sure is closed."""
    try:
        if connection.info.transaction_status is TransactionStatus.IDLE:
            await connection.execute(reading.LEAVE)
        else:
            await connection.close()
    except BaseException as error:
        await connection.close()
        if not isinstance(error, psycopg.Error):
            raise


@contextlib.asynccontextmanager
async def query_pool(dsn: str, size_max: int) -> AsyncIterator[Pool]:
    """A pool while the block runs. It connects in the background: a database that is away delays nothing here."""
    # Answers take milliseconds: starting other processes or compiling a plan for one takes longer than the answer.
    quick = "-c jit=off -c max_parallel_workers_per_gather=0"
    ours = f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC {quick}"
    settings = {"application_name": "tagledger-api", "connect_timeout": 5}
    pool: Pool = ReadingPool(
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
