"""A private Mosquitto for tests: own folder, free port, killed and started again at will. Never a system service."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port

_START_S = 60.0

_CONFIG = """\
listener {port} 127.0.0.1
{access}set_tcp_nodelay true
persistence {persistence}
persistence_location {folder}/
autosave_interval 1
autosave_on_changes true
max_queued_messages 1000
log_dest file {folder}/mosquitto.log
user {user}
"""


class Mosquitto:
    """One broker process; the port stays the same over restarts. Persistence keeps sessions and retained messages."""

    def __init__(self, folder: Path, program: str) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.folder = folder
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._access = "allow_anonymous true\n"
        self._user = Path.home().owner()  # Mosquitto leaves root for `mosquitto` unless told to stay

    def only(self, acl: Path, *users: str, password: str = "secret") -> None:
        """Take users with this password only, with what the access list gives them; before the next start.

        Skips without mosquitto_passwd.
        """
        if shutil.which("mosquitto_passwd") is None:
            pytest.skip("no mosquitto_passwd here: apt-get install mosquitto")
        passwords = self.folder / "passwords"
        for n, user in enumerate(users):
            create = ["-c"] if n == 0 else []
            subprocess.run(["mosquitto_passwd", *create, "-b", passwords, user, password], check=True)
        self._access = f"allow_anonymous false\npassword_file {passwords}\nacl_file {acl}\n"

    def start(self, persistence: bool = True) -> None:
        """Start, and wait until it takes connections."""
        config = self.folder / "mosquitto.conf"
        config.write_text(
            _CONFIG.format(
                port=self.port,
                folder=self.folder,
                user=self._user,
                persistence=str(persistence).lower(),
                access=self._access,
            )
        )
        self._process = subprocess.Popen([self._program, "-c", str(config)], stderr=subprocess.DEVNULL)
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        log = self.folder / "mosquitto.log"
        pytest.fail(f"mosquitto did not start: {log.read_text() if log.exists() else 'no log'}")

    def kill(self) -> None:
        """End it without notice."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def forget(self) -> None:
        """Delete what it kept on disk; only while it is down."""
        (self.folder / "mosquitto.db").unlink(missing_ok=True)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=_START_S)
            self._process = None


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker of this test's own. Skips without the program, which Debian keeps outside a user's path."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("no Mosquitto broker here: apt-get install mosquitto")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder, program)
    broker.start()
    yield broker
    broker.stop()
