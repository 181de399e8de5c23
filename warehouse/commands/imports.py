"""Imports: apply a checked file, take an applied one back, sign it off. Files themselves come by upload."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from warehouse.commands.command import Command
from warehouse.commands.permission import Permission


@dataclass(frozen=True, slots=True)
class ApplyImport(Command):
    """Put a checked file into the books, whole or not at all; done in the background."""

    NEEDS: ClassVar[Permission] = Permission.IMPORT

    run_id: UUID


@dataclass(frozen=True, slots=True)
class UndoImport(Command):
    """Take back what a run made: movements are reversed, documents cancelled, unused master data removed."""

    NEEDS: ClassVar[Permission] = Permission.IMPORT

    run_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class SignOffImport(Command):
    """Another person states the old system's totals. They must be the run's own; it cannot be undone afterwards."""

    NEEDS: ClassVar[Permission] = Permission.APPROVE

    run_id: UUID
    rows: Decimal
    quantity: Decimal | None = None
    note: str = ""
