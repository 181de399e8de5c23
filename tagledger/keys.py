"""The first start's API key: made and told once, or taken from the environment."""

import os

import psycopg

from tagledger.config import ConfigError, Problem
from warehouse.postgres.access import ALL_SCOPES, adopt_key, bootstrap_key


def first_key(dsn: str) -> str | None:
    """The key to tell the person who starts this: a new one when there is none yet, or TAGLEDGER_API_KEY's.

    Raises ConfigError when TAGLEDGER_API_KEY is not a key.
    """
    given = os.environ.get("TAGLEDGER_API_KEY")
    with psycopg.connect(dsn, autocommit=True) as connection:
        if given:
            try:
                adopt_key(connection, given, "environment", ALL_SCOPES, "TAGLEDGER_API_KEY")
            except ValueError as error:
                problem = Problem("environment", "TAGLEDGER_API_KEY", str(error), "give a whole key, or none")
                raise ConfigError([problem]) from None
            return given
        return bootstrap_key(connection)
