"""Sessions of hosts, workers and the bridge: what they lock may not outlive them.

A worker's transaction holds the lock on its partition, the bridge's session the one that lets one bridge work at once.
A process that stands still keeps its connection, and a machine that is gone says no goodbye: left alone, the server
would keep their locks for hours, and whoever takes over would wait as long. So the server ends a transaction in which
nothing was said for `SILENT_S`, and looks as soon whether the other end is there at all (TCP keep-alives, both ways).
Inside a COPY or a pipeline no timeout of the server's runs while it waits for its client: there, whoever has waited for
a lock as long ends those that stand still (`end_silent`). Who was ended so finds a broken connection and, if it was
replaced meanwhile, the fence.
"""

from typing import Any

import psycopg

from warehouse.postgres.database.connect import with_options

STREAM = "stream "
"""What the names of hosts' and workers' sessions begin with."""

SILENT_S = 15.0
KEEPALIVE_S = 5


def session(
    dsn: str, name: str, *, silent_s: float = SILENT_S, options: str = "", connect_s: int = 0
) -> psycopg.Connection[Any]:
    """A connection in autocommit that waits for a lock no longer than `silent_s` (psycopg.errors.LockNotAvailable).

    `connect_s` 0: as long as the system tries. Raises psycopg.OperationalError.
    """
    silent_ms = int(silent_s * 1000)
    ours = (
        f"-c idle_in_transaction_session_timeout={silent_ms} -c lock_timeout={silent_ms}"
        f" -c tcp_user_timeout={silent_ms}"
        f" -c tcp_keepalives_idle={KEEPALIVE_S} -c tcp_keepalives_interval={KEEPALIVE_S} -c tcp_keepalives_count=2"
    )
    return psycopg.connect(
        with_options(dsn, f"{ours} {options}".strip()),
        autocommit=True,
        application_name=name,
        connect_timeout=connect_s,
        keepalives_idle=KEEPALIVE_S,
        keepalives_interval=KEEPALIVE_S,
        keepalives_count=2,
        tcp_user_timeout=silent_ms,
    )


def end_silent(connection: psycopg.Connection[Any], silent_s: float) -> int:
    """End the sessions of hosts and workers whose statement has waited for its client that long; how many they were."""
    ended = connection.execute(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where datname = current_database() and usename = current_user and starts_with(application_name, %s)"
        " and pid <> pg_backend_pid() and xact_start is not null and wait_event_type = 'Client'"
        " and state_change < clock_timestamp() - make_interval(secs => %s)",
        (STREAM, silent_s),
    ).fetchone()
    assert ended is not None
    return int(ended[0])
