"""The parts of a site put together: an edge, a stream, an API, or all of them in one process.

    drivers → EdgeAgent → spool → uplink → EmbeddedHost → database → API
                  ▲ signals, expectations ──────┘ acks → spool

Taking down: what is spooled is committed first, then the readers go, then the stream with a snapshot, then the API.
"""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg_pool import ConnectionPool

from api.app import ApiParts, create_app, issuer
from api.ports import Accounts, CommandBus
from api.postgres.key_ring import PostgresKeys
from api.postgres.pool import query_pool
from api.server import serving
from edge.agent import EdgeAgent
from edge.clock import Clock
from edge.uplink_inproc import InprocUplink
from stream.embedded import EmbeddedHost
from stream.live import Live
from stream.model import Signal
from tagledger.accounts import PooledAccounts
from tagledger.api_ports import LivePortals, ProcessDependencies, SiteReaders, StoredEvidence, StreamNumbers
from tagledger.background import run_background
from tagledger.command_desk import CommandDesk, DirectBus, WritePool
from tagledger.committed_stream import CommittedStream
from tagledger.edge_parts import EdgeParts, edge_agent
from tagledger.fleet import SiteFleet, fleet_of
from tagledger.pushed_letters import to_agent
from tagledger.recorded_imports import ImportWatch, keep_noting
from tagledger.site_changes import SiteChange
from tagledger.stream_parts import DRAIN_TIMEOUT_S, running_host, watched
from tagledger.task_parts import LiveVehicles, run_task_parts
from warehouse.loads import Expectation, Override
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Site


@dataclass(frozen=True, slots=True)
class RunningSite:
    """The parts of a running site that a composition root talks to."""

    host: EmbeddedHost
    edge: EdgeParts
    desk: CommandDesk
    url: str
    fleet: SiteFleet | None
    current: "CurrentSite"
    pool: WritePool

    @property
    def agent(self) -> EdgeAgent:
        """The edge's agent."""
        return self.edge.agent

    async def reload(self, change: SiteChange) -> None:
        """Make the parts follow a site file that changed: first the books know its places, then the stream where
        antennas look, then devices begin and end.

        Raises psycopg.Error, PoolTimeout, ProfileError and what `EmbeddedHost.reload` raises.
        """
        await asyncio.to_thread(make_places, self.pool, change.site)
        await self.host.reload(change.site)
        await self.edge.reload(change.site)
        if self.fleet is not None:
            self.fleet.reload(change.site)
        self.current.site = change.site


@dataclass(slots=True)
class CurrentSite:
    """The site file as it holds now, for those who show it."""

    site: Site


def make_places(pool: WritePool, site: Site) -> None:
    """What a site file names is in the books. Blocking."""
    with pool.connection() as connection:
        ensure_places(connection, site)


@contextlib.contextmanager
def write_pool(site: Site, dsn: str) -> Iterator[WritePool]:
    """Connections for commands."""
    with ConnectionPool(
        dsn,
        min_size=1,
        max_size=max(4, site.database.pool_max),  # a job at work takes two
        kwargs={"autocommit": True},
        open=True,
        name="commands",
    ) as pool:
        yield pool


