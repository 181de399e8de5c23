"""The waits between connection attempts."""

import random

from readers.llrp.backoff import Backoff, BackoffSettings


def test_the_ceiling_doubles_up_to_the_cap_and_stays_there() -> None:
    backoff = Backoff(BackoffSettings(base_s=0.5, cap_s=30), lambda low, high: high)
    assert [backoff.next_wait_s() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    for _ in range(5_000):
        assert backoff.next_wait_s() == 30


def test_the_whole_range_is_drawn_from() -> None:
    backoff = Backoff(BackoffSettings(base_s=30, cap_s=30), random.Random(7).uniform)
    waits = [backoff.next_wait_s() for _ in range(1_000)]
    assert min(waits) < 1
    assert max(waits) > 29


def test_a_good_connection_starts_it_over() -> None:
    backoff = Backoff(BackoffSettings(), lambda low, high: high)
    for _ in range(5):
        backoff.next_wait_s()
    backoff.reset()
    assert backoff.next_wait_s() == 0.5
