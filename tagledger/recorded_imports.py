"""Imports beside a recording: what was put into the books, or taken back, from a file while it was recorded.

A recording holds commands, not files: an import may be half a million rows, and waits for no turn of the stream's. So
that nobody takes a replay's books for the recorded ones, each is noted in the capture, whoever imported it and with
what; a replay says which files its database is missing. Imported there first, a file is missing no more.
"""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from uuid import UUID

import psycopg
import structlog

from tagledger.command_desk import CommandFormatError, Record, WritePool
from warehouse.postgres.books.balances import Conn

KIND = "Import"
LOOK_EVERY_S = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ImportNote:
    """`digest` is the file's SHA-256; `undone`: it was taken back."""

    run_id: str
    template: str
    file_name: str
    digest: str
    rows: int
    actor: str
    undone: bool

    def encode(self) -> bytes:
        """JSON, as a capture holds it among the commands; `decode_note` reads it back."""
        return json.dumps({"kind": KIND, **asdict(self)}).encode()

    def __str__(self) -> str:
        done = "taken back" if self.undone else "imported"
        return f"{self.file_name} ({self.template}, {self.rows:,} rows) was {done} by {self.actor}"


def decode_note(body: bytes) -> ImportNote | None:
    """None when it is something else. Raises `CommandFormatError`."""
    try:
        plain = json.loads(body)
        if plain["kind"] != KIND:
            return None
        return ImportNote(**{name: value for name, value in plain.items() if name != "kind"})
    except (KeyError, TypeError, ValueError) as error:
        raise CommandFormatError(f"not a recorded command: {error}") from error


class ImportWatch:
    """Notes what changes from when it is made on. It looks at the database, so imports of other processes count."""

    def __init__(self, pool: WritePool, record: Record) -> None:
        self._pool = pool
        self._record = record
        self._noted = set(self._look())

    def look(self) -> None:
        """Once. Raises psycopg.Error."""
        for key, note in self._look().items():
            if key not in self._noted:
                self._noted.add(key)
                self._record(note.actor, note.encode())

    def _look(self) -> dict[tuple[UUID, bool], ImportNote]:
        with self._pool.connection() as connection:
            rows = connection.execute(
                """select run_id, template, file_name, digest, rows, coalesce(undone_by, actor), undone_at is not null
                   from import_run where applied_at is not null order by greatest(applied_at, undone_at), run_id"""
            ).fetchall()
        return {(run_id, rest[-1]): ImportNote(str(run_id), *rest) for run_id, *rest in rows}


async def keep_noting(watch: ImportWatch) -> None:
    """Until cancelled. A database that is away now is asked again."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            await asyncio.to_thread(watch.look)
        except psycopg.Error as error:
            _log.warning("imports not noted", error=str(error))


def missing(conn: Conn, notes: Iterable[ImportNote]) -> list[str]:
    """What the recording's books had and these have not, or the other way round; one line a file."""
    last: dict[tuple[str, str], ImportNote] = {(note.template, note.digest): note for note in notes}
    there = set(
        conn.execute(
            "select template, digest from import_run where state in ('applied', 'signed_off') and digest = any(%s)",
            ([digest for _, digest in last],),
        ).fetchall()
    )
    return [
        f"{note} while this was recorded, and "
        + ("is in these books" if note.undone else "is in no recording: import it into this database, then replay")
        for key, note in last.items()
        if (key in there) is note.undone
    ]
