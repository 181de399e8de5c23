"""What the topics carry comes back as it went, and nothing else is taken for it."""

from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.batch_codec import BatchFormatError, encode_batch
from stream.kafka_messages import decode_place_input, decode_report, encode_input, is_batch
from stream.log import Redelivery, ReportsTaken, SourceLeftOut
from stream.places import FailureKind
from tests.stream.traffic import batch
from warehouse.loads import Expectation, ExpectedDocument

LETTER = Redelivery(UUID(int=7), FailureKind.TAG_REPORT, "AA", b"body", 0)
PLACE_INPUTS = [
    Expectation("dock1", 5, (ExpectedDocument("ASN-1", ("AA",), (("item", 2),)),)),
    SourceLeftOut("edge", 9),
    LETTER,
]
REPORTS = ReportsTaken("shelf", 9, 3, 4, (), silent=True)


def test_inputs_come_back_as_they_went() -> None:
    for entry in PLACE_INPUTS:
        value = encode_input(entry)
        assert not is_batch(value)
        assert decode_place_input(value) == entry
    assert decode_report(encode_input(REPORTS)) == REPORTS
    assert decode_report(encode_input(LETTER)) == LETTER


def test_a_batch_is_told_from_the_rest_by_its_first_byte() -> None:
    assert is_batch(encode_batch(batch(1)))


def test_what_is_for_tags_is_nothing_for_a_place_and_the_other_way_round() -> None:
    with pytest.raises(BatchFormatError, match="nothing for a place"):
        decode_place_input(encode_input(REPORTS))
    with pytest.raises(BatchFormatError, match="nothing for tags"):
        decode_report(encode_input(PLACE_INPUTS[0]))


def test_a_schema_to_come_is_refused_by_name() -> None:
    value = msgspec.msgpack.encode({"schema": 9, "kind": 3, "body": b""})
    with pytest.raises(BatchFormatError, match="schema 9"):
        decode_place_input(value)


@given(st.binary(max_size=64))
def test_other_bytes_raise_the_documented_error(value: bytes) -> None:
    for decode in (decode_place_input, decode_report):
        with pytest.raises(BatchFormatError):
            decode(value)
