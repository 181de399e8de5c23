"""Times in recordings: units by size, ISO 8601 with its variations."""

import pytest

from stream.recorded_time import clock_of, microseconds, unit_of

AT_US = 1_767_600_000_250_000


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (["1767600000.25"], "s"),
        (["1767600000250"], "ms"),
        (["1767600000250000"], "us"),
        (["1767600000250000000"], "ns"),
        (["0.0", "12.5"], "s"),
        (["0", "12500"], "ms"),
        (["2026-01-05T08:00:00Z"], None),
    ],
)
def test_the_unit_follows_from_the_largest_number(texts: list[str], unit: str | None) -> None:
    assert unit_of(texts) == unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("1767600000.25", "s"),
        ("1767600000250", "ms"),
        ("1767600000250000", "us"),
        ("1767600000250000999", "ns"),
        ("2026-01-05T08:00:00.25Z", None),
        ("2026-01-05 08:00:00,250", None),
        ("2026-01-05T16:00:00.250+08:00", None),
    ],
)
def test_one_moment_in_every_notation(text: str, unit: str | None) -> None:
    assert microseconds(text, unit) == AT_US


@pytest.mark.parametrize(("text", "unit"), [("noon", None), ("x", "s"), ("", "us")])
def test_what_is_no_time_is_refused(text: str, unit: str | None) -> None:
    with pytest.raises(ValueError, match=r".+"):
        microseconds(text, unit)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05-08:00:00.25",
        "20260105T080000.25Z",
        "20260105 08:00:00.250",
        "05-Jan-2026 08:00:00.250",
        "5 January 2026 08:00:00,25",
    ],
)
def test_dates_as_programs_write_them(text: str) -> None:
    assert microseconds(text, None) == AT_US


@pytest.mark.parametrize(
    ("texts", "span_us", "expected_us"),
    [
        (["05/01/2026 08:00:00.25"], (AT_US, AT_US), AT_US),
        (["01/05/2026 08:00:00.25"], (AT_US, AT_US), AT_US),
        (["05/01/2026 08:00:00,25"], None, AT_US),
        (["01/05/2026 08:00:00.25"], None, AT_US),
        (["05/01/2026 08:00:00.25", "13/01/2026 08:00:00.25"], None, AT_US),
    ],
    ids=["the reads say so", "the reads say no", "a comma for the point", "by itself", "a thirteenth month"],
)
def test_whether_the_day_is_first(texts: list[str], span_us: tuple[int, int] | None, expected_us: int) -> None:
    assert clock_of(texts, span_us=span_us).microseconds(texts[0]) == expected_us
