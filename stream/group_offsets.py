"""Where a worker group reads on, set back to what the database has (confluent-kafka).

The positions that count are in the database; those that Kafka keeps for the group only say where a consumer begins.
After a database was restored from a backup the group's are ahead, and a worker that began there would find a gap where
Kafka still has the batches. So a worker that starts compares, and sets the group back before it joins. Kafka refuses
that while the group has members (others that have not noticed yet, or a dead one whose session has not ended): then it
waits.

Asked by a consumer that never subscribes, not by the admin client: with the latter librdkafka 2.16 crashes when the
group's coordinator has just moved or begun (confluent-kafka-python issue 1982), as it has for a cluster's first worker.
"""

import threading
import time
from typing import Any

import psycopg
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from stream.bridge_kafka import AGAIN_S, ATTEMPT_S, KafkaSinkError, client_settings, places_topic, reports_topic
from warehouse.site_settings import KafkaSettings

WAIT_S = 60.0

_log = structlog.get_logger(__name__)


def set_back(dsn: str, settings: KafkaSettings, stop: threading.Event) -> int:
    """Set the group back where the database is behind it; how many partitions that were.

    Raises `KafkaSinkError` when the group cannot be asked or stays in use for `WAIT_S`, psycopg.OperationalError.
    """
    told = {"group.id": settings.group, "enable.auto.commit": False}
    group: Any = Consumer({**client_settings(settings), **told})
    end_s = time.monotonic() + WAIT_S
    ahead: list[TopicPartition] = []
    try:
        while not stop.is_set():
            try:
                ahead = _ahead(group, dsn, settings)
                if not ahead:
                    return 0
                group.commit(offsets=ahead, asynchronous=False)
                where = [f"{part.topic}/{part.partition} to {part.offset}" for part in ahead]
                _log.warning("the database was restored: the group reads again", group=settings.group, partitions=where)
                return len(ahead)
            except KafkaException as raised:
                if time.monotonic() > end_s:
                    raise KafkaSinkError(_why(settings.group, bool(ahead), raised.args[0].str())) from raised
            stop.wait(AGAIN_S)
        return 0
    finally:
        group.close()


def _why(group: str, is_ahead: bool, reason: str) -> str:
    if is_ahead:
        return (
            f"group {group} is ahead of the database, which was restored, and still in use ({reason})."
            " Fix: stop all workers, then start them"
        )
    return (
        f"Kafka does not tell where group {group} stands ({reason}). Fix: see that the brokers are up, and that this"
        " user may read the group (deploy/kafka/server.properties)"
    )


def _ahead(group: Any, dsn: str, settings: KafkaSettings) -> list[TopicPartition]:
    """The partitions whose committed offset is above the database's, with the database's."""
    topics = [places_topic(settings), reports_topic(settings)]
    with psycopg.connect(dsn) as connection:
        stored = {
            (topic, partition): int(offset)
            for topic, partition, offset in connection.execute(
                "select topic, partition, next_offset from stream_position"
                " where consumer_group = %s and topic_epoch = %s and topic = any(%s)",
                (settings.group, settings.topic_epoch, topics),
            )
        }
    asked = [TopicPartition(topic, number) for topic in topics for number in range(settings.partitions)]
    found = group.committed(asked, ATTEMPT_S)
    return [
        TopicPartition(part.topic, part.partition, stored.get((part.topic, part.partition), 0))
        for part in found
        if part.offset > stored.get((part.topic, part.partition), 0)
    ]
