"""Where tags are: newest evidence wins in whatever order it comes, and all of it is kept."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.postgres.clock import database_now, stand_at
from warehouse.postgres.loads.locations import apply
from warehouse.postgres.outbox import Cursor, read
from warehouse.times import to_us


def update(n: int, epc: str, location: str, at_us: int) -> LocationUpdate:
    return LocationUpdate(UUID(int=n), epc, LocationEvent.MOVED, location, at_us, "test")


def test_any_order_in_any_batches_ends_in_the_same_places(database: str) -> None:
    rng = random.Random(5)
    updates = [update(n, f"E{n % 7}", f"Z{rng.randrange(4)}", rng.randrange(20)) for n in range(200)]
    ends = []
    with psycopg.connect(database) as conn:
        for _ in range(5):
            rng.shuffle(updates)
            start = 0
            while start < len(updates):
                size = rng.randrange(1, 60)
                apply(conn, updates[start : start + size])
                start += size
            assert apply(conn, updates) == 0  # all of it again
            rows = conn.execute("select epc, location_id, at, update_id from tag_location order by epc").fetchall()
            history = conn.execute("select count(*) from location_history").fetchone()
            assert history == (200,)
            ends.append(rows)
            conn.rollback()
    assert [[row[3] for row in end] for end in ends] == [[row[3] for row in ends[0]]] * 5


def test_changes_are_told_once_in_the_feed(database: str) -> None:
    with psycopg.connect(database) as conn:
        before = read(conn, Cursor())
        apply(conn, [update(1, "E1", "Z1", 10), update(2, "E1", "Z2", 20), update(3, "E2", "Z1", 10)])
        conn.commit()
        apply(conn, [update(4, "E1", "Z1", 15)])
        conn.commit()
        told = read(conn, before[-1].cursor if before else Cursor())
    assert [m.payload["updates"] for m in told] == [[["E1", "Z2", "moved", 20], ["E2", "Z1", "moved", 10]]]


def ahead(n: int, location: str, now: datetime, seconds: float) -> LocationUpdate:
    return update(n, "E1", location, to_us(now + timedelta(seconds=seconds)))


def places(conn: psycopg.Connection[Any]) -> list[Any]:
    return conn.execute(
        """select l.code, h.at <= clock_timestamp(), h.evidence
           from location_history h join location l using (location_id)
           order by h.at, h.update_id desc"""
    ).fetchall()


def place(conn: psycopg.Connection[Any]) -> Any:
    row = conn.execute("select l.code from tag_location join location l using (location_id)").fetchone()
    assert row is not None
    return row[0]


def test_what_a_wrong_clock_says_is_outdone_by_newer_evidence_and_keeps_its_order(database: str) -> None:
    """Greater ids first, so that only the said times tell the order."""
    with psycopg.connect(database) as conn:
        now = database_now(conn)
        apply(conn, [ahead(9, "Z1", now, 3600), ahead(8, "Z2", now, 3601)])
        assert place(conn) == "Z2"
        apply(conn, [ahead(7, "Z3", now, 7200)])  # in the same transaction, dated the same
        assert place(conn) == "Z3"
        apply(conn, [ahead(6, "Z2", now, 3602)])
        assert place(conn) == "Z3"
        conn.commit()
        assert [row[:2] for row in places(conn)][:2] == [("Z1", True), ("Z2", True)]
        assert place(conn) == "Z3"
        said = (now + timedelta(hours=2)).isoformat(timespec="seconds")
        assert conn.execute("select evidence from tag_location").fetchone() == (f"test; its clock said {said}",)
        conn.rollback()
        later = database_now(conn)
        apply(conn, [ahead(1, "Z4", later, 0)])  # a clock that is right, with the smallest id
        assert place(conn) == "Z4"
        assert conn.execute("select count(*), bool_and(said_at > at) from location_ahead").fetchone() == (4, True)


def test_the_same_update_told_again_changes_nothing_even_when_its_time_has_come(database: str) -> None:
    with psycopg.connect(database) as conn:
        now = database_now(conn)
        told = [ahead(5, "Z1", now, 600), ahead(6, "Z2", now, 601)]
        apply(conn, told)
        conn.commit()
        stand_at(conn, now + timedelta(seconds=300))
        apply(conn, [ahead(1, "Z3", now, 300)])
        conn.commit()
        before = places(conn)
        conn.commit()
        for seconds in (400, 100_000):
            stand_at(conn, now + timedelta(seconds=seconds))
            assert apply(conn, told) == 0
            conn.commit()
            assert (place(conn), places(conn)) == ("Z3", before)
            conn.commit()


def test_done_again_after_the_times_that_were_said_the_books_follow_them_and_twice_alike(database: str) -> None:
    """What a replay holds: dated as of the replay, so a recording whose times have passed gives the same each time."""
    found = []
    with psycopg.connect(database) as conn:
        now = database_now(conn)
        conn.rollback()
        updates = [ahead(n, f"Z{n}", now, 60 * n) for n in range(4)]
        for _ in range(2):
            stand_at(conn, now + timedelta(days=1))
            for one in updates:
                apply(conn, [one])
            rows = conn.execute("select update_id, at, evidence from location_history order by 1").fetchall()
            assert conn.execute("select count(*) from location_ahead").fetchone() == (0,)
            found.append(rows)
            conn.rollback()
    assert found[0] == found[1]
    assert [row[1] for row in found[0]] == [now + timedelta(minutes=n) for n in range(4)]
