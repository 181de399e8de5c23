"""`tagledger portal labels`: what people answered to `unsure`, one JSON object a line, for the next fit."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import typer

from stream.labels import labels
from tagledger.database import open_database
from tagledger.terminal import EXIT_USAGE, complain, known_failures, site_or_exit


def run_labels(site_file: Path, out: Path | None, since: str | None) -> None:
    """Write them to a file, or to standard output. Exit 2 when `since` is no date."""
    after = None
    if since is not None:
        try:
            after = datetime.fromisoformat(since)
        except ValueError:
            complain(f"--since: {since!r} is not a date like 2026-03-01 or 2026-03-01T08:00:00+08:00")
            raise typer.Exit(EXIT_USAGE) from None
        after = after if after.tzinfo else after.replace(tzinfo=UTC)
    with (
        known_failures(),
        open_database(site_or_exit(site_file), beside=True) as dsn,
        psycopg.connect(dsn) as connection,
    ):
        lines = [json.dumps(label.plain()) + "\n" for label in labels(connection, after)]
    if out is None:
        sys.stdout.writelines(lines)
    else:
        out.write_text("".join(lines), encoding="utf-8")
    sys.stderr.write(f"{len(lines)} labels{f' in {out}' if out else ''}\n")
