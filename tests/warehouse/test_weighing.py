"""Contents times unit weight, and how far a scale may be off."""

from decimal import Decimal

import pytest

from warehouse.weighing import Content, WeighOutcome, judge

D = Decimal
BOLTS = Content("BOLT", D(20), D("8.5"))


@pytest.mark.parametrize(
    ("weight", "outcome"),
    [
        ("195", WeighOutcome.AGREES),
        ("196.5", WeighOutcome.AGREES),
        ("193.5", WeighOutcome.AGREES),
        ("196.51", WeighOutcome.MISMATCH),
        ("186.5", WeighOutcome.MISMATCH),
    ],
)
def test_within_the_tolerance_it_agrees(weight: str, outcome: WeighOutcome) -> None:
    verdict = judge(D(weight), [BOLTS], D(25), D("1.5"), D("0.5"))
    assert (verdict.outcome, verdict.expected_kg, verdict.tolerance_kg) == (outcome, D("195.0"), D("1.5"))


def test_a_heavy_load_has_the_percentage() -> None:
    heavy = judge(D(2009), [Content("PUMP", D(10), D(200))], D(0), D(1), D("0.5"))
    assert (heavy.outcome, heavy.tolerance_kg) == (WeighOutcome.AGREES, D(10))


def test_a_mismatch_says_by_how_much_and_about_how_many_pieces() -> None:
    verdict = judge(D("212"), [BOLTS], D(25), D(1), D(0))
    assert verdict.detail == (
        "212 kg, 195 ± 1 kg expected: 20 × BOLT (8.5 kg), tare 25 kg; 17 kg too much, about 2.0 of BOLT"
    )
    assert "17 kg too little" in judge(D("178"), [BOLTS], D(25), D(1), D(0)).detail


def test_what_cannot_be_computed_is_unknown() -> None:
    assert judge(D(10), [], D(0), D(1), D(0)).outcome is WeighOutcome.UNKNOWN
    nameless = judge(D(10), [BOLTS, Content("NUT", D(1), None)], D(0), D(1), D(0))
    assert (nameless.outcome, nameless.detail) == (WeighOutcome.UNKNOWN, "no weight is known of NUT")


def test_an_item_that_weighs_nothing_is_no_division_by_zero() -> None:
    assert judge(D(10), [Content("LABEL", D(5), D(0))], D(0), D(1), D(0)).outcome is WeighOutcome.MISMATCH
