"""Rows as the stream stores them, for tests of what reads them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import psycopg
from psycopg.types.json import Jsonb

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SPACE = UUID("6f1f0f53-5dd8-5b05-9c61-7b3a24b9e0aa")


def add_passage(
    connection: psycopg.Connection,
    n: int,
    *,
    revision: int = 0,
    portal: str = "door-1",
    direction: str = "in",
    tags: dict[str, str] | None = None,
    evidence: bytes | None = None,
    closed_s: float | None = None,
) -> UUID:
    """Passage number `n`, closed `closed_s` (n) seconds after noon; `tags` are EPC to verdict."""
    verdicts = {} if tags is None else tags
    passage_id = uuid5(SPACE, str(n))
    closed_at = NOON + timedelta(seconds=n if closed_s is None else closed_s)
    counts = [list(verdicts.values()).count(verdict) for verdict in ("belongs", "unsure", "stray")]
    connection.execute(
        "insert into passage (passage_id, revision, portal, opened_at, closed_at, direction, direction_score, belongs,"
        " unsure, strays, evidence) values (%s, %s, %s, %s, %s, %s, 0.9, %s, %s, %s, %s)",
        (passage_id, revision, portal, closed_at - timedelta(seconds=3), closed_at, direction, *counts, evidence),
    )
    for epc, verdict in verdicts.items():
        connection.execute(
            "insert into passage_tag (passage_id, revision, epc, verdict, score, first_at, last_at, reads, features)"
            " values (%s, %s, %s, %s, 0.75, %s, %s, 7, %s)",
            (passage_id, revision, epc, verdict, closed_at, closed_at, Jsonb({"peak_dbm": -50.5})),
        )
    return passage_id


def add_dead_letters(connection: psycopg.Connection, count: int, first: int = 0, status: str = "open") -> list[UUID]:
    """Some that share their time of recording."""
    ids = [uuid5(SPACE, f"dead-{n}") for n in range(first, first + count)]
    for n, dead_letter_id in enumerate(ids, first):
        connection.execute(
            "insert into dead_letter (dead_letter_id, kind, source, key, reason, body, status, recorded_at)"
            " values (%s, 'batch_bytes', 'dock/e/1', 'door-1', 'not a batch', %s, %s, %s)",
            (dead_letter_id, bytes([n % 256]) * 3, status, NOON + timedelta(seconds=n // 3)),
        )
    return ids


def add_device_events(connection: psycopg.Connection, count: int, device: str = "dock-1", first: int = 0) -> None:
    """Several with the same time, and identical twins."""
    for n in range(first, first + count):
        connection.execute(
            "insert into device_event (at, agent, device, kind, port, detail) values (%s, 'dock', %s, %s, %s, '')",
            (NOON + timedelta(seconds=n // 4), device, "reader_down" if n % 2 else "reader_up", n % 2),
        )


def add_signals(connection: psycopg.Connection, count: int, portal: str = "door-1") -> None:
    """All at the same time, and one more at another portal."""
    for n in range(count):
        connection.execute(
            "insert into signal (at, portal, colour, reason, valid_until, expected, seen, missing, extra)"
            " values (%s, %s, 'amber', %s, %s, 3, 2, '{E2}', '{}')",
            (NOON, portal, f"reason {n}", NOON + timedelta(seconds=5)),
        )
