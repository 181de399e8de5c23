"""What the bridge passes on to Kafka, and what it keeps back."""

from dataclasses import replace

from stream.batch_codec import decode_batch, encode_batch
from stream.bridge_batches import ArrivingBatches, Onward
from stream.bridge_kafka import MESSAGE_BYTES_MAX
from stream.kafka_messages import decode_place_input
from stream.log import SourceLeftOut
from stream.mqtt_client import resend_to
from stream.mqtt_topics import batch_topic
from tests.stream.traffic import AGENT, EPOCH, batch, site, traffic

TOPIC = batch_topic("plant", AGENT)
LOG = traffic(3)


def arriving(committed: int = 0) -> ArrivingBatches:
    return ArrivingBatches(site(), {(AGENT, EPOCH): committed} if committed else {}, 0.0)


def taken(batches: ArrivingBatches, payload: bytes, topic: str = TOPIC, now_s: float = 0.0) -> Onward:
    onward = Onward()
    batches.take(topic, payload, now_s, onward)
    return onward


def test_a_batch_goes_to_every_place_whose_time_it_moves() -> None:
    onward = taken(arriving(), encode_batch(LOG[0]))
    assert sorted(place for place, _ in onward.messages) == ["dock1", "dock2", "rack", "shelf"]
    assert {decode_batch(value).id for _, value in onward.messages} == {LOG[0].id}


def test_what_is_no_batch_of_its_topics_agent_goes_on_under_its_topic() -> None:
    other = encode_batch(replace(LOG[0], id=replace(LOG[0].id, agent="other")))
    for payload in (b"garbage", other):
        assert taken(arriving(), payload).messages == [(TOPIC, payload)]


def test_what_kafka_would_refuse_is_dropped() -> None:
    assert taken(arriving(), bytes(MESSAGE_BYTES_MAX + 1)) == Onward()


def test_an_agent_without_a_place_keeps_its_batches() -> None:
    nowhere = replace(site(), readers=tuple(replace(reader, agent="dock-edge") for reader in site().readers))
    assert taken(ArrivingBatches(nowhere, {}, 0.0), encode_batch(LOG[0])) == Onward()


def test_a_hole_is_asked_for_and_nothing_after_it_goes_on() -> None:
    batches = arriving(committed=1)
    onward = taken(batches, encode_batch(LOG[3]))
    assert onward == Onward(requests=[resend_to("plant", AGENT, EPOCH, 2)])
    assert taken(batches, encode_batch(LOG[4])) == Onward()
    assert all(taken(batches, encode_batch(each)).messages for each in LOG[1:5])


def test_a_restored_database_gets_again_what_it_lost() -> None:
    batches = arriving(committed=5)
    batches.go_back(AGENT, EPOCH, 2)
    assert taken(batches, encode_batch(LOG[4])).requests == [resend_to("plant", AGENT, EPOCH, 3)]


def test_a_silent_agent_is_left_out_at_all_its_places_once() -> None:
    batches = arriving()
    taken(batches, encode_batch(batch(1)))
    assert batches.left_out(0.9) == batches.left_out(1.8) == []
    entries = {place: decode_place_input(value) for place, value in batches.left_out(2.7)}
    assert set(entries) == {"dock1", "dock2", "rack", "shelf"}
    assert set(entries.values()) == {SourceLeftOut(AGENT, batch(1).watermark_us)}
    assert batches.left_out(3.6) == []
