"""The processes of one fault run: killed, paused and restarted at will, started again when they end by themselves."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tagledger.child_processes import die_with_parent

ROOT = Path(__file__).parents[2]
ENDS_MAX = 30
WAIT_S = 90.0
"""As long as the shipped units give a worker."""


class SiteProcess:
    """One process under a supervisor, as systemd would be one. `quiet`: without a log, for a disk that gets full."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], *, quiet: bool = False
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._environment = {**os.environ, **environment}
        self.root = ROOT
        self._target = Path(os.devnull) if quiet else self.log
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._asked_s: float | None = None
        self.ended_by_itself = 0
        self.hung = 0
        self.notes: list[str] = []

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Harmless while it runs; one that was asked to end is started again when it has."""
        self._wanted = True
        if self._process is None:
            with self._target.open("ab") as output:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.root,
                    env={**self._environment, "PYTHONPATH": str(self.root)},
                    preexec_fn=die_with_parent,
                )

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM, and wait; SIGKILL when it does not end, which is a finding: `AssertionError`."""
        self._end(signal.SIGTERM)

    def ask_to_end(self) -> None:
        """SIGTERM, without waiting: what it ends with may be what the run has taken away. `look` sees it end."""
        if self._process is not None and self._asked_s is None:
            self._wanted = False
            self._asked_s = time.monotonic()
            self._send(signal.SIGTERM)
            self._send(signal.SIGCONT)

    def pause(self) -> None:
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def fill_disk(self) -> None:
        """No file of the process may grow."""
        if self._process is not None:
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def free_disk(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, unlimited)

    def look(self) -> None:
        """Start it again when it ended by itself, or as asked; one that does not end is killed, as systemd does."""
        if self._process is None or self._process.poll() is None:
            if self._asked_s is not None and time.monotonic() - self._asked_s > WAIT_S:
                self.hung += 1
                self.notes.append(f"{self.name} did not end within {WAIT_S:g} s of SIGTERM")
                self.kill_hung()
            return
        if self._asked_s is not None:
            self._process, self._asked_s = None, None
            if self._wanted:
                self.start()
        elif self._wanted:
            self.ended_by_itself += 1
            said = self.tail().strip().splitlines()
            last = said[-1] if said else "nothing"
            self.notes.append(f"{self.name} ended with {self._process.returncode}, said last: {last[:300]}")
            assert self.ended_by_itself <= ENDS_MAX, f"{self.name} keeps ending:\n{self.tail()}"
            self._process = None
            self.start()

    def kill_hung(self) -> None:
        """SIGKILL for one that was asked to end; `look` goes on with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def _send(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _end(self, how: int) -> None:
        self._wanted = False
        self._asked_s = None
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        end_s = time.monotonic() + WAIT_S
        while process.poll() is None and time.monotonic() < end_s:
            time.sleep(0.02)
        if process.poll() is None:
            process.kill()
            process.wait()
            raise AssertionError(f"{self.name} did not end within {WAIT_S:g} s of SIGTERM:\n{self.tail()}")
