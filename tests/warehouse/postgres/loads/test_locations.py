"""Where tags are: newest evidence wins in whatever order it comes, and all of it is kept."""

import random
from uuid import UUID

import psycopg

from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.postgres.loads.locations import apply
from warehouse.postgres.outbox import Cursor, read


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
