"""What every message begins with: headerId, timestamp, version, manufacturer, serialNumber (VDA 5050 2.1.0, 6.4).

headerId counts the sent messages of one topic and one sender, an unsigned 32-bit number that wraps. A last will carries
number and time of its connection's beginning, so nothing may order it by them.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

HEADER_ID_MAX = 0xFFFF_FFFF
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"\.(\d+)")


class Version(StrEnum):
    """The dialects spoken here; the value is what the header says."""

    V2_1 = "2.1.0"
    V3_0 = "3.0.0"

    @property
    def topic_level(self) -> str:
        return "v2" if self is Version.V2_1 else "v3"


class Topic(StrEnum):
    """The last topic level, one per kind of message."""

    ORDER = "order"
    INSTANT_ACTIONS = "instantActions"
    STATE = "state"
    VISUALIZATION = "visualization"
    CONNECTION = "connection"
    FACTSHEET = "factsheet"


@dataclass(frozen=True, slots=True, order=True)
class VehicleId:
    """A vehicle is its manufacturer and serial number together."""

    manufacturer: str
    serial_number: str

    def __str__(self) -> str:
        return f"{self.manufacturer}/{self.serial_number}"


@dataclass(frozen=True, slots=True)
class Header:
    """`at_us` is None when the sender's timestamp cannot be read; nothing is decided by it."""

    header_id: int
    at_us: int | None
    version: Version
    vehicle: VehicleId


class HeaderCounter:
    """The next headerId per topic."""

    def __init__(self) -> None:
        self._next: dict[Topic, int] = {}

    def next(self, topic: Topic) -> int:
        number = self._next.get(topic, 0)
        self._next[topic] = number + 1 & HEADER_ID_MAX
        return number


def timestamp_text(at_us: int) -> str:
    """ISO 8601 in UTC with milliseconds, as the schemas' date-time wants it."""
    at = _EPOCH + timedelta(microseconds=at_us)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def timestamp_us(text: str) -> int | None:
    """The time a timestamp says; None when it is none. Without an offset it is read as UTC, which the standard sets."""
    try:
        at = datetime.fromisoformat(_FRACTION.sub(lambda m: f".{m[1][:6]:0<6}", text))
    except ValueError:
        return None
    return (at.replace(tzinfo=at.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)
