"""The auditor of weights on hand-made books."""

from dataclasses import replace
from decimal import Decimal

from simulators.auditor_scales import WeighingRow, audit_weights
from simulators.plant_scales import PlantWeighing

PLAN = [
    PlantWeighing("scale-1", "door-1", "L1", "P1", 10, 20, Decimal(100), False),
    PlantWeighing("scale-2", "door-2", "L2", "P2", 30, 40, Decimal(200), True),
]
RIGHT = [
    WeighingRow("scale-1", "P1", 15, Decimal("100.5"), False),
    WeighingRow("scale-2", "P2", 35, Decimal("199.5"), True),
]


def test_right_books_agree() -> None:
    score = audit_weights(PLAN, RIGHT)
    assert (score.pallets, score.weighed, score.mismatches, score.mismatches_told) == (2, 2, 1, 1)
    assert score.agrees
    assert score.findings == ()


def test_each_mistake_is_seen() -> None:
    first, second = RIGHT
    for rows in (
        [second],
        [replace(first, pallet_epc="P2"), second],
        [replace(first, weight_kg=Decimal(102)), second],
        [replace(first, scale="scale-2"), second],
        [replace(first, at_us=21 + 1_000_000), second],
        [replace(first, mismatch=True), second],
        [first, replace(second, mismatch=False)],
        [first, replace(first, weight_kg=Decimal(90)), second],
    ):
        score = audit_weights(PLAN, rows)
        assert not score.agrees
        assert score.findings


def test_a_mismatch_is_no_false_alarm_where_the_books_lack_cartons() -> None:
    first, second = RIGHT
    assert audit_weights(PLAN, [replace(first, mismatch=True), second], {"L1"}).agrees
