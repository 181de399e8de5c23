"""Alerts: seen by somebody, and who is told of them how."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


@dataclass(frozen=True, slots=True)
class AcknowledgeAlert(Command):
    """Somebody has it in hand: nobody is told of it any more. It stays until the matter is over."""

    NEEDS: ClassVar[Permission] = Permission.RESOLVE

    alert_id: UUID
    note: str = ""


@dataclass(frozen=True, slots=True)
class SetAlertChannel(Command):
    """Make or change a way to tell people. Empty `departments` or `kinds` are all; `urgent` kinds know no quiet hours.

    Quiet hours are HH:MM by the clock of `timezone`; what is raised in them comes at their end, in one mail.
    """

    NEEDS: ClassVar[Permission] = Permission.CONFIGURE

    name: str
    mail_to: tuple[str, ...]
    departments: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    quiet_from: str | None = None
    quiet_to: str | None = None
    timezone: str = "UTC"
    urgent: tuple[str, ...] = ()
    active: bool = True
