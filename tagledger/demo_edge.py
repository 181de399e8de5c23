"""One edge of the distributed demo: an edge agent as `tagledger edge` runs it, but living in plant time.

Orders come over a pipe: the reading of the machine's clock at which plant time starts, then `DRAIN`. A closed pipe ends
the process. Plant time waits for this edge while it has more than `BACKLOG_MAX` batches that are not in the books.
"""

import asyncio
import contextlib
import os
from multiprocessing.connection import Connection
from pathlib import Path

from edge.uplink_mqtt import MqttUplink
from simulators.llrp.plant_clock import ScaledClock
from tagledger.edge_parts import edge_agent, run_edge_parts
from tagledger.logs import configure_logs
from tagledger.plant_process import EDGE_PROMISE_US, LOOK_EVERY_S, PlantTime
from tagledger.plant_time import PromisedClock, Promises
from warehouse.site import Site

BACKLOG_MAX = 64
DRAIN = "drain"
DRAINED = "drained"


def run_demo_edge(site: Site, origin_us: int, speed: float, party: int, promises: Promises, orders: Connection) -> None:
    """Until the pipe closes. `site` names this edge's agent and folder, which gets its log."""
    with (Path(site.state_dir) / "edge.log").open("wb") as log:
        os.dup2(log.fileno(), 2)
    configure_logs()
    plant = PromisedClock(ScaledClock(origin_us, speed=speed, running=False), promises)
    with contextlib.suppress(KeyboardInterrupt, EOFError):
        asyncio.run(_run(site, plant, party, orders))


async def _run(site: Site, plant: PromisedClock, party: int, orders: Connection) -> None:
    clock = PlantTime(plant)
    agent = edge_agent(site, MqttUplink(site.uplink, site.name, site.edge.agent, clock), clock, None)
    edge = asyncio.create_task(run_edge_parts(site, agent, clock))
    try:
        while not edge.done():
            if agent.health().spool.unacked <= BACKLOG_MAX:
                plant.promise(party, plant.now_us() + EDGE_PROMISE_US)
            if orders.poll():
                order = orders.recv()
                if order == DRAIN:
                    await agent.drained()
                    orders.send(DRAINED)
                else:
                    plant.start(order)
            await asyncio.sleep(LOOK_EVERY_S)
        await edge
    finally:
        edge.cancel()
        await asyncio.gather(edge, return_exceptions=True)
