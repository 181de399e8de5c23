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
from psycopg.pq import Conninfo

from warehouse.postgres.books.integrity import Problem, broken
from warehouse.postgres.database.binaries import installations

# pg_restore 17 and later set it, servers before that do not know it.
_HARMLESS = ("transaction_timeout", "errors ignored on restore", "Command was:", "SET transaction_timeout")
_WITHOUT_TLS = "when SSL support is not compiled in"


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
        _run("pg_dump", major, options, dsn)
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
            database = conninfo.conninfo_to_dict(dsn).get("dbname") or "postgres"
            _run("pg_restore", major, ["--no-owner", "--no-privileges", "-d", str(database), str(path)], dsn)
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
    command = [_programs("pg_restore", major)[0], "-l", str(path)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise DumpError(f"{path} is not a dump: {listed.stderr.strip()[-300:]}")
    return "EXTENSION - timescaledb" in listed.stdout


def _programs(name: str, major: int) -> list[str]:
    """Of the server's own version, else newer ones, the oldest first; an installed PostgreSQL before the wheel."""
    fit = [found for found in installations() if found.major >= major and found.program(name).is_file()]
    if not fit:
        raise DumpError(f"no {name} for PostgreSQL {major}. Fix: install postgresql-client-{major}")
    fit.sort(key=lambda found: (found.major, found.origin == "wheel"))
    return [str(found.program(name)) for found in fit]


def _run(name: str, major: int, arguments: list[str], dsn: str) -> None:
    """With the DSN in the environment, where a list of processes does not show its password.

    The wheel's programs are built without TLS: where the DSN asks for it, the next ones are taken.
    """
    given = conninfo.conninfo_to_dict(dsn)
    known = {option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar}
    environment = {known[key]: str(value) for key, value in given.items() if key in known and value is not None}
    environment["PATH"] = "/usr/bin:/bin"
    for program in _programs(name, major):
        try:
            done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)
        except OSError as error:
            raise DumpError(f"{program}: {error}") from error
        if done.returncode and _WITHOUT_TLS in done.stderr:
            continue
        said = [line for line in done.stderr.splitlines() if line.strip() and not _is_harmless(line)]
        if done.returncode and said:
            raise DumpError(f"{name}: {' '.join(said[-5:])}")
        return
    raise DumpError(f"no {name} for PostgreSQL {major} that speaks TLS. Fix: install postgresql-client-{major}")


def _is_harmless(line: str) -> bool:
    return any(words in line for words in _HARMLESS)
