"""A host to be killed: `python killed_host.py DSN`. Takes the log of `test_killed` from its start; prints each ack."""

import asyncio
import sys
from dataclasses import replace

from stream.embedded import EmbeddedHost
from stream.model import EdgeBatch
from stream.store import Store
from tests.stream.traffic import heartbeats, site, traffic
from warehouse.site_settings import StreamSettings


def log() -> list[EdgeBatch]:
    """Two loads, and the time to close them."""
    batches = traffic(18)
    return batches + heartbeats(batches[-1], 12)


async def main(dsn: str) -> None:
    plant = replace(site(), stream=StreamSettings(gap_wait_s=60.0, source_silent_s=60.0, snapshot_every_s=0.05))
    host = EmbeddedHost(plant, Store(dsn, plant), look_around_s=0.05)
    run = asyncio.create_task(host.run())
    await host.ready.wait()
    for batch in log():
        # As an edge does: from the oldest unacknowledged on, a few at a time, none skipped.
        ack = await (await host.submit(batch))
        print(ack.counter, flush=True)
    host.stop()
    await run
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
