"""The auditor on what people did away from the doors: transfers as they truly went, and what a count had to find."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from simulators.plant_truth import CountTruth, TransferTruth


@dataclass(frozen=True, slots=True)
class TransferRow:
    """A transfer in the books: shipped, received, and written off on the way."""

    number: str
    shipped: Decimal
    received: Decimal
    lost: Decimal


@dataclass(frozen=True, slots=True)
class VarianceRow:
    """A line of a posted count that differed."""

    number: str
    location: str
    item: str
    difference: Decimal


@dataclass(frozen=True, slots=True)
class StoreScore:
    """Transfers and a count against what truly happened; cartons."""

    transfers: int
    transfers_right: int
    on_the_way: int
    lost: int
    lost_told: int
    missing: int
    missing_found: int
    missing_false: int
    findings: tuple[tuple[str, str], ...] = ()

    @property
    def agrees(self) -> bool:
        return self.transfers == self.transfers_right and not self.findings

    def rows(self) -> tuple[tuple[str, str], ...]:
        return (
            ("transfers right", f"{self.transfers_right} of {self.transfers}, {self.on_the_way} cartons on the way"),
            ("cartons lost on the way", f"{self.lost_told} written off of {self.lost}"),
            (
                "cartons gone from shelves",
                f"{self.missing_found} counted of {self.missing}  ({self.missing_false} false)",
            ),
        )


def audit_store(
    transfers: Sequence[TransferTruth], count: CountTruth, books: Iterable[TransferRow], counted: Iterable[VarianceRow]
) -> StoreScore:
    """Compare. A transfer is right when the books have shipped, received and lost what truly was."""
    findings: list[tuple[str, str]] = []
    rows: Mapping[str, TransferRow] = {row.number: row for row in books}
    right = told = 0
    for truth in transfers:
        row = rows.get(truth.number)
        truly = (truth.shipped, truth.received, truth.lost)
        booked = (int(row.shipped), int(row.received), int(row.lost)) if row is not None else (0, 0, 0)
        told += min(booked[2], truth.lost)
        if booked == truly:
            right += 1
        else:
            findings.append((truth.number, f"shipped, received, lost: {booked} in the books, truly {truly}"))
    wanted = {(place, item): difference for place, item, difference in count.differences}
    found = {(row.location, row.item): int(row.difference) for row in counted if row.number == count.number}
    for key in sorted({*wanted, *found}):
        if wanted.get(key, 0) != found.get(key, 0):
            findings.append((f"{key[1]} in {key[0]}", f"{found.get(key, 0):+d} counted, truly {wanted.get(key, 0):+d}"))
    return StoreScore(
        transfers=len(transfers),
        transfers_right=right,
        on_the_way=sum(truth.shipped - truth.received - truth.lost for truth in transfers),
        lost=sum(truth.lost for truth in transfers),
        lost_told=told,
        missing=sum(abs(difference) for difference in wanted.values()),
        missing_found=sum(abs(difference) for key, difference in found.items() if wanted.get(key) == difference),
        missing_false=sum(abs(difference) for key, difference in found.items() if wanted.get(key) != difference),
        findings=tuple(findings),
    )
