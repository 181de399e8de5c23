"""The clock model: what it believes of a reader's timestamps, and when."""

from hypothesis import given, settings
from hypothesis import strategies as st

from readers.llrp.clock import ClockSettings, ReaderClockModel

S = 1_000_000


def test_the_first_observation_sets_the_offset() -> None:
    model = ReaderClockModel()
    correction = model.observe(1_000 * S, 1_003 * S)
    assert correction is not None
    assert (correction.offset_us, correction.jumped_us) == (3 * S, 0)


def test_delay_does_not_move_it() -> None:
    model = ReaderClockModel()
    model.observe(0, 0)
    for second in range(1, 60):
        late_us = (second * 37 % 500) * 1_000 if second % 5 else 0
        assert model.observe(second * S, second * S + late_us) is None
    assert model.offset_us == 0


def test_drift_is_followed_in_small_steps_that_never_overtake_the_slew_limit() -> None:
    model = ReaderClockModel()
    model.observe(0, 0)
    before_us, corrections = 0, 0
    for tenth in range(1, 36_000):
        arrival_us = tenth * S // 10
        reader_us = arrival_us + arrival_us * 20 // 1_000_000
        if model.observe(reader_us, arrival_us) is not None:
            corrections += 1
            assert 1_000 <= abs(model.offset_us - before_us) <= 30 * S * 500 // 1_000_000
            before_us = model.offset_us
    assert abs(model.offset_us - -72_000) < 2_000
    assert corrections < 100


def test_a_forward_jump_is_believed_at_once() -> None:
    model = ReaderClockModel()
    model.observe(0, 0)
    correction = model.observe(10 * S + 5 * S, 10 * S)
    assert correction is not None
    assert (correction.offset_us, correction.jumped_us) == (-5 * S, 5 * S)


def test_a_backward_jump_is_believed_when_it_stays() -> None:
    model = ReaderClockModel()
    model.observe(0, 0)
    corrections = [model.observe(n * S // 2 - 60 * S, n * S // 2) for n in range(1, 8)]
    believed = [one for one in corrections if one is not None]
    assert [one.jumped_us for one in believed] == [-60 * S]
    assert corrections[3] is None
    assert model.offset_us == 60 * S


def test_a_backlog_that_drains_is_no_jump() -> None:
    model = ReaderClockModel()
    model.observe(0, 0)
    # 100 s of held reports arrive over five seconds: each less late than the one before.
    for n in range(100):
        assert model.observe(n * S, 100 * S + n * S // 20) is None
    assert model.offset_us == 0


def test_uptime_becomes_utc_and_a_restart_is_a_jump() -> None:
    model = ReaderClockModel()
    model.observe(5 * S, 1_700_000_000 * S)
    assert model.offset_us == 1_700_000_000 * S - 5 * S
    for n in range(1, 10):
        model.observe(n * S // 2, 1_700_000_100 * S + n * S // 2)
    assert model.offset_us == 1_700_000_100 * S


def test_memory_is_bounded() -> None:
    model = ReaderClockModel(ClockSettings(window_max=16))
    for n in range(10_000):
        model.observe(n * 1_000, n * 1_000 + n)
    assert len(model._minima) <= 17


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(1_000, 400_000)), min_size=1, max_size=200))
def test_corrected_time_never_strays_from_the_truth_by_more_than_the_delays(steps: list[tuple[int, int]]) -> None:
    """With an honest reader clock and delays below the jump limit, no correction exceeds the largest delay seen."""
    model = ReaderClockModel()
    now_us, largest_us = 0, 0
    for delay_us, pause_us in steps:
        now_us += pause_us
        largest_us = max(largest_us, delay_us)
        model.observe(now_us, now_us + delay_us)
        assert 0 <= model.offset_us <= largest_us
