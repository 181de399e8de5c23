"""Times as people write them in recordings, to integer microseconds since the Unix epoch, UTC.

Numbers carry a unit (`s`, `ms`, `us`, `ns`); without one it follows from their size: an epoch time of this century is
9-10 digits in seconds, 12-13 in milliseconds, 15-16 in microseconds, 18-19 in nanoseconds. Smaller numbers count from
the start of the recording: seconds when they have fractions; else the coarsest unit in which the column would hold
between one and 3,000 moments a second, milliseconds when none would.

Anything else is a date and time: ISO 8601 (`2026-01-05T08:00:00.25Z`, a space or a dash for the T, a comma for the
point, any number of decimals), `20260105T080000`, `05.01.2026 08:00:00`, `2026/01/05 08:00:00`,
`05-Jan-2026 08:00:00`, `01/05/2026 8:00:00 AM`, or a time of day alone, counted from midnight of 1 January 1970 and
past midnight on to the next day. Of `01/05/2026` the day is first when a number above 12 or a comma for the point says
so, or when only then the time lies where it should. Without an offset it is UTC.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

PER_UNIT_US = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
_SPANS = ((3e8, 1e11, "s"), (3e11, 1e14, "ms"), (3e14, 1e17, "us"), (3e17, 1e20, "ns"))
_DENSE_MAX = 3000.0
_MANY = 20
_MARGIN_US = 60_000_000
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_DAY = r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,:](?P<frac>\d+))?)?\s*(?P<ap>[AaPp]\.?[Mm]\.?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
_DATES = (
    re.compile(r"(?P<y>\d{4})[-/.](?P<mo>\d{1,2})[-/.](?P<d>\d{1,2})[T _-]\s*" + _OF_DAY + _ZONE, re.IGNORECASE),
    re.compile(r"(?P<d>\d{1,2})[-.](?P<mo>\d{1,2})[-.](?P<y>\d{4}),?[T _-]\s*" + _OF_DAY + _ZONE, re.IGNORECASE),
    re.compile(r"(?P<mo>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}),?[T _-]\s*" + _OF_DAY + _ZONE, re.IGNORECASE),
    re.compile(
        r"(?P<y>\d{4})(?P<mo>\d{2})(?P<d>\d{2})[T _-](?P<h>\d{2}):?(?P<m>\d{2}):?(?P<s>\d{2})(?:[.,](?P<frac>\d+))?"
        r"(?P<ap>)" + _ZONE,
        re.IGNORECASE,
    ),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = re.compile(r"(?P<d>\d{1,2})[-\s./]+(?P<mo>[A-Za-z]{3})[a-z]*[-\s./,]+(?P<y>\d{4})")
_TIME_ONLY = re.compile(_OF_DAY, re.IGNORECASE)


@dataclass(slots=True)
class Clock:
    """How one column tells time; `words` say so. `unit` None means dates and times of day."""

    unit: str | None
    words: str
    day_first: bool = False
    decimal_comma: bool = False
    _last_us: int = -1

    def microseconds(self, text: str) -> int:
        """One time; ValueError when it is none. Times of day go on past midnight in the order they are asked for."""
        if self.unit is not None:
            return microseconds(text.replace(",", ".") if self.decimal_comma else text, self.unit)
        at_us = _moment_us(text, self.day_first)
        if at_us < 86_400_000_000:
            while at_us < self._last_us - 43_200_000_000:
                at_us += 86_400_000_000
            self._last_us = max(self._last_us, at_us)
        return at_us


def clock_of(
    texts: Sequence[str],
    unit: str | None = None,
    decimal_comma: bool = False,
    span_us: tuple[int, int] | None = None,
) -> Clock:
    """How a column tells time, given its unit or by looking at it.

    With `span_us` a unit that is not said is the coarsest one that puts most of the column's times into that span.
    """
    plain = [text.replace(",", ".") for text in texts] if decimal_comma else texts
    guessed = unit_of(plain)
    if guessed is None:
        dated = any(_dated(text) for text in texts[:3])
        return Clock(None, "as date and time" if dated else "as time of day", _day_first(texts, decimal_comma, span_us))
    if unit is None and span_us is not None:
        low, high = span_us[0] - _MARGIN_US, span_us[1] + _MARGIN_US
        times = [value for text in plain if (value := _number(text)) is not None]
        fits = {each: sum(low <= value * PER_UNIT_US[each] <= high for value in times) for each in PER_UNIT_US}
        if any(fits.values()):
            guessed = max(fits, key=fits.__getitem__)  # of equals the coarsest
    known = unit or guessed
    return Clock(known, f"in {known}" + ("" if unit else " (by their size)"), decimal_comma=decimal_comma)


def unit_of(texts: Sequence[str]) -> str | None:
    """The unit of a column of numbers by its largest; None when fewer than half of the column are numbers."""
    values = [value for text in texts if (value := _number(text)) is not None]
    whole = all(value == int(value) for value in values)
    if len(values) * 2 < len(texts) or not values:
        return None
    largest, smallest = max(map(abs, values)), min(map(abs, values))
    for low, high, unit in _SPANS:
        if low <= smallest and largest < high:
            return unit
    if not whole:
        return "s"
    span = max(values) - min(values)
    moments = len(set(values))
    for unit in ("s", "ms", "us", "ns"):
        seconds = span * PER_UNIT_US[unit] / 1e6
        if moments >= _MANY and 1.0 <= moments / seconds <= _DENSE_MAX:
            return unit
    return "ms"


def microseconds(text: str, unit: str | None) -> int:
    """One time; `unit` None means a date and time. ValueError when it is neither."""
    if unit is None:
        return _moment_us(text, day_first=False)
    if unit in ("us", "ns") and text.lstrip("-").isdigit():
        return int(text) if unit == "us" else int(text) // 1000
    value = float(text) * PER_UNIT_US[unit]
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not finite")
    return round(value)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _moment_us(text: str, day_first: bool) -> int:
    text = text.strip()
    found = _dated(text)
    part = found or _TIME_ONLY.fullmatch(text)
    if part is None:
        raise ValueError(f"{text!r} is no date and time")
    hour = int(part["h"])
    if part["ap"]:
        hour = hour % 12 + (12 if part["ap"][0] in "Pp" else 0)
    frac_us = int(((part["frac"] or "") + "000000")[:6])
    if found is None:
        return (hour * 3600 + int(part["m"]) * 60 + int(part["s"] or 0)) * 1_000_000 + frac_us
    month, day = int(found["mo"]), int(found["d"])
    if day_first and "/" in text and not re.match(r"\d{4}", text):
        month, day = day, month
    at = datetime(int(found["y"]), month, day, hour, int(found["m"]), int(found["s"] or 0), tzinfo=_zone(found["zone"]))
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + frac_us


def _dated(text: str) -> re.Match[str] | None:
    text = text.strip()
    named = _NAMED.match(text) if any(letter.isalpha() for letter in text[:8]) else None
    if named and named["mo"].lower() in _MONTHS:
        month = _MONTHS.index(named["mo"].lower()) + 1
        text = f"{named['d']}.{month}.{named['y']}{text[named.end() :]}"
    return next((match for pattern in _DATES if (match := pattern.fullmatch(text))), None)


def _zone(text: str | None) -> timezone:
    if not text or text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    digits = text[1:].replace(":", "") + "00"
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
    return timezone(offset if text[0] == "+" else -offset)


def _day_first(texts: Sequence[str], decimal_comma: bool = False, span_us: tuple[int, int] | None = None) -> bool:
    dates = [match for text in texts if (match := re.match(r"(\d{1,2})/(\d{1,2})/\d{4}", text.strip()))]
    if any(int(date.group(1)) > 12 for date in dates):
        return True
    if not dates or any(int(date.group(2)) > 12 for date in dates):
        return False
    if span_us is not None:
        month_first, day_first = (sum(_within(text, first, span_us) for text in texts) for first in (False, True))
        if month_first != day_first:
            return day_first > month_first
    return decimal_comma or any(re.search(r":\d{2},\d+", text) for text in texts[:_MANY])


def _within(text: str, day_first: bool, span_us: tuple[int, int]) -> bool:
    try:
        # A day more on either side: whose time of day it is, is another question.
        return span_us[0] - _DAY_US <= _moment_us(text, day_first) <= span_us[1] + _DAY_US
    except ValueError:
        return False
