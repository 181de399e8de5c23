"""What commands print: a readable summary, or one JSON object with `--json`; errors with their fix, and exit codes.

Exit codes: 0 done, 1 failed (a check that found something, a score below its mark), 2 wrong use or configuration.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.errors import SpoolError
from stream.recovery import StateOutdatedError
from tagledger.config import ConfigError, load_site
from tagledger.logs import configure_logs
from warehouse.postgres.database.binaries import NoServerError
from warehouse.postgres.database.migrate import MigrationError
from warehouse.postgres.database.server import ServerError
from warehouse.site import Site

EXIT_FAILED = 1
EXIT_USAGE = 2

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


def complain(what: object) -> None:
    """One error on standard error, unwrapped, so that it can be searched for. An OSError says what, not its number."""
    if isinstance(what, OSError) and what.strerror:
        what = what.strerror if what.filename is None else f"{what.filename}: {what.strerror}"
    complaints.print(f"[red]error[/red] {escape(str(what).strip())}", soft_wrap=True)


def site_or_exit(path: Path) -> Site:
    """The site file's content, or exit 2 after printing every problem it has."""
    try:
        return load_site(path, os.environ)
    except ConfigError as error:
        _refuse(error)


def prepared_site(path: Path) -> Site:
    """What a process that runs a site begins with: logs, the site file or exit 2, and the folder for its state."""
    configure_logs()
    site = site_or_exit(path)
    Path(site.state_dir).mkdir(parents=True, exist_ok=True)
    return site


def _refuse(error: ConfigError) -> NoReturn:
    for problem in error.problems:
        complain(problem)
    raise typer.Exit(EXIT_USAGE) from None


@contextmanager
def known_failures() -> Iterator[None]:
    """Turn what a broken world raises into one line and exit 1, what was configured wrong into exit 2.

    Anything else is a bug and keeps its traceback.
    """
    try:
        yield
    except ConfigError as error:
        _refuse(error)
    except psycopg.OperationalError as error:
        complain(" ".join(str(error).split()))  # libpq's messages have several lines
        raise typer.Exit(EXIT_FAILED) from None
    except (StateOutdatedError, NoServerError, ServerError, MigrationError, SpoolError, OSError) as error:
        complain(error)
        raise typer.Exit(EXIT_FAILED) from None


def print_summary(title: str, rows: Mapping[str, object], *, as_json: bool) -> None:
    """One command's result: a two-column table, or one JSON object on standard output."""
    if as_json:
        print_json(rows)
        return
    table = Table(title=title, show_header=False, title_justify="left", box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows.items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int | float) else str(value))
    console.print(table)


def print_json(value: Any) -> None:
    """One JSON object on one line."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()
