"""What one look at a file came to, before it is known whether it stays."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from warehouse.postgres.importing.findings import Findings

# Tells how far the work is: step, done, total (0: not known).
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing made: its table and its key in it."""

    entity: str
    key: str
    row_no: int = 0


@dataclass(slots=True)
class Outcome:
    """`unchanged` rows are in the books already, just so. `quantity` is the sum of the file's quantities as written."""

    findings: Findings = field(default_factory=Findings)
    rows: int = 0
    made: int = 0
    unchanged: int = 0
    left_out: int = 0
    quantity: Decimal = Decimal(0)
    effects: list[Effect] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.findings.error_count == 0
