"""A process of the cluster on the traffic site: `bridge | worker` DSN KAFKA MQTT_PORT GROUP."""

import signal
import sys
import threading
from dataclasses import replace

from tagledger.bridge import forward
from tests.stream.traffic import site
from warehouse.site import Site
from warehouse.site_settings import DatabaseSettings, KafkaSettings, UplinkSettings

PARTITIONS = 2


def plant(dsn: str, kafka: str, mqtt_port: int, group: str) -> Site:
    """The traffic site in a cluster."""
    return replace(
        site(),
        database=DatabaseSettings(dsn),
        uplink=UplinkSettings("mqtt", "127.0.0.1", mqtt_port),
        kafka=KafkaSettings(kafka, group=group, prefix=group, partitions=PARTITIONS),
    )


if __name__ == "__main__":
    role, dsn, kafka, mqtt_port, group = sys.argv[1:]
    here = plant(dsn, kafka, int(mqtt_port), group)
    if role == "bridge":
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        forward(here, stop)
    else:
        from tagledger.worker import work

        work(here)
