"""Input faster than the books: it waits where it is durable, memory stays bounded, it shows, and it drains."""

import asyncio
from contextlib import suppress
from pathlib import Path

import psycopg

from edge.clock import WallClock
from edge.spool import Spool
from edge.uplink import SENT_MAX
from edge.uplink_inproc import InprocUplink
from stream.embedded import CHUNKS_AHEAD, EmbeddedHost
from stream.pipeline import CHUNK_BATCHES
from stream.store import Store
from tests.stream.plant_books import prepare, query
from tests.stream.quiet_edge import NoOrders
from tests.stream.traffic import AGENT, EPOCH, heartbeats, site, traffic

LOG = traffic(10)
LOG += heartbeats(LOG[-1], 1000)
PATIENCE_S = 60.0


async def test_a_backlog_waits_in_the_spool_and_drains_when_the_books_are_quick_again(
    database: str, tmp_path: Path
) -> None:
    prepare(database)
    spool = Spool(tmp_path / "spool.sqlite", AGENT, 64, 24.0, new_epoch=lambda: EPOCH)
    host = EmbeddedHost(site(), Store(database, site()))
    uplink = InprocUplink(host.submit, WallClock())
    host.on_ack.append(lambda ack: uplink.acknowledge(ack.epoch, ack.counter))
    running = asyncio.create_task(host.run())
    await host.ready.wait()
    with psycopg.connect(database) as slow:
        slow.execute("lock table stream_log in exclusive mode")  # a database that takes its time
        sending = asyncio.create_task(uplink.run(spool, NoOrders()))
        for batch in LOG:
            spool.append(batch)
        uplink.notify()
        async with asyncio.timeout(PATIENCE_S):
            while host.counts.batches + host.inputs_waiting < SENT_MAX:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        # Everything is still the spool's; memory holds no more than the window the uplink may send.
        assert spool.depth().unacked == len(LOG)
        assert host.inputs_waiting <= SENT_MAX
        assert host.counts.batches <= (CHUNKS_AHEAD + 2) * CHUNK_BATCHES
    async with asyncio.timeout(PATIENCE_S):
        while spool.depth().unacked:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert query(database, "select counter, (select count(*) from data_gap) from stream_inbox") == [(len(LOG), 0)]
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending
    host.stop()
    await running
    spool.close()
