"""The auditor on put-away: where the books have each pallet that came in, against where it truly stands."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PutawayRows:
    """What the books say: the place of each handling unit that holds stock, and how many tasks are in which state.

    `shipped` are units that left from a bin.
    """

    places: Mapping[str, str]
    tasks: Mapping[str, int]
    shipped: int = 0


@dataclass(frozen=True, slots=True)
class PutawayScore:
    """Pallets compared, those the books have elsewhere, and what became of the tasks."""

    pallets: int
    different: int
    tasks: int
    done: int
    cancelled: int
    shipped: int
    findings: tuple[tuple[str, str], ...] = ()

    @property
    def agrees(self) -> bool:
        """Every pallet is where the books have it, and no task is left over."""
        return not self.different and self.done + self.cancelled == self.tasks

    def rows(self) -> tuple[tuple[str, str], ...]:
        gone = f", {self.cancelled} not needed any more" if self.cancelled else ""
        return (
            ("put-away tasks done", f"{self.done} of {self.tasks}{gone}"),
            ("pallets not in their bin", f"{self.different} of {self.pallets}"),
            ("pallets shipped from bins", str(self.shipped)),
        )


def audit_bins(standing: Mapping[str, str], books: PutawayRows, inside: str) -> PutawayScore:
    """`standing`: truth, by SSCC. A pallet behind a door may be booked loose there when its own tag was not read."""
    findings = []
    for unit, place in sorted(standing.items()):
        booked = books.places.get(unit, inside)
        if booked != place:
            findings.append((unit, f"the books have it at {booked}, it stands at {place}"))
    left = {state: count for state, count in books.tasks.items() if state not in ("done", "cancelled")}
    findings += [("tasks", f"{count} {state}") for state, count in sorted(left.items())]
    return PutawayScore(
        len(standing),
        sum(unit in standing for unit, _ in findings),
        sum(books.tasks.values()),
        books.tasks.get("done", 0),
        books.tasks.get("cancelled", 0),
        books.shipped,
        tuple(findings),
    )
