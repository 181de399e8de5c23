"""The embedded server's life cycle: it keeps its data, follows its owner into death and recovers from its own."""

import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from warehouse.postgres.database.server import EmbeddedServer, ServerInUseError, owner_of

OWNER = """
import sys, threading
from warehouse.postgres.database.server import EmbeddedServer
server = EmbeddedServer(sys.argv[1])
starter = threading.Thread(target=server.start)
starter.start()
starter.join()
print(server.dsn, server.pid, flush=True)
sys.stdin.read()
"""


def wait_for(done: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def count(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from kept").fetchone()
    assert row is not None
    return int(row[0])


def test_a_restarted_server_has_its_data_and_leaves_no_process(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with psycopg.connect(server.start()) as connection:
        connection.execute("create table kept as select generate_series(1, 10)")
    pid = server.pid
    assert pid is not None
    server.stop()
    assert is_gone(pid)
    assert not (tmp_path / "postgres/data/postmaster.pid").exists()
    with server:
        assert count(server.dsn) == 10


def test_committed_rows_survive_kill_9_of_the_server_and_the_address_stays(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        dsn = server.dsn
        for _ in range(3):
            with psycopg.connect(server.dsn) as connection:
                connection.execute("create table if not exists kept (n int)")
                connection.execute("insert into kept values (1)")
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            pid = server.pid
            wait_for(lambda pid=pid: is_gone(pid))  # type: ignore[misc]
            server.start()
        assert count(server.dsn) == 3
        assert server.dsn == dsn


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_owner_is_killed_the_server_shuts_down_cleanly(tmp_path: Path, how: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    dsn, pid = owner.stdout.readline().split()
    with psycopg.connect(dsn) as connection:  # the thread that called start is gone; the server must not be
        connection.execute("create table kept as select 1")
    with pytest.raises(ServerInUseError, match=str(owner.pid)):
        EmbeddedServer(tmp_path).start()
    assert owner_of(tmp_path) == str(owner.pid)
    owner.send_signal(how)
    owner.wait(10)
    owner.stdin.close()
    owner.stdout.close()
    assert owner_of(tmp_path) is None
    with EmbeddedServer(tmp_path) as server:
        assert is_gone(int(pid))
        assert "database system is shut down" in (tmp_path / "postgres/server.log.1").read_text()
        assert count(server.dsn) == 1


def test_a_pid_file_naming_another_program_does_not_stop_the_start(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    server.start()
    server.stop()
    (tmp_path / "postgres/data/postmaster.pid").write_text(f"{os.getpid()}\n/nowhere\n0\n1\n")
    with server:
        assert server.pid not in (None, os.getpid())


def test_data_under_a_closed_directory_open_nothing(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedServer(closed / "state") as server, psycopg.connect(server.dsn) as connection:
        connection.execute("select 1")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "state/postgres/password").stat().st_mode & 0o777 == 0o600


def test_nobody_enters_without_the_password(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        password = (tmp_path / "postgres/password").read_text()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.dsn.replace(password, "guess"))


ORDINARY = """
import os, sys
from warehouse.postgres.database.server import EmbeddedServer
os.setgroups([]), os.setgid(int(sys.argv[3])), os.setuid(int(sys.argv[2]))
server = EmbeddedServer(sys.argv[1])
server.start(), server.stop()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="changing to another user needs root")
def test_an_ordinary_user_can_own_a_server() -> None:
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as state:
        os.chown(state, nobody.pw_uid, nobody.pw_gid)
        arguments = [state, str(nobody.pw_uid), str(nobody.pw_gid)]
        subprocess.run([sys.executable, "-c", ORDINARY, *arguments], check=True, timeout=60)
        assert Path(state, "postgres/data").stat().st_uid == nobody.pw_uid
