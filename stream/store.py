"""The stream's tables in PostgreSQL: one transaction per chunk of the log, with everything the chunk led to.

The transaction begins by moving the consumer's head from the chunk's first sequence number to its last. That fences: a
second host of the same name finds the head elsewhere and stops (`FencedError`). It also answers what became of a
commit whose connection died: if the head is where the chunk would have moved it, the chunk is stored.

Errors: a broken connection, a deadlock or a serialisation failure is tried again with backoff, without end, because
nothing is acknowledged meanwhile (`RETRY_S`). A load or location update that the warehouse cannot take (an exception
there, not a refusal, which is a value) goes to the dead letters in a savepoint of its own; the rest stands.

Blocking, for one thread at a time. Provisional passages are not stored.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

import psycopg
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from stream.books import Books, WarehouseBooks
from stream.chunk import Chunk, Committed, Standing, TopicPartition
from stream.log import BatchTaken, Entry, SliceTaken, SourceLeftOut, at_of, decode_entry, encode_entry, kind_of
from stream.places import FailureKind
from stream.posting import load_of
from stream.routing import Router
from stream.sequencer import Position
from stream.store_outputs import (
    apply_locations,
    post_loads,
    post_weighings,
    text,
    write_letters,
    write_passages,
    write_signals,
)
from warehouse.loads import Expectation, Override
from warehouse.postgres.database.hypertables import drop_old_log
from warehouse.site import Site
from warehouse.times import from_us

RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits between attempts; the last one repeats."""

TRIM_EVERY_S = 3600.0
LOG_KEEP_DAYS = 7.0
"""The log (packed sightings) is kept that long; what was decided from it is kept by its own rules."""

