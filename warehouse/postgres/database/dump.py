"""A database into one file and back, by PostgreSQL's own pg_dump and pg_restore. Blocking.

The dump and what is said about it (`Contents`, with the ledger's integrity) come from one snapshot, so what was checked
is what was dumped, whatever is written meanwhile. Owners and rights are left out: `migrate` gives them again.

A restore goes into an empty database. With TimescaleDB both databases must have the same version of it
(`timescaledb_pre_restore`). Programs of the server's own major version are taken where they are found, else newer ones;
a dump cannot be restored into a server older than the programs that made it write for, which pg_restore says.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection, IsolationLevel, conninfo

from warehouse.postgres.books.integrity import Problem, broken
from warehouse.postgres.database.binaries import installations

# pg_restore 17 and later set it, servers before that do not know it.
_HARMLESS = ("transaction_timeout", "errors ignored on restore", "Command was:", "SET transaction_timeout")


class DumpError(Exception):
    """pg_dump or pg_restore is missing or failed; the message ends with what it said."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a dump holds: enough to see that a restored database is the one that was dumped."""

    server: str
    timescaledb: str
    migration: str
    moves: int
    last_move_seq: int
    passages: int
    positions: int
    """Sum of all agents' counters: how far the stream was."""


def dump(dsn: str, path: Path) -> tuple[Contents, list[Problem]]:
    """Write the dump; what it holds, and where the ledger in it breaks an invariant. Raises `DumpError`."""
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        row = connection.execute("select pg_export_snapshot()").fetchone()
        assert row is not None
        major = connection.info.server_version // 10000
        options = ["-Fc", "-Z", "1", "--no-owner", "--no-privileges", f"--snapshot={row[0]}", "-f", str(path)]
        _run([_program("pg_dump", major), *options], dsn)
        return contents(connection), broken(connection)


def restore(dsn: str, path: Path) -> Contents:
    """Fill an empty database from a dump; what it holds then. Raises `DumpError`."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        major = connection.info.server_version // 10000
        hypertables = _wants_timescaledb(path, major)
        if hypertables:
            connection.execute("create extension if not exists timescaledb")
            connection.execute("select timescaledb_pre_restore()")
        try:
            _run([_program("pg_restore", major), "--no-owner", "--no-privileges", "-d", ""], dsn, str(path))
        finally:
            if hypertables:
                connection.execute("select timescaledb_post_restore()")
        connection.execute("analyze")
    with psycopg.connect(dsn) as connection:
        return contents(connection)


def contents(connection: Connection) -> Contents:
    """What a database holds."""
    row = connection.execute(
        """select current_setting('server_version'),
                  coalesce((select extversion from pg_extension where extname = 'timescaledb'), ''),
                  (select name from migration order by number desc limit 1),
                  (select count(*) from move), (select coalesce(max(seq), 0) from move), (select count(*) from passage),
                  (select coalesce(sum(counter), 0)::bigint from stream_inbox)"""
    ).fetchone()
    assert row is not None
    return Contents(*row)


def _wants_timescaledb(path: Path, major: int) -> bool:
    command = [_program("pg_restore", major), "-l", str(path)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise DumpError(f"{path} is not a dump: {listed.stderr.strip()[-300:]}")
    return "EXTENSION - timescaledb" in listed.stdout


def _program(name: str, major: int) -> str:
    """Of the server's own version, else the oldest newer one."""
    newer = sorted((found for found in installations() if found.major >= major), key=lambda found: found.major)
    for found in newer:
        if found.program(name).is_file():
            return str(found.program(name))
    raise DumpError(f"no {name} for PostgreSQL {major}. Fix: install postgresql-client-{major}")


def _run(command: list[str], dsn: str, *paths: str) -> None:
    """With the DSN in the environment, where a list of processes does not show its password."""
    given = conninfo.conninfo_to_dict(dsn)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    names |= {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "passfile": "PGPASSFILE"}
    environment = {names[name]: str(value) for name, value in given.items() if name in names and value is not None}
    environment["PATH"] = "/usr/bin:/bin"
    command = [str(given.get("dbname") or "postgres") if argument == "" else argument for argument in command]
    try:
        done = subprocess.run([*command, *paths], env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DumpError(f"{command[0]}: {error}") from error
    said = [line for line in done.stderr.splitlines() if line.strip() and not _is_harmless(line)]
    if done.returncode and said:
        raise DumpError(f"{Path(command[0]).name}: {' '.join(said[-5:])}")


def _is_harmless(line: str) -> bool:
    return any(words in line for words in _HARMLESS)
