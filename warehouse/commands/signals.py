"""What people order a door to show."""

from dataclasses import dataclass
from typing import ClassVar

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission
from warehouse.loads import OverrideColour

OVERRIDE_S_MAX = 8 * 3600
"""A longer order is a setting, not an exception."""


@dataclass(frozen=True, slots=True)
class OverrideSignal(Command):
    """A person decides what a portal shows, for `for_s` seconds; an interlock follows. No `colour` ends it early."""

    NEEDS: ClassVar[Permission] = Permission.SIGNAL

    portal: str
    reason: str
    colour: OverrideColour | None = None
    for_s: int = 300
