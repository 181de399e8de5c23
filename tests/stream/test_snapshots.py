"""State as bytes and back."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.model import Sightings
from stream.snapshots import SnapshotFormatError, StateTypeError, decode_state, encode_state
from tests.stream.traffic import traffic


@dataclass(frozen=True, slots=True)
class State:
    name: str
    powers: NDArray[np.float64]
    seen: dict[str, tuple[int, ...]]
    grid: NDArray[np.int64] | None = None


def test_arrays_come_back_with_their_type_shape_and_values_and_can_be_written() -> None:
    grid = np.arange(6, dtype=np.int64).reshape(2, 3)
    again = decode_state(encode_state(State("x", np.array([1.5, np.nan]), {"a": (1, 2)}, grid)), State)
    assert again.powers.tolist()[0] == 1.5
    assert np.isnan(again.powers[1])
    assert again.grid is not None
    assert again.grid.tolist() == grid.tolist()
    assert again.seen == {"a": (1, 2)}
    again.powers[0] = 2.0


def test_sightings_are_state_too() -> None:
    sightings = traffic(2)[3].sightings
    again = decode_state(encode_state(sightings), Sightings)
    assert again.tags == sightings.tags
    assert again.tag.dtype == np.uint32
    assert again.first_us.tolist() == sightings.first_us.tolist()


def test_numpy_scalars_are_plain_numbers() -> None:
    assert decode_state(encode_state(State("x", np.empty(0), {"a": (np.int64(3),)})), State).seen == {"a": (3,)}


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x01\x02\x03", encode_state({"name": "x"})])
def test_bytes_that_are_no_such_state_raise_the_documented_error(data: bytes) -> None:
    with pytest.raises(SnapshotFormatError):
        decode_state(data, State)


def test_what_cannot_be_stored_is_our_mistake() -> None:
    with pytest.raises(TypeError, match="object cannot be stored"):
        encode_state(State("x", np.empty(0), {"a": object()}))  # type: ignore[dict-item]


def test_a_state_type_that_nobody_taught_us_is_told_from_bad_data() -> None:
    with pytest.raises(StateTypeError, match="complex"):
        decode_state(encode_state([1.0]), list[complex])
