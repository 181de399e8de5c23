"""How far reader time has come."""

from hypothesis import given
from hypothesis import strategies as st

from edge.watermark import ReaderTime

S = 1_000_000


def test_without_readers_time_follows_the_wall() -> None:
    time = ReaderTime(lateness_ms=150)
    assert time.frontier_us(10 * S) == 10 * S - 150_000
    assert time.frontier_us(11 * S) == 11 * S - 150_000


def test_the_slowest_connected_reader_sets_the_pace() -> None:
    time = ReaderTime(lateness_ms=100)
    time.arrived("fast", newest_us=10 * S - 5_000, arrival_us=10 * S)
    time.arrived("slow", newest_us=10 * S - 700_000, arrival_us=10 * S)
    assert time.frontier_us(10 * S) == 10 * S - 800_000
    time.disconnected("slow")
    assert time.frontier_us(10 * S) == 10 * S - 105_000


def test_an_idle_reader_stops_holding_time_back() -> None:
    time = ReaderTime(lateness_ms=100)
    time.arrived("slow", newest_us=10 * S - 700_000, arrival_us=10 * S)
    assert time.frontier_us(13 * S) == 13 * S - 800_000
    assert time.frontier_us(15 * S) == 15 * S - 100_000


def test_a_clock_wrong_by_an_hour_holds_time_back_only_to_the_bound() -> None:
    time = ReaderTime(lateness_ms=100, lag_max_ms=2_000)
    time.arrived("wrong", newest_us=10 * S, arrival_us=3610 * S)
    assert time.frontier_us(3610 * S) == 3608 * S - 100_000
    ahead = ReaderTime(lateness_ms=100)
    ahead.arrived("wrong", newest_us=3610 * S, arrival_us=10 * S)
    assert ahead.frontier_us(10 * S) == 10 * S - 100_000


steps = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(-S, 5 * S), st.integers(-S, 3 * S), st.booleans()), max_size=30
)


@given(steps)
def test_it_never_goes_back_whatever_the_clocks_do(moves: list[tuple[str, int, int, bool]]) -> None:
    time, wall, before = ReaderTime(lateness_ms=100), 100 * S, 0
    for reader, step, lag, leaves in moves:
        wall += step
        time.arrived(reader, wall - lag, wall)
        if leaves:
            time.disconnected(reader)
        assert time.frontier_us(wall) >= before
        before = time.frontier_us(wall)
