"""The one migration path on a real TimescaleDB (Apache edition): hypertables where they help, plain ledger tables."""

import psycopg
import pytest

from warehouse.postgres.migrate import migrate, pending

pytestmark = pytest.mark.timescaledb


def test_the_same_migrations_make_hypertables_and_leave_the_ledger_plain(timescaledb_dsn: str) -> None:
    assert migrate(timescaledb_dsn)
    assert pending(timescaledb_dsn) == ()
    with psycopg.connect(timescaledb_dsn) as connection:
        found = {
            name
            for (name,) in connection.execute(
                "select hypertable_name from timescaledb_information.hypertables"
            ).fetchall()
        }
    assert {"stream_log", "device_event"} <= found
    assert not found & {"move", "balance", "reservation", "request", "outbox"}
