"""What a database does on time, by our own scheduler: reservations expire, stock is watched, feed messages and old
answers go.

The stream trims its own log (`stream.store`). Nothing here touches the ledger, the audit log or a passage.
"""

import asyncio
import time
from datetime import UTC, datetime

import psycopg
import structlog

from tagledger.command_desk import WritePool
from warehouse.postgres import outbox
from warehouse.postgres.books import seals, snapshots
from warehouse.postgres.books.reservations import expire
from warehouse.postgres.books.stock_alerts import watch, watch_stillness
from warehouse.postgres.commands import forget_old_requests
from warehouse.postgres.control import sessions
from warehouse.postgres.database import files
from warehouse.postgres.database.hypertables import compress_closed
from warehouse.postgres.exchange import jobs, webhooks
from warehouse.postgres.loads import locations
from warehouse.postgres.transaction import in_transaction

EXPIRE_EVERY_S = 30.0
WATCH_EVERY_S = 60.0
STILLNESS_EVERY_S = 6 * 3600.0
FORGET_EVERY_S = 3600.0

# Arbitrary, the same in every version of this program.
WATCH_LOCK = 0x73746F63

_log = structlog.get_logger(__name__)


def tidy(pool: WritePool) -> tuple[int, int]:
    """Once: how many feed messages and how many stored answers were removed; files and jobs past their time go too.

    Raises psycopg.Error.
    """
    with pool.connection() as connection:
        with connection.transaction():
            messages = outbox.trim(connection)
        with connection.transaction():
            answers = forget_old_requests(connection)
        with connection.transaction():
            files.forget_old(connection)
            jobs.forget_old(connection)
            webhooks.forget_old(connection)
            sessions.forget_old(connection)
            locations.forget_old(connection)
        compress_closed(connection)
    return messages, answers


def expire_reservations(pool: WritePool, now: datetime) -> int:
    """How many reservations ended at their expiry. Raises psycopg.Error."""
    with pool.connection() as connection:
        return in_transaction(connection, lambda: expire(connection, now))


def watch_stock(pool: WritePool, now: datetime, *, stillness: bool) -> int:
    """Hold stock against its rules; how many suggestions were made. Raises psycopg.Error.

    One process at a time: whoever finds another at it leaves it to that one.
    """

    def work() -> int:
        row = connection.execute("select pg_try_advisory_xact_lock(%s)", (WATCH_LOCK,)).fetchone()
        if row is None or not row[0]:
            return 0
        made = watch(connection, now).made
        if stillness:
            watch_stillness(connection, now)
        return made

    with pool.connection() as connection:
        return in_transaction(connection, work)


def take_snapshots(pool: WritePool) -> int:
    """Stock at closed days that have no snapshot yet, one transaction each; how many. Raises psycopg.Error."""
    with pool.connection() as connection:
        with connection.transaction():
            days = snapshots.missing(connection)
        for day in days:
            in_transaction(connection, lambda day=day: snapshots.take(connection, day))  # type: ignore[misc]
        return len(days)


def seal_ledger(pool: WritePool) -> int:
    """Seal what is certain, stretch by stretch; how many movements. Raises psycopg.Error."""
    moves = 0
    with pool.connection() as connection:
        while (made := in_transaction(connection, lambda: seals.seal(connection))) is not None:
            moves += made.moves
    return moves


async def keep_tidy(pool: WritePool) -> None:
    """Until cancelled. A database that is away now is tried again next time."""
    forget_at_s = watch_at_s = stillness_at_s = time.monotonic()
    while True:
        try:
            expired = await asyncio.to_thread(expire_reservations, pool, datetime.now(UTC))
            if expired:
                _log.info("reservations expired", count=expired)
            if time.monotonic() >= watch_at_s:
                stillness = time.monotonic() >= stillness_at_s
                made = await asyncio.to_thread(watch_stock, pool, datetime.now(UTC), stillness=stillness)
                watch_at_s = time.monotonic() + WATCH_EVERY_S
                stillness_at_s = time.monotonic() + STILLNESS_EVERY_S if stillness else stillness_at_s
                if made:
                    _log.info("replenishment suggested", count=made)
            if time.monotonic() >= forget_at_s:
                await asyncio.to_thread(take_snapshots, pool)
                await asyncio.to_thread(seal_ledger, pool)
                messages, answers = await asyncio.to_thread(tidy, pool)
                forget_at_s = time.monotonic() + FORGET_EVERY_S
                if messages or answers:
                    _log.info("tidied", feed_messages=messages, stored_answers=answers)
        except psycopg.Error as error:
            _log.warning("not tidied", error=str(error))
        await asyncio.sleep(EXPIRE_EVERY_S)
