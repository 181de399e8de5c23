"""`tagledger` processes that a command starts and ends: each with its own log, none outliving who started it.

The kernel tells a child when the thread that forked it has died (prctl(2), PR_SET_PDEATHSIG), whatever it died of.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STOP_S = 20.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ChildEndedError(OSError):
    """A process ended that should run; the message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Child:
    """One process."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path


class Children:
    """Processes of one folder. A context manager that ends what it started, the last one first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[Child] = []

    def __enter__(self) -> "Children":
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, *arguments: object, environment: Mapping[str, str] | None = None) -> Child:
        """`tagledger ARGUMENTS`, its output in `NAME.log`."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tagledger", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "TAGLEDGER_LOG_FORMAT": "json", **(environment or {})},
                preexec_fn=die_with_parent,
            )
        child = Child(name, process, log)
        self._started.append(child)
        return child

    @property
    def names(self) -> tuple[str, ...]:
        """Of what was started, in that order."""
        return tuple(child.name for child in self._started)

    def check(self) -> None:
        """Raises `ChildEndedError` when one has ended."""
        for child in self._started:
            code = child.process.poll()
            if code is not None:
                last = child.log.read_text(errors="replace").strip().splitlines()[-3:]
                raise ChildEndedError(f"{child.name} ended with {code}: {' '.join(last)}")

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL after `STOP_S`."""
        for child in reversed(self._started):
            child.process.terminate()
        end_s = time.monotonic() + STOP_S
        for child in reversed(self._started):
            try:
                child.process.wait(max(0.1, end_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        self._started.clear()


def die_with_parent() -> None:
    """For `preexec_fn`: SIGKILL when the thread that forked us has died."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
