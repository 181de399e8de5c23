"""The embedded PostgreSQL server: a child process whose data live in a state directory. Demo and development only.

Life cycle. One owner at a time holds `STATE/postgres/lock` (flock, freed by the kernel when the owner dies). The server
is a child in its own process group with PR_SET_PDEATHSIG=SIGINT: whatever kills the owner, the server shuts down
cleanly ("fast", SIGINT). The death signal follows the *thread* that forked (prctl(2)), so one thread per server forks
it and stays with it. The next start waits for a server that is still shutting down, drops a pid file whose process is
another program, and lets PostgreSQL recover from its own kill -9.

As root the server runs under another uid (it refuses to be root). Nothing on the way to the data is opened up for that
uid: the server is given its data as `/proc/self/cwd`, which needs no right on the directories above. Programs under a
closed directory are copied to a folder of their own.

It listens on 127.0.0.1 only, with a random password in `STATE/postgres/password` (0600): without one, every user of the
machine could run programs as the server's uid.
"""

import contextlib
import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import psycopg

from warehouse.postgres.database.account import Account, account_for, reachable
from warehouse.postgres.database.binaries import Binaries, find_binaries

START_TIMEOUT_S = 240.0  # a busy machine or a memory card takes a minute for initdb alone
STOP_TIMEOUT_S = 30.0
_POLL_S = 0.02
_PR_SET_PDEATHSIG = 1
_DATA_HERE = "/proc/self/cwd"


class ServerError(Exception):
    """The embedded server did not start; the message ends with the last lines of its log."""


class ServerInUseError(ServerError):
    """Another living process owns this state directory's server."""


