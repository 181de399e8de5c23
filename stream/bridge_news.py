"""What the database has for the bridge to pass on besides positions: signals, lists, orders, letters given again.

Signals were decided and committed by the workers; the bridge takes them from the outbox, by (transaction id, seq)
below the oldest running transaction, from the moment it starts: what was committed before is a backlog, and no
backlog drives a light. Expectations are asked for when documents or passages were committed, and of every portal now
and then; those that differ from the last are passed on, and so are people's orders to a door's light. Dead letters
are marked by a person; each is handed to its topic once, and the worker that takes it marks it done in its
transaction.

A letter that holds a whole batch may concern several places, each in a transaction of its own. So it is first cut into
one letter a place, in one transaction, and these are given again.

Blocking, for one thread; every call raises psycopg.OperationalError while the database is away. Bounds: `PAGE` messages
and `LETTERS` letters at a time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import msgspec
import psycopg

from stream.batch_codec import BatchFormatError, decode_batch, encode_batch
from stream.books import Books, WarehouseBooks
from stream.bridge_positions import connected
from stream.log import Redelivery
from stream.model import EdgeBatch, Signal
from stream.partition import slices_of
from stream.places import FOR_STREAM, FailureKind, source_of
from stream.routing import Router
from warehouse.loads import Expectation, Override
from warehouse.postgres import outbox
from warehouse.site import Site

PAGE = 500
LETTERS = 100
EXPECTATIONS_EVERY_S = 5.0
LETTERS_EVERY_S = 0.5
_SEQ_MAX = 2**63 - 1
_TOPICS = ("signal", "passage", "command")


@dataclass(frozen=True, slots=True)
class News:
    """What is new since the last time."""

    signals: list[Signal] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)
    letters: list[Redelivery] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)


class CommittedNews:
    """One connection, made again when it broke."""

    def __init__(
        self,
        dsn: str,
        site: Site,
        books: Books | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dsn = dsn
        self._books = books or WarehouseBooks()
        self._router = Router(site)
        self._portals = {portal.name for portal in site.portals}
        self._now_s = monotonic_s
        self._connection: psycopg.Connection[Any] | None = None
        self._cursor: outbox.Cursor | None = None
        self._expected: dict[str, Expectation] = {}
        self._stale: set[str] = set()
        self._ask_all_at_s = self._letters_at_s = float("-inf")
        self._given: set[UUID] = set()
        self._overrides: dict[str, Override] = {}

    @property
    def standing(self) -> tuple[Expectation | Override, ...]:
        """The last expectation and order of every portal."""
        return (*self._expected.values(), *self._overrides.values())

    def wait(self, timeout_s: float) -> None:
        """Until something is committed, or the time-out."""
        for _ in self._open().notifies(timeout=timeout_s, stop_after=1):
            pass

    def read(self) -> News:
        """What is new."""
        connection, now_s = self._open(), self._now_s()
        news = News()
        for message in self._messages(connection):
            if message.topic == "signal":
                news.signals.append(msgspec.convert(message.payload, Signal))
            elif message.topic == "passage":
                self._stale.add(message.key)
            else:  # a document may have changed
                self._stale |= self._portals
        if now_s >= self._ask_all_at_s:
            self._stale |= self._portals
            self._ask_all_at_s = now_s + EXPECTATIONS_EVERY_S
        self._stale &= self._portals
        while self._stale:
            portal = next(iter(self._stale))
            expectation = self._books.expected_at(connection, portal)
            self._stale.discard(portal)
            known = self._expected.get(portal)
            if known is None or known.documents != expectation.documents:
                self._expected[portal] = expectation
                news.expectations.append(expectation)
        if now_s >= self._letters_at_s:
            self._letters_at_s = now_s + LETTERS_EVERY_S
            news.letters.extend(self._letters(connection))
            for override in self._books.overrides(connection):
                if self._overrides.get(override.portal) != override:
                    self._overrides[override.portal] = override
                    news.overrides.append(override)
        return news

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = connected(self._dsn, "tagledger bridge news")
            self._connection.execute("listen tagledger_feed")
        return self._connection

    def _messages(self, connection: psycopg.Connection[Any]) -> list[outbox.Message]:
        row = connection.execute("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchone()
        assert row is not None
        if self._cursor is None or self._cursor.tx > row[0]:  # the start, or a database restored from a backup
            self._cursor = outbox.Cursor(row[0] - 1, _SEQ_MAX)
        messages = outbox.read(connection, self._cursor, PAGE, _TOPICS)
        if messages:
            self._cursor = messages[-1].cursor
        return messages

    def _letters(self, connection: psycopg.Connection[Any]) -> list[Redelivery]:
        rows = connection.execute(
            "select dead_letter_id, kind, key, body from dead_letter where status = 'replay' and kind = any(%s)"
            " order by recorded_at, dead_letter_id limit %s",
            (list(FOR_STREAM), LETTERS),
        ).fetchall()
        self._given &= {row[0] for row in rows}
        letters = []
        for letter_id, kind, key, body in rows:
            if FailureKind(kind) is FailureKind.BATCH_BYTES:
                self._cut(connection, letter_id, bytes(body))
            elif letter_id not in self._given:
                self._given.add(letter_id)
                letters.append(Redelivery(letter_id, FailureKind(kind), key, bytes(body), 0))
        return letters

    def _cut(self, connection: psycopg.Connection[Any], letter: UUID, body: bytes) -> None:
        """A whole batch into one letter a place; open again with the reason when it cannot be taken."""
        with connection.transaction():
            try:
                batch = decode_batch(body)
                pieces = slices_of(self._router, batch)
                if not pieces:
                    raise BatchFormatError(f"agent {batch.id.agent!r} serves no place of the site file")
                self._fill_gap(connection, batch)
            except BatchFormatError as error:
                connection.execute(
                    "update dead_letter set status = 'open', reason = %s"
                    " where dead_letter_id = %s and status = 'replay'",
                    (str(error).replace("\0", "\N{REPLACEMENT CHARACTER}"), letter),
                )
                return
            connection.cursor().executemany(
                "insert into dead_letter (dead_letter_id, kind, source, key, reason, body, status)"
                " values (%s, 'place_slice', %s, %s, %s, %s, 'replay') on conflict do nothing",
                [
                    (
                        uuid5(letter, piece.place),
                        source_of(batch.id),
                        piece.place,
                        f"part of letter {letter}",
                        encode_batch(piece.batch),
                    )
                    for piece in pieces
                    if len(piece.batch.sightings) or piece.batch.events
                ],
            )
            connection.execute(
                "update dead_letter set status = 'replayed', decided_at = now() where dead_letter_id = %s", (letter,)
            )

    def _fill_gap(self, connection: psycopg.Connection[Any], batch: EdgeBatch) -> None:
        name = batch.id
        filled = connection.execute(
            "update data_gap set filled = filled + 1 where agent = %s and epoch = %s and %s between first and last",
            (name.agent, name.epoch, name.counter),
        )
        if not filled.rowcount:
            raise BatchFormatError(
                f"batch {source_of(name)} is not missing: it was taken already, or its edge still holds it"
            )
