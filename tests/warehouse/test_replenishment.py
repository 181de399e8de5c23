"""Ordering again: cases G of the other systems' test suites, by their ids."""

from datetime import date
from decimal import Decimal as D

import pytest

from warehouse.replenishment import MinMax, ReorderPoint, Watched, needed_by, run


@pytest.mark.parametrize(("multiple", "expected"), [("10", "10"), ("1", "15"), (None, "15.5")])
def test_g1_multiples_never_exceed_the_maximum(multiple: str | None, expected: str) -> None:
    rule = MinMax(D(15), D(30), D(multiple) if multiple else None)
    assert rule.quantity(D("14.5")) == D(expected)


@pytest.mark.parametrize(
    ("case", "rule", "projected", "to_maximum", "expected"),
    [
        ("G2", MinMax(D(0), D(5)), 0 - 12, False, 17),
        ("G4", MinMax(D(5), D(200)), 10, False, 0),
        ("G4 to max", MinMax(D(5), D(200)), 10, True, 190),
        ("G6", MinMax(D(0), D(5)), 0 - 5, False, 10),
    ],
)
def test_min_max(case: str, rule: MinMax, projected: int, to_maximum: bool, expected: int) -> None:
    assert rule.quantity(D(projected), to_maximum=to_maximum) == expected, case


@pytest.mark.parametrize(("projected", "expected"), [(5, 20), (-15, 35), (20, 20), (21, 0)])
def test_g7_reorder_point(projected: int, expected: int) -> None:
    assert ReorderPoint(D(20), D(20)).quantity(D(projected)) == expected


def test_g9_needed_by_after_the_lead_time() -> None:
    assert needed_by(date(2026, 2, 27), 2) == date(2026, 3, 1)


def test_g11_a_broken_rule_is_reported_and_stops_no_other() -> None:
    rules = [(f"rule {n}", MinMax(D(9) if n in (3, 77, 400, 999) else D(1), D(5))) for n in range(1000)]
    done = run(rules, lambda rule: rule.quantity(D(0)))
    assert (len(done.orders), [name for name, _ in done.broken]) == (996, ["rule 3", "rule 77", "rule 400", "rule 999"])


def test_g12_the_same_low_stock_is_reported_once() -> None:
    watched = Watched()
    reports = []
    for quantity in (100, 100, 99):
        report, watched = watched.check([("A", D(quantity), D(500))])
        reports.append(report)
    assert reports == [("A",), (), ("A",)]
