"""`tagledger backup DIR` and `tagledger restore DIR`: the books and where the stream stood, checked on both ways.

A backup is a folder: `database.dump` (pg_dump, custom format) and `backup.json` (what it holds, its SHA-256). It is
taken while everything runs. A ledger that breaks an invariant is backed up all the same, and told: exit 1.

A restore needs everything stopped. It fills an empty database; with `--replace` one that holds something is set aside
under another name first and stays until a person drops it. Then the schema is brought up to this version, the ledger
checked, and what it holds compared with `backup.json`. What the edges have sent since the backup they send again: the
stream asks for what follows its last committed batch (`deploy/README.md`, Restoring).
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
import typer
from psycopg import conninfo, sql

from tagledger.database import open_database
from tagledger.terminal import EXIT_FAILED, complain, known_failures, print_summary, site_or_exit
from warehouse.postgres.books.integrity import check
from warehouse.postgres.database.dump import Contents, DumpError, dump, restore
from warehouse.postgres.database.migrate import migrate

DUMP, MANIFEST = "database.dump", "backup.json"


class BackupError(OSError):
    """A folder that is no backup, or a database that cannot be restored into; the text says what to do."""


def run_backup(site_file: Path, folder: Path, *, as_json: bool) -> None:
    """Write a backup; exit 1 when the ledger in it breaks an invariant."""
    site = site_or_exit(site_file)
    with known_failures(), _dumps():
        if folder.exists() and any(folder.iterdir()):
            raise BackupError(f"{folder} is not empty. Fix: name a new folder for each backup.")
        folder.mkdir(parents=True, exist_ok=True)
        with open_database(site, as_owner=True, beside=True) as dsn:
            partial = folder / f"{DUMP}.partial"
            held, problems = dump(dsn, partial)
            manifest = {
                "program": version("tagledger"),
                "site": site.name,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "sha256": _digest(partial),
                "contents": asdict(held),
                "ledger_problems": [str(problem) for problem in problems],
            }
            partial.rename(folder / DUMP)
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    size = (folder / DUMP).stat().st_size
    _tell("Backup", folder, held, [str(problem) for problem in problems], {"bytes": size}, as_json=as_json)


def run_restore(site_file: Path, folder: Path, *, replace: bool, as_json: bool) -> None:
    """Fill the site's database from a backup; exit 1 when it is not what was backed up."""
    site = site_or_exit(site_file)
    with known_failures(), _dumps():
        manifest = _manifest(folder)
        with open_database(site, as_owner=True) as dsn:
            aside = _emptied(dsn, replace=replace)
            held = restore(dsn, folder / DUMP)
            migrate(dsn)
            with psycopg.connect(dsn, autocommit=True) as connection:
                problems = [str(problem) for problem in check(connection)]
        expected = manifest["contents"]
        for name, value in asdict(held).items():
            if name != "server" and expected[name] != value:
                problems.append(f"{name}: {value} restored, {expected[name]} backed up")
    _tell("Restore", folder, held, problems, {"set_aside": aside or "nothing"}, as_json=as_json)


def _tell(
    title: str, folder: Path, held: Contents, problems: list[str], more: dict[str, object], *, as_json: bool
) -> None:
    shown: dict[str, object] = {"folder": str(folder), **asdict(held), **more}
    shown["ledger"] = problems if as_json else "; ".join(problems) or "every invariant holds"
    print_summary(title, shown, as_json=as_json)
    if problems:
        raise typer.Exit(EXIT_FAILED)


@contextmanager
def _dumps() -> Iterator[None]:
    try:
        yield
    except DumpError as error:
        complain(error)
        raise typer.Exit(EXIT_FAILED) from None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        digest, _ = manifest["sha256"], manifest["contents"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{folder} is no backup of ours: {MANIFEST}: {error}") from None
    if _digest(folder / DUMP) != digest:
        raise BackupError(f"{folder / DUMP} is damaged: its SHA-256 is not the one in {MANIFEST}")
    return manifest


def _emptied(dsn: str, *, replace: bool) -> str:
    """Make sure the database is empty and nobody is in it; under which name what it held was set aside."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        others = connection.execute(
            "select distinct coalesce(nullif(application_name, ''), usename) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
        ).fetchall()
        if others:
            names = ", ".join(sorted(str(name) for (name,) in others))
            raise BackupError(f"the database is in use by {names}. Fix: stop what runs, then restore.")
        row = connection.execute("select to_regclass('migration') is not null, current_database()").fetchone()
        holds, name = row or (False, "")
        if not holds:
            return ""
        if not replace:
            raise BackupError(f"database {name} holds a site. Fix: --replace sets it aside, or name an empty database.")
    aside = f"{name}_before_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    with psycopg.connect(conninfo.make_conninfo(dsn, dbname="template1"), autocommit=True) as connection:
        old, kept = sql.Identifier(name), sql.Identifier(aside)
        connection.execute(sql.SQL("alter database {} rename to {}").format(old, kept))
        # Of template0: template1 may hold what an administrator put there.
        connection.execute(sql.SQL("create database {} template template0").format(old))
    return aside


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
