"""The partitions of one topic that a worker holds, each with a store of its own; built when first needed.

A partition may be lost to another worker and come back. What was kept of it is then older than the database, and must
not decide anything: its reports would carry numbers that others have used. So before every chunk the position in the
database is compared with ours (`current`), and what differs is built anew. The lock in the transaction is what fences;
this only keeps wrong numbers out of the reports topic.

Blocking; for one thread at a time.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

from stream.chunk import Standing
from stream.log import Entry
from stream.recovery import recovered
from stream.store import TRIM_EVERY_S, Store, StoreError

PartT = TypeVar("PartT")
Build = Callable[[Standing, Iterable[Entry], Callable[[UUID], bool]], PartT]


class DatabaseRestoredError(StoreError):
    """The database is behind what this process has committed: the process must begin again."""


@dataclass(slots=True)
class Owned(Generic[PartT]):
    """A partition at work: its store, its operators, its next offset, and chunks stored since it was built."""

    store: Store
    part: PartT
    next_offset: int
    chunks: int = 0


@dataclass(slots=True)
class Progress:
    """What a worker did with one partition since it started."""

    messages: int = 0
    chunks: int = 0
    fenced: int = 0
    at_s: float = field(default_factory=time.monotonic)


class OwnedPartitions(Generic[PartT]):
    """Partitions by number. `rebuild`: take a trimmed log for the whole (`stream.recovery`)."""

    def __init__(self, open_store: Callable[[int], Store], build: Build[PartT], *, rebuild: bool = False) -> None:
        self._open_store = open_store
        self._build = build
        self._rebuild = rebuild
        self._live: dict[int, Owned[PartT]] = {}
        self._trimmed_s: dict[int, float] = {}
        self.progress: dict[int, Progress] = {}

    def current(self, partition: int) -> Owned[PartT]:
        """The partition as the database has it. Raises `StateOutdatedError`, `DatabaseRestoredError`."""
        owned = self._live.get(partition)
        if owned is not None:
            stored = owned.store.next_offset()
            if stored < owned.next_offset:
                raise DatabaseRestoredError(
                    f"partition {partition}: at {stored} in the database, at {owned.next_offset} here"
                )
            if stored > owned.next_offset:
                self.forget(partition)
                owned = None
        if owned is None:
            owned = self._live[partition] = self._opened(partition)
        return owned

    def advanced(self, partition: int, next_offset: int, messages: int) -> None:
        """A chunk was committed."""
        owned = self._live[partition]
        owned.next_offset = next_offset
        owned.chunks += 1
        progress = self.progress.setdefault(partition, Progress())
        progress.messages += messages
        progress.chunks += 1
        progress.at_s = time.monotonic()

    def fenced(self, partition: int) -> None:
        """Another worker was first: build anew before going on."""
        self.progress.setdefault(partition, Progress()).fenced += 1
        self.forget(partition)

    def trim_due(self, partition: int) -> bool:
        """Whether this partition's log was last trimmed `TRIM_EVERY_S` ago, or never by this process."""
        now_s = time.monotonic()
        if now_s - self._trimmed_s.get(partition, -TRIM_EVERY_S) < TRIM_EVERY_S:
            return False
        self._trimmed_s[partition] = now_s
        return True

    def forget(self, partition: int) -> None:
        """Let go of it; harmless when it is not held."""
        owned = self._live.pop(partition, None)
        if owned is not None:
            owned.store.close()

    def _opened(self, partition: int) -> Owned[PartT]:
        store = self._open_store(partition)
        positions: list[int] = []

        def build(standing: Standing, log: Iterable[Entry]) -> PartT:
            positions.append(standing.next_offset)
            return self._build(standing, log, store.is_letter_wanted)

        try:
            part = recovered(store, build, rebuild=self._rebuild)
        except BaseException:
            store.close()
            raise
        return Owned(store, part, positions[-1])
