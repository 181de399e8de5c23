"""The cursor misses nothing: a transaction that took its seq first and commits last is read all the same."""

import psycopg

from warehouse.postgres import outbox
from warehouse.postgres.outbox import Cursor


def test_a_late_commit_is_not_skipped(database: str) -> None:
    with psycopg.connect(database) as slow, psycopg.connect(database) as fast, psycopg.connect(database) as reader:
        reader.autocommit = True
        outbox.add(slow, "t", "slow", {})
        outbox.add(fast, "t", "fast", {})
        fast.commit()
        assert outbox.read(reader, Cursor()) == []  # fast is committed, but slow may still come before it
        slow.commit()
        told = outbox.read(reader, Cursor())
        assert [m.key for m in told] == ["slow", "fast"]
        assert outbox.read(reader, Cursor.parse(str(told[0].cursor)))[0].key == "fast"
        assert outbox.read(reader, told[1].cursor) == []
        assert outbox.read(reader, Cursor(), topics=("other",)) == []


def test_what_is_trimmed_is_remembered_and_the_mark_never_goes_back(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        for key in ("old", "older", "new"):
            outbox.add(conn, "t", key, {})
        conn.execute("update outbox set created_at = now() - interval '20 days' where key <> 'new'")
        last_old = [m for m in outbox.read(conn, Cursor()) if m.key != "new"][-1].cursor
        assert (outbox.trim(conn), outbox.trim(conn)) == (2, 0)
        assert [m.key for m in outbox.read(conn, Cursor())] == ["new"]
        mark = "select tx::text::bigint, seq from outbox_reader where name = 'trimmed'"
        assert conn.execute(mark).fetchone() == (last_old.tx, last_old.seq)
