"""`tagledger stream worker`: one of several processes that share the site's partitions."""

import asyncio
import contextlib
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import typer

from stream.bridge_kafka import KafkaSinkError, ensure_topics
from stream.faust_host import FaustHost, FaustSettings
from stream.faust_host import run_worker as run_faust
from stream.group_offsets import set_back
from tagledger.bridge import clustered_site
from tagledger.database import open_database
from tagledger.logs import configure_logs
from tagledger.reload import SiteReload
from tagledger.site_changes import SiteChange
from tagledger.terminal import EXIT_FAILED, complain, known_failures
from warehouse.site import Site
from warehouse.site_settings import KafkaSettings

LOOK_AGAIN_S = 10.0

_log = structlog.get_logger(__name__)


def run_worker(site_file: Path, *, rebuild: bool = False) -> None:
    """Work until SIGTERM or SIGINT, or until something breaks that only a new process mends (exit 70)."""
    configure_logs()
    site = clustered_site(site_file)
    with known_failures():
        try:
            work(site, rebuild=rebuild, site_file=site_file)
        except KafkaSinkError as error:
            complain(error)
            raise typer.Exit(EXIT_FAILED) from None


def work(site: Site, *, rebuild: bool = False, site_file: Path | None = None) -> None:
    """Bring topics and schema up, then take partitions, and follow the site file. Never returns.

    Raises `KafkaSinkError` before it begins.
    """
    ensure_topics(site.kafka, threading.Event())
    with open_database(site) as dsn, tempfile.TemporaryDirectory(prefix="tagledger-worker-") as workdir:
        set_back(dsn, site.kafka, threading.Event())
        _log.info("worker", site=site.name, kafka=site.kafka.bootstrap, group=site.kafka.group)
        host = FaustHost(site, dsn, faust_settings(site.kafka), rebuild=rebuild)
        if site_file is not None:
            host.beside(_following(site_file, site, host))
        run_faust(host, workdir)


def _following(site_file: Path, site: Site, host: FaustHost) -> Callable[[], Awaitable[None]]:
    async def apply(change: SiteChange) -> None:
        host.reload(change.site)

    async def follow() -> None:
        configure_logs()  # Faust has set logging up its own way, without what is not a warning
        following, loop = SiteReload(site_file, os.environ, site, apply), asyncio.get_running_loop()

        def look_again() -> None:
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(following.check(), loop).result(LOOK_AGAIN_S)

        host.ask_for_unknown(look_again)
        await following.run()

    return follow


def faust_settings(kafka: KafkaSettings) -> FaustSettings:
    """The site file's words for Kafka as the Faust host's."""
    return FaustSettings(
        kafka.bootstrap,
        group=kafka.group,
        prefix=kafka.prefix,
        topic_epoch=kafka.topic_epoch,
        partitions=kafka.partitions,
        username=kafka.username,
        password=kafka.password,
        tls=kafka.tls,
        tls_ca=kafka.tls_ca,
    )
