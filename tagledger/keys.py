"""The first start's API key: made and told once, or taken from the environment."""

import os

import psycopg

from warehouse.postgres.access import ALL_SCOPES, adopt_key, bootstrap_key


def first_key(dsn: str) -> str | None:
    """The key to tell the person who starts this: a new one when there is none yet, or TAGLEDGER_API_KEY's.

    Raises ValueError when TAGLEDGER_API_KEY is not a key.
    """
    given = os.environ.get("TAGLEDGER_API_KEY")
    with psycopg.connect(dsn, autocommit=True) as connection:
        if given:
            adopt_key(connection, given, "environment", ALL_SCOPES, "TAGLEDGER_API_KEY")
            return given
        return bootstrap_key(connection)
