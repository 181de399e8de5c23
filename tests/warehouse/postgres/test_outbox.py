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
