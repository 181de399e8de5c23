"""A process of the cluster on the traffic site: `bridge | worker` DSN KAFKA MQTT_PORT GROUP SILENT_S [SITE_FILE]."""

import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from tagledger.bridge import forward
from tagledger.config import load_site
from tagledger.logs import configure_logs
from tests.stream.traffic import site
from warehouse.site import Site
from warehouse.site_settings import DatabaseSettings, KafkaSettings, StreamSettings, UplinkSettings

PARTITIONS = 2


def plant(dsn: str, kafka: str, mqtt_port: int, group: str, silent_s: float) -> Site:
    """The traffic site in a cluster; how long an agent may say nothing is a test's to say: machines can be slow."""
    return replace(
        site(stream=StreamSettings(gap_wait_s=5.0, source_silent_s=silent_s, snapshot_every_s=10.0)),
        database=DatabaseSettings(dsn),
        uplink=UplinkSettings("mqtt", "127.0.0.1", mqtt_port),
        kafka=KafkaSettings(kafka, group=group, prefix=group, partitions=PARTITIONS),
    )


if __name__ == "__main__":
    role, dsn, kafka, mqtt_port, group, silent_s, *files = sys.argv[1:]
    here = plant(dsn, kafka, int(mqtt_port), group, float(silent_s))
    file = Path(files[0]) if files else None
    if file is not None:
        configure_logs()
        os.environ["TAGLEDGER_DATABASE__DSN"] = dsn  # no secret is in a site file
        here = load_site(file, os.environ)
    if role == "bridge":
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        forward(here, stop, file)
    else:
        from tagledger.worker import work

        work(here, site_file=file)
