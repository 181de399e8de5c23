"""Cursors: where the next page of a list starts, opaque to the caller.

A cursor is base64url of JSON `[list, digest, position…]`: the name of the list, a digest of the filters it was given
with, and the sort key of the last row seen (a keyset, so rows added or removed elsewhere neither repeat nor hide
others). It is checked, not signed: a forged one can only start reading at another place of the same list, which the
caller may read anyway. A cursor of another list or of other filters is refused rather than misread.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from api.problems import INVALID_CURSOR, FieldProblem, ProblemError

# Three codes of 128 Chinese characters, and a little.
CURSOR_LENGTH_MAX = 2048
_FIX = "take `next` of the previous page unchanged, with the same filters"

T = TypeVar("T")


def encode_cursor(name: str, filters: Mapping[str, Any], position: tuple[Any, ...]) -> str:
    """The cursor after a row whose sort key is `position`."""
    raw = msgspec.json.encode([name, _digest(filters), *position])
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(text: str, name: str, filters: Mapping[str, Any], position_type: type[T]) -> T:
    """The position inside a cursor, as `position_type`, a tuple type. Raises `ProblemError` (invalid_cursor)."""
    if len(text) > CURSOR_LENGTH_MAX:
        raise _invalid("it is too long")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = msgspec.json.decode(raw, type=list[Any])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise _invalid("it cannot be read") from None
    if not all(_storable(part) for part in parts):
        raise _invalid("it cannot be read")
    if len(parts) < 2 or parts[0] != name:
        raise _invalid("it belongs to another list")
    if parts[1] != _digest(filters):
        raise _invalid("it belongs to other filters")
    try:
        return msgspec.convert(parts[2:], type=position_type)
    except msgspec.ValidationError:
        raise _invalid("its position cannot be read") from None


def _storable(part: Any) -> bool:
    """PostgreSQL takes no NUL in text and no integer beyond 64 bits."""
    if isinstance(part, str):
        return "\0" not in part
    return isinstance(part, int | float) and -(2**63) <= part < 2**63


def _digest(filters: Mapping[str, Any]) -> str:
    given = {key: str(value) for key, value in sorted(filters.items()) if value is not None}
    return hashlib.blake2s(msgspec.json.encode(given), digest_size=6).hexdigest()


def _invalid(what: str) -> ProblemError:
    return ProblemError(INVALID_CURSOR, what, [FieldProblem(what, _FIX, parameter="query:cursor")])
