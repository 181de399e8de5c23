"""Reading the site file again while the site runs: on SIGHUP, and when the file has changed and stays still.

A file with mistakes changes nothing: the running site keeps what it had, and the log says what is wrong. Otherwise the
difference is logged, what can be taken over is (`tagledger.site_changes`), and what cannot is named as waiting for a
restart. Where taking it over fails half way (the database is away), what was taken over is put back, and it is tried
again every `RETRY_S` until it goes or the file changes. The last good file is kept as `site.last-good.toml` in the
state directory, without its secrets.
"""

import asyncio
import contextlib
import math
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from tagledger.config import ConfigError, load_site
from tagledger.site_changes import SiteChange, change
from tagledger.site_text import site_text
from warehouse.site import Site

LOOK_EVERY_S = 1.0
RETRY_S = 10.0
LAST_GOOD = "site.last-good.toml"

_log = structlog.get_logger(__name__)

Apply = Callable[[SiteChange], Awaitable[None]]


class Reloaded(StrEnum):
    """What came of looking at the file."""

    SAME = "same"
    REFUSED = "refused"
    FAILED = "failed"
    APPLIED = "applied"


class SiteReload:
    """Follows one site file. `apply` makes the running parts follow `SiteChange.site`."""

    def __init__(self, path: Path, environ: Mapping[str, str], site: Site, apply: Apply) -> None:
        self._path = path
        self._environ = environ
        self._apply = apply
        self._asked = asyncio.Event()
        self._turn = asyncio.Lock()
        self.site = site
        self._keep(site)

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        # Signals reach the main thread alone; elsewhere the file alone counts.
        hears_signals = threading.current_thread() is threading.main_thread()
        if hears_signals:
            loop.add_signal_handler(signal.SIGHUP, self.ask)
        loop_s = loop.time
        seen = settled = self._stamp()
        try:
            again_s = self._again_s(await self.check(), loop_s())  # what changed since: a worker gets here late
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._asked.wait()
                now = self._stamp()
                if self._asked.is_set() or (now == seen and now != settled) or loop_s() >= again_s:
                    self._asked.clear()
                    settled = now
                    again_s = self._again_s(await self.check(), loop_s())
                seen = now
        finally:
            if hears_signals:
                loop.remove_signal_handler(signal.SIGHUP)

    def ask(self) -> None:
        """Have `run` read the file now."""
        self._asked.set()

    async def check(self) -> Reloaded:
        """Read the file now."""
        async with self._turn:
            try:
                new = await asyncio.to_thread(load_site, self._path, self._environ)
            except ConfigError as error:
                for problem in error.problems:
                    _log.error("site file refused, the running site stays as it is", problem=str(problem))
                return Reloaded.REFUSED
            found = change(self.site, new)
            if not found.differences:
                return Reloaded.SAME
            if not await self._taken_over(found):
                return Reloaded.FAILED
            self.site = found.site
            waiting = {str(difference) for difference in found.waiting}
            for difference in found.differences:
                words = str(difference)
                _log.info("site file changed", change=words, waits_for_restart=words in waiting)
            self._keep(new)
            return Reloaded.APPLIED

    @staticmethod
    def _again_s(came: Reloaded, now_s: float) -> float:
        """When to try again what failed."""
        return now_s + RETRY_S if came is Reloaded.FAILED else math.inf

    async def _taken_over(self, found: SiteChange) -> bool:
        """Apply it, or put back what was applied. Raises what putting back raises: nobody knows what runs then."""
        try:
            await self._apply(found)
        except Exception as error:  # whatever it is, the running site goes on as it was
            why = str(error).strip() or type(error).__name__
            _log.error("site file not taken over, the running site stays as it is", error=why, retry_s=RETRY_S)
            if not isinstance(error, psycopg.Error | PoolTimeout):  # there the first step failed
                await self._apply(change(found.site, self.site))
            return False
        return True

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _keep(self, site: Site) -> None:
        kept = Path(site.state_dir) / LAST_GOOD
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            beside = kept.with_name(f"{kept.name}.{os.getpid()}")  # other processes of the site keep it too
            beside.write_text(site_text(site), encoding="utf-8")
            os.replace(beside, kept)
        except OSError as error:
            _log.warning("last good site file not kept", path=str(kept), error=str(error))
