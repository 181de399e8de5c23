"""What the first start makes and tells once: an administrator with a one-time password, and an API key.

A key can come from the environment instead (TAGLEDGER_API_KEY), out of a secret store.
"""

import os
from dataclasses import dataclass

from rich.markup import escape

from tagledger.config import ConfigError, Problem
from tagledger.terminal import console
from warehouse.postgres.control.access import adopt_key, bootstrap_key
from warehouse.postgres.control.accounts import first_administrator
from warehouse.postgres.control.passwords import ONE_TIME_DAYS
from warehouse.postgres.control.people import ensure_roles
from warehouse.postgres.database.connect import connect


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What to tell whoever starts this: `administrator` is name and one-time password; None when made before."""

    key: str | None
    administrator: tuple[str, str] | None


def first_start(dsn: str) -> FirstStart:
    """Make what is missing. Raises ConfigError when TAGLEDGER_API_KEY is not a key."""
    given = os.environ.get("TAGLEDGER_API_KEY")
    with connect(dsn) as connection:
        if given:
            try:
                adopt_key(connection, given, "environment", "TAGLEDGER_API_KEY")
            except ValueError as error:
                problem = Problem("environment", "TAGLEDGER_API_KEY", str(error), "give a whole key, or none")
                raise ConfigError([problem]) from None
        ensure_roles(connection)
        return FirstStart(given or bootstrap_key(connection), first_administrator(connection))


def tell(made: FirstStart, *, with_key: bool = True) -> None:
    """On standard output, nowhere else: this is no line for a log."""
    if made.administrator is not None:
        name, password = made.administrator
        console.print(
            f"sign in    [bold]{name}[/bold] with the one-time password [bold]{escape(password)}[/bold]"
            f" (shown once, holds {ONE_TIME_DAYS} days, to be changed at once)",
            soft_wrap=True,
        )
    if with_key and made.key is not None and not os.environ.get("TAGLEDGER_API_KEY"):
        console.print(f"API key    [bold]{made.key}[/bold] (shown once; every permission)", soft_wrap=True)
