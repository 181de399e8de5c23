"""Topics and control payloads shared by edge and stream."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.model import Colour, Signal
from stream.mqtt_topics import (
    BatchAck,
    ControlFormatError,
    Resend,
    ack_topic,
    agent_of,
    batch_topic,
    decode_ack,
    decode_expectation,
    decode_resend,
    decode_signal,
    encode_ack,
    encode_expectation,
    encode_resend,
    encode_signal,
    expected_topic,
    resend_topic,
    signal_topic,
)
from warehouse.loads import Expectation, ExpectedDocument


def test_topics_name_site_agent_and_portal() -> None:
    assert batch_topic("plant", "edge-1") == "tagledger/v1/plant/edge/edge-1/batch"
    assert ack_topic("plant", "edge-1") == "tagledger/v1/plant/edge/edge-1/ack"
    assert resend_topic("plant", "+") == "tagledger/v1/plant/edge/+/resend"
    assert signal_topic("plant", "edge-1", "dock-1") == "tagledger/v1/plant/edge/edge-1/signal/dock-1"
    assert expected_topic("plant", "edge-1", "+") == "tagledger/v1/plant/edge/edge-1/expected/+"


@pytest.mark.parametrize("name", ["", "a/b", "a+", "#", "a\0"])
def test_names_that_would_break_a_topic_are_refused(name: str) -> None:
    with pytest.raises(ControlFormatError):
        batch_topic("plant", name)
    with pytest.raises(ControlFormatError):
        batch_topic(name, "edge-1")


def test_the_agent_is_read_back_from_a_topic() -> None:
    assert agent_of(batch_topic("plant", "edge-1")) == "edge-1"
    for other in ("", "tagledger/v2/plant/edge/edge-1/batch", "tagledger/v1/plant/edge//batch", "a/b/c/d/e/f"):
        with pytest.raises(ControlFormatError):
            agent_of(other)


def test_control_payloads_come_back_as_they_went() -> None:
    signal = Signal("dock-1", Colour.RED, "extra", 1, 2, UUID(int=5), 3, 2, ("A",), ("B",))
    expectation = Expectation("dock-1", 1, (ExpectedDocument("ASN-1", ("E2",), (("04012345678901", 3),)),))
    assert decode_ack(encode_ack(BatchAck("e1", 7))) == BatchAck("e1", 7)
    assert decode_resend(encode_resend(Resend("", 0))) == Resend("", 0)
    assert decode_signal(encode_signal(signal)) == signal
    assert decode_expectation(encode_expectation(expectation)) == expectation


def test_a_counter_out_of_range_is_refused() -> None:
    with pytest.raises(ControlFormatError, match="out of range"):
        decode_ack(b'{"epoch":"e1","counter":0}')


@given(st.binary(max_size=100))
def test_random_payloads_raise_only_the_documented_error(payload: bytes) -> None:
    for decode in (decode_ack, decode_resend, decode_signal, decode_expectation):
        with pytest.raises(ControlFormatError):
            decode(payload)
