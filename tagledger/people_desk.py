"""Commands on people and keys from the command line, over a site's database, also while the site runs.

Whoever may read the site file's database may do this: it is the way back in when nobody can sign in any more. The books
call them `cli:` and the name of the user of the machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import Any
from uuid import uuid4

import typer
from psycopg import Connection

from tagledger.database import open_database
from tagledger.terminal import EXIT_FAILED, complain, known_failures, site_or_exit
from warehouse.commands import ALL_RIGHTS, AccessCommand, Actor, Refusal
from warehouse.postgres.commands import execute
from warehouse.postgres.control import accounts
from warehouse.postgres.database.connect import connect


@contextmanager
def people_of(site_file: Path) -> Iterator[Connection[Any]]:
    """A connection of the service to the site's database."""
    site = site_or_exit(site_file)
    with known_failures(), open_database(site, beside=True) as dsn, connect(dsn) as connection:
        yield connection


def do(connection: Connection[Any], command: AccessCommand) -> tuple[dict[str, Any], str | None]:
    """The answer, and the secret it leaves to be shown once. Exits 1 when it is refused."""
    actor = Actor(f"cli:{getuser()}", "", ALL_RIGHTS)
    outcome = execute(connection, command, actor=actor, source="cli", client_event_id=str(uuid4()))
    if isinstance(outcome, Refusal):
        complain(f"{outcome.field or type(command).__name__}: {outcome.message}")
        raise typer.Exit(EXIT_FAILED)
    named = str(outcome.response.get("key_id") or outcome.response.get("name", ""))
    return outcome.response, accounts.secret_for(connection, command, named)
