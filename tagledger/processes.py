"""`tagledger up`, a site in one process, and `tagledger api`, which serves one that runs elsewhere."""

import asyncio
import os
from pathlib import Path

import structlog

from edge.clock import WallClock
from tagledger.accounts import PooledAccounts
from tagledger.background import run_background
from tagledger.command_desk import DirectBus
from tagledger.database import open_database
from tagledger.first_start import first_start, tell
from tagledger.fleet import fleet_of
from tagledger.lifecycle import run_until_signalled
from tagledger.pushed_letters import to_broker
from tagledger.reload import SiteReload
from tagledger.running import (
    CurrentSite,
    make_places,
    running_site,
    serving_api,
    write_pool,
)
from tagledger.site_changes import SiteChange
from tagledger.task_parts import run_task_parts
from tagledger.terminal import known_failures, prepared_site

_log = structlog.get_logger(__name__)


def run_up(site_file: Path, *, rebuild: bool = False) -> None:
    """Everything in one process, until a signal."""
    site = prepared_site(site_file)

    async def main() -> None:
        with open_database(site) as dsn:
            tell(first_start(dsn))
            capture = Path(site.edge.capture) if site.edge.capture else None
            async with running_site(site, dsn, WallClock(), capture=capture, rebuild=rebuild) as up:
                _log.info("up", site=site.name, api=up.url, readers=len(site.readers))
                await SiteReload(site_file, os.environ, site, up.reload).run()

    with known_failures():
        run_until_signalled(main())


def run_api(site_file: Path) -> None:
    """The API alone, over the site's database."""
    site = prepared_site(site_file)

    async def main() -> None:
        with open_database(site) as dsn:
            tell(first_start(dsn))
            with write_pool(site, dsn) as pool:
                bus, clock = DirectBus(pool), WallClock()
                fleet = fleet_of(site, dsn, bus.submit, pool, clock)
                accounts, current = PooledAccounts(pool), CurrentSite(site)

                async def reload(change: SiteChange) -> None:
                    await asyncio.to_thread(make_places, pool, change.site)
                    if fleet is not None:
                        fleet.reload(change.site)
                    current.site = change.site

                async with (
                    serving_api(site, dsn, bus, accounts, clock.now_us, fleet=fleet, current=current) as url,
                    asyncio.TaskGroup() as group,
                ):
                    _log.info("api", site=site.name, api=url)
                    group.create_task(run_task_parts(site, fleet, bus.submit, pool))
                    group.create_task(SiteReload(site_file, os.environ, site, reload).run())
                    await run_background(site, pool, to_broker(lambda: current.site))

    with known_failures():
        run_until_signalled(main())
