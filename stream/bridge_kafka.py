"""The bridge's end at Kafka (confluent-kafka), and the topics.

Messages go out in transactions, not for their atomicity (workers read uncommitted, and drop what comes twice) but for
their fence: `init_transactions` raises the epoch of the transactional id, and from then on the broker refuses every
write of an earlier bridge of that name (KIP-98), one that was paused for an hour included. Transactions imply the
idempotent producer and acks=all, so what one bridge writes keeps its order and has no holes.

A broker that cannot be reached is waited for without end, because nothing is acknowledged upstream meanwhile. An error
after which the producer is of no more use ends the bridge; its supervisor starts another.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from warehouse.site_settings import KafkaSettings

ATTEMPT_S = 5.0
AGAIN_S = 0.5
LINGER_MS = 2
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""What the topics take; the shipped Mosquitto configuration lets nothing larger through."""
_FRAME_BYTES = 64 * 1024


class KafkaSinkError(Exception):
    """Kafka cannot be written to, for good."""


class FencedByAnotherError(KafkaSinkError):
    """Another bridge of this name has taken over."""


class TopicsDifferError(KafkaSinkError):
    """A topic exists with another number of partitions than the site file says."""


def places_topic(settings: KafkaSettings) -> str:
    """Edge batches cut to places, keyed by place."""
    return f"{settings.prefix}.places"


def reports_topic(settings: KafkaSettings) -> str:
    """Zones' reports and time, by partition of tag shards."""
    return f"{settings.prefix}.reports"


def client_settings(settings: KafkaSettings) -> dict[str, Any]:
    """How librdkafka reaches the cluster."""
    tls = {"ssl.ca.location": settings.tls_ca} if settings.tls_ca else {}
    if settings.username:
        tls |= {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": settings.username,
            "sasl.password": settings.password,
        }
    protocol = ("SASL_" if settings.username else "") + ("SSL" if settings.tls else "PLAINTEXT")
    return {"bootstrap.servers": settings.bootstrap, "security.protocol": protocol, "log_level": 2, **tls}


def ensure_topics(settings: KafkaSettings, stop: threading.Event) -> None:
    """Create what is missing, and wait until every partition has a leader. Raises `TopicsDifferError`."""
    topics = (places_topic(settings), reports_topic(settings))
    admin: Any = AdminClient(client_settings(settings))
    kept = {
        "max.message.bytes": str(MESSAGE_BYTES_MAX + _FRAME_BYTES),
        "retention.ms": str(int(settings.retention_h * 3_600_000)),
        "min.insync.replicas": "2" if settings.replicas > 2 else "1",
    }
    while not stop.is_set():
        try:
            known = admin.list_topics(timeout=ATTEMPT_S).topics
            missing = [topic for topic in topics if topic not in known]
            if missing:
                asked = [NewTopic(topic, settings.partitions, settings.replicas, config=kept) for topic in missing]
                for made in admin.create_topics(asked).values():
                    made.result(ATTEMPT_S)
            if not missing and _settled(settings, [known[topic] for topic in topics]):
                return
        except KafkaException as raised:
            error = raised.args[0]
            if error.code() != KafkaError.TOPIC_ALREADY_EXISTS and not _passing(error):
                raise KafkaSinkError(str(error)) from raised
        except TimeoutError:
            pass
        stop.wait(AGAIN_S)


def _settled(settings: KafkaSettings, topics: Sequence[Any]) -> bool:
    for topic in topics:
        if len(topic.partitions) not in (0, settings.partitions):
            raise TopicsDifferError(
                f"topic {topic.topic} has {len(topic.partitions)} partitions, the site file says {settings.partitions}:"
                " changing them is a drain (deploy/README.md)"
            )
    return all(part.leader >= 0 for topic in topics for part in topic.partitions.values()) and all(
        topic.partitions for topic in topics
    )


class KafkaSink:
    """Writes groups of messages to the places topic; one thread. `name` is what at most one bridge may have."""

    def __init__(self, settings: KafkaSettings, name: str, stop: threading.Event) -> None:
        self._topic = places_topic(settings)
        self._reports = reports_topic(settings)
        self._stop = stop
        self.retries = 0
        self._producer = Producer(
            {
                **client_settings(settings),
                "transactional.id": name,
                "linger.ms": LINGER_MS,
                "partitioner": "murmur2_random",
                "compression.type": "gzip",  # the one that aiokafka reads without further libraries
                "compression.level": 1,
                "message.max.bytes": MESSAGE_BYTES_MAX + _FRAME_BYTES,
            }
        )

    def open(self) -> bool:
        """Fence whoever had the name before; False when stopped first."""
        return self._done(self._producer.init_transactions)

    def send(self, messages: Sequence[tuple[str, bytes]], reports: Sequence[tuple[int, bytes]] = ()) -> bool:
        """Write (key, value) pairs to the places topic, (partition, value) pairs to the reports topic, in this order.

        True once Kafka has acknowledged all, False when stopped first.
        """
        while not self._stop.is_set():
            try:
                self._producer.begin_transaction()
                for key, value in messages:
                    self._produce(self._topic, value, key=key.encode())
                for partition, value in reports:
                    self._produce(self._reports, value, partition=partition)
                if self._done(self._producer.commit_transaction):
                    return True
            except KafkaException as raised:
                self._judge(raised)
                if not self._done(self._producer.abort_transaction):
                    return False
                self.retries += 1
                self._stop.wait(AGAIN_S)
        return False

    def _produce(self, topic: str, value: bytes, **where: Any) -> None:
        while True:
            try:
                self._producer.produce(topic, value, **where)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _done(self, step: Callable[[float], None]) -> bool:
        """Do a step of the transaction however often it takes; False when stopped first."""
        while not self._stop.is_set():
            try:
                step(ATTEMPT_S)
            except KafkaException as raised:
                if not raised.args[0].retriable():
                    if step == self._producer.abort_transaction:
                        self._judge(raised)
                    raise
                self.retries += 1
            else:
                return True
        return False

    def _judge(self, raised: KafkaException) -> None:
        """Raise what ends the bridge; return when the transaction can be aborted and done again."""
        error = raised.args[0]
        if error.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
            raise FencedByAnotherError("another bridge of this name has taken over") from raised
        if error.fatal() or not error.txn_requires_abort():
            raise KafkaSinkError(str(error)) from raised


def _passing(error: Any) -> bool:
    """Whether a broker that starts or is away explains it."""
    return error.retriable() or error.code() in (
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_CONTROLLER,
        KafkaError.INVALID_REPLICATION_FACTOR,  # not all brokers of the cluster are up
    )
