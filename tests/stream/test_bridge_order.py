"""What the bridge passes on has no holes, whatever order it comes in, unless the edge cannot fill them."""

from hypothesis import given
from hypothesis import strategies as st

from stream.bridge_order import InOrder, Passing
from stream.model import BatchId

ON, DROPPED, ASK = Passing.ON, Passing.DROPPED, Passing.DROPPED_ASK


def offered(order: InOrder, *counters: int, at_s: float = 0.0) -> list[Passing]:
    return [order.offer(BatchId("edge", "e", counter), at_s) for counter in counters]


def test_a_batch_that_came_too_early_is_dropped_and_asked_for_once() -> None:
    order = InOrder(5.0, {})
    assert offered(order, 1, 2, 4, 5) == [ON, ON, ASK, DROPPED]
    assert order.next_of("edge", "e") == 3
    assert offered(order, 3, 4, 5) == [ON, ON, ON]


def test_what_was_passed_on_is_passed_on_again() -> None:
    assert offered(InOrder(5.0, {("edge", "e"): 7}), 6, 7, 8, 8) == [ON] * 4


def test_a_hole_is_real_when_the_edge_began_again_behind_it_after_the_wait() -> None:
    order = InOrder(5.0, {("edge", "e"): 1})
    assert offered(order, 4, 5) == [ASK, DROPPED]
    assert offered(order, 4, at_s=4.0) == [ASK]  # too soon, and perhaps it has not heard of our request
    assert offered(order, 5, at_s=6.0) == [DROPPED]  # still what was sent before
    assert offered(order, 4, at_s=7.0) == [ASK]
    assert offered(order, 5, 4, at_s=8.0) == [DROPPED, ON]
    assert (order.holes, order.next_of("edge", "e")) == (1, 5)


def test_an_edge_whose_connection_broke_begins_again_and_is_asked_again() -> None:
    order = InOrder(5.0, {("edge", "e"): 1})
    assert offered(order, 4, 5) == [ASK, DROPPED]  # the request is lost with the edge's connection
    assert offered(order, 4, at_s=60.0) == [ASK]
    assert offered(order, 2, 3, 4, at_s=61.0) == [ON, ON, ON]
    assert order.holes == 0


def test_what_the_broker_delivers_again_is_not_the_edge_beginning_again() -> None:
    order = InOrder(5.0, {("edge", "e"): 1})
    offered(order, 4, 5)
    order.reconnected(100.0)
    assert ON not in offered(order, 4, 5, at_s=100.0)
    assert offered(order, 2, 3, 4, at_s=101.0) == [ON, ON, ON]


def test_a_restored_database_begins_again() -> None:
    order = InOrder(5.0, {("edge", "e"): 9})
    order.go_back("edge", "e", 3)
    assert offered(order, 10, 4, 5) == [ASK, ON, ON]


@given(st.lists(st.integers(1, 12), max_size=60))
def test_before_the_wait_is_over_nothing_is_passed_over(counters: list[int]) -> None:
    order, upto = InOrder(5.0, {}), 0
    for counter in counters:
        if offered(order, counter) == [ON]:
            assert counter <= upto + 1
            upto = max(upto, counter)
