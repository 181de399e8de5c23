"""`tagledger bridge`: edge batches from the site's MQTT broker to Kafka, and what is committed back to the edges."""

import os
import signal
import socket
import threading
from pathlib import Path

import structlog
import typer

from stream.bridge import Bridge, BridgeReplacedError
from stream.bridge_kafka import KafkaSink, KafkaSinkError, ensure_topics, places_topic
from stream.bridge_mqtt import BridgeMqtt
from stream.bridge_news import CommittedNews
from stream.bridge_positions import CommittedPositions
from tagledger.logs import configure_logs
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
            forward(site, stop)
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


def forward(site: Site, stop: threading.Event) -> None:
    """Forward until `stop` is set. Raises `BridgeReplacedError`, `KafkaSinkError`."""
    ensure_topics(site.kafka, stop)
    name = f"tagledger-bridge-{site.name}"
    _log.info("bridge starts", site=site.name, process=f"{socket.gethostname()}:{os.getpid()}")
    positions = CommittedPositions(site.database.dsn, site, site.kafka.group, places_topic(site.kafka))
    sink = KafkaSink(site.kafka, f"{name}-{site.kafka.prefix}", stop)
    news = CommittedNews(site.database.dsn, site)
    Bridge(site, positions, news, sink, BridgeMqtt(site.uplink, site.name, name), stop).run()
