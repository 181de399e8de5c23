"""The event log in PostgreSQL: passages (source 0) and the outbox (source 1), read below `pg_snapshot_xmin`.

Within one transaction a passage comes before the postings it caused. Both tables have an index on (transaction, seq),
so a read costs what it returns. LISTEN holds one connection for the whole process.
"""

from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.feed_log import SEQ_MAX, SOURCE_MAX, FeedEvent, FeedPage, FeedPosition, FeedReach, Walls
from api.reading_scope import reading, warehouses

CHANNEL = "tagledger_feed"
_PASSAGE, _OUTBOX = 0, 1

_READ = """
with horizon as materialized (select pg_snapshot_xmin(pg_current_snapshot()) as xmin)
select * from (
    (select p.tx::text::bigint as tx, 0 as source, p.seq, 'passage' as kind, p.portal, '{}'::text[] as locations,
            jsonb_build_object('passage_id', p.passage_id, 'revision', p.revision, 'portal', p.portal,
                'opened_at', p.opened_at, 'closed_at', p.closed_at, 'direction', p.direction,
                'direction_score', p.direction_score, 'belongs', p.belongs, 'unsure', p.unsure,
                'strays', p.strays)::text as data
       from passage p
      where p.tx < (select xmin from horizon)
        and (p.tx, p.seq) > (%(tx)s::text::xid8, %(seq_passage)s::bigint)
        and p.tx <= %(upto)s::text::xid8
      order by p.tx, p.seq limit %(limit)s)
    union all
    (select o.tx::text::bigint, 1, o.seq, o.topic, coalesce(o.payload ->> 'portal', ''),
            case when o.topic = 'location' then
                array(select distinct u ->> 1 from jsonb_array_elements(o.payload -> 'updates') as u)
            when o.topic = 'document' then
                array(select l.code from document d join location l on l.location_id in (d.source_id, d.target_id)
                      where d.kind = o.payload ->> 'kind' and d.number = o.payload ->> 'number')
            when o.topic in ('task', 'replenishment', 'weighing') then
                array_remove(array[o.payload ->> 'source', o.payload ->> 'target', o.payload ->> 'location',
                                   o.payload ->> 'place'], null)
            else '{}' end,
            o.payload::text
       from outbox o
      where o.tx < (select xmin from horizon)
        and (o.tx, o.seq) > (%(tx)s::text::xid8, %(seq_outbox)s::bigint)
        and o.tx <= %(upto)s::text::xid8
      order by o.tx, o.seq limit %(limit)s)
) as events
order by tx, source, seq limit %(limit)s
"""

_HELD = """
select exists (select from outbox where tx >= pg_snapshot_xmin(pg_current_snapshot()))
    or exists (select from passage where tx >= pg_snapshot_xmin(pg_current_snapshot()))
"""

_REACH = """
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
       (select tx::text::bigint from outbox_reader where name = 'trimmed')
"""

# Read by a connection limited to warehouses: the rest of each table is not there.
_WALLS = """
select array(select name from portal),
       array(select l.code from location l join location_shown using (location_id)
             where l.kind in ('internal', 'outside') union select name from zone)
"""


class PostgresFeedLog:
    """`FeedLog` over a pool for reads and a DSN for the listening connection."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn

    async def reach(self) -> FeedReach:
        """See `FeedLog.reach`. Whoever trims the outbox keeps the last transaction it removed in `outbox_reader`."""
        with reading(None):  # what a client may have of it, its filter decides
            async with self._pool.connection() as connection:
                row = await (await connection.execute(_REACH)).fetchone()
        assert row is not None
        xmin, xmax, trimmed = row
        start = FeedPosition(0, 0, 0) if trimmed is None else FeedPosition(trimmed, SOURCE_MAX, SEQ_MAX)
        return FeedReach(start, FeedPosition(xmin - 1, SOURCE_MAX, SEQ_MAX), FeedPosition(xmax, SOURCE_MAX, SEQ_MAX))

    async def read(self, after: FeedPosition, upto: FeedPosition | None, limit: int) -> FeedPage:
        """See `FeedLog.read`."""
        values = {
            "tx": after.xid,
            "seq_passage": _floor(after, _PASSAGE),
            "seq_outbox": _floor(after, _OUTBOX),
            "upto": SEQ_MAX if upto is None else upto.xid,
            "limit": limit,
        }
        with reading(None):
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(_READ, values)).fetchall()
                held = False
                if len(rows) < limit and upto is None:
                    row = await (await connection.execute(_HELD)).fetchone()
                    held = row is not None and row[0]
        events = tuple(
            FeedEvent(FeedPosition(tx, source, seq), kind, portal, tuple(locations), data.encode())
            for tx, source, seq, kind, portal, locations, data in rows
        )
        if upto is not None:
            events = tuple(event for event in events if event.position <= upto)
        return FeedPage(events, held)

    async def walls(self) -> Walls | None:
        """See `FeedLog.walls`."""
        if warehouses() is None:
            return None
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_WALLS)).fetchone()
        assert row is not None
        return Walls(frozenset(row[0]), frozenset(row[1]))

    def wakeups(self) -> "PostgresWakeups":
        """See `FeedLog.wakeups`."""
        return PostgresWakeups(self._dsn)


def _floor(after: FeedPosition, source: int) -> int:
    """The seq of `source` within `after.xid` that was already read."""
    if source == after.source:
        return after.seq
    return SEQ_MAX if source < after.source else -1


class PostgresWakeups:
    """LISTEN on one connection, opened at the first wait."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: AsyncConnection[Any] | None = None

    async def wait(self, timeout_s: float) -> bool:
        """See `Wakeups.wait`. The first call returns at once: something may have been committed before it listened."""
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, application_name="tagledger-feed", connect_timeout=5
            )
            await self._connection.execute(f"listen {CHANNEL}")
            return True
        woken = False
        async for _notify in self._connection.notifies(timeout=timeout_s, stop_after=1):
            woken = True
        return woken

    async def close(self) -> None:
        """See `Wakeups.close`."""
        if self._connection is not None:
            await self._connection.close()
