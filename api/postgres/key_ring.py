"""`KeyRing` over API keys and access tokens: a key begins with `tl_`, anything else is read as a token."""

import time
from collections.abc import Callable
from uuid import UUID

from api import jwt_tokens
from api.postgres.pool import Pool
from api.principal import Principal
from warehouse.postgres.control import access, sessions, signing_keys
from warehouse.postgres.control.feed_tickets import TicketHolder

# A token signed with a key made elsewhere a moment ago is looked for at most this often; guesses cost no more.
RELOAD_S = 1.0


class PostgresKeys:
    """Looks holders up in the database; the gate caches."""

    def __init__(self, pool: Pool, issuer: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._issuer = issuer
        self._monotonic = monotonic
        self._signing: dict[str, bytes] = {}
        self._loaded_s = float("-inf")

    async def find(self, key: str) -> Principal | None:
        """See `KeyRing.find`. What looks like neither costs no query."""
        if access.parse(key) is not None:
            return await self._holder(key)
        return await self._person(key)

    async def behind(self, holder: TicketHolder) -> Principal | None:
        """See `KeyRing.behind`."""
        if holder.session_id is not None:
            return await self._session(holder.session_id)
        async with self._pool.connection() as connection:
            row = await (await connection.execute(access.FIND, (holder.key_id,))).fetchone()
        if row is None:
            return None
        known = access.holder(str(holder.key_id), row)
        return Principal(known.name, known.key_id, known.rights, known.device)

    async def _holder(self, key: str) -> Principal | None:
        parts = access.parse(key)
        async with self._pool.connection() as connection:
            row = await (await connection.execute(access.FIND, (parts[0] if parts else "",))).fetchone()
        holder = access.check(key, row)
        return None if holder is None else Principal(holder.name, holder.key_id, holder.rights, holder.device)

    async def _person(self, token: str) -> Principal | None:
        kid = jwt_tokens.kid_of(token)
        if kid is None:
            return None
        await self._load(kid)
        claims = jwt_tokens.read(token, self._issuer, self._signing)
        if claims is None:
            return None
        found = await self._session(claims.session_id)
        return found if found is not None and found.actor == claims.person else None

    async def _session(self, session_id: UUID) -> Principal | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(sessions.FIND, (session_id,))).fetchone()
        person = sessions.person_of(row)
        if person is None:
            return None
        return Principal(
            person.name,
            f"person:{person.name}",
            person.rights,
            person.device,
            session_id=session_id,
            must_change=person.must_change,
        )

    async def _load(self, kid: str) -> None:
        """Signing keys are read again when they are old, or one is named that is not known."""
        age_s = self._monotonic() - self._loaded_s
        if age_s < RELOAD_S or (kid in self._signing and age_s < 60 * RELOAD_S):
            return
        self._loaded_s = self._monotonic()
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(signing_keys.ALL)).fetchall()
        self._signing = {name: bytes(secret) for name, secret in rows}
