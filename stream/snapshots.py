"""Operator state as bytes: msgpack by msgspec, with numpy arrays as (dtype, shape, raw bytes).

State types are whatever an operator's `snapshot` returns: frozen dataclasses of plain values and arrays. Encoding is
also how the stream takes a copy that later calls cannot reach.
"""

from typing import Any, TypeVar, get_origin

import msgspec
import numpy as np

T = TypeVar("T")


class SnapshotFormatError(ValueError):
    """Stored state that this program's operator cannot take; the text says where it differs."""


class StateTypeError(Exception):
    """A state type with a part that nobody taught us to read: a bug of its operator, not bad data.

    Neither a TypeError nor a ValueError, which msgspec would pass off as bad data.
    """


def encode_state(state: object) -> bytes:
    """The bytes of a state. Raises TypeError for a value msgspec and numpy do not cover."""
    return _encoder.encode(state)


def decode_state(data: bytes, kind: type[T]) -> T:
    """The state in these bytes, its arrays writable.

    Raises `SnapshotFormatError`, and `StateTypeError` for a `kind` that cannot be read whatever the bytes.
    """
    try:
        return msgspec.msgpack.decode(data, type=kind, dec_hook=_from_plain)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotFormatError(f"not a {getattr(kind, '__name__', kind)}: {error}") from error


def _to_plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be stored in a snapshot")


def _from_plain(kind: type[Any], value: Any) -> Any:
    if (get_origin(kind) or kind) is np.ndarray:
        dtype, shape, raw = value
        return np.frombuffer(raw, np.dtype(dtype)).reshape(shape).copy()
    raise StateTypeError(f"{kind} cannot be read from a snapshot")


_encoder = msgspec.msgpack.Encoder(enc_hook=_to_plain)
