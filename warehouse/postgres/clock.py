"""What time it is for a command: the database's, or for a replay the time when what it does again was done."""

from datetime import datetime

from warehouse.postgres.books.balances import Conn

# When the transaction began, or what a replay says in its place.
NOW = "coalesce(nullif(current_setting('tagledger.now', true), '')::timestamptz, now())"


def database_now(conn: Conn) -> datetime:
    """When what is asked for happens, unless it says itself."""
    row = conn.execute(f"select {NOW}".encode()).fetchone()
    assert row is not None
    at: datetime = row[0]
    return at


def stand_at(conn: Conn, at: datetime) -> None:
    """For the rest of the transaction it is `at`: something is done again that was done then."""
    conn.execute("select set_config('tagledger.now', %s, true)", (at.isoformat(),))
