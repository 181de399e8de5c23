"""Lot numbers: every field of a pattern, and every pattern that cannot be one."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.lot_numbers import LotFacts, PatternError, check_pattern, render

FACTS = LotFacts(date(2026, 1, 2), "SZX", "A-100", "bearings", "77120")


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("{site}-{YY}{MM}{DD}-{seq:4}", "SZX-260102-0007"),
        ("{YYYY}W{WW}/{seq:2}-{item}", "2026W01/07-A-100"),
        ("{DDD}{seq}{category}", "0027bearings"),
        ("{supplier}", "77120"),
        ("{supplier}.{seq}", "77120.7"),
    ],
)
def test_a_pattern_renders_its_fields(pattern: str, number: str) -> None:
    assert render(pattern, FACTS).with_sequence(7) == number


def test_the_iso_week_of_a_year_s_first_days_may_be_the_last_of_the_year_before() -> None:
    assert render("{WW}-{seq}", LotFacts(date(2027, 1, 1))).with_sequence(1) == "53-1"


def test_a_sequence_longer_than_its_digits_does_not_wrap() -> None:
    assert render("{seq:2}", FACTS).with_sequence(100) == "100"


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("LOT", "second lot"),
        ("{seq}{seq:2}", "one sequence"),
        ("{serial}{seq}", "no field .serial"),
        ("{seq:0}", "no field .seq:0"),
        ("{seq", "brace"),
        ("}{seq}", "brace"),
        ("{{seq}}", "brace"),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_field(pattern: str, says: str) -> None:
    with pytest.raises(PatternError, match=says):
        check_pattern(pattern)


def test_a_field_without_a_value_and_a_number_too_long_are_refused() -> None:
    with pytest.raises(PatternError, match="site"):
        render("{site}{seq}", LotFacts(date(2026, 1, 2)))
    with pytest.raises(PatternError, match="64"):
        render("x" * 64 + "{seq}", FACTS)


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_refused(pattern: str) -> None:
    try:
        first, second = (render(pattern, FACTS).with_sequence(n) for n in (1, 2))
    except PatternError:
        return
    assert first != second or "{supplier}" in pattern
