"""What executes a command: a function from a transaction to an answer, registered under the command's type."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from warehouse.commands import Actor, Audit, Command
from warehouse.postgres.books.balances import Conn

Answer = tuple[dict[str, Any], Audit]
Handler = Callable[[Conn, Any, Actor, UUID], Answer]
Handlers = Mapping[type[Command], Handler]
