"""How a host begins: operators from the last snapshot and the log after it; from the log alone when that is no use.

A snapshot that another version wrote may not fit this version's operators (`SnapshotFormatError`). Everything that
changes state is in the log, so the state is made again from there, as this version would have made it; what the log led
to is stored already and is not stored again. That needs the log from its beginning. It is trimmed after
`LOG_KEEP_DAYS`, and then a person has to decide: `StateOutdatedError` says what there is to choose from. With `rebuild`
the state is made from what the log still holds; a tag that has lain in its zone for longer is then reported as arrived
once more, and nothing else differs.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog

from stream.chunk import Standing
from stream.log import Entry
from stream.snapshots import SnapshotFormatError
from stream.store import Store, StoreError

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class StateOutdatedError(StoreError):
    """The stored state is another version's, and the log does not reach back to its beginning."""


def recovered(store: Store, build: Callable[[Standing, Iterable[Entry]], T], *, rebuild: bool = False) -> T:
    """What `build` makes of the standing and the log after its snapshot. Raises `StateOutdatedError`."""
    try:
        standing = store.standing()
        return build(standing, store.entries_after(standing.snapshot_seq))
    except SnapshotFormatError as error:
        begins = store.log_begins()
        if begins > 1 and not rebuild:
            raise StateOutdatedError(
                f"the stored state of {store.consumer} is another version's ({error}), and its log begins at entry"
                f" {begins}. Fix: run the version that wrote it, or start once with --rebuild to go on from what the"
                " log holds (deploy/README.md, Rolling upgrade)"
            ) from error
        _log.warning("state of another version: made again from the log", consumer=store.consumer, reason=str(error))
        # In one transaction and before anything else: who dies on the way finds it done.
        store.forget_snapshot(begins - 1)
        standing = store.standing()
        return build(standing, store.entries_after(standing.snapshot_seq))
