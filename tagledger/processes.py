"""`tagledger up | edge | stream | api`: a site in one process, or its parts in processes of their own."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import structlog

from edge.clock import WallClock
from edge.uplink_mqtt import MqttUplink
from stream.source_mqtt import MqttSource
from tagledger.accounts import PooledAccounts
from tagledger.background import run_background
from tagledger.command_desk import DirectBus
from tagledger.database import open_database
from tagledger.first_start import first_start, tell
from tagledger.fleet import fleet_of
from tagledger.lifecycle import run_until_signalled
from tagledger.logs import configure_logs
from tagledger.reload import SiteReload
from tagledger.running import (
    edge_agent,
    reload_edge,
    run_edge_parts,
    running_host,
    running_site,
    serving_api,
    write_pool,
)
from tagledger.site_changes import SiteChange
from tagledger.task_parts import run_task_parts
from tagledger.terminal import known_failures, site_or_exit
from warehouse.site import Site

_log = structlog.get_logger(__name__)


def run_up(site_file: Path, *, rebuild: bool = False) -> None:
    """Everything in one process, until a signal."""
    site = _prepared(site_file)

    async def main() -> None:
        with open_database(site) as dsn:
            tell(first_start(dsn))
            capture = Path(site.edge.capture) if site.edge.capture else None
            async with running_site(site, dsn, WallClock(), capture=capture, rebuild=rebuild) as up:
                _log.info("up", site=site.name, api=up.url, readers=len(site.readers))
                await SiteReload(site_file, os.environ, site, up.reload).run()

    with known_failures():
        run_until_signalled(main())


def run_edge(site_file: Path) -> None:
    """The edge alone; its batches go out over MQTT."""
    loaded = _prepared(site_file)
    site = replace(loaded, uplink=replace(loaded.uplink, kind="mqtt"))

    async def main() -> None:
        clock = WallClock()
        uplink = MqttUplink(site.uplink, site.name, site.edge.agent, clock)
        capture = Path(site.edge.capture) if site.edge.capture else None
        _log.info("edge", site=site.name, agent=site.edge.agent, broker=f"{site.uplink.host}:{site.uplink.port}")
        agent = edge_agent(site, uplink, clock, capture)

        async def reload(change: SiteChange) -> None:
            await reload_edge(agent, change, clock)

        following = asyncio.create_task(SiteReload(site_file, os.environ, loaded, reload).run())
        try:
            await run_edge_parts(site, agent, clock)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    with known_failures():
        run_until_signalled(main())


def run_stream(site_file: Path, *, rebuild: bool = False) -> None:
    """The stream alone; batches come in over MQTT."""
    site = _prepared(site_file)

    async def main() -> None:
        with open_database(site) as dsn:
            async with running_host(site, dsn, rebuild=rebuild) as host:
                _log.info("stream", site=site.name, broker=f"{site.uplink.host}:{site.uplink.port}")

                async def reload(change: SiteChange) -> None:
                    if change.portals:
                        await host.reload(change.site)

                following = asyncio.create_task(SiteReload(site_file, os.environ, site, reload).run())
                try:
                    await MqttSource(site, host, site.uplink).run()
                finally:
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)

    with known_failures():
        run_until_signalled(main())


def run_api(site_file: Path) -> None:
    """The API alone, over the site's database."""
    site = _prepared(site_file)

    async def main() -> None:
        with open_database(site) as dsn:
            tell(first_start(dsn))
            with write_pool(site, dsn) as pool:
                bus, clock = DirectBus(pool), WallClock()
                fleet = fleet_of(site, dsn, bus.submit, pool, clock)
                accounts = PooledAccounts(pool)
                async with (
                    serving_api(site, dsn, bus, accounts, clock.now_us, fleet=fleet) as url,
                    asyncio.TaskGroup() as group,
                ):
                    _log.info("api", site=site.name, api=url)
                    group.create_task(run_task_parts(site, fleet, bus.submit, pool))
                    await run_background(site, pool)

    with known_failures():
        run_until_signalled(main())


def _prepared(site_file: Path) -> Site:
    configure_logs()
    site = site_or_exit(site_file)
    Path(site.state_dir).mkdir(parents=True, exist_ok=True)
    return site
