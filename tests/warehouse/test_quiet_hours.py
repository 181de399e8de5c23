"""Quiet hours by the clock of the people who sleep, also where the clock changes."""

from datetime import UTC, datetime, time

import pytest

from warehouse.quiet_hours import is_quiet


@pytest.mark.parametrize(
    ("now", "quiet_from", "quiet_to", "timezone", "quiet"),
    [
        (datetime(2026, 3, 1, 15, 0, tzinfo=UTC), time(22), time(6), "Asia/Shanghai", True),  # 23:00 there
        (datetime(2026, 3, 1, 22, 0, tzinfo=UTC), time(22), time(6), "Asia/Shanghai", False),  # 06:00 there
        (datetime(2026, 3, 1, 13, 59, tzinfo=UTC), time(22), time(6), "Asia/Shanghai", False),
        (datetime(2026, 3, 1, 12, 30, tzinfo=UTC), time(12), time(13), "UTC", True),
        (datetime(2026, 3, 29, 4, 30, tzinfo=UTC), time(22), time(6), "Europe/Berlin", False),  # summer time began
        (datetime(2026, 3, 28, 4, 30, tzinfo=UTC), time(22), time(6), "Europe/Berlin", True),
        (datetime(2026, 3, 1, tzinfo=UTC), None, None, "UTC", False),
        (datetime(2026, 3, 1, 9, tzinfo=UTC), time(9), time(9), "UTC", True),
    ],
)
def test_quiet(now: datetime, quiet_from: time | None, quiet_to: time | None, timezone: str, quiet: bool) -> None:
    assert is_quiet(now, quiet_from, quiet_to, timezone) is quiet
