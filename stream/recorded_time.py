"""Times as people write them in recordings, to integer microseconds since the Unix epoch, UTC.

Numbers carry a unit (`s`, `ms`, `us`, `ns`); without one it follows from their size: an epoch time of this century is
9-10 digits in seconds, 12-13 in milliseconds, 15-16 in microseconds, 18-19 in nanoseconds. Smaller numbers count from
the start of the recording: seconds when they have fractions, milliseconds when they are whole. Anything else must be
ISO 8601 (`2026-01-05T08:00:00.25Z`, a space for the T, a comma for the point); without an offset it is UTC.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

PER_UNIT_US = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
_SPANS = ((1e8, 1e11, "s"), (1e11, 1e14, "ms"), (1e14, 1e17, "us"), (1e17, 1e20, "ns"))


def unit_of(texts: Sequence[str]) -> str | None:
    """The unit of a column of numbers by its largest; None when fewer than half of the column are numbers."""
    largest, whole, numbers = 0.0, True, 0
    for text in texts:
        try:
            value = float(text)
        except ValueError:
            continue
        if math.isfinite(value):
            numbers += 1
            largest = max(largest, abs(value))
            whole = whole and value == int(value)
    if numbers * 2 < len(texts) or not numbers:
        return None
    for low, high, unit in _SPANS:
        if low <= largest < high:
            return unit
    return "ms" if whole else "s"


def microseconds(text: str, unit: str | None) -> int:
    """One time; `unit` None means ISO 8601. ValueError when it is neither."""
    if unit is not None:
        if unit in ("us", "ns") and text.lstrip("-").isdigit():
            return int(text) if unit == "us" else int(text) // 1000
        value = float(text) * PER_UNIT_US[unit]
        if not math.isfinite(value):
            raise ValueError(f"{text!r} is not finite")
        return round(value)
    moment = datetime.fromisoformat(text.strip().replace(",", "."))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