def owner_of(state_dir: Path | str) -> str | None:
    """The process that owns this state directory's server now; None when nobody does."""
    try:
        lock_fd = os.open(Path(state_dir) / "postgres" / "lock", os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(lock_fd, 20, 0).decode() or "unknown"
    finally:
        os.close(lock_fd)
    return None


def running_dsn(state_dir: Path | str) -> str:
    """The DSN of the embedded server that another process runs over this state directory. OSError when none does."""
    home = Path(state_dir).absolute() / "postgres"
    lines = (home / "data" / "postmaster.pid").read_text().split("\n")
    password = (home / "password").read_text().strip()
    return f"postgresql://postgres:{password}@127.0.0.1:{lines[3]}/postgres"


class EmbeddedServer:
    """One server over one state directory. `start` gives a DSN of database `postgres`; `stop` shuts down cleanly.

    `settings` are server settings (`-c name=value`). Also a context manager giving itself; `dsn` holds while started.
    """

    def __init__(self, state_dir: Path | str, settings: Mapping[str, str] | None = None) -> None:
        self._home = Path(state_dir).absolute() / "postgres"
        self._data = self._home / "data"
        self._log = self._home / "server.log"
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._lock_fd: int | None = None
        self._port = 0
        self.dsn = ""

    @property
    def pid(self) -> int | None:
        """The server's process id while started."""
        return self._process.pid if self._process is not None else None

    def start(self) -> str:
        """Start, making the cluster the first time; after a crash again, on the same port if it is free.

        Raises NoServerError, ServerInUseError, ServerError.
        """
        if self._process is not None:
            # Not poll(): it says None while the keeper's wait() holds the lock, also of a process just killed.
            if self._is_ours(self._process.pid):
                return self.dsn
            self.stop()
        binaries = find_binaries()
        self._home.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            account = account_for(self._home)
            binaries = reachable(binaries, account)
            password = self._password()
            if not (self._data / "PG_VERSION").exists():
                self._initialise(binaries, account, password)
            self._settle_previous()
            self.dsn = self._run(binaries, account, password)
        except BaseException:
            self.stop()
            raise
        return self.dsn

    def stop(self) -> None:
        """Shut down: fast (SIGINT), after STOP_TIMEOUT_S immediate (SIGQUIT), then SIGKILL. Harmless when stopped."""
        process, self._process = self._process, None
        if process is not None:
            for how, wait_s in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
                process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(wait_s)
                    break
        if self._keeper is not None:
            self._keeper.join(STOP_TIMEOUT_S)
            self._keeper = None
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None
        self.dsn = ""

    def __enter__(self) -> "EmbeddedServer":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _take_lock(self) -> None:
        lock_fd = os.open(self._home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock_fd, 20, 0).decode() or "unknown"
            os.close(lock_fd)
            raise ServerInUseError(
                f"{self._home} is in use by process {owner}: stop it or choose another state_dir"
            ) from None
        os.ftruncate(lock_fd, 0)
        os.pwrite(lock_fd, str(os.getpid()).encode(), 0)
        self._lock_fd = lock_fd

    def _password(self) -> str:
        path = self._home / "password"
        if not path.exists():
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_hex(24))
        return path.read_text().strip()

    def _initialise(self, binaries: Binaries, account: Account, password: str) -> None:
        """Make the cluster aside and move it into place, so that a kill on the way leaves nothing half made."""
        making = self._home / "data.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        if account.uid is not None and account.gid is not None:
            os.chown(making, account.uid, account.gid)

        read_fd, write_fd = os.pipe()
        os.fchown(read_fd, -1 if account.uid is None else account.uid, -1)  # initdb opens it again, under its own uid
        os.write(write_fd, password.encode() + b"\n")
        os.close(write_fd)
        command = [str(binaries.program("initdb")), "-D", _DATA_HERE, "-U", "postgres", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile=/dev/fd/{read_fd}", "--no-sync"]
        if binaries.major >= 16:
            command += ["--set=scram_iterations=1"]  # the password is random, so stretching it would only cost time
        try:
            subprocess.run(
                command,
                cwd=making,
                check=True,
                capture_output=True,
                timeout=START_TIMEOUT_S,
                pass_fds=(read_fd,),
                env=_environment(),
                user=account.uid,
                group=account.gid,
                extra_groups=account.groups,
            )
        except subprocess.CalledProcessError as error:
            raise ServerError(f"initdb failed: {error.stderr.decode(errors='replace')[-2000:]}") from None
        except subprocess.TimeoutExpired:
            raise ServerError(f"initdb took longer than {START_TIMEOUT_S:g} s: is the machine overloaded?") from None
        finally:
            os.close(read_fd)
        making.rename(self._data)

    def _settle_previous(self) -> None:
        """Deal with what the last server left: wait for it, or drop the pid file of a process that is not it."""
        pid_file = self._data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if not self._is_ours(pid):
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
            _wait_until(lambda: not self._is_ours(pid), 10.0)
        pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        """Whether that process is a server over this data directory (a server's working directory is its data)."""
        try:
            here, there = self._data.stat(), os.stat(f"/proc/{pid}/cwd")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) and state != "Z"

    def _run(self, binaries: Binaries, account: Account, password: str) -> str:
        """Start and connect. A port taken meanwhile or backends of a killed server still leaving: try again."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            self._port = _free_port(self._port)
            self._spawn(binaries, account, self._port)
            dsn = f"postgresql://postgres:{password}@127.0.0.1:{self._port}/postgres"
            if self._wait_ready(dsn, deadline):
                return dsn
            tail = self._log.read_text(errors="replace")[-2000:]
            again = "Address already in use" in tail or "still in use" in tail
            if not again or time.monotonic() > deadline:
                raise ServerError(f"the embedded server did not start; {self._log} ends:\n{tail}")
            time.sleep(0.1)

    def _spawn(self, binaries: Binaries, account: Account, port: int) -> None:
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "log_min_messages": "warning",
            **self._settings,
        }
        command = [str(binaries.program("postgres")), "-D", _DATA_HERE]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        libc = ctypes.CDLL(None, use_errno=True)
        parent = os.getpid()

        def die_with_parent() -> None:
            # After the change of uid, which would clear it. The parent may have died before the signal was asked for.
            if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0 or os.getppid() != parent:
                os._exit(1)

        started = threading.Event()
        failed: list[OSError] = []

        def keep() -> None:
            try:
                with self._log.open("wb") as log:
                    process = subprocess.Popen(
                        command,
                        cwd=self._data,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        env=_environment(),
                        process_group=0,
                        preexec_fn=die_with_parent,
                        user=account.uid,
                        group=account.gid,
                        extra_groups=account.groups,
                    )
                self._process = process
            except (OSError, subprocess.SubprocessError) as error:
                failed.append(OSError(str(error)))
                return
            finally:
                started.set()
            process.wait()

        self._keeper = threading.Thread(target=keep, name="embedded-postgres", daemon=True)
        self._keeper.start()
        started.wait()
        if failed:
            raise ServerError(f"cannot run {command[0]}: {failed[0]}")

    def _wait_ready(self, dsn: str, deadline: float) -> bool:
        process = self._process
        assert process is not None
        while process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(dsn, connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(_POLL_S)
            else:
                return True
        return False


def _environment() -> dict[str, str]:
    """Nothing of the caller's PG* settings or locale reaches the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _free_port(preferred: int) -> int:
    """That port if nobody has it, else any free one."""
    for wanted in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", wanted))
            port: int = probe.getsockname()[1]
            return port
    raise ServerError("no free TCP port on 127.0.0.1")


def _wait_until(done: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(_POLL_S)
    return done()
