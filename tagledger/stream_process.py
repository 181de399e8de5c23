"""`tagledger stream`: the embedded stream alone, without edge and API."""

import asyncio
import os
from pathlib import Path

import structlog

from stream.source_mqtt import MqttSource
from tagledger.database import open_database
from tagledger.lifecycle import run_until_signalled
from tagledger.reload import SiteReload
from tagledger.site_changes import SiteChange
from tagledger.stream_parts import running_host
from tagledger.terminal import known_failures, prepared_site

_log = structlog.get_logger(__name__)


def run_stream(site_file: Path, *, rebuild: bool = False) -> None:
    """The stream alone; batches come in over MQTT."""
    site = prepared_site(site_file)

    async def main() -> None:
        with open_database(site) as dsn:
            async with running_host(site, dsn, rebuild=rebuild) as host:
                _log.info("stream", site=site.name, broker=f"{site.uplink.host}:{site.uplink.port}")

                async def reload(change: SiteChange) -> None:
                    await host.reload(change.site)

                following = asyncio.create_task(SiteReload(site_file, os.environ, site, reload).run())
                try:
                    await MqttSource(site, host, site.uplink).run()
                finally:
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)

    with known_failures():
        run_until_signalled(main())
