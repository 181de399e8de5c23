"""The stream as an API sees it that runs in a process of its own: what is committed, read every `EVERY_S`.

Portals show what they show with a stream in the same process: the last signal while it is valid, a person's order while
it stands, and the load in the door, which hosts and workers keep in `live_load`. The numbers say how far the books are
behind: `stream_lag_seconds` is the age of the reader time up to which the slowest agent is committed.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from api.ports import Gauge, LiveEvent
from api.postgres.pool import Pool
from stream.model import Signal
from tagledger.api_ports import override_data, signal_data
from tagledger.live_board import LiveBoard
from warehouse.loads import Override
from warehouse.postgres import outbox
from warehouse.postgres.loads.overrides import OVERRIDES, override_of

EVERY_S = 0.2
NUMBERS_EVERY = 25
OVERRIDES_EVERY = 5
RETRY_S = 1.0
# An agent that was taken out of the site file has no lag, however long ago it spoke.
FORGOTTEN_AFTER = "1 day"
_SEQ_MAX = 2**63 - 1

_log = structlog.get_logger(__name__)

_NUMBERS = f"""
    with agents as (
        select split_part(agent, '@', 1) as agent, min(newest) as at_us from (
            select agent, max(watermark_us) as newest from stream_inbox
            where epoch <> 'reports' and updated_at > now() - interval '{FORGOTTEN_AFTER}' group by agent) as places
        group by 1)
    select coalesce((select min(at_us) from agents), 0),
           (select count(*) from dead_letter where status = 'open'),
           (select count(*) from data_gap where recorded_at > now() - interval '1 day'),
           (select count(*) from stream_head where updated_at > now() - interval '1 minute')
"""  # noqa: S608 - a constant of ours


class CommittedStream(LiveBoard):
    """Implements `LiveSource` and `StreamGauges` over the database. `now_us` is the clock signals are valid by."""

    def __init__(self, pool: Pool, now_us: Callable[[], int]) -> None:
        super().__init__(now_us)
        self._pool = pool
        self._loads: dict[str, tuple[UUID, int, bool]] | None = None
        self._orders: dict[str, Override] | None = None
        self._cursor: outbox.Cursor | None = None
        self._gauges: tuple[Gauge, ...] = ()

    def gauges(self) -> Sequence[Gauge]:
        """As of the last look."""
        return self._gauges

    async def run(self) -> None:
        """Follow the database until cancelled; one that is away is waited for."""
        turn = 0
        while True:
            try:
                async with self._pool.connection() as connection:
                    await self._signals(connection)
                    await self._doors(connection)
                    if turn % OVERRIDES_EVERY == 0:
                        await self._overrides(connection)
                if turn % NUMBERS_EVERY == 0:
                    await self._numbers()
                turn += 1
                await asyncio.sleep(EVERY_S)
            except (psycopg.Error, PoolTimeout) as error:
                _log.warning("the stream's state cannot be read", error=str(error).strip())
                await asyncio.sleep(RETRY_S)

    async def _signals(self, connection: AsyncConnection[Any]) -> None:
        found = await connection.execute("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (horizon,) = await found.fetchone() or (0,)
        if self._cursor is None or self._cursor.tx > horizon:  # the start, or a restored database
            self._cursor = outbox.Cursor(horizon - 1, _SEQ_MAX)
        found = await connection.execute(
            outbox.READ,
            {"tx": str(self._cursor.tx), "seq": self._cursor.seq, "limit": 500, "topics": ["signal"]},
        )
        for tx, seq, _, portal, payload, _ in await found.fetchall():
            self._cursor = outbox.Cursor(tx, seq)
            signal = msgspec.convert(payload, Signal)
            if signal.valid_until_us >= self._now_us():
                self.show(LiveEvent("live.signal", portal, signal_data(signal)), stands=True)

    async def _doors(self, connection: AsyncConnection[Any]) -> None:
        found = await connection.execute("select portal, passage_id, revision, final from live_load")
        loads = {portal: (passage, revision, final) for portal, passage, revision, final in await found.fetchall()}
        known, self._loads = self._loads, loads
        changed = [portal for portal, load in loads.items() if load != (known or {}).get(portal)]
        if not changed:
            return
        found = await connection.execute("select portal, body from live_load where portal = any(%s)", (changed,))
        for portal, body in await found.fetchall():
            loads[portal] = (UUID(body["passage_id"]), body["revision"], body["final"])  # newer by now, perhaps
            # At the start what left the door before is no news.
            if known is not None or not body["final"]:
                self.show(LiveEvent("live.passage", portal, body), stands=not body["final"])

    async def _overrides(self, connection: AsyncConnection[Any]) -> None:
        found = await connection.execute(OVERRIDES)
        orders = {order.portal: order for order in map(override_of, await found.fetchall())}
        known, self._orders = self._orders, orders
        for portal, order in orders.items():
            if order != (known or {}).get(portal) and (known is not None or order.colour is not None):
                event = LiveEvent("live.override", portal, override_data(order))
                self.show(event, stands=order.colour is not None)

    async def _numbers(self) -> None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_NUMBERS)).fetchone()
        if row is None:
            return
        behind_us, letters, gaps, consumers = row
        lag_s = max(0.0, (self._now_us() - behind_us) / 1e6) if behind_us else 0.0
        self._gauges = (
            Gauge("stream_lag_seconds", "Age of the reader time that the slowest agent is committed to.", lag_s),
            Gauge("stream_dead_letters", "Inputs that could not be taken and nobody has decided about.", letters),
            Gauge("stream_gaps", "Runs of batches declared lost within a day.", gaps),
            Gauge("stream_consumers", "Hosts or partitions that committed within a minute.", consumers),
        )
