"""A real one-node Kafka for tests, started by `deploy/services/kafka.sh` on free ports, dropped afterwards.

`kafka_broker` is shared by a session: tests use topics and groups of their own. `own_kafka` belongs to one test, which
may kill and start it again.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

SCRIPT = Path(__file__).parents[1] / "deploy" / "services" / "kafka.sh"
HOME = Path(os.environ.get("TAGLEDGER_KAFKA_HOME", "/var/cache/tagledger/kafka"))
READY_S = 60.0


class Kafka:
    """One broker; its port and data stay the same over kills."""

    def __init__(self, bootstrap: str, name: str = "") -> None:
        self.bootstrap = bootstrap
        self.name = name

    def start(self) -> None:
        """Start, and wait until it leads what it holds and has a coordinator for transactions and groups."""
        port = self.bootstrap.rpartition(":")[2]
        up = subprocess.run([SCRIPT, "up", self.name, port], capture_output=True, text=True, check=False)
        assert up.returncode == 0, up.stderr
        self.wait()

    def kill(self) -> None:
        """kill -9."""
        pid = HOME / "clusters" / self.name / "1" / "pid"
        os.kill(int(pid.read_text()), signal.SIGKILL)
        end_s = time.monotonic() + READY_S
        while Path(f"/proc/{int(pid.read_text())}").exists() and time.monotonic() < end_s:
            time.sleep(0.02)

    def wait(self) -> None:
        """A broker takes connections before it can do anything: ask until a transaction has been committed on it."""
        kafka = pytest.importorskip("confluent_kafka", reason="needs the kafka extra")
        asked = {"bootstrap.servers": self.bootstrap, "transactional.id": f"ready-{uuid4().hex[:8]}", "log_level": 0}
        end_s, error = time.monotonic() + READY_S, None
        while time.monotonic() < end_s:
            try:
                kafka.Producer(asked).init_transactions(5)
                return
            except kafka.KafkaException as raised:
                error = raised
        pytest.fail(f"Kafka at {self.bootstrap} did not get ready: {error}")

    def create(self, *topics: str, partitions: int = 4) -> None:
        """Create topics, and wait until every partition has a leader."""
        from confluent_kafka.admin import AdminClient, NewTopic

        admin: Any = AdminClient({"bootstrap.servers": self.bootstrap})
        for made in admin.create_topics([NewTopic(topic, partitions, 1) for topic in topics]).values():
            made.result(READY_S)
        end_s = time.monotonic() + READY_S
        while time.monotonic() < end_s:
            known = admin.list_topics(timeout=READY_S).topics
            parts = [part for topic in topics if topic in known for part in known[topic].partitions.values()]
            if len(parts) == partitions * len(topics) and all(part.leader >= 0 for part in parts):
                return
            time.sleep(0.05)
        pytest.fail(f"{topics} got no leaders")


@contextmanager
def a_kafka() -> Iterator[Kafka]:
    """A broker of one's own."""
    if not any(HOME.glob(".complete-*")) or shutil.which("java") is None:
        pytest.skip("no Kafka: run deploy/services/kafka.sh install (needs java and mvn)")
    name = f"test-{uuid4().hex[:8]}"
    try:
        broker = Kafka(f"127.0.0.1:{_free_pair()}", name)
        broker.start()
        yield broker
    finally:
        subprocess.run([SCRIPT, "drop", name], check=True, capture_output=True)


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Kafka]:
    """The session's broker; TAGLEDGER_TEST_KAFKA names a running one instead (host:port)."""
    given = os.environ.get("TAGLEDGER_TEST_KAFKA")
    if given:
        yield Kafka(given)
        return
    with a_kafka() as broker:
        yield broker


@pytest.fixture
def own_kafka() -> Iterator[Kafka]:
    """A broker of this test's own."""
    with a_kafka() as broker:
        yield broker


def _free_pair() -> int:
    """A port free together with the one above it, which is the controller's."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            if port < 65535 and second.connect_ex(("127.0.0.1", port + 1)) != 0:
                return port
    raise OSError("no two free ports side by side")
