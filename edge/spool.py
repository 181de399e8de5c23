"""The spool: the edge's bounded, ordered, durable queue toward the stream (SQLite, WAL).

A batch is in the spool before anything else sees it and leaves only after the stream has acknowledged it, that is
committed it. The epoch names one life of the spool's file; counters run from 1 without a gap, and go on after a
restart.

Durability. `synchronous=FULL`: an append is on disk when it returns. `kill -9` loses nothing that was appended; nor
does a power loss, if the disk honours fsync. NORMAL would survive `kill -9` as well, but a power loss could undo
appends whose batches had already left, and their counters would be given out again for other batches, which the stream
would drop as duplicates. The price is one fsync per batch, about four a second. Acknowledgements and trimming are
written with the next append: losing one costs a batch sent again.

A spool put back from an older copy (a rolled back virtual machine) has the same fault. An acknowledgement beyond the
last counter given out proves it: the spool then starts a new epoch (`AckResult.AHEAD`). An epoch is kept until all of
it is acknowledged and trimmed.

Bound. Bodies take `max_mb` at most. Acknowledged batches stay for `retain_h`, so that a restored database can ask
again; when space runs out they go first, oldest first. When what is not acknowledged passes `CAPTURES_STOP_AT` of the
bound, appends ask the edge to stop recording; at the bound an append is refused, as it is when the disk is full. A
refused batch uses up no counter. The file does not shrink: freed pages are used again.
"""

import os
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from edge.errors import SpoolCorrupt
from edge.spool_file import connect, translated
from edge.spool_values import AckResult, AppendResult, SpoolDepth, Spooled
from stream.batch_codec import encode_batch
from stream.model import BatchId, EdgeBatch

CAPTURES_STOP_AT = 0.9
TRIM_ROWS_MAX = 1000
"""Rows one call of `trim` drops at most, so that it never blocks the edge for long."""

_DISK_FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE")


def random_epoch() -> str:
    """A name no other spool's life has."""
    return uuid4().hex


