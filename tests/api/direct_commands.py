"""The plainest `CommandBus`: straight onto the database, recording nothing."""

from types import TracebackType
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from api.postgres.pool import POOL_WAIT_S, WAITING_MAX
from warehouse.commands import Actor, Command, Refusal, Result
from warehouse.postgres.commands import execute


class DirectCommands:
    """A pool of connections for commands. A context manager; connects in the background."""

    def __init__(self, dsn: str, size_max: int) -> None:
        self.pool: ConnectionPool[Connection[Any]] = ConnectionPool(
            dsn,
            kwargs={"autocommit": True, "application_name": "tagledger-commands", "connect_timeout": 5},
            min_size=1,
            max_size=size_max,
            timeout=POOL_WAIT_S,
            max_waiting=WAITING_MAX,
            open=False,
            name="commands",
        )

    def __enter__(self) -> "DirectCommands":
        self.pool.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.close()

    def execute(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """See `CommandBus.execute`."""
        with self.pool.connection() as connection:
            return execute(connection, command, actor=actor, source=source, client_event_id=client_event_id)
