"""Sampling plans: cells of ISO 2859-1 tables 1 and 2-A read off by hand, arrows included."""

from decimal import Decimal

import pytest

from warehouse.sampling import AQLS, LEVELS, SamplingError, sampling_plan


@pytest.mark.parametrize(
    ("lot", "level", "aql", "plan"),
    [
        (1200, "II", "1.0", ("J", 80, 2, 3)),
        (1201, "II", "1.0", ("K", 125, 3, 4)),
        (500, "II", "2.5", ("H", 50, 3, 4)),
        (500, "I", "2.5", ("F", 20, 1, 2)),
        (500, "III", "2.5", ("J", 80, 5, 6)),
        (500, "S-3", "2.5", ("C", 5, 0, 1)),  # D: arrow up
        (150, "II", "1.0", ("E", 13, 0, 1)),  # F: arrow up
        (280, "II", "1.0", ("H", 50, 1, 2)),  # G: arrow down
        (10_000, "II", "0.65", ("L", 200, 3, 4)),
        (35_000, "II", "0.010", ("Q", 1250, 0, 1)),  # M: arrows down all the way
        (3_200, "II", "10", ("K", 125, 21, 22)),
        (500_001, "III", "6.5", ("L", 200, 21, 22)),  # R: arrows up all the way
        (2, "II", "4.0", ("B", 2, 0, 1)),  # the sample is the lot
        (8, "I", "10", ("C", 5, 1, 2)),
        (1_000_000, "III", "0.025", ("R", 2000, 1, 2)),
    ],
)
def test_the_tables(lot: int, level: str, aql: str, plan: tuple[str, int, int, int]) -> None:
    found = sampling_plan(lot, level, Decimal(aql))
    assert (found.letter, found.sample, found.accept, found.reject) == plan


def test_a_stricter_aql_never_accepts_a_greater_share() -> None:
    for lot in (5, 60, 400, 4_000, 40_000, 400_000):
        for level in LEVELS:
            plans = [sampling_plan(lot, level, aql) for aql in AQLS]
            shares = [plan.accept / plan.sample for plan in plans]
            assert shares == sorted(shares), (lot, level)
            assert all(plan.sample <= lot for plan in plans)


@pytest.mark.parametrize(("lot", "level", "aql"), [(0, "II", "1.0"), (5, "IV", "1.0"), (5, "II", "3")])
def test_what_the_tables_do_not_have_is_refused(lot: int, level: str, aql: str) -> None:
    with pytest.raises(SamplingError):
        sampling_plan(lot, level, Decimal(aql))
