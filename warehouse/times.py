"""Between integer microseconds since the Unix epoch (everywhere) and datetimes (the database), exactly."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def to_us(at: datetime) -> int:
    """ValueError-free only for aware datetimes; a naive one is a bug and raises TypeError."""
    return (at - _EPOCH) // _MICROSECOND
