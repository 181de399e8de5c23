"""What edges hear from the bridge of what the workers have committed."""

from stream.bridge_positions import Stored
from stream.bridge_telling import EdgesTold
from stream.model import Colour, Signal
from stream.mqtt_client import ToEdge, ack_to, expectation_to, resend_to, signal_to
from tests.stream.traffic import AGENT, EPOCH, START_US, site
from warehouse.loads import Expectation

NAME = (AGENT, EPOCH)
EXPECTED = Expectation("dock1", 5, ())


def edges(*stored: int) -> tuple[EdgesTold, list[ToEdge]]:
    said: list[ToEdge] = []
    told = EdgesTold(site(), said.append, lambda: START_US)
    told.begin({NAME: Stored(*stored)} if stored else {})
    return told, said


def light(portal: str, valid_until_us: int) -> Signal:
    return Signal(portal, Colour.RED, "wrong tag", START_US, valid_until_us)


def test_a_commit_is_acknowledged_once_and_only_when_every_place_has_it() -> None:
    told, said = edges()
    assert told.changes({NAME: Stored(0, 7)}) == {}
    assert said == []
    told.changes({NAME: Stored(5, 7)})
    told.changes({NAME: Stored(5, 8)})
    assert said == [ack_to("plant", *NAME, 5)]


def test_a_restored_database_makes_the_edge_send_again() -> None:
    told, said = edges(9, 9)
    assert told.changes({NAME: Stored(4, 4)}) == {NAME: 4}
    assert said == [resend_to("plant", *NAME, 5)]


def test_on_every_connection_an_edge_hears_where_it_stands_and_what_stands() -> None:
    told, said = edges(9, 9)
    told.all([EXPECTED, Expectation("gone", 5, ())])
    stands = [expectation_to("plant", one.topic.split("/")[4], EXPECTED) for one in said[2:]]
    assert said == [ack_to("plant", *NAME, 9), resend_to("plant", *NAME, 10), *stands]
    assert stands


def test_a_new_place_holds_back_acknowledgements_but_does_not_begin_again() -> None:
    told, said = edges(0, 9)
    told.all([])
    assert said == []
    assert told.counters == {NAME: 9}


def test_a_light_that_is_too_late_stays_off() -> None:
    told, said = edges()
    told.signal(light("dock1", START_US))
    told.signal(light("gone", START_US + 1_000_000))
    assert said == []
    told.signal(light("dock1", START_US + 1_000_000))
    assert said == [signal_to("plant", said[0].topic.split("/")[4], light("dock1", START_US + 1_000_000), 1.0)]
