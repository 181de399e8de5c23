"""Topics, both ways."""

import pytest

from readers.vda5050.errors import EncodeError, MessageError
from readers.vda5050.header import Topic, VehicleId, Version
from readers.vda5050.topics import Address, is_retained, parse_topic, qos, subscription


@pytest.mark.parametrize("topic", list(Topic))
@pytest.mark.parametrize("interface", ["uagv", "site/hall-2"])
def test_there_and_back(interface: str, topic: Topic) -> None:
    for version in Version:
        address = Address(interface, version, VehicleId("acme", "r 7"), topic)
        assert parse_topic(str(address)) == address
    assert str(Address("uagv", Version.V2_1, VehicleId("a", "b"), topic)) == f"uagv/v2/a/b/{topic}"


@pytest.mark.parametrize("text", ["", "uagv/v2/a/order", "uagv/v1/a/b/order", "uagv/v2/a/b/orders", "uagv/v2//b/order"])
def test_others(text: str) -> None:
    with pytest.raises(MessageError):
        parse_topic(text)


@pytest.mark.parametrize("serial", ["", "a/b", "+", "#"])
def test_what_cannot_be_a_level_is_ours_to_see(serial: str) -> None:
    with pytest.raises(EncodeError):
        str(Address("uagv", Version.V2_1, VehicleId("acme", serial), Topic.ORDER))


def test_quality_and_retention() -> None:
    assert [t for t in Topic if qos(t)] == [Topic.CONNECTION]
    assert [t for t in Topic if is_retained(t, Version.V2_1)] == [Topic.CONNECTION]
    assert [t for t in Topic if is_retained(t, Version.V3_0)] == [Topic.CONNECTION, Topic.FACTSHEET]
    assert subscription("uagv", Version.V3_0, Topic.STATE) == "uagv/v3/+/+/state"
