"""The stream's tables in PostgreSQL: one transaction per chunk of the log, with everything the chunk led to.

The transaction begins by moving the consumer's head from the chunk's first sequence number to its last. That fences: a
second host of the same name finds the head elsewhere and stops (`FencedError`). It also answers what became of a
commit whose connection died: if the head is where the chunk would have moved it, the chunk is stored.

Errors: a broken connection, a deadlock or a serialisation failure is tried again with backoff, without end, because
nothing is acknowledged meanwhile (`RETRY_S`); so is a transaction in which this process stood still for too long
(`stream.database_session`). A load or location update that the warehouse cannot take (an exception
there, not a refusal, which is a value) goes to the dead letters in a savepoint of its own; the rest stands.

Blocking, for one thread at a time. Of provisional passages only the newest of each door is kept (`live_load`).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import structlog
from psycopg.pq import TransactionStatus

from stream.books import Books, WarehouseBooks
from stream.chunk import Chunk, Committed, Standing, TopicPartition
from stream.database_session import SILENT_S, STREAM, end_silent, session
from stream.log import Entry, decode_entry
from stream.places import FOR_STREAM, FailureKind
from stream.posting import load_of
from stream.routing import Router
from stream.sequencer import Position
from stream.store_inputs import write_device_events, write_inbox, write_log, write_notes, write_snapshot
from stream.store_outputs import (
    apply_locations,
    post_loads,
    post_weighings,
    write_letters,
    write_live_loads,
    write_passages,
    write_signals,
)
from warehouse.loads import Expectation, Override
from warehouse.postgres.database.hypertables import drop_old_log
from warehouse.site import Site

RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits between attempts; the last one repeats."""

TOLD_FIRST, TOLD_EVERY = 3, 12
"""The attempt that is told, and how often after it: about once a minute."""

TRIM_EVERY_S = 3600.0
LOG_KEEP_DAYS = 7.0
"""The log (packed sightings) is kept that long; what was decided from it is kept by its own rules."""

_log = structlog.get_logger(__name__)
T = TypeVar("T")
_POSITION = (
    "select next_offset from stream_position where (consumer_group, topic, topic_epoch, partition) = (%s, %s, %s, %s)"
)


class StoreError(Exception):
    """The stream's tables cannot be used."""


class FencedError(StoreError):
    """Another host of this name has moved the head: this one must stop."""


class StoreClosedError(StoreError):
    """The store was closed while it waited for the database."""


