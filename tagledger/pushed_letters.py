"""Messages that readers pushed and that could not be read, given again once somebody has mended what was wrong: the
site file (another driver), or this program.

Where the reader's edge is in this process its driver takes the message at once; elsewhere it is published on the
reader's topic once more, and the edge takes it as it takes any. One that fails again is open again with the new reason.
The letter is `replayed` when its reads are committed (published: when the broker has it); who dies in between gives the
message again, and the same reads twice change nothing that was decided.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from edge.agent import EdgeAgent
from edge.push_mqtt import push_again
from readers.port import ReaderUnavailable
from readers.push.pushed_tag import PushFormatError
from stream.places import FailureKind
from tagledger.command_desk import WritePool
from warehouse.site import Site

LOOK_EVERY_S = 1.0
AT_ONCE = 20

_log = structlog.get_logger(__name__)

Give = Callable[[str, bytes], Awaitable[str]]
"""Give a reader's message again: "" when it was taken, else why not. Raises OSError or ReaderUnavailable for now."""


async def keep_giving_again(pool: WritePool, give: Give) -> None:
    """Until cancelled. A database or broker that is away now is asked again."""
    while True:
        try:
            await give_again(pool, give)
        except (psycopg.Error, PoolTimeout, OSError, ReaderUnavailable) as error:
            _log.warning("pushed messages not given again", error=str(error))
        await asyncio.sleep(LOOK_EVERY_S)


async def give_again(pool: WritePool, give: Give) -> int:
    """Give those that were asked for; how many were taken. Raises what asking and giving raise."""
    taken = 0
    for letter, reader, body in await asyncio.to_thread(_asked_for, pool):
        why = await give(reader, body)
        await asyncio.to_thread(_settle, pool, letter, why)
        taken += not why
    return taken


def to_agent(agent: EdgeAgent) -> Give:
    """Into the readers' drivers of this process."""

    async def give(reader: str, body: bytes) -> str:
        driver = agent.push_driver(reader)
        if driver is None:
            return f"no reader {reader} pushes its reads to this process"
        try:
            driver.take(body)
        except PushFormatError as error:
            return str(error)
        await agent.drained()
        return ""

    return give


def to_broker(site_now: Callable[[], Site]) -> Give:
    """To the edges, on the readers' topics."""

    async def give(reader: str, body: bytes) -> str:
        site = site_now()
        topic = next((one.topic for one in site.readers if one.name == reader), "")
        if not topic:
            return f"no reader {reader} with a topic in the site file"
        await push_again(site.uplink, topic, body)
        return ""

    return give


def _asked_for(pool: WritePool) -> list[tuple[UUID, str, bytes]]:
    with pool.connection() as connection:
        rows = connection.execute(
            "select dead_letter_id, key, body from dead_letter where status = 'replay' and kind = %s"
            " order by recorded_at, dead_letter_id limit %s",
            (FailureKind.PUSHED_READS, AT_ONCE),
        ).fetchall()
    return [(row[0], row[1], bytes(row[2])) for row in rows]


def _settle(pool: WritePool, letter: UUID, why: str) -> None:
    with pool.connection() as connection:
        connection.execute(
            "update dead_letter set status = %s, reason = coalesce(nullif(%s, ''), reason), decided_at = now()"
            " where dead_letter_id = %s and status = 'replay'",
            ("open" if why else "replayed", why, letter),
        )
