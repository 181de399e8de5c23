"""How many pieces of a lot are inspected, and how many may be bad: single sampling, normal inspection.

Source: ISO 2859-1:1999, table 1 (code letters) and table 2-A (single sampling plans, normal inspection), AQL 0.010 to
10 as percent nonconforming. Table 2-A is one diagonal: an AQL step to the right and a letter up are the same row of
acceptance numbers. Beside Ac 0 an arrow up leads to the plan with Ac 0, the next arrow down to the one with Ac 1; above
the diagonal arrows lead down to it, below it up. A sample that reaches the lot's size is the whole lot (clause 10.3).
Switching to tightened or reduced inspection is not done here.
"""

from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal

LETTERS = "ABCDEFGHJKLMNPQR"
SIZES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000)
LEVELS = ("S-1", "S-2", "S-3", "S-4", "I", "II", "III")
AQLS = tuple(
    Decimal(text)
    for text in (
        "0.010", "0.015", "0.025", "0.040", "0.065", "0.10", "0.15", "0.25",
        "0.40", "0.65", "1.0", "1.5", "2.5", "4.0", "6.5", "10",
    )
)  # fmt: skip

# Table 1: the largest lot of each row, and its letters for the levels above.
_LOTS = (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000)
_TABLE_1 = (
    "AAAAAAB", "AAAAABC", "AABBBCD", "ABBCCDE", "BBCCCEF", "BBCDDFG", "BCDEEGH", "BCDEFHJ", "CCEFGJK", "CDEGHKL",
    "CDFGJLM", "CDFHKMN", "DEGJLNP", "DEGJMPQ", "DEHKNQR",
)  # fmt: skip

# Acceptance numbers down the diagonal, from Ac 0; None is an arrow to the row before (up), then after it (down).
_DIAGONAL = (0, None, None, 1, 2, 3, 5, 7, 10, 14, 21)


class SamplingError(ValueError):
    """No such level or AQL, or a lot without pieces."""


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """Inspect `sample` pieces; accept with at most `accept` bad ones, reject from `reject` on."""

    letter: str
    sample: int
    accept: int
    reject: int


def sampling_plan(lot_size: int, level: str = "II", aql: Decimal = Decimal("1.0")) -> SamplingPlan:
    """The plan for a lot. Raises SamplingError."""
    if lot_size < 1:
        raise SamplingError(f"a lot of {lot_size} pieces")
    if level not in LEVELS:
        raise SamplingError(f"no inspection level {level!r}: one of {', '.join(LEVELS)}")
    if aql not in AQLS:
        raise SamplingError(f"no AQL {aql}: one of {', '.join(map(str, AQLS))}")
    row = LETTERS.index(_TABLE_1[bisect_left(_LOTS, lot_size)][LEVELS.index(level)])
    # The letter whose plan has Ac 0: Q at AQL 0.010, one letter up for each step of the AQL.
    zero = LETTERS.index("Q") - AQLS.index(aql)
    row = _follow_arrows(row, zero)
    accept = _DIAGONAL[row - zero]
    assert accept is not None
    return SamplingPlan(LETTERS[row], min(SIZES[row], lot_size), accept, accept + 1)


def _follow_arrows(row: int, zero: int) -> int:
    step = max(row - zero, 0)
    if zero < 0 and step < 3:  # AQL 10: its Ac 0 would lie above letter A, so the first plan is Ac 1
        step = 3
    elif step == 1 or (step == 2 and zero + 3 == len(LETTERS)):
        step = 0
    elif step == 2:
        step = 3
    return zero + min(step, len(_DIAGONAL) - 1)
