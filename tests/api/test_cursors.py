"""Cursors: what was encoded comes back, for the same list and filters only; any other text is one documented error."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import decode_cursor, encode_cursor
from api.problems import ProblemError

Position = tuple[datetime, UUID, str, int]


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40),
    st.integers(-(2**63), 2**63 - 1),
    st.dictionaries(st.sampled_from(["a", "b"]), st.one_of(st.none(), st.text(max_size=5))),
)
def test_round_trip(at: datetime, key: UUID, text: str, number: int, filters: dict[str, str | None]) -> None:
    position = (at, key, text, number)
    cursor = encode_cursor("list", filters, position)
    assert decode_cursor(cursor, "list", filters, Position) == position
    for name, other in (("other", filters), ("list", filters | {"c": "x"})):
        with pytest.raises(ProblemError, match="invalid_cursor"):
            decode_cursor(cursor, name, other, Position)


@given(st.one_of(st.text(max_size=600), st.binary(max_size=300).map(lambda raw: raw.hex())))
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(ProblemError, match="invalid_cursor"):
        decode_cursor(text, "list", {}, Position)


@pytest.mark.parametrize("part", ["a\0b", 2**63, -(2**63) - 1, None, True, [1], {}])
def test_what_postgresql_cannot_take_is_refused(part: object) -> None:
    cursor = encode_cursor("list", {}, (part,))
    with pytest.raises(ProblemError, match="invalid_cursor"):
        decode_cursor(cursor, "list", {}, tuple[str] if isinstance(part, str) else tuple[int])  # type: ignore[arg-type]
