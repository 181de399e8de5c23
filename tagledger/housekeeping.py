"""What a database forgets on purpose, from our own scheduler: feed messages and answers to old requests.

The stream trims its own log (`stream.store`). Nothing here touches the ledger, the audit log or a passage.
"""

import asyncio

import psycopg
import structlog

from tagledger.command_desk import WritePool
from warehouse.postgres import outbox
from warehouse.postgres.commands import forget_old_requests

EVERY_S = 3600.0

_log = structlog.get_logger(__name__)


def tidy(pool: WritePool) -> tuple[int, int]:
    """Once: how many feed messages and how many stored answers were removed. Raises psycopg.Error."""
    with pool.connection() as connection:
        with connection.transaction():
            messages = outbox.trim(connection)
        with connection.transaction():
            answers = forget_old_requests(connection)
    return messages, answers


async def keep_tidy(pool: WritePool) -> None:
    """Every `EVERY_S`, until cancelled. A database that is away now is tried again next time."""
    while True:
        try:
            messages, answers = await asyncio.to_thread(tidy, pool)
            if messages or answers:
                _log.info("tidied", feed_messages=messages, stored_answers=answers)
        except psycopg.Error as error:
            _log.warning("not tidied", error=str(error))
        await asyncio.sleep(EVERY_S)
