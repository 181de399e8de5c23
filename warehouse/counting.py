"""Counting while the store keeps moving: what a count changes, when it may be posted, what state it is in. Pure.

A line remembers the book quantity at the moment it was counted. Posting applies `counted - book then`, and stops when
the balance moved since: a person then recounts or says that the count stands, which makes the difference against the
book now. Differences beyond the tolerance need someone with the right to approve them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class CountProblem(StrEnum):
    """Why a count line is not posted."""

    NOT_COUNTED = "not_counted"
    MOVED_SINCE = "moved_since"
    RECOUNT_NEEDED = "recount_needed"
    BEYOND_TOLERANCE = "beyond_tolerance"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A difference passes within either percent or quantity, and, where `value` is given, within that too."""

    percent: Decimal = ZERO
    quantity: Decimal = ZERO
    value: Decimal | None = None

    def allows(self, book: Decimal, counted: Decimal, unit_cost: Decimal = ZERO) -> bool:
        difference = abs(counted - book)
        if self.value is not None and difference * unit_cost > self.value:
            return False
        return difference <= self.quantity or difference * 100 <= self.percent * book


@dataclass(frozen=True, slots=True)
class Counted:
    """One line: the book when it was counted, what was counted, the book now, and whether it moved in between.

    `counts` is how often it was counted, `recounts` how often it must be counted again before a difference beyond the
    tolerance can be approved; `unit_cost` what one of it is worth, 0 where nobody knows.
    """

    book_then: Decimal
    counted: Decimal | None
    book_now: Decimal
    moved: bool
    unit_cost: Decimal = ZERO
    counts: int = 1
    recounts: int = 0


def difference(
    line: Counted, tolerance: Tolerance, *, keep_count: bool = False, approver: bool = False
) -> Decimal | CountProblem:
    """What posting adds to the book, or why it stops; the first that applies in the order of `CountProblem`."""
    if line.counted is None:
        return CountProblem.NOT_COUNTED
    if line.moved and not keep_count:
        return CountProblem.MOVED_SINCE
    book = line.book_now if line.moved else line.book_then
    if not tolerance.allows(book, line.counted, line.unit_cost):
        if line.counts <= line.recounts:
            return CountProblem.RECOUNT_NEEDED
        if not approver:
            return CountProblem.BEYOND_TOLERANCE
    return line.counted - book


def whole_item(book: Iterable[str | None], counted: Mapping[str | None, Decimal]) -> dict[str | None, Decimal]:
    """A count of all of an item in a place by lot: lots of the books that nobody named are counted as none."""
    return {lot: counted.get(lot, ZERO) for lot in {**dict.fromkeys(book), **counted}}


def nearest_tolerance(chain: Sequence[Tolerance | None]) -> Tolerance:
    """The first that is set, from the place itself to its parents; none set means no difference passes."""
    return next((tolerance for tolerance in chain if tolerance is not None), Tolerance())


class LineState(StrEnum):
    """How far one item of a count is."""

    READY = "ready"
    COUNTING = "counting"
    COUNTED = "counted"
    RECOUNT = "recount"
    APPROVED = "approved"


class CountState(StrEnum):
    """How far a count is."""

    REQUESTED = "requested"
    COUNTING = "counting"
    COUNTED = "counted"
    INVESTIGATING = "investigating"
    COMPLETED = "completed"


def state_of(lines: Sequence[LineState]) -> CountState:
    """The count's state from its lines'."""
    states = set(lines)
    if LineState.RECOUNT in states:
        return CountState.INVESTIGATING
    if states == {LineState.READY}:
        return CountState.REQUESTED
    if states == {LineState.APPROVED}:
        return CountState.COMPLETED
    if states & {LineState.READY, LineState.COUNTING}:
        return CountState.COUNTING
    return CountState.COUNTED


class Importance(StrEnum):
    """Class of an item by the value of its use: few items make up most of it."""

    A = "a"
    B = "b"
    C = "c"


# Shares of the value used that classes A, and A with B, make up; and how often each class is counted.
SHARE_A, SHARE_AB = Decimal("0.80"), Decimal("0.95")
COUNT_EVERY_DAYS = {Importance.A: 30, Importance.B: 90, Importance.C: 180}


def classify(used: Mapping[int, Decimal]) -> dict[int, Importance]:
    """Items by the value used of each, the dearest first; what was not used is C. Ties go by the smaller id."""
    total = sum(used.values(), ZERO)
    classes: dict[int, Importance] = {}
    before = ZERO
    for item in sorted(used, key=lambda item: (-used[item], item)):
        if used[item] <= 0 or before >= total * SHARE_AB:
            classes[item] = Importance.C
        else:
            classes[item] = Importance.A if before < total * SHARE_A else Importance.B
        before += used[item]
    return classes


def spread(seen: Decimal, expected: Sequence[Decimal]) -> list[Decimal]:
    """What was seen in a place over its lines, as the books have it as far as that goes; the last gets the rest."""
    parts = []
    left = seen
    for number, quantity in enumerate(expected):
        part = left if number == len(expected) - 1 else min(left, quantity)
        parts.append(part)
        left -= part
    return parts
