"""The shipped broker configuration on a real Mosquitto: TLS, users, and topics that nobody else may write."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

pytestmark = pytest.mark.mosquitto
SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto"
PATIENCE_S = 15.0
NOT_AUTHORIZED = 0x87
_CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Port and certificate authority of a broker with our configuration, only its paths moved."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("mosquitto_passwd") is None or shutil.which("openssl") is None:
        pytest.skip("no Mosquitto broker here: apt-get install mosquitto openssl")
    folder = tmp_path_factory.mktemp("broker")
    (folder / "tls").mkdir()
    ca = folder / "tls" / "ca.pem"
    subprocess.run(
        [*_CERTIFICATE.split(), "-keyout", folder / "tls" / "server.key", "-out", ca],
        check=True,
        capture_output=True,
    )
    shutil.copy(ca, folder / "tls" / "server.pem")
    shutil.copy(SHIPPED / "tagledger.acl", folder)
    for n, name in enumerate(("dock", "other", "stream")):
        create = ["-c"] if n == 0 else []
        subprocess.run(["mosquitto_passwd", *create, "-b", folder / "tagledger.passwd", name, "secret"], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    text = (SHIPPED / "mosquitto.conf").read_text()
    text = text.replace("/etc/mosquitto", str(folder)).replace("/var/lib/mosquitto", str(folder))
    text = text.replace("listener 8883", f"listener {port}") + f"\nlog_dest file {folder}/log\n"
    if os.geteuid() == 0:
        text += "user root\n"
    (folder / "mosquitto.conf").write_text(text)
    process = subprocess.Popen([program, "-c", folder / "mosquitto.conf"], stderr=subprocess.PIPE)
    try:
        end_s = time.monotonic() + PATIENCE_S
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < end_s
            time.sleep(0.02)
        yield port, ca
    finally:
        process.kill()
        process.wait()


class Client:
    """One connection, and what it heard."""

    def __init__(self, broker: tuple[int, Path], user: str, password: str = "secret") -> None:
        self.heard: list[str] = []
        self.refused: dict[int, bool] = {}
        self._answered = threading.Event()
        self._subscribed = threading.Event()
        self.connected: Any = None
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(user, password)
        self._client.tls_set(str(broker[1]))
        self._client.on_connect = self._on_connect
        self._client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_publish = self._on_publish
        self._client.connect("localhost", broker[0])
        self._client.loop_start()
        assert self._answered.wait(PATIENCE_S)

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)
        assert self._subscribed.wait(PATIENCE_S)

    def publish(self, topic: str) -> bool:
        """Whether the broker took it."""
        info = self._client.publish(topic, b"x", qos=1)
        end_s = time.monotonic() + PATIENCE_S
        while info.mid not in self.refused:
            assert time.monotonic() < end_s
            time.sleep(0.01)
        return not self.refused[info.mid]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.connected = not reason.is_failure
        self._answered.set()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self.refused[mid] = reason.value == NOT_AUTHORIZED


def test_an_edge_speaks_for_itself_only_and_the_stream_acknowledges(broker: tuple[int, Path]) -> None:
    stream, dock = Client(broker, "stream"), Client(broker, "dock")
    try:
        stream.subscribe("tagledger/v1/plant/edge/+/batch")
        dock.subscribe("tagledger/v1/plant/edge/dock/ack")
        assert dock.publish("tagledger/v1/plant/edge/dock/batch")
        assert not dock.publish("tagledger/v1/plant/edge/other/batch")
        assert not dock.publish("tagledger/v1/plant/edge/dock/ack")
        assert not dock.publish("anything")
        assert stream.publish("tagledger/v1/plant/edge/dock/ack")
        assert stream.publish("tagledger/v1/plant/edge/dock/signal/door-1")
        assert not stream.publish("tagledger/v1/plant/edge/dock/batch/other")
        end_s = time.monotonic() + PATIENCE_S
        while not (stream.heard and dock.heard):
            assert time.monotonic() < end_s
            time.sleep(0.01)
        assert stream.heard == ["tagledger/v1/plant/edge/dock/batch"]
        assert dock.heard == ["tagledger/v1/plant/edge/dock/ack"]
    finally:
        stream.close()
        dock.close()


def test_a_wrong_password_is_refused(broker: tuple[int, Path]) -> None:
    stranger = Client(broker, "dock", "guess")
    assert stranger.connected is False
    stranger.close()
