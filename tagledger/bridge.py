"""`tagledger bridge`: edge batches from the site's MQTT broker to Kafka, and what is committed back to the edges.

A changed site file makes a new bridge in the same process, as a restart would: it reads the positions and asks the
edges for what follows them. A worker that does not know a new place yet looks into the file when it hears of it.
"""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
import typer

from stream.bridge import Bridge, BridgeReplacedError
from stream.bridge_kafka import KafkaSink, KafkaSinkError, ensure_topics, places_topic
from stream.bridge_mqtt import BridgeMqtt
from stream.bridge_news import CommittedNews
from stream.bridge_positions import CommittedPositions
from tagledger.logs import configure_logs
from tagledger.reload import SiteReload
from tagledger.site_changes import SiteChange
from tagledger.terminal import EXIT_FAILED, EXIT_USAGE, complain, known_failures, site_or_exit
from warehouse.site import Site

_log = structlog.get_logger(__name__)


def run_bridge(site_file: Path) -> None:
    """Forward until SIGTERM or SIGINT; exits non-zero when another bridge took over; its supervisor starts it again."""
    configure_logs()
    site = clustered_site(site_file)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with known_failures():
        try:
            forward(site, stop, site_file)
        except (BridgeReplacedError, KafkaSinkError) as error:
            complain(error)
            raise typer.Exit(EXIT_FAILED) from None


def clustered_site(site_file: Path) -> Site:
    """A site file that names a database server: the embedded one belongs to one process, a cluster has several."""
    site = site_or_exit(site_file)
    if not site.database.dsn:
        complain(f"{site_file}: database.dsn: empty. Fix: name the PostgreSQL server that bridge and workers share.")
        raise typer.Exit(EXIT_USAGE)
    return site


def forward(site: Site, stop: threading.Event, site_file: Path | None = None) -> None:
    """Forward until `stop` is set, and follow the site file. Raises `BridgeReplacedError`, `KafkaSinkError`."""
    ensure_topics(site.kafka, stop)
    name = f"tagledger-bridge-{site.name}"
    _log.info("bridge starts", site=site.name, process=f"{socket.gethostname()}:{os.getpid()}")
    turns = _Turns(site, stop)
    if site_file is not None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGHUP, lambda *_: turns.look_now())
        threading.Thread(target=turns.follow, args=(site_file,), name="site file", daemon=True).start()
    for plant, over in turns:
        positions = CommittedPositions(plant.database.dsn, plant, plant.kafka.group, places_topic(plant.kafka))
        sink = KafkaSink(plant.kafka, f"{name}-{plant.kafka.prefix}", over)
        news = CommittedNews(plant.database.dsn, plant)
        Bridge(plant, positions, news, sink, BridgeMqtt(plant.uplink, plant.name, name), over).run()


class _Turns:
    """One site after the other, each with the event that ends its bridge: at the end, or when there is another site."""

    def __init__(self, site: Site, stop: threading.Event) -> None:
        self._next: Site | None = site
        self._site = site
        self._stop = stop
        self._over = threading.Event()
        self._turn = threading.Lock()
        self.look_now: Callable[[], object] = lambda: None
        threading.Thread(target=self._end, name="stop", daemon=True).start()

    def __iter__(self) -> Iterator[tuple[Site, threading.Event]]:
        while True:
            with self._turn:
                if self._stop.is_set() or self._next is None:
                    return
                site, self._next, self._over = self._next, None, threading.Event()
            yield site, self._over

    def follow(self, site_file: Path) -> None:
        """In a thread of its own, for ever."""

        async def apply(change: SiteChange) -> None:
            with self._turn:
                self._next = change.site
                self._over.set()

        async def look() -> None:
            following, loop = SiteReload(site_file, os.environ, self._site, apply), asyncio.get_running_loop()
            self.look_now = lambda: loop.call_soon_threadsafe(following.ask)
            await following.run()

        asyncio.run(look())

    def _end(self) -> None:
        self._stop.wait()
        with self._turn:
            self._over.set()
