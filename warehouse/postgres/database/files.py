"""Files kept in the database, in parts: uploads waiting for their job, and what reports made. Bounded and temporary."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO
from uuid import UUID

from warehouse.postgres.books.balances import Conn

PART_BYTES = 1 << 20
FILE_BYTES_MAX = 256 << 20
KEPT_DAYS = 30
# Held in memory up to this size while it is worked on, on disk above.
_SPOOL_BYTES = 16 << 20


def store(conn: Conn, file_id: UUID, name: str, media_type: str, created_by: str, content: BinaryIO) -> tuple[int, str]:
    """Keep a file for KEPT_DAYS, in the caller's transaction; its size and SHA-256. ValueError above FILE_BYTES_MAX."""
    conn.execute(
        """insert into stored_file (file_id, name, media_type, created_by, expires_at)
           values (%s, %s, %s, %s, now() + make_interval(days => %s))""",
        (file_id, name, media_type, created_by, KEPT_DAYS),
    )
    digest, size = hashlib.sha256(), 0
    part_no = 0
    content.seek(0)
    while body := content.read(PART_BYTES):
        size += len(body)
        if size > FILE_BYTES_MAX:
            raise ValueError(f"the file has more than {FILE_BYTES_MAX >> 20} MiB")
        digest.update(body)
        conn.execute("insert into stored_file_part values (%s, %s, %s)", (file_id, part_no, body))
        part_no += 1
    conn.execute(
        "update stored_file set bytes = %s, digest = %s where file_id = %s", (size, digest.hexdigest(), file_id)
    )
    return size, digest.hexdigest()


@contextmanager
def opened(conn: Conn, file_id: UUID) -> Iterator[BinaryIO]:
    """The file's bytes, seekable, at their beginning. KeyError when it is no longer kept."""
    if conn.execute("select 1 from stored_file where file_id = %s", (file_id,)).fetchone() is None:
        raise KeyError(file_id)
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as copy:
        part_no = 0
        while True:
            query = "select body from stored_file_part where file_id = %s and part_no = %s"
            row = conn.execute(query, (file_id, part_no)).fetchone()
            if row is None:
                break
            copy.write(row[0])
            part_no += 1
        copy.seek(0)
        yield copy  # type: ignore[misc]  # typeshed has no common type for the two


def forget_old(conn: Conn) -> int:
    """Remove files past their time; how many."""
    conn.execute(
        "update import_run set file_id = null where file_id in (select file_id from stored_file"
        " where expires_at < now())"
    )
    return conn.execute("delete from stored_file where expires_at < now()").rowcount
