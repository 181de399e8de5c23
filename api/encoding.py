"""JSON out. Answers are frozen dataclasses encoded by msgspec, ten times faster than validating them once more.

FastAPI documents them through `response_model`; the API tests hold every answer against that document. Decimals are
text, times RFC 3339 in UTC, NaN is null, and absent optional values are null.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from starlette.responses import Response

_encode = msgspec.json.Encoder().encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def json_bytes(value: Any) -> bytes:
    """UTF-8 JSON."""
    return _encode(value)


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An application/json answer."""
    return Response(_encode(value), status, headers=dict(headers) if headers else None, media_type="application/json")


def utc(at_us: int) -> datetime:
    """A time in microseconds since the Unix epoch, exactly."""
    return _EPOCH + timedelta(microseconds=at_us)


def utc_or_none(at_us: int | None) -> datetime | None:
    """The same; None stays None."""
    return None if at_us is None else utc(at_us)
