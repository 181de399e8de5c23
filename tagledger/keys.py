"""Who calls the API: keys in the database, and the first start's key.

Found holders are remembered for `REMEMBERED_S`, so that a revoked key lives at most that long and a live one costs a
query that seldom. At most `REMEMBERED_MAX` are; beyond it the memory starts over.
"""

import os
import time

import psycopg

from api.postgres.pool import Pool
from api.principal import Principal, Scope
from warehouse.postgres.access import ALL_SCOPES, FIND, KeyHolder, adopt_key, bootstrap_key, check, parse

REMEMBERED_S = 5.0
REMEMBERED_MAX = 1024


class DatabaseKeys:
    """Implements the API's `KeyRing`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._found: dict[str, tuple[float, Principal]] = {}

    async def find(self, key: str) -> Principal | None:
        """The holder of a live key. Raises what the database raises."""
        parts = parse(key)
        if parts is None:
            return None
        now_s = time.monotonic()
        known = self._found.get(key)
        if known is not None and known[0] > now_s:
            return known[1]
        async with self._pool.connection() as connection:
            cursor = await connection.execute(FIND, (parts[0],))
            holder = check(key, await cursor.fetchone())
        if holder is None:
            self._found.pop(key, None)
            return None
        if len(self._found) >= REMEMBERED_MAX:
            self._found.clear()
        principal = _principal(holder)
        self._found[key] = (now_s + REMEMBERED_S, principal)
        return principal


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


def _principal(holder: KeyHolder) -> Principal:
    scopes = frozenset(Scope) if "*" in holder.scopes else frozenset(Scope(scope) for scope in holder.scopes)
    return Principal(holder.name, holder.key_id, scopes)
