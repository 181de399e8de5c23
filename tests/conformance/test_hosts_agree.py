"""The embedded host and the Faust host decide the same from the same recorded input, ids included.

Kafka is librdkafka's mock cluster (real protocol over TCP, groups and commits, no persistence) and, where it is
installed, Kafka itself. Each Faust worker is a process of its own, so that it can be killed.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stream.batch_codec import encode_batch
from stream.embedded import EmbeddedHost
from stream.model import EdgeBatch
from stream.partition import slices_of
from stream.routing import Router
from stream.store import Store
from tests.kafka import Kafka, installed
from tests.stream.plant_books import another_database, prepare, query, results
from tests.stream.traffic import heartbeats, site, traffic

confluent_kafka = pytest.importorskip("confluent_kafka", reason="needs the kafka extra")
pytest.importorskip("faust", reason="needs the kafka extra")
pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
PARTITIONS = 4
PATIENCE_S = 120.0
SESSIONS = (
    "select application_name, state, wait_event_type, wait_event, pg_blocking_pids(pid), query from pg_stat_activity"
    " where datname = current_database()"
)
LOG = traffic(40)
LOG += heartbeats(LOG[-1], 12)


class Cluster:
    """A cluster and what was produced to it; a mock cluster lives as long as this object."""

    def __init__(self, real: Kafka | None) -> None:
        self._real = real
        settings: dict[str, Any] = {"bootstrap.servers": "mock", "test.mock.num.brokers": 1}
        if real is not None:
            settings = {"bootstrap.servers": real.bootstrap, "enable.idempotence": True}
        self._producer = confluent_kafka.Producer(settings)
        (broker, *_) = self._producer.list_topics(timeout=30).brokers.values()
        self.bootstrap = f"{broker.host}:{broker.port}"

    def create(self, *topics: str) -> None:
        """The mock makes a topic when somebody asks for it, with four partitions."""
        if self._real is not None:
            self._real.create(*topics, partitions=PARTITIONS)
            return
        for topic in topics:
            partitions = self._producer.list_topics(topic, timeout=30).topics[topic].partitions
            assert len(partitions) == PARTITIONS

    def produce(self, group: str, batches: list[EdgeBatch]) -> int:
        """What a bridge does: every batch to each place whose time it moves. Returns the number of messages."""
        router, sent = Router(site()), 0
        for batch in batches:
            for message in slices_of(router, batch):
                self._producer.produce(f"{group}.places", encode_batch(message.batch), key=message.place)
                sent += 1
            self._producer.poll(0)
        assert self._producer.flush(10) == 0
        return sent

    def poison(self, group: str) -> int:
        """Messages that nobody can take: garbage, a time that cannot be, a place that is not there."""
        far = replace(LOG[0], id=replace(LOG[0].id, epoch="far"), watermark_us=2**62)
        bad = (("dock1", b"garbage"), ("dock1", encode_batch(far)), ("nowhere", encode_batch(LOG[0])))
        for key, value in bad:
            self._producer.produce(f"{group}.places", value, key=key)
        assert self._producer.flush(10) == 0
        return len(bad)


@pytest.fixture(scope="module", params=["mock", "kafka"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(request.getfixturevalue("kafka_broker") if request.param == "kafka" else None)


@pytest.fixture(scope="module")
def real_cluster(request: pytest.FixtureRequest) -> Cluster:
    """Kafka itself; the mock where there is none."""
    real = installed() or "TAGLEDGER_TEST_KAFKA" in os.environ
    return Cluster(request.getfixturevalue("kafka_broker") if real else None)


@pytest.fixture(scope="module")
def embedded(postgres_dsn: str, migrated_template: str) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """What the embedded host makes of the log."""
    with another_database(postgres_dsn, migrated_template) as dsn:
        prepare(dsn)
        plant = site()
        EmbeddedHost(plant, Store(dsn, plant)).process_sync(LOG)
        yield results(dsn)


@contextmanager
def worker(dsn: str, cluster: Cluster, group: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    script = Path(__file__).with_name("faust_worker.py")
    with (folder / f"worker-{uuid4().hex[:6]}.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(script), dsn, cluster.bootstrap, group, str(PARTITIONS), str(folder)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[bytes]", folder: Path, dsn: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        said = "\n".join(log.read_text() for log in folder.glob("worker-*.log"))
        assert process.poll() is None, f"the worker ended with {process.returncode}:\n{said}"
        assert time.monotonic() < end_s, f"nothing more came:\n{said}\n{query(dsn, SESSIONS)}"
        time.sleep(0.1)


def taken(dsn: str, group: str) -> int:
    """How many messages of the places topic are committed."""
    position = "select coalesce(sum(next_offset), 0) from stream_position where topic = %s"
    return int(query(dsn, position, (f"{group}.places",))[0][0])


def test_a_worker_that_was_shown_no_topics_takes_them_when_they_are_there(
    database: str, kafka_broker: Kafka, tmp_path: Path
) -> None:
    """As a broker that has just begun shows none for a moment."""
    prepare(database)
    group, cluster = f"g{uuid4().hex[:8]}", Cluster(kafka_broker)
    with worker(database, cluster, group, tmp_path) as process:

        def given_nothing() -> bool:
            return any("missing topic" in log.read_text() for log in tmp_path.glob("worker-*.log"))

        wait_for(given_nothing, process, tmp_path, database)
        cluster.create(f"{group}.places", f"{group}.reports")
        sent = cluster.produce(group, LOG[:10])
        wait_for(lambda: taken(database, group) == sent, process, tmp_path, database)


def test_the_hosts_agree(database: str, cluster: Cluster, embedded: Any, tmp_path: Path) -> None:
    prepare(database)
    group = f"g{uuid4().hex[:8]}"
    cluster.create(f"{group}.places", f"{group}.reports")
    sent = cluster.produce(group, LOG)
    with worker(database, cluster, group, tmp_path) as process:
        wait_for(lambda: taken(database, group) == sent, process, tmp_path, database)
        wait_for(lambda: len(results(database)["history"]) >= len(embedded["history"]), process, tmp_path, database)
        process.terminate()
        assert process.wait(30) == 0
    assert results(database) == embedded
    assert embedded["movements"]
    assert embedded["history"]


def test_the_hosts_agree_though_workers_are_killed_and_messages_doubled(
    database: str, real_cluster: Cluster, embedded: Any, tmp_path: Path
) -> None:
    prepare(database)
    cluster = real_cluster
    group = f"g{uuid4().hex[:8]}"
    cluster.create(f"{group}.places", f"{group}.reports")
    third = len(LOG) // 3
    sent = cluster.produce(group, LOG[:third])
    with worker(database, cluster, group, tmp_path) as process:
        wait_for(lambda: taken(database, group) > 0, process, tmp_path, database)
        process.kill()
    # A bridge that died sends again from its last acknowledgement: the same batches at new offsets.
    sent += cluster.produce(group, LOG[third - 20 : 2 * third])
    with worker(database, cluster, group, tmp_path) as process:
        wait_for(lambda: taken(database, group) > sent // 2, process, tmp_path, database)
        process.kill()
    sent += cluster.produce(group, LOG[2 * third - 20 :])
    with worker(database, cluster, group, tmp_path) as process:
        wait_for(lambda: taken(database, group) == sent, process, tmp_path, database)
        wait_for(lambda: len(results(database)["history"]) >= len(embedded["history"]), process, tmp_path, database)
    assert results(database) == embedded


def test_a_paused_worker_cannot_write_a_new_one_joins_and_poison_stalls_nothing(
    database: str, kafka_broker: Kafka, embedded: Any, tmp_path: Path
) -> None:
    prepare(database)
    cluster = Cluster(kafka_broker)
    group = f"g{uuid4().hex[:8]}"
    cluster.create(f"{group}.places", f"{group}.reports")
    third = len(LOG) // 3
    (tmp_path / "second").mkdir()
    with worker(database, cluster, group, tmp_path) as first:
        sent = cluster.produce(group, LOG[:third])
        wait_for(lambda: taken(database, group) > sent // 2, first, tmp_path, database)
        first.send_signal(signal.SIGSTOP)
        sent += cluster.produce(group, LOG[third : 2 * third])
        sent += cluster.poison(group)
        with worker(database, cluster, group, tmp_path / "second") as second:
            # The group goes on without the one that stands still.
            wait_for(lambda: taken(database, group) == sent, second, tmp_path / "second", database)
            first.send_signal(signal.SIGCONT)
            sent += cluster.produce(group, LOG[2 * third :])
            wait_for(lambda: taken(database, group) == sent, second, tmp_path / "second", database)
            wait_for(lambda: len(results(database)["history"]) >= len(embedded["history"]), second, tmp_path, database)
            assert first.poll() is None
    assert results(database) == embedded
    assert query(database, "select count(*) from data_gap") == [(0,)]
    letters = query(database, "select key, reason from dead_letter order by key, reason")
    assert [key for key, _ in letters] == ["dock1", "dock1", "nowhere"]
