"""What each portal expects, kept on disk: an edge that starts while the stream is away decides from the last it heard.

One JSON file beside the spool, replaced as a whole when something changes. It is a cache: one that cannot be read is
left aside with a warning, one that cannot be written (a full disk) costs a warning each time.
"""

import os
from pathlib import Path

import msgspec
import structlog

from warehouse.loads import Expectation

BYTES_MAX = 64 * 1024 * 1024

_log = structlog.get_logger(__name__)


class ExpectedFile:
    """The last expectation of each portal. `path` None keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, Expectation] = {}

    def load(self) -> tuple[Expectation, ...]:
        """What was kept, by portal."""
        if self._path is None:
            return ()
        try:
            body = self._path.read_bytes()
            if len(body) > BYTES_MAX:
                raise ValueError(f"{len(body)} bytes, the bound is {BYTES_MAX}")
            kept = msgspec.json.decode(body, type=tuple[Expectation, ...])
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, msgspec.DecodeError) as error:
            _log.warning("expectations not read", path=str(self._path), error=str(error))
            return ()
        self._known = {expectation.portal: expectation for expectation in kept}
        return tuple(self._known.values())

    def keep(self, expectation: Expectation) -> None:
        """Write it down, unless its documents are known already."""
        before = self._known.get(expectation.portal)
        self._known[expectation.portal] = expectation
        if self._path is None or (before is not None and before.documents == expectation.documents):
            return
        beside = self._path.with_name(self._path.name + ".new")
        try:
            beside.write_bytes(msgspec.json.encode(tuple(self._known.values())))
            os.replace(beside, self._path)
        except OSError as error:
            _log.warning("expectations not kept", path=str(self._path), error=str(error))
