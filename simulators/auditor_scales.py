"""The auditor of weights: what the books say stood on the scales, against what truly did. Knows no rule.

A pallet is weighed rightly when the books have a weighing of it on that scale while it stood there, within
`WITHIN_KG`. A mismatch is told rightly when cartons were on the pallet that no document names; one told of another
pallet is a false alarm, unless the books themselves lack cartons that were announced and moved (`books_short`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from simulators.plant_scales import PlantWeighing

WITHIN_KG = Decimal(1)
SLACK_US = 1_000_000


@dataclass(frozen=True, slots=True)
class WeighingRow:
    """A weighing in the books; `pallet_epc` empty when nobody knows what stood there."""

    scale: str
    pallet_epc: str
    at_us: int
    weight_kg: Decimal
    mismatch: bool


@dataclass(frozen=True, slots=True)
class WeightScore:
    """Pallets that stood on scales, those weighed rightly; mismatches that are true, those of them told, false ones."""

    pallets: int
    weighed: int
    mismatches: int
    mismatches_told: int
    false_alarms: int
    findings: tuple[tuple[str, str], ...] = ()

    @property
    def agrees(self) -> bool:
        """Every pallet weighed as itself, every surplus told, nothing told without cause."""
        return self.weighed == self.pallets and self.mismatches_told == self.mismatches and not self.false_alarms

    def rows(self) -> tuple[tuple[str, str], ...]:
        """Label and value."""
        return (
            ("pallets weighed", f"{self.weighed} of {self.pallets}"),
            (
                "weights that do not fit",
                f"{self.mismatches_told} told of {self.mismatches}  ({self.false_alarms} false)",
            ),
        )


def audit_weights(
    plan: Sequence[PlantWeighing], rows: Iterable[WeighingRow], books_short: Collection[str] = ()
) -> WeightScore:
    """Compare. `books_short` are load ids of which the books lack cartons: their scales rightly say so."""
    found = list(rows)
    weighed = told = false = 0
    findings = []
    for true in plan:
        mine = [
            row
            for row in found
            if row.scale == true.scale
            and row.pallet_epc == true.pallet_epc
            and true.on_us <= row.at_us <= true.off_us + SLACK_US
        ]
        right = bool(mine) and all(abs(row.weight_kg - true.weight_kg) <= WITHIN_KG for row in mine)
        weighed += right
        if not right:
            shown = ", ".join(f"{row.weight_kg:f}" for row in mine) or "nothing"
            findings.append((true.load_id, f"{shown} on {true.scale}, truly {true.weight_kg:f} kg"))
        mismatch = any(row.mismatch for row in mine)
        told += true.books_differ and mismatch
        if mismatch and not true.books_differ and true.load_id not in books_short:
            false += 1
            findings.append((true.load_id, "weighs what it should, but a mismatch was told"))
        if true.books_differ and not mismatch:
            findings.append((true.load_id, "weighs more than its document says, and nobody told"))
    differ = sum(true.books_differ for true in plan)
    return WeightScore(len(plan), weighed, differ, told, false, tuple(findings))
