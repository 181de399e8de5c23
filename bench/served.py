"""An application of a benchmark in a process of its own: ours over a database, or the peer it is compared with.

The benchmark's module calls `serve` when it is started with two arguments, the name and the DSN, as `served_app` does.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from api.postgres.pool import query_pool
from api.server import serving
from tagledger.bench_api import reading_app

POOL_MAX = 8


def cpu_s_of(pid: int) -> float:
    """User and system time of a process so far (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def served_app(module: str, which: str, dsn: str) -> Iterator[tuple[int, int]]:
    """The server's process and port, while the block runs."""
    command = [sys.executable, "-m", module, which, dsn]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.terminate()


async def serve(which: str, dsn: str, peer: Callable[[Any], FastAPI]) -> None:
    """`ours`, or what `peer` makes over a pool of connections, until ended; its port is printed."""
    if which == "ours":
        async with reading_app(dsn, POOL_MAX) as app:
            await _until_ended(app)
    else:
        async with query_pool(dsn, POOL_MAX) as pool:
            await _until_ended(peer(pool))


async def _until_ended(app: FastAPI) -> None:
    async with serving(app, "127.0.0.1", 0) as url:
        print(url.rpartition(":")[2], flush=True)
        await asyncio.Event().wait()
