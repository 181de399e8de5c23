"""The bridge's fence and its topics on a real Kafka."""

import threading
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from tests.kafka import Kafka
from warehouse.site_settings import KafkaSettings

pytest.importorskip("confluent_kafka", reason="needs the kafka extra")
pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(kafka_broker: Kafka) -> KafkaSettings:
    name = f"k{uuid4().hex[:8]}"
    return KafkaSettings(kafka_broker.bootstrap, group=name, prefix=name, partitions=2)


def written(settings: KafkaSettings) -> list[bytes]:
    """Everything in the places topic, committed or not, as workers see it."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    topic = f"{settings.prefix}.places"
    consumer: Any = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": "looking",
            "isolation.level": "read_uncommitted",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in range(settings.partitions)])
    found, ended = [], 0
    while ended < settings.partitions:
        message = consumer.poll(30)
        assert message is not None
        if message.error():
            ended += 1
        else:
            found.append(message.value())
    consumer.close()
    return found


def test_a_bridge_that_was_replaced_cannot_write_any_more(settings: KafkaSettings) -> None:
    from stream.bridge_kafka import FencedByAnotherError, KafkaSink, ensure_topics

    stop = threading.Event()
    ensure_topics(settings, stop)
    first, second = (KafkaSink(settings, settings.prefix, stop) for _ in range(2))
    assert first.open()
    assert first.send([("door", b"1"), ("door", b"2")])
    assert second.open()
    with pytest.raises(FencedByAnotherError):
        first.send([("door", b"9")])
    assert second.send([("door", b"3")])
    assert written(settings) == [b"1", b"2", b"3"]


def test_topics_are_made_once_and_another_number_of_partitions_is_refused(settings: KafkaSettings) -> None:
    from stream.bridge_kafka import TopicsDifferError, ensure_topics

    stop = threading.Event()
    ensure_topics(settings, stop)
    ensure_topics(settings, stop)
    with pytest.raises(TopicsDifferError, match="has 2 partitions, the site file says 3"):
        ensure_topics(replace(settings, partitions=3), stop)
