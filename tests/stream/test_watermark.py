"""Time at one key: never before the slowest source, never backward, never stopped by a silent one."""

from itertools import permutations

import pytest

from stream import watermark
from stream.watermark import Silence, Watermark


def test_one_source_is_its_own_time() -> None:
    clock: Watermark[str] = Watermark()
    assert clock.advance("a", 100, "x") == [(100, "x")]
    assert clock.advance("a", 200, None) == []
    assert clock.now_us == 200


def test_now_is_the_minimum_over_the_sources_and_items_wait_for_it() -> None:
    clock: Watermark[str] = Watermark()
    clock.advance("a", 100, None)
    clock.advance("b", 50, None)
    assert clock.now_us == 100  # b is new here and behind; now never goes back
    assert clock.advance("a", 300, "a300") == []
    assert clock.advance("b", 200, "b200") == [(200, "b200")]
    assert clock.now_us == 200
    assert clock.advance("b", 400, None) == [(300, "a300")]


def test_what_is_taken_does_not_depend_on_which_source_is_heard_first() -> None:
    sent = {"a": [(100, "a1"), (200, "a2"), (300, "a3")], "b": [(150, "b1"), (250, "b2"), (350, "b3")]}
    results = set()
    for order in set(permutations("aaabbb")):
        clock: Watermark[str] = Watermark()
        clock.advance("a", 1, None)
        clock.advance("b", 1, None)
        queues = {source: iter(items) for source, items in sent.items()}
        taken = [item for source in order for item in clock.advance(source, *next(queues[source]))]
        results.add(tuple(taken))
    assert results == {((100, "a1"), (150, "b1"), (200, "a2"), (250, "b2"), (300, "a3"))}


def test_agents_whose_clocks_differ_wait_for_the_slower_clock() -> None:
    clock: Watermark[str] = Watermark()
    skew_us = 30_000_000
    clock.advance("right", skew_us, None)
    clock.advance("behind", 0, None)
    for second in range(1, 6):
        clock.advance("right", skew_us + second * 1_000_000, f"right {second}")
        assert clock.advance("behind", second * 1_000_000, f"behind {second}") == [(skew_us, f"behind {second}")]
    assert clock.now_us == skew_us


def test_a_silent_source_left_out_frees_what_waited_for_it() -> None:
    clock: Watermark[str] = Watermark()
    clock.advance("a", 100, None)
    clock.advance("b", 100, None)
    clock.advance("a", 500, "x")
    assert clock.leave_out("b") == [(500, "x")]
    assert clock.now_us == 500
    assert clock.leave_out("b") == []


def test_a_source_that_speaks_again_is_back_and_its_past_is_late() -> None:
    clock: Watermark[str] = Watermark()
    clock.advance("a", 100, None)
    clock.advance("b", 100, None)
    clock.leave_out("b")
    clock.advance("a", 500, None)
    assert clock.advance("b", 200, "late") == [(500, "late")]
    assert clock.advance("a", 600, "x") == []
    assert clock.now_us == 500


def test_without_any_source_time_stands_still() -> None:
    clock: Watermark[str] = Watermark()
    clock.advance("a", 100, None)
    clock.leave_out("a")
    assert clock.now_us == 100
    assert clock.sources == frozenset()


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    clock: Watermark[str] = Watermark()
    clock.advance("a", 100, None)
    clock.advance("b", 100, None)
    clock.advance("a", 300, "x")
    again = Watermark(clock.snapshot())
    assert again.snapshot() == clock.snapshot()
    assert again.advance("b", 300, "y") == clock.advance("b", 300, "y") == [(300, "x"), (300, "y")]


def test_at_the_bound_the_source_furthest_behind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "HELD_MAX", 2)
    clock: Watermark[str] = Watermark()
    clock.advance("dead", 1, None)
    for n in range(2):
        clock.advance("a", 100 + n, "x")
        assert clock.laggard() is None
    clock.advance("a", 103, "x")
    assert clock.laggard() == "dead"


def due_until(silence: Silence, start_s: int, end_s: int) -> list[tuple[int, str]]:
    """Look every second, as a host does."""
    return [(now_s, agent) for now_s in range(start_s, end_s) for agent in silence.due(float(now_s))]


def test_silence_names_an_agent_once_per_silence() -> None:
    silence = Silence(10.0, ["never heard"], now_s=0.0)
    silence.heard("a", 5.0)
    assert due_until(silence, 1, 100) == [(11, "never heard"), (16, "a")]
    silence.heard("a", 100.0)
    assert due_until(silence, 100, 120) == [(111, "a")]


def test_a_host_that_was_suspended_does_not_blame_the_agents() -> None:
    silence = Silence(10.0, ["a"], now_s=0.0)
    assert due_until(silence, 1, 5) == []
    assert silence.due(3600.0) == []
    assert due_until(silence, 3601, 3620) == [(3611, "a")]
