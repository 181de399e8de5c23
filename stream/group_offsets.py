"""Where a worker group reads on, set back to what the database has (confluent-kafka).

The positions that count are in the database; those that Kafka keeps for the group only say where a consumer begins.
After a database was restored from a backup the group's are ahead, and a worker that began there would find a gap where
Kafka still has the batches. So a worker that starts compares, and sets the group back before it joins. Kafka refuses
that while the group has members (others that have not noticed yet, or a dead one whose session has not ended): then it
waits.
"""

import threading
import time
from typing import Any

import psycopg
import structlog
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from stream.bridge_kafka import AGAIN_S, ATTEMPT_S, KafkaSinkError, client_settings, places_topic, reports_topic
from warehouse.site_settings import KafkaSettings

WAIT_S = 60.0

_log = structlog.get_logger(__name__)


def set_back(dsn: str, settings: KafkaSettings, stop: threading.Event) -> int:
    """Set the group back where the database is behind it; how many partitions that were.

    Raises `KafkaSinkError` when the group stays in use for `WAIT_S`, psycopg.OperationalError.
    """
    admin: Any = AdminClient(client_settings(settings))
    end_s = time.monotonic() + WAIT_S
    while not stop.is_set():
        try:
            ahead = _ahead(admin, dsn, settings)
            if not ahead:
                return 0
            for answer in admin.alter_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(settings.group, ahead)]
            ).values():
                answer.result(ATTEMPT_S)
            where = [f"{part.topic}/{part.partition} to {part.offset}" for part in ahead]
            _log.warning("the database was restored: the group reads again", group=settings.group, partitions=where)
            return len(ahead)
        except KafkaException as raised:
            if time.monotonic() > end_s:
                raise KafkaSinkError(
                    f"group {settings.group} is ahead of the database, which was restored, and still in use"
                    f" ({raised.args[0].str()}). Fix: stop all workers, then start them"
                ) from raised
        except TimeoutError:
            pass
        stop.wait(AGAIN_S)
    return 0


def _ahead(admin: Any, dsn: str, settings: KafkaSettings) -> list[TopicPartition]:
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
    (answer,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(settings.group, asked)]).values()
    found = answer.result(ATTEMPT_S).topic_partitions
    return [
        TopicPartition(part.topic, part.partition, stored.get((part.topic, part.partition), 0))
        for part in found
        if part.offset > stored.get((part.topic, part.partition), 0)
    ]
