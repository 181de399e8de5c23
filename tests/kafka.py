"""A real Kafka for tests, started by `deploy/services/kafka.sh` on free ports, dropped afterwards.

`kafka_broker` is shared by a session: tests use topics and groups of their own.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.ports import free_port

SCRIPT = Path(__file__).parents[1] / "deploy" / "services" / "kafka.sh"
HOME = Path(os.environ.get("TAGLEDGER_KAFKA_HOME", "/var/cache/tagledger/kafka"))
READY_S = 120.0


class Kafka:
    """A broker, or several that are one cluster; ports and data stay the same over kills.

    `properties` names a file of more settings, `admin` a first user (see the script), `client` how librdkafka gets in.
    """

    def __init__(
        self,
        bootstrap: str,
        name: str = "",
        properties: Path | None = None,
        admin: str = "",
        client: Mapping[str, str] | None = None,
    ) -> None:
        self.bootstrap = bootstrap
        self.client = {"bootstrap.servers": bootstrap, **(client or {})}
        self.name = name
        self.ports = [server.rpartition(":")[2] for server in bootstrap.split(",")]
        self._starting: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **os.environ,
            "TAGLEDGER_KAFKA_PROPERTIES": str(properties or ""),
            "TAGLEDGER_KAFKA_ADMIN": admin,
        }

    def start(self) -> None:
        """Start every node, and wait until they lead what they hold and coordinate transactions and groups."""
        self.up()
        self.wait()

    def up(self) -> None:
        """Start every node, and wait until they take connections."""
        up = [SCRIPT, "up", self.name, *self.ports]
        done = subprocess.run(up, capture_output=True, text=True, check=False, env=self._environment)
        assert done.returncode == 0, done.stderr

    def begin(self, node: int) -> None:
        """Start one node again without waiting for it: it may have to wait for others."""
        again = [SCRIPT, "node", self.name, str(node), *self.ports]
        self._starting.append(subprocess.Popen(again, env=self._environment, stdout=subprocess.DEVNULL))

    def mend(self) -> None:
        """Whatever was done to it: every node runs, and they are ready."""
        while self._starting:
            self._starting.pop().wait(READY_S * 2)
        for node in range(1, len(self.ports) + 1):
            if self.runs(node):
                self.resume(node)
            else:
                self.begin(node)
        self.wait()

    def kill(self, node: int = 1) -> None:
        """kill -9."""
        self._send(node, signal.SIGKILL)
        end_s = time.monotonic() + READY_S
        while Path(f"/proc/{self._pid(node)}").exists() and time.monotonic() < end_s:
            time.sleep(0.02)

    def runs(self, node: int = 1) -> bool:
        """Whether it was started and not killed; a paused node runs."""
        try:
            return (Path("/proc") / str(self._pid(node))).exists()
        except FileNotFoundError:
            return False

    def pause(self, node: int = 1) -> None:
        """Neither answer nor end."""
        self._send(node, signal.SIGSTOP)

    def resume(self, node: int = 1) -> None:
        """Go on; harmless when it was killed meanwhile."""
        if self.runs(node):
            self._send(node, signal.SIGCONT)

    def _send(self, node: int, what: signal.Signals) -> None:
        os.kill(self._pid(node), what)

    def _pid(self, node: int) -> int:
        return int((HOME / "clusters" / self.name / str(node) / "pid").read_text())

    def wait(self) -> None:
        """A broker takes connections before it can do anything: ask until a transaction has been committed on it."""
        kafka = pytest.importorskip("confluent_kafka", reason="needs the kafka extra")
        asked = {**self.client, "transactional.id": f"ready-{uuid4().hex[:8]}", "log_level": 0}
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

        admin: Any = AdminClient(self.client)
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


def installed() -> bool:
    """Whether one can be started here."""
    return any(HOME.glob(".complete-*")) and shutil.which("java") is not None


@contextmanager
def a_kafka(
    ports: Sequence[int] = (),
    properties: Path | None = None,
    admin: str = "",
    client: Mapping[str, str] | None = None,
) -> Iterator[Kafka]:
    """A cluster of one's own: a node for each port, one without any."""
    if not installed():
        pytest.skip("no Kafka: run deploy/services/kafka.sh install (needs java and mvn)")
    name = f"test-{uuid4().hex[:8]}"
    try:
        broker = Kafka(
            ",".join(f"127.0.0.1:{port}" for port in ports or free_pairs(1)), name, properties, admin, client
        )
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


def free_pairs(count: int) -> list[int]:
    """Ports that are free together with the one above each, which is a controller's."""
    return [free_port(2) for _ in range(count)]
