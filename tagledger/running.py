"""One site running in one process: edge, embedded stream, books and API, put together and taken down in order.

    drivers → EdgeAgent → spool → InprocUplink → EmbeddedHost → database → API
                  ▲ signals, expectations ────────────┘ acks → spool

Taking down: readers first, then what is spooled is committed, then the stream with a snapshot, then the API.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from psycopg_pool import ConnectionPool

from api.app import ApiParts, create_app
from api.postgres.pool import query_pool
from api.server import serving
from edge.agent import EdgeAgent
from edge.capture import CaptureHeader, CaptureWriter
from edge.clock import Clock
from edge.local_decision import GraphDecision
from edge.spool import open_or_replace
from edge.uplink_inproc import InprocUplink
from readers.llrp.client import NativeDriver
from readers.port import ReaderDriver
from stream.embedded import EmbeddedHost
from stream.model import Signal
from stream.store import Store
from tagledger.api_ports import LivePortals, ProcessDependencies, SiteReaders, StoredEvidence, StreamNumbers
from tagledger.command_desk import CommandDesk, DirectBus
from tagledger.keys import DatabaseKeys
from tagledger.site_text import site_text
from warehouse.loads import Expectation
from warehouse.site import Reader, Site

DRAIN_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class RunningSite:
    """The parts of a running site that a composition root talks to."""

    host: EmbeddedHost
    agent: EdgeAgent
    desk: CommandDesk
    url: str
    capture: Path | None


def driver_of(reader: Reader, now_us: Callable[[], int]) -> ReaderDriver:
    """The driver that the site file names for a reader."""
    if reader.driver == "sllurp":
        # An optional package under another licence: imported only where a site asks for it.
        from readers.sllurp_driver import SllurpDriver

        return SllurpDriver(reader, now_us=now_us)
    return NativeDriver(reader, now_us=now_us)


@contextlib.asynccontextmanager
async def running_site(
    site: Site, dsn: str, clock: Clock, *, capture: Path | None = None
) -> AsyncIterator[RunningSite]:
    """Everything of a site while the block runs. `capture` is the folder to record into.

    Raises OSError when the API's port is taken, SpoolError when the spool is in use, and what a task that must not end
    ended with.
    """
    state = Path(site.state_dir)
    drivers = {reader.name: driver_of(reader, clock.now_us) for reader in site.readers}
    spool, damaged = open_or_replace(
        state / "spool.sqlite", site.edge.agent, site.edge.spool_max_mb, site.edge.retain_h, clock.now_us()
    )
    host = EmbeddedHost(site, Store(dsn, site))
    uplink = InprocUplink(host.submit, clock)
    host.on_ack.append(lambda ack: uplink.acknowledge(ack.epoch, ack.counter))
    host.on_resend.append(lambda wanted: uplink.send_again(wanted.epoch, wanted.counter))
    writer = None
    if capture is not None:
        header = CaptureHeader(site.name, site.edge.agent, clock.now_us(), site_text=site_text(site))
        writer = CaptureWriter(capture, header)
    agent = EdgeAgent(
        site,
        drivers,
        spool,
        uplink,
        clock,
        capture=writer,
        local=GraphDecision(site),
        spool_replaced=damaged is not None,
    )
    portals = [portal.name for portal in site.portals]
    live = LivePortals(host)
    with ConnectionPool(dsn, min_size=1, max_size=max(2, site.database.pool_max), open=True, name="commands") as pool:
        desk = CommandDesk(
            DirectBus(pool), host, lambda actor, body: agent.on_command(clock.now_us(), actor, body), portals
        )
        async with contextlib.AsyncExitStack() as stack:
            queries = await stack.enter_async_context(query_pool(dsn, site.database.pool_max))
            parts = ApiParts(
                site=site,
                version=version("tagledger"),
                pool=queries,
                dsn=dsn,
                keys=DatabaseKeys(queries),
                dependencies=ProcessDependencies(queries, host, agent),
                commands=desk,
                readers=SiteReaders(site, agent),
                live=live,
                stream=StreamNumbers(host, agent),
                evidence=StoredEvidence(),
            )
            streaming = asyncio.create_task(host.run(), name="stream")
            await _ready(host, streaming)
            url = await stack.enter_async_context(serving(create_app(parts), site.api.host, site.api.port))
            tasks = [
                asyncio.create_task(live.run(), name="live"),
                asyncio.create_task(_orders(host, agent), name="orders"),
            ]
            edge = asyncio.create_task(agent.run(), name="edge")
            try:
                with _watched(streaming, edge):
                    yield RunningSite(host, agent, desk, url, writer.path if writer else None)
                await _quiet(agent, drivers)
            finally:
                edge.cancel()
                host.stop()
                await asyncio.wait([streaming], timeout=DRAIN_TIMEOUT_S)
                for task in (*tasks, streaming):
                    task.cancel()
                await asyncio.gather(edge, streaming, *tasks, return_exceptions=True)


async def _ready(host: EmbeddedHost, streaming: "asyncio.Task[None]") -> None:
    waiting = asyncio.ensure_future(host.ready.wait())
    await asyncio.wait({waiting, streaming}, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        await streaming


@contextlib.contextmanager
def _watched(*tasks: "asyncio.Task[None]"):  # type: ignore[no-untyped-def]
    """End the block when one of the tasks ends, with that task's reason: none of them may end by itself."""
    block = asyncio.current_task()
    assert block is not None
    ended: list[asyncio.Task[None]] = []

    def on_end(task: "asyncio.Task[None]") -> None:
        ended.append(task)
        block.cancel()

    for task in tasks:
        task.add_done_callback(on_end)
    try:
        yield
    except asyncio.CancelledError:
        if not ended:
            raise
        block.uncancel()
        failure = ended[0].exception()
        raise RuntimeError(f"the {ended[0].get_name()} ended") from failure
    finally:
        for task in tasks:
            task.remove_done_callback(on_end)


async def _orders(host: EmbeddedHost, agent: EdgeAgent) -> None:
    """What the stream tells the edge."""
    async for item in host.subscribe():
        if isinstance(item, Signal):
            agent.on_signal(item)
        elif isinstance(item, Expectation):
            agent.on_expectation(item)


async def _quiet(agent: EdgeAgent, drivers: Mapping[str, ReaderDriver]) -> None:
    """Commit what is spooled before the readers go; give up after `DRAIN_TIMEOUT_S`: it stays in the spool."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await agent.drained()
