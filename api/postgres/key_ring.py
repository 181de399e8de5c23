"""`KeyRing` over the warehouse's API keys."""

from api.postgres.pool import Pool
from api.principal import Principal
from warehouse.commands import ALL_RIGHTS, Permission, Rights
from warehouse.postgres import access


class PostgresKeys:
    """Looks keys up in the database; the gate caches."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, key: str) -> Principal | None:
        """See `KeyRing.find`. What does not look like a key costs no query."""
        parts = access.parse(key)
        if parts is None:
            return None
        async with self._pool.connection() as connection:
            row = await (await connection.execute(access.FIND, (parts[0],))).fetchone()
        holder = access.check(key, row)
        if holder is None:
            return None
        known = frozenset(permission for permission in Permission if permission in holder.scopes)
        return Principal(holder.name, holder.key_id, ALL_RIGHTS if "*" in holder.scopes else Rights(known))
