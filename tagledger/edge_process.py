"""`tagledger edge`: the readers and scales of one site corner, without stream and API."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import structlog

from edge.clock import WallClock
from edge.uplink_mqtt import MqttUplink
from tagledger.edge_parts import EdgeParts, edge_agent
from tagledger.lifecycle import run_until_signalled
from tagledger.reload import SiteReload
from tagledger.site_changes import SiteChange
from tagledger.terminal import known_failures, prepared_site

_log = structlog.get_logger(__name__)


def run_edge(site_file: Path) -> None:
    """The edge alone; its batches go out over MQTT."""
    loaded = prepared_site(site_file)
    site = replace(loaded, uplink=replace(loaded.uplink, kind="mqtt"))

    async def main() -> None:
        clock = WallClock()
        uplink = MqttUplink(site.uplink, site.name, site.edge.agent, clock)
        capture = Path(site.edge.capture) if site.edge.capture else None
        _log.info("edge", site=site.name, agent=site.edge.agent, broker=f"{site.uplink.host}:{site.uplink.port}")
        edge = EdgeParts(site, edge_agent(site, uplink, clock, capture), clock)

        async def reload(change: SiteChange) -> None:
            await edge.reload(change.site)

        following = asyncio.create_task(SiteReload(site_file, os.environ, loaded, reload).run())
        try:
            await edge.run()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    with known_failures():
        run_until_signalled(main())
