"""The API's `Accounts` over a pool of connections."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tagledger.command_desk import WritePool
from warehouse.commands import AccessCommand, Command
from warehouse.postgres.control import accounts, feed_tickets, passwords, sessions, signing_keys
from warehouse.postgres.control.accounts import NotSignedIn, PasswordRefused
from warehouse.postgres.control.feed_tickets import TicketHolder
from warehouse.postgres.control.sessions import Session
from warehouse.postgres.control.signing_keys import SigningKey


class PooledAccounts:
    """Implements `Accounts`. Connections of the pool are in autocommit."""

    def __init__(self, pool: WritePool) -> None:
        self._pool = pool
        passwords.prepare()

    def sign_in(self, name: str, password: str, device: str) -> Session | NotSignedIn:
        with self._pool.connection() as connection:
            return accounts.sign_in(connection, name, password, device)

    def refresh(self, token: str) -> Session | None:
        with self._pool.connection() as connection:
            return accounts.refresh(connection, token)

    def sign_out(self, session_id: UUID) -> bool:
        with self._pool.connection() as connection:
            return accounts.sign_out(connection, session_id)

    def session_of(self, refresh_token: str) -> UUID | None:
        with self._pool.connection() as connection:
            return sessions.session_of_token(connection, refresh_token)

    def change_password(self, name: str, device: str, old: str, new: str) -> Session | NotSignedIn | PasswordRefused:
        with self._pool.connection() as connection:
            return accounts.change_password(connection, name, device, old, new)

    def signing_key(self) -> SigningKey:
        with self._pool.connection() as connection, connection.transaction():
            return signing_keys.current(connection)

    def make_ticket(self, holder: TicketHolder) -> str:
        with self._pool.connection() as connection, connection.transaction():
            return feed_tickets.make(connection, holder)

    def redeem_ticket(self, ticket: str) -> TicketHolder | None:
        with self._pool.connection() as connection:
            return feed_tickets.redeem(connection, ticket)

    def secret_for(self, command: Command, response: Mapping[str, Any]) -> str | None:
        if not isinstance(command, AccessCommand):
            return None
        with self._pool.connection() as connection:
            return accounts.secret_for(connection, command, str(response.get("key_id") or response["name"]))