class Store:
    """The tables of one consumer (a host's name)."""

    def __init__(
        self,
        dsn: str,
        site: Site,
        consumer: str = "embedded",
        books: Books | None = None,
        partition: TopicPartition | None = None,
        silent_s: float = SILENT_S,
    ) -> None:
        self._partition = partition
        self._silent_s = silent_s
        self._dsn = dsn
        self._books = books or WarehouseBooks()
        self.site = site
        self._router = Router(site)
        self.consumer = consumer
        self._connection: psycopg.Connection[Any] | None = None
        self._closed = threading.Event()
        self.retries = 0

    def close(self) -> None:
        """End the connection; a commit that waits for the database gives up with `StoreClosedError`."""
        self._closed.set()
        if self._connection is not None:
            self._connection.close()

    def twin(self) -> "Store":
        """The same tables over a connection of its own, for another thread."""
        return Store(self._dsn, self.site, self.consumer, self._books, self._partition, self._silent_s)

    def standing(self) -> Standing:
        """Where this consumer stood at its last commit."""
        return self._retrying(self._standing)

    def entries_after(self, seq: int) -> Iterator[Entry]:
        """The log after a sequence number, in order, read in pages."""
        while True:
            page = self._retrying(lambda after=seq: self._page(after))  # type: ignore[misc]
            yield from (entry for _, entry in page)
            if not page:
                return
            seq = page[-1][0]

    def commit(self, chunk: Chunk) -> Committed:
        """Store a chunk, once. Raises `FencedError`."""
        return self._retrying(lambda: self._commit(chunk))

    def trim(self, keep_days: float) -> int:
        """Remove log entries older than that which no snapshot needs any more; how many rows. Results stay.

        Where the log has chunks, those that are old as a whole are dropped first, which costs next to nothing.
        """

        def remove() -> int:
            drop_old_log(self._connected(), timedelta(days=keep_days))
            with self._connected().transaction():
                removed = self._connected().execute(
                    "delete from stream_log l using stream_head h where l.consumer = %(consumer)s"
                    " and h.consumer = l.consumer and l.seq <= h.snapshot_seq"
                    " and l.recorded_at < now() - make_interval(secs => %(keep_s)s)",
                    {"consumer": self.consumer, "keep_s": keep_days * 86400.0},
                )
                return removed.rowcount

        return self._retrying(remove)

    def log_begins(self) -> int:
        """The first sequence number the log holds; the next one to come when it holds none."""

        def ask() -> int:
            with self._connected().transaction():
                found = self._connected().execute(
                    "select coalesce(min(l.seq), max(h.seq) + 1, 1) from stream_head h"
                    " left join stream_log l using (consumer) where h.consumer = %s",
                    (self.consumer,),
                )
                row = found.fetchone()
                return 1 if row is None else int(row[0])

        return self._retrying(ask)

    def forget_snapshot(self, seq: int) -> None:
        """Drop all operator state; the next start makes it from the log after `seq`."""

        def forget() -> None:
            with self._connected().transaction():
                self._connected().execute("delete from operator_state where consumer = %s", (self.consumer,))
                self._connected().execute(
                    "update stream_head set snapshot_seq = %s where consumer = %s", (seq, self.consumer)
                )

        self._retrying(forget)

    def next_offset(self) -> int:
        """Where the partition stands now; 0 without one."""

        def ask() -> int:
            if self._partition is None:
                return 0
            with self._connected().transaction():
                row = self._connected().execute(_POSITION, astuple(self._partition)).fetchone()
                return 0 if row is None else int(row[0])

        return self._retrying(ask)

    def is_letter_wanted(self, letter: UUID) -> bool:
        """Whether a dead letter still waits to be given again."""

        def ask() -> bool:
            with self._connected().transaction():
                found = self._connected().execute(
                    "select 1 from dead_letter where dead_letter_id = %s and status = 'replay'", (letter,)
                )
                return found.fetchone() is not None

        return self._retrying(ask)

    def expected_at(self, portal: str) -> Expectation:
        """What open documents expect at a portal now."""

        def ask() -> Expectation:
            with self._connected().transaction():
                return self._books.expected_at(self._connected(), portal)

        return self._retrying(ask)

    def overrides(self) -> Sequence[Override]:
        """What people ordered portals to show lately."""

        def ask() -> Sequence[Override]:
            with self._connected().transaction():
                return self._books.overrides(self._connected())

        return self._retrying(ask)

    def letters_to_replay(self, limit: int = 100) -> list[tuple[UUID, FailureKind, str, bytes]]:
        """Dead letters that a person gave again, oldest first, as (id, kind, key, body); not those for an edge."""

        def ask() -> list[tuple[UUID, FailureKind, str, bytes]]:
            with self._connected().transaction():
                rows = self._connected().execute(
                    "select dead_letter_id, kind, key, body from dead_letter where status = 'replay'"
                    " and kind = any(%s)"
                    " order by recorded_at, dead_letter_id limit %s",
                    (list(FOR_STREAM), limit),
                )
                return [(row[0], FailureKind(row[1]), row[2], bytes(row[3])) for row in rows]

        return self._retrying(ask)

    def _retrying(self, work: Callable[[], T]) -> T:
        has_waited = False
        for attempt in range(2**31):
            try:
                if has_waited and (ended := end_silent(self._connected(), self._silent_s)):
                    _log.warning("sessions that stood still were ended", consumer=self.consumer, sessions=ended)
                return work()
            except (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout) as error:
                has_waited = isinstance(error, psycopg.errors.LockNotAvailable)
                if attempt % TOLD_EVERY == TOLD_FIRST:
                    _log.warning("the database refuses; trying again", consumer=self.consumer, error=str(error)[:500])
                self._let_go()
                if self._closed.wait(RETRY_S[min(attempt, len(RETRY_S) - 1)]):
                    raise StoreClosedError("closed while waiting for the database") from None
                self.retries += 1
        raise AssertionError("unreachable")

    def _let_go(self) -> None:
        """After an error: a connection that is not back at rest is replaced.

        One that broke in the middle of a pipeline says that it is neither closed nor broken, and never works again.
        """
        connection = self._connection
        if connection is not None and connection.info.transaction_status is not TransactionStatus.IDLE:
            connection.close()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._closed.is_set():
            raise StoreClosedError("the store is closed")
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = session(self._dsn, f"{STREAM}{self.consumer}", silent_s=self._silent_s)
        return self._connection

    def _standing(self) -> Standing:
        with self._connected().transaction():
            connection = self._connected()
            connection.execute(
                "insert into stream_head (consumer) values (%s) on conflict do nothing", (self.consumer,)
            )
            head = connection.execute(
                "select seq, snapshot_seq from stream_head where consumer = %s", (self.consumer,)
            ).fetchone()
            assert head is not None
            next_offset = 0
            if self._partition is not None:
                name = astuple(self._partition)
                connection.execute(
                    "insert into stream_position (consumer_group, topic, topic_epoch, partition, next_offset)"
                    " values (%s, %s, %s, %s, 0) on conflict do nothing",
                    name,
                )
                position = connection.execute(_POSITION, name).fetchone()
                assert position is not None
                next_offset = position[0]
            states = connection.execute(
                "select node, key, body from operator_state where consumer = %s", (self.consumer,)
            ).fetchall()
            marks = connection.execute(
                "select agent, epoch, counter, lost from stream_inbox where consumer = %s order by updated_at",
                (self.consumer,),
            ).fetchall()
        return Standing(
            seq=head[0],
            snapshot_seq=head[1],
            states={(node, key): bytes(body) for node, key, body in states},
            positions=tuple(
                Position(agent, epoch, counter, tuple((r.lower, r.upper - 1) for r in lost))
                for agent, epoch, counter, lost in marks
            ),
            next_offset=next_offset,
        )

    def _page(self, after: int, rows: int = 256) -> list[tuple[int, Entry]]:
        with self._connected().transaction():
            found = self._connected().execute(
                "select seq, kind, late, body from stream_log where consumer = %s and seq > %s order by seq limit %s",
                (self.consumer, after, rows),
            )
            return [(seq, decode_entry(kind, late, bytes(body))) for seq, kind, late, body in found]

    def _commit(self, chunk: Chunk) -> Committed:
        connection = self._connected()
        with connection.transaction():
            moved = connection.execute(
                "update stream_head set seq = %s, updated_at = now() where consumer = %s and seq = %s",
                (chunk.seq, self.consumer, chunk.after_seq),
            )
            if moved.rowcount == 0:
                head = connection.execute("select seq from stream_head where consumer = %s", (self.consumer,))
                at = head.fetchone()
                if chunk.entries and at is not None and at[0] == chunk.seq:
                    return Committed((), 0)
                raise FencedError(f"{self.consumer}: the head is at {at and at[0]}, not {chunk.after_seq}")
            if self._partition is not None:
                self._advance(connection, self._partition, chunk)
            write_log(connection, self.consumer, chunk)
            unread = write_device_events(connection, chunk, self._router)
            write_inbox(connection, self.consumer, chunk)
            letters = unread + chunk.out.failures
            write_passages(connection, chunk.out.passages)
            write_live_loads(connection, chunk.out.passages)
            letters += apply_locations(connection, self._books, chunk.out.locations)
            loads = [load_of(each, self.site) for each in chunk.out.passages if each.is_decided] + chunk.loads
            posted, refused = post_loads(connection, self._books, loads)
            weighed, unweighed = post_weighings(connection, self._books, chunk.out.weighings)
            write_signals(connection, chunk.out.signals)
            write_notes(connection, chunk)
            write_letters(connection, letters + refused + unweighed)
            if chunk.snapshot is not None:
                write_snapshot(connection, self.consumer, chunk.seq, chunk.snapshot)
        return Committed((*posted, *weighed), len(letters) + len(refused) + len(unweighed))

    def _advance(self, connection: psycopg.Connection[Any], partition: TopicPartition, chunk: Chunk) -> None:
        """Move the partition's position; the row lock makes two workers of one partition take turns, and one lose."""
        moved = connection.execute(
            "update stream_position set next_offset = %s, updated_at = now()"
            " where (consumer_group, topic, topic_epoch, partition) = (%s, %s, %s, %s) and next_offset = %s",
            (chunk.offsets[1], *astuple(partition), chunk.offsets[0]),
        )
        if moved.rowcount == 0:
            raise FencedError(f"{partition}: the position is not at {chunk.offsets[0]}")