class Spool:
    """One agent's spool. Opening raises `SpoolBusy`, `SpoolCorrupt` or `SpoolError`; use may raise the latter two."""

    def __init__(
        self, path: Path, agent: str, max_mb: int, retain_h: float, new_epoch: Callable[[], str] = random_epoch
    ) -> None:
        self._path = path
        self._agent = agent
        self._max_bytes = max_mb * 1024 * 1024
        self._retain_us = int(retain_h * 3_600_000_000)
        self._new_epoch = new_epoch
        self._damaged: set[int] = set()
        self._epoch, self._counter, self._last_position = "", 0, 0
        self._bytes = self._unacked_bytes = self._retained = self._unacked = 0
        self._db = connect(path)
        try:
            self._load()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Commit, checkpoint and close."""
        if self._db.in_transaction:
            self._run("COMMIT", ())
        self._db.close()

    @property
    def next_id(self) -> BatchId:
        """The name the next appended batch must carry."""
        return BatchId(self._agent, self._epoch, self._counter + 1)

    @property
    def last_position(self) -> int:
        """Position of the newest batch, 0 before the first."""
        return self._last_position

    def append(self, batch: EdgeBatch) -> AppendResult:
        """Store a batch, whose id must be `next_id`; with a stored result it is on disk."""
        if batch.id != self.next_id:
            raise ValueError(f"batch {batch.id} appended, {self.next_id} expected")
        body = encode_batch(batch)
        size, counter = len(body), batch.id.counter
        if self._bytes + size > self._max_bytes and not self._make_room(size):
            return AppendResult.REFUSED_FULL
        try:
            with self._db:  # commits, or takes back everything since the last append
                self._begin()
                stored = self._db.execute(
                    "INSERT INTO batch (epoch, counter, sealed_us, crc, body) VALUES (?, ?, ?, ?, ?)",
                    (batch.id.epoch, counter, batch.sealed_us, zlib.crc32(body), body),
                )
                self._db.execute("UPDATE epoch SET counter = ? WHERE name = ?", (counter, batch.id.epoch))
        except sqlite3.Error as error:
            if error.sqlite_errorname in _DISK_FULL:
                self._load()
                return AppendResult.REFUSED_DISK
            raise translated(error, self._path) from error
        self._counter = counter
        self._last_position = int(stored.lastrowid or 0)
        self._bytes += size
        self._unacked_bytes += size
        self._retained += 1
        self._unacked += 1
        short = self._unacked_bytes > CAPTURES_STOP_AT * self._max_bytes
        return AppendResult.STORED_STOP_CAPTURES if short else AppendResult.STORED

    def read_after(self, position: int, limit: int) -> list[Spooled]:
        """The next batches after a position, oldest first.

        A body that fails its checksum is left out and counted: the stream finds the gap and raises it.
        """
        rows = self._run(
            "SELECT seq, epoch, counter, crc, body FROM batch WHERE seq > ? ORDER BY seq LIMIT ?", (position, limit)
        )
        whole = [row for row in rows if zlib.crc32(row[4]) == row[3]]
        self._damaged.update({row[0] for row in rows} - {row[0] for row in whole})
        if rows and not whole:
            return self.read_after(rows[-1][0], limit)
        return [Spooled(seq, BatchId(self._agent, epoch, counter), body) for seq, epoch, counter, _, body in whole]

    def ack(self, epoch: str, counter: int, now_us: int) -> AckResult:
        """The stream has committed every batch of that epoch up to that counter."""
        if epoch == self._epoch and counter > self._counter:
            self._begin_epoch()
            return AckResult.AHEAD
        if not self._run("SELECT 1 FROM epoch WHERE name = ?", (epoch,)):
            return AckResult.UNKNOWN_EPOCH
        where = "epoch = ? AND counter <= ? AND acked_us IS NULL"
        number, size = self._run(
            f"SELECT count(*), coalesce(sum(length(body)), 0) FROM batch WHERE {where}",  # noqa: S608
            (epoch, counter),
        )[0]
        if not number:
            return AckResult.REPEATED
        self._begin()
        self._run(f"UPDATE batch SET acked_us = ? WHERE {where}", (now_us, epoch, counter))  # noqa: S608
        self._unacked -= number
        self._unacked_bytes -= size
        return AckResult.APPLIED

    def position_before(self, epoch: str, counter: int) -> int | None:
        """Where to read after to send again from that batch on; None when the spool holds nothing of it."""
        found = self._run("SELECT min(seq) FROM batch WHERE epoch = ? AND counter >= ?", (epoch, counter))[0][0]
        return None if found is None else int(found) - 1

    def position_before_unacked(self) -> int:
        """Where to read after to send what is not acknowledged."""
        found = self._run("SELECT min(seq) FROM batch WHERE acked_us IS NULL", ())[0][0]
        return self._last_position if found is None else int(found) - 1

    def trim(self, now_us: int) -> int:
        """Drop acknowledged batches older than the retention, `TRIM_ROWS_MAX` a call; returns how many."""
        return self._drop_acked(now_us - self._retain_us, TRIM_ROWS_MAX)

    def oldest_unacked_us(self) -> int | None:
        """When the oldest batch that is not acknowledged was sealed; None when all are."""
        if not self._unacked:
            return None
        oldest = self._run("SELECT sealed_us FROM batch WHERE acked_us IS NULL ORDER BY seq LIMIT 1", ())
        return int(oldest[0][0]) if oldest else None

    def depth(self) -> SpoolDepth:
        """How full the spool is."""
        return SpoolDepth(
            unacked=self._unacked,
            retained=self._retained,
            bytes=self._bytes,
            max_bytes=self._max_bytes,
            oldest_unacked_us=self.oldest_unacked_us(),
            damaged=len(self._damaged),
        )

    def _load(self) -> None:
        newest = self._run("SELECT name, counter FROM epoch ORDER BY ordinal DESC LIMIT 1", ())
        if newest:
            self._epoch, self._counter = newest[0]
        else:
            self._begin_epoch()
        (self._last_position,) = self._run(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'batch'", ()
        )[0]
        self._retained, self._bytes, self._unacked, self._unacked_bytes = self._run(
            """SELECT count(*), coalesce(sum(length(body)), 0), count(*) FILTER (WHERE acked_us IS NULL),
                      coalesce(sum(length(body)) FILTER (WHERE acked_us IS NULL), 0) FROM batch""",
            (),
        )[0]

    def _begin_epoch(self) -> None:
        self._begin()
        self._epoch, self._counter = self._new_epoch(), 0
        self._run("INSERT INTO epoch (name, counter) VALUES (?, 0)", (self._epoch,))

    def _make_room(self, size: int) -> bool:
        while self._bytes + size > self._max_bytes:
            if not self._drop_acked(2**62, 10):
                return False
        return True

    def _drop_acked(self, until_us: int, limit: int) -> int:
        self._begin()
        rows = self._run(
            """DELETE FROM batch WHERE seq IN
               (SELECT seq FROM batch WHERE acked_us <= ? ORDER BY acked_us LIMIT ?) RETURNING length(body)""",
            (until_us, limit),
        )
        if rows:
            self._run("DELETE FROM epoch WHERE name <> ? AND name NOT IN (SELECT epoch FROM batch)", (self._epoch,))
            self._bytes -= sum(size for (size,) in rows)
            self._retained -= len(rows)
        return len(rows)

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._run("BEGIN IMMEDIATE", ())

    def _run(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise translated(error, self._path) from error


def open_or_replace(path: Path, agent: str, max_mb: int, retain_h: float, opened_us: int) -> tuple[Spool, Path | None]:
    """Open the spool; a damaged file is kept aside as `*.corrupt-{opened_us}` and a new one started.

    Returns the spool and where the damaged file is, None when it was whole. Raises `SpoolBusy` and `SpoolError`.
    """
    try:
        return Spool(path, agent, max_mb, retain_h), None
    except SpoolCorrupt:
        aside = path.with_name(f"{path.name}.corrupt-{opened_us}")
        for suffix in ("", "-wal", "-shm"):
            file = path.with_name(path.name + suffix)
            if file.exists():
                os.replace(file, aside.with_name(aside.name + suffix))
        return Spool(path, agent, max_mb, retain_h), aside