T = TypeVar("T")
_POSITION = (
    "select next_offset from stream_position where (consumer_group, topic, topic_epoch, partition) = (%s, %s, %s, %s)"
)
_GAPS = UUID("4d0e3b5c-64a5-5a0e-9f2f-1c3c1b1f0a6e")


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
    ) -> None:
        self._partition = partition
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
        return Store(self._dsn, self.site, self.consumer, self._books, self._partition)

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
        """Dead letters that a person gave again, oldest first, as (id, kind, key, body)."""

        def ask() -> list[tuple[UUID, FailureKind, str, bytes]]:
            with self._connected().transaction():
                rows = self._connected().execute(
                    "select dead_letter_id, kind, key, body from dead_letter where status = 'replay'"
                    " and kind = any(%s)"
                    " order by recorded_at, dead_letter_id limit %s",
                    (list(FailureKind), limit),
                )
                return [(row[0], FailureKind(row[1]), row[2], bytes(row[3])) for row in rows]

        return self._retrying(ask)

    def _retrying(self, work: Callable[[], T]) -> T:
        for attempt in range(2**31):
            try:
                return work()
            except psycopg.OperationalError:
                if self._closed.wait(RETRY_S[min(attempt, len(RETRY_S) - 1)]):
                    raise StoreClosedError("closed while waiting for the database") from None
                self.retries += 1
        raise AssertionError("unreachable")

    def _connected(self) -> psycopg.Connection[Any]:
        if self._closed.is_set():
            raise StoreClosedError("the store is closed")
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = psycopg.connect(self._dsn, autocommit=True, application_name=f"stream {self.consumer}")
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
            self._write_log(connection, chunk)
            self._write_inbox(connection, chunk)
            letters = list(chunk.out.failures)
            write_passages(connection, chunk.out.passages)
            letters += apply_locations(connection, self._books, chunk.out.locations)
            loads = [load_of(passage, self.site) for passage in chunk.out.passages if passage.final] + chunk.loads
            posted, refused = post_loads(connection, self._books, loads)
            weighed, unweighed = post_weighings(connection, self._books, chunk.out.weighings)
            write_signals(connection, chunk.out.signals)
            self._write_notes(connection, chunk)
            write_letters(connection, letters + refused + unweighed)
            if chunk.snapshot is not None:
                self._write_snapshot(connection, chunk.seq, chunk.snapshot)
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

    def _write_log(self, connection: psycopg.Connection[Any], chunk: Chunk) -> None:
        if not chunk.entries:
            return
        with (
            connection.cursor() as cursor,
            cursor.copy(
                "copy stream_log (at, consumer, seq, kind, agent, epoch, counter, sightings, late, body)"
                " from stdin (format binary)"
            ) as copy,
        ):
            copy.set_types(["timestamptz", "text", "int8", "int2", "text", "text", "int8", "int4", "bool", "bytea"])
            for seq, entry in enumerate(chunk.entries, chunk.after_seq + 1):
                agent, epoch, counter, rows, late = "", "", 0, 0, False
                if isinstance(entry, BatchTaken | SliceTaken):
                    name = entry.batch.id
                    agent, epoch, counter = text(name.agent), text(name.epoch), name.counter
                    rows, late = len(entry.batch.sightings), isinstance(entry, BatchTaken) and entry.late
                elif isinstance(entry, SourceLeftOut):
                    agent = text(entry.agent)
                copy.write_row(
                    (
                        from_us(at_of(entry)),
                        self.consumer,
                        seq,
                        int(kind_of(entry)),
                        agent,
                        epoch,
                        counter,
                        rows,
                        late,
                        encode_entry(entry),
                    )
                )
        events = [
            (
                from_us(event.at_us),
                text(entry.batch.id.agent),
                text(event.device),
                event.kind,
                event.port,
                event.state,
                event.value,
                text(event.detail),
            )
            for entry in chunk.entries
            if isinstance(entry, BatchTaken)
            or (isinstance(entry, SliceTaken) and entry.place == self._router.recorder(entry.batch.id.agent))
            for event in entry.batch.events
        ]
        if events:
            connection.cursor().executemany(
                "insert into device_event (at, agent, device, kind, port, state, value, detail)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s)",
                events,
            )

    def _write_inbox(self, connection: psycopg.Connection[Any], chunk: Chunk) -> None:
        marks: dict[tuple[str, str], int] = {}
        late: list[tuple[str, str, int]] = []
        for entry in chunk.entries:
            if isinstance(entry, BatchTaken | SliceTaken):
                name = entry.batch.id
                agent = name.agent if isinstance(entry, BatchTaken) else f"{name.agent}@{entry.place}"
                marks[agent, name.epoch] = entry.batch.watermark_us
                if isinstance(entry, BatchTaken) and entry.late:
                    late.append((name.agent, name.epoch, name.counter))
        connection.cursor().executemany(
            "insert into stream_inbox (consumer, agent, epoch, counter, lost, watermark_us)"
            " values (%s, %s, %s, %s, %s, %s) on conflict (consumer, agent, epoch) do update set"
            " counter = excluded.counter, lost = excluded.lost,"
            " watermark_us = greatest(stream_inbox.watermark_us, excluded.watermark_us), updated_at = now()",
            [
                (
                    self.consumer,
                    p.agent,
                    p.epoch,
                    p.counter,
                    Multirange([Range(first, last + 1) for first, last in p.lost]),
                    marks.get((p.agent, p.epoch), 0),
                )
                for p in chunk.positions
            ],
        )
        connection.cursor().executemany(
            "insert into data_gap (gap_id, agent, epoch, first, last) values (%s, %s, %s, %s, %s)"
            " on conflict (gap_id) do nothing",
            [
                (uuid5(_GAPS, f"{g.agent}/{g.epoch}/{g.first}"), text(g.agent), text(g.epoch), g.first, g.last)
                for g in chunk.gaps
            ],
        )
        connection.cursor().executemany(
            "update data_gap set filled = filled + 1 where agent = %s and epoch = %s and %s between first and last",
            late,
        )

    def _write_notes(self, connection: psycopg.Connection[Any], chunk: Chunk) -> None:
        now_us = max((at_of(entry) for entry in chunk.entries), default=0)
        notes = [
            (from_us(entry.at_us), "source_left_out", text(entry.agent), _silent(entry), 1)
            for entry in chunk.entries
            if isinstance(entry, SourceLeftOut)
        ]
        notes += [
            (from_us(now_us), "source_left_out", text(agent), f"too much waited for it at {place}", 1)
            for place, agent in chunk.out.left_out
        ]
        notes += [
            (from_us(now_us), "unknown_antenna", "", text(str(ref)), count) for ref, count in chunk.unknown.items()
        ]
        notes += [(from_us(now_us), "epoch_begun", text(agent), text(epoch), 1) for agent, epoch in chunk.epochs_begun]
        connection.cursor().executemany(
            "insert into stream_note (at, kind, agent, detail, count) values (%s, %s, %s, %s, %s)", notes
        )
        connection.cursor().executemany(
            "update dead_letter set status = 'replayed', decided_at = now() where dead_letter_id = %s",
            [(letter,) for letter in chunk.letters_replayed],
        )

    def _write_snapshot(
        self, connection: psycopg.Connection[Any], seq: int, states: dict[tuple[str, str], bytes]
    ) -> None:
        connection.cursor().executemany(
            "insert into operator_state (consumer, node, key, seq, body) values (%s, %s, %s, %s, %s)"
            " on conflict (consumer, node, key) do update set seq = excluded.seq, body = excluded.body",
            [(self.consumer, node, key, seq, body) for (node, key), body in sorted(states.items())],
        )
        connection.execute("update stream_head set snapshot_seq = %s where consumer = %s", (seq, self.consumer))


def _silent(entry: SourceLeftOut) -> str:
    return f"silent for too long at {entry.place}" if entry.place else "silent for too long"
