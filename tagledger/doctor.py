"""`tagledger migrate` and `tagledger doctor`: what state a site is in, in words, with an exit code that means it."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
import typer

from tagledger.database import open_database
from tagledger.terminal import (
    EXIT_FAILED,
    EXIT_USAGE,
    complain,
    console,
    known_failures,
    print_json,
    print_summary,
    site_or_exit,
)
from warehouse.postgres.books import seals
from warehouse.postgres.books.integrity import check
from warehouse.postgres.database.grants import wrong_grants
from warehouse.postgres.database.hypertables import capabilities, sizes
from warehouse.postgres.database.migrate import migrate, pending


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is as it should be, and what was seen."""

    name: str
    good: bool
    seen: str


def run_migrate(site_file: Path, *, as_json: bool) -> None:
    """Apply what is missing and say what it was."""
    site = site_or_exit(site_file)
    with known_failures(), open_database(site, as_owner=True) as dsn:
        applied = migrate(dsn)
    print_summary(
        "Migrations", {"applied": list(applied) if as_json else ", ".join(applied) or "none"}, as_json=as_json
    )


def run_doctor(site_file: Path, *, ledger: bool, head: str | None = None, as_json: bool) -> None:
    """Look at everything a site stands on; exit 1 when something is not as it should be."""
    kept = _kept_head(head)
    site = site_or_exit(site_file)
    antennas = sum(len(reader.antennas) for reader in site.readers)
    findings = [
        Finding(
            "site file",
            True,
            f"{len(site.readers)} readers, {antennas} antennas, {len(site.portals)} portals, {len(site.zones)} zones",
        )
    ]
    with known_failures(), open_database(site, as_owner=True, beside=True) as dsn:
        missing = pending(dsn)
        with psycopg.connect(dsn, autocommit=True) as connection:
            findings.append(Finding("database", True, _server(connection)))
            findings += [Finding("extension", True, line) for line in _timescaledb(connection)]
            findings.append(
                Finding(
                    "schema",
                    not missing,
                    f"missing {', '.join(missing)}: run tagledger migrate" if missing else "current",
                )
            )
            if not missing:
                findings += [Finding("stream", True, line) for line in _streams(connection)]
                wrong = wrong_grants(connection)
                findings += [Finding("rights", False, f"{line}: run tagledger migrate as the owner") for line in wrong]
                if not wrong:
                    findings.append(Finding("rights", True, "the service cannot change what is append-only"))
            if ledger and not missing:
                problems = check(connection)
                findings += [Finding("ledger", False, str(problem)) for problem in problems]
                if not problems:
                    findings.append(Finding("ledger", True, "every invariant holds"))
                findings += _seals(connection)
                if kept is not None:
                    same = seals.extends(connection, *kept)
                    seen = "the books begin with what was sealed then" if same else "these are not the books it is of"
                    findings.append(Finding("head", same, f"{head}: {seen}"))
    if as_json:
        print_json({"good": all(finding.good for finding in findings), "findings": [asdict(f) for f in findings]})
    else:
        for finding in findings:
            mark = "[green]ok[/green] " if finding.good else "[red]bad[/red]"
            console.print(f"{mark} {finding.name:<10} {finding.seen}", soft_wrap=True)
    if not all(finding.good for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def _kept_head(head: str | None) -> tuple[int, bytes] | None:
    """STRETCHES:HEX, as the doctor printed it. Exits 2 when it is not that."""
    if head is None:
        return None
    size, _, text = head.partition(":")
    try:
        return int(size), bytes.fromhex(text)
    except ValueError:
        complain(f"--head: {head!r} is not STRETCHES:HEX, as doctor --ledger printed it.")
        raise typer.Exit(EXIT_USAGE) from None


def _seals(connection: psycopg.Connection) -> list[Finding]:
    """Whether every sealed movement is as it was; the head is for people to keep elsewhere."""
    broken = seals.verify(connection)
    head = seals.head_of(connection)
    if broken:
        return [Finding("seals", False, line) for line in broken]
    return [Finding("seals", True, "nothing sealed yet" if head is None else f"head {head[0]}:{head[1]}")]


def _server(connection: psycopg.Connection) -> str:
    row = connection.execute(
        "select current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))"
    )
    version, size = row.fetchone() or ("?", "?")
    return f"PostgreSQL {version}, {size}"


def _timescaledb(connection: psycopg.Connection) -> Iterator[str]:
    """The edition is asked of the server, since packages differ; then each hypertable."""
    can = capabilities(connection)
    found = connection.execute("select extversion from pg_extension where extname = 'timescaledb'").fetchone()
    owner = "" if can.owner or not can.hypertables else "; this login is not the owner, so chunks are not dropped"
    plain = "" if can.compression else "; closed chunks stay uncompressed, nothing else is missing"
    yield f"{can.edition} {found[0]}{plain}{owner}" if found else f"{can.edition} (TimescaleDB is not in this database)"
    for table in sizes(connection):
        packed = f", {table.compressed} compressed" if table.compressed else ""
        size_mb = table.size_bytes / 1e6
        yield f"{table.name}: {table.chunks} chunks of {table.interval}{packed}, {size_mb:,.1f} MB"


def _streams(connection: psycopg.Connection) -> Iterator[str]:
    """Who processes, since when it has committed nothing, and up to which reader time its slowest agent is."""
    rows = connection.execute(
        """select h.consumer, h.seq - h.snapshot_seq, extract(epoch from now() - h.updated_at)::float8,
                  (select min(newest) from (select max(watermark_us) as newest from stream_inbox i
                   where i.consumer = h.consumer and i.epoch <> 'reports' group by agent) as agents)
           from stream_head h order by 1"""
    )
    now_us = time.time_ns() // 1000
    for consumer, since_snapshot, quiet_s, at_us in rows:
        lag = f", reads are {max(0.0, (now_us - at_us) / 1e6):,.0f} s old" if at_us else ""
        yield f"{consumer}: last commit {quiet_s:,.0f} s ago{lag}, {since_snapshot} entries since its snapshot"