@contextlib.asynccontextmanager
async def serving_api(
    site: Site,
    dsn: str,
    commands: CommandBus,
    accounts: Accounts,
    now_us: Callable[[], int],
    host: EmbeddedHost | None = None,
    agent: EdgeAgent | None = None,
    fleet: SiteFleet | None = None,
    current: CurrentSite | None = None,
) -> AsyncIterator[str]:
    """The API while the block runs; yields its URL. What is not in this process is shown as not known here.

    Raises OSError when its address is taken.
    """
    async with query_pool(dsn, site.database.pool_max) as queries:
        committed = CommittedStream(queries, now_us)
        portals = LivePortals(host, now_us) if host is not None else committed
        vehicles = LiveVehicles(portals, fleet) if fleet is not None else None
        shown = current or CurrentSite(site)

        def site_now() -> Site:
            return shown.site

        parts = ApiParts(
            site=site,
            version=version("tagledger"),
            pool=queries,
            dsn=dsn,
            keys=PostgresKeys(queries, issuer(site.name)),
            dependencies=ProcessDependencies(queries, host, agent),
            commands=commands,
            accounts=accounts,
            readers=SiteReaders(site_now, agent) if agent is not None else None,
            pushing=agent.push_driver if agent is not None else None,
            live=vehicles or portals,
            fleet=fleet,
            stream=StreamNumbers(host, agent) if host is not None and agent is not None else committed,
            evidence=StoredEvidence(),
            site_now=site_now,
        )
        following = [asyncio.create_task(live.run(), name="live") for live in (portals, vehicles) if live is not None]
        try:
            async with serving(create_app(parts), site.api.host, site.api.port) as url:
                # What is imported and built by now stays: collections need not walk it at every request.
                gc.collect()
                gc.freeze()
                yield url
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)


@contextlib.asynccontextmanager
async def running_site(
    site: Site, dsn: str, clock: Clock, *, capture: Path | None = None, rebuild: bool = False
) -> AsyncIterator[RunningSite]:
    """Everything of a site while the block runs.

    Raises OSError when the API's port is taken, SpoolError when the spool is in use, RuntimeError when a part ended.
    """
    async with running_host(site, dsn, rebuild=rebuild) as host:
        uplink = InprocUplink(host.submit, clock)
        host.on_ack.append(lambda ack: uplink.acknowledge(ack.epoch, ack.counter))
        host.on_resend.append(lambda wanted: uplink.send_again(wanted.epoch, wanted.counter))
        agent = edge_agent(site, uplink, clock, capture)
        with write_pool(site, dsn) as pool:

            def record(actor: str, body: bytes) -> None:
                agent.on_command(clock.now_us(), actor, body)

            desk = CommandDesk(DirectBus(pool), host, record)
            imports = await asyncio.to_thread(ImportWatch, pool, record)
            fleet = fleet_of(site, dsn, desk.submit, pool, clock)
            parts = EdgeParts(site, agent, clock)
            current, accounts = CurrentSite(site), PooledAccounts(pool)
            async with serving_api(site, dsn, desk, accounts, clock.now_us, host, agent, fleet, current) as url:
                edge = asyncio.create_task(parts.run(), name="edge")
                orders = asyncio.create_task(tell_edge(host, agent), name="orders")
                tidying = asyncio.create_task(run_background(site, pool, to_agent(agent)), name="housekeeping")
                noting = asyncio.create_task(keep_noting(imports), name="imports noted")
                tasking = asyncio.create_task(run_task_parts(site, fleet, desk.submit, pool), name="tasks")
                try:
                    with watched(edge, tasking):
                        yield RunningSite(host, parts, desk, url, fleet, current, pool)
                finally:
                    # Nothing more is commanded: what is recorded from here on is what readers still said.
                    for task in (tasking, noting):
                        task.cancel()
                    await asyncio.gather(tasking, noting, return_exceptions=True)
                    with contextlib.suppress(psycopg.Error):
                        await asyncio.to_thread(imports.look)
                    await _drained(agent, edge)
                    for task in (edge, orders, tidying):
                        task.cancel()
                    await asyncio.gather(edge, orders, tidying, return_exceptions=True)


async def _drained(agent: EdgeAgent, edge: "asyncio.Task[None]") -> None:
    """Wait for what is spooled to be committed; what still is when this gives up stays there for the next start."""
    if edge.done():
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await agent.drained()


async def tell_edge(host: EmbeddedHost, agent: EdgeAgent) -> None:
    """What the stream tells the edge, from what stands already."""
    live = host.subscribe()
    for item in host.standing():
        _tell(agent, item)
    async for told in live:
        _tell(agent, told)


def _tell(agent: EdgeAgent, item: Live) -> None:
    if isinstance(item, Signal):
        agent.on_signal(item)
    elif isinstance(item, Expectation):
        agent.on_expectation(item)
    elif isinstance(item, Override):
        agent.on_override(item)
