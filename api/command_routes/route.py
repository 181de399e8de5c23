"""One command's route, and the refusals that kinds of commands have in common."""

from dataclasses import dataclass
from typing import Any

from warehouse.commands import Command, RefusalCode
from warehouse.ledger import LedgerRefusal

NAMED = (RefusalCode.INVALID, RefusalCode.NOT_FOUND)
MADE = (*NAMED, RefusalCode.EXISTS)
DECIDED = (*NAMED, RefusalCode.WRONG_STATE)
POSTED = (*DECIDED, *LedgerRefusal)


@dataclass(frozen=True, slots=True)
class CommandRoute:
    """One operation. `refusals` are the domain's codes it can answer with.

    `shown_once` is the member of the answer with a secret that is made by the command and stored nowhere.
    """

    command: type[Command]
    path: str
    operation_id: str
    tag: str
    summary: str
    description: str
    example: dict[str, Any]
    refusals: tuple[str, ...]
    shown_once: str = ""
