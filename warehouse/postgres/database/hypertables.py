"""What the database does with tables that grow with time: chunks, retention, compression, as far as it can.

Three kinds of server, told apart by asking and not by version (`capabilities`):

- plain PostgreSQL: ordinary tables; old rows are deleted;
- TimescaleDB, Apache edition: hypertables; old chunks are dropped whole, by our own scheduler;
- TimescaleDB, Community edition: also compression of closed chunks. We ask for it table by table and run it ourselves
  too: background jobs are not relied on (on PostgreSQL 15.20 and 17.12 they are marked failed while they work).

A chunk of the log is to be about `CHUNK_BYTES`, so that its indexes stay in memory: its interval follows from the rate
that the site file configures (`database.sightings_per_s`). It holds for chunks to come.

These are changes of the schema: they need the owner of the tables, not the service's role. Where the login is not the
owner, nothing is changed and rows are deleted instead.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import psycopg
from psycopg import Connection, sql

CHUNK_BYTES = 1 << 30
SIGHTING_BYTES = 160
"""In the log of the workers, the larger one (deploy/README.md, Sizes)."""
INTERVAL_MIN, INTERVAL_MAX = timedelta(hours=1), timedelta(days=7)
# Reader time of what still comes may be this much older than now: an edge's spool keeps so long.
LATE_MOST = timedelta(days=2)
# Rows of numbers and short texts; the log's packed sightings do not get smaller.
_COMPRESSED = ("device_event",)


class Edition(StrEnum):
    """What stands behind a database."""

    PLAIN = "plain PostgreSQL"
    APACHE = "TimescaleDB, Apache edition"
    COMMUNITY = "TimescaleDB, Community edition"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What may be asked of it. `owner`: this login may change the schema."""

    edition: Edition
    owner: bool

    @property
    def hypertables(self) -> bool:
        return self.edition is not Edition.PLAIN

    @property
    def compression(self) -> bool:
        return self.edition is Edition.COMMUNITY


@dataclass(frozen=True, slots=True)
class TableSize:
    """One hypertable: its chunks, its size on disk, how much of it is compressed, the interval of the next chunk."""

    name: str
    chunks: int
    compressed: int
    size_bytes: int
    interval: timedelta


def capabilities(connection: Connection) -> Capabilities:
    """Ask the server. The connection must be in autocommit."""
    with connection.transaction():
        connection.execute("set local role none")
        known = connection.execute("select 1 from pg_extension where extname = 'timescaledb'").fetchone()
        owner = connection.execute(
            "select pg_has_role(relowner, 'usage') from pg_class where oid = to_regclass('stream_log')"
        ).fetchone()
        owns = bool(owner and owner[0])
        if known is None:
            return Capabilities(Edition.PLAIN, owns)
        return Capabilities(Edition.COMMUNITY if _takes_compression(connection) else Edition.APACHE, owns)


def _takes_compression(connection: Connection) -> bool:
    """A trial that leaves no trace: the licence says what is allowed, the attempt what works."""
    licence = connection.execute("select current_setting('timescaledb.license', true)").fetchone()
    if licence is None or licence[0] != "timescale":
        return False
    try:
        # Not tried where it is on: with compressed chunks there, some versions refuse to hear it again.
        with connection.transaction(force_rollback=True):
            for name in _COMPRESSED:
                if not _is_compressible(connection, name):
                    _compressible(connection, name)
    except psycopg.Error:
        return False
    return True


def interval_for(sightings_per_s: float) -> timedelta:
    """How long a chunk of the log lasts at that mean rate, whole hours."""
    hours = CHUNK_BYTES / (max(sightings_per_s, 1e-3) * SIGHTING_BYTES) / 3600
    return min(max(timedelta(hours=round(hours)), INTERVAL_MIN), INTERVAL_MAX)


def tune(connection: Connection, sightings_per_s: float) -> list[str]:
    """Give hypertables the interval and the compression they should have; what was changed, in words."""
    can = capabilities(connection)
    if not (can.hypertables and can.owner):
        return []
    changed = []
    with connection.transaction():
        connection.execute("set local role none")
        wanted = interval_for(sightings_per_s)
        for table in sizes(connection):
            if table.name == "stream_log" and table.interval != wanted:
                connection.execute("select set_chunk_time_interval('stream_log', %s::interval)", (wanted,))
                changed.append(f"stream_log: a chunk lasts {wanted}, was {table.interval}")
        if can.compression:
            changed += [
                _compressible(connection, name) for name in _COMPRESSED if not _is_compressible(connection, name)
            ]
    return changed


def compress_closed(connection: Connection) -> int:
    """Compress chunks that nothing is written to any more; how many. None where the edition cannot."""
    can = capabilities(connection)
    if not (can.compression and can.owner):
        return 0
    with connection.transaction():
        connection.execute("set local role none")
        done = connection.execute(
            "select count(compress_chunk(format('%I.%I', chunk_schema, chunk_name)::regclass))"
            " from timescaledb_information.chunks"
            " where hypertable_name = 'device_event' and not is_compressed and range_end < now() - %s::interval",
            (LATE_MOST,),
        ).fetchone()
    return int(done[0]) if done else 0


def drop_old_log(connection: Connection, keep: timedelta) -> int:
    """Drop whole chunks of the log that are older than that and that no consumer's recovery needs; how many.

    0 where there are no chunks or they are not ours to drop: then rows are deleted (`stream.store.Store.trim`).
    """
    can = capabilities(connection)
    if not (can.hypertables and can.owner):
        return 0
    with connection.transaction():
        connection.execute("set local role none")
        # What recovery needs is above each consumer's snapshot; its oldest time bounds what may go.
        row = connection.execute(
            "select least(now() - %s::interval, (select min(l.at) from stream_head h join lateral"
            " (select at from stream_log where consumer = h.consumer and seq > h.snapshot_seq) l on true))",
            (keep,),
        ).fetchone()
        assert row is not None
        query = "select count(*) from drop_chunks('stream_log', older_than => %s::timestamptz)"
        dropped = connection.execute(query, (row[0],)).fetchone()
    return int(dropped[0]) if dropped else 0


def sizes(connection: Connection) -> tuple[TableSize, ...]:
    """Every hypertable; none on plain PostgreSQL."""
    known = connection.execute("select 1 from pg_extension where extname = 'timescaledb'").fetchone()
    if known is None:
        return ()
    rows = connection.execute(
        """select h.hypertable_name, h.num_chunks,
                  (select count(*) from timescaledb_information.chunks c
                   where c.hypertable_name = h.hypertable_name and c.is_compressed),
                  coalesce(hypertable_size(format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass), 0),
                  d.time_interval
           from timescaledb_information.hypertables h
           join timescaledb_information.dimensions d using (hypertable_schema, hypertable_name)
           where d.dimension_number = 1 order by 1"""
    )
    return tuple(TableSize(*row) for row in rows)


def _is_compressible(connection: Connection, name: str) -> bool:
    row = connection.execute(
        "select compression_enabled from timescaledb_information.hypertables where hypertable_name = %s", (name,)
    ).fetchone()
    return bool(row and row[0])


def _compressible(connection: Connection, name: str) -> str:
    table = sql.Identifier(name)
    statement = "alter table {} set (timescaledb.compress, timescaledb.compress_orderby = 'at desc')"
    connection.execute(sql.SQL(statement).format(table))
    return f"{name}: closed chunks are compressed"
