"""Whole transactions, run again when PostgreSQL asks for it (deadlock 40P01, serialisation failure 40001)."""

from collections.abc import Callable
from typing import TypeVar

import psycopg

from warehouse.postgres.books.balances import Conn

# Two postings that deadlock are ordered by the retry; more than this in a row means something holds locks for long.
ATTEMPTS_MAX = 10

ResultT = TypeVar("ResultT")


def in_transaction(conn: Conn, work: Callable[[], ResultT]) -> ResultT:
    """Run `work` in one transaction, at most ATTEMPTS_MAX times. `work` must have no effect outside the database.

    Raises what `work` raises, and the last deadlock or serialisation failure when attempts run out.
    """
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            with conn.transaction():
                return work()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            if attempt == ATTEMPTS_MAX:
                raise
    raise AssertionError("unreachable")
