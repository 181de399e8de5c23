"""People, their roles, keys of devices and systems, and what needs approval.

None of these carries a secret: passwords and keys are made beside them, shown once, and are in no log and no recording.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


@dataclass(frozen=True, slots=True)
class AccessCommand(Command):
    """About who may do what, not about the warehouse: no part of a recording."""


@dataclass(frozen=True, slots=True)
class CreateUser(AccessCommand):
    """`name` is what they sign in with and the books call them. The answer has a password to be changed at once."""

    NEEDS: ClassVar[Permission] = Permission.USERS

    name: str
    full_name: str = ""
    role: str | None = None


@dataclass(frozen=True, slots=True)
class DisableUser(AccessCommand):
    """Ends their sessions, and nobody signs in as them any more; `disabled` False lets them in again."""

    NEEDS: ClassVar[Permission] = Permission.USERS

    name: str
    disabled: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResetPassword(AccessCommand):
    """Ends their sessions and their password. The answer has another, to be changed at once."""

    NEEDS: ClassVar[Permission] = Permission.USERS

    name: str


@dataclass(frozen=True, slots=True)
class EndSessions(AccessCommand):
    """Of one person, all or the one named: a handheld that was lost."""

    NEEDS: ClassVar[Permission] = Permission.USERS

    name: str
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class GiveRole(AccessCommand):
    """Everywhere, or within a warehouse (a location of level `warehouse` or `site`)."""

    NEEDS: ClassVar[Permission] = Permission.USERS

    name: str
    role: str
    warehouse: str | None = None


@dataclass(frozen=True, slots=True)
class TakeRole(AccessCommand):
    NEEDS: ClassVar[Permission] = Permission.USERS

    name: str
    role: str
    warehouse: str | None = None


@dataclass(frozen=True, slots=True)
class SetRole(AccessCommand):
    """What a role may do from now on, new or not. Nobody puts in what they do not hold."""

    NEEDS: ClassVar[Permission] = Permission.CONFIGURE

    name: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class CreateKey(AccessCommand):
    """For a device or a system: permissions, and those of a role as it is now; the answer has the key, once.

    With `warehouses` they hold within these only. A key bound to a `device` is that device in the books.
    """

    NEEDS: ClassVar[Permission] = Permission.KEYS

    name: str
    permissions: tuple[Permission, ...] = ()
    role: str | None = None
    warehouses: tuple[str, ...] = ()
    device: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RevokeKey(AccessCommand):
    NEEDS: ClassVar[Permission] = Permission.KEYS

    key_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SetApprovalRule(AccessCommand):
    """From which quantity (sum of lines) or value on `subject` needs approval; neither: always.

    `subject` is a kind of document, which then waits for somebody else, or `adjustment`, which then is refused: it goes
    by a document that somebody else approves. `removed`: it needs none any more.
    """

    NEEDS: ClassVar[Permission] = Permission.CONFIGURE

    subject: str
    quantity_min: Decimal | None = None
    value_min: Decimal | None = None
    removed: bool = False
