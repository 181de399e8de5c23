"""Which of several windows a tag is nearest to, and how an eye's place is learned."""

import numpy as np
import pytest

from stream.operators.passage_convoy import LAG_MAX_S, Lag, convoy_of
from stream.operators.passage_rows import ROW

S = 1_000_000


def rows(*heard: tuple[int, float, float]) -> np.ndarray:
    """(tag, second, milliwatts) as rows."""
    out = np.zeros(len(heard), ROW)
    for row, (tag, at_s, mw) in zip(out, heard, strict=True):
        row["tag"], row["first_us"], row["last_us"] = tag, at_s * S, at_s * S
        row["power_mw"], row["reads"], row["peak_dbm"] = mw, 1, 10.0 * np.log10(mw)
    return out


def passing(tag: int, middle_s: float) -> list[tuple[int, float, float]]:
    """Heard ever stronger and then ever less, for 2 s on either side."""
    return [(tag, middle_s + at, 1e-5 * 10.0 ** -abs(at)) for at in np.arange(-2.0, 2.01, 0.1)]


SEEN = rows(*passing(0, 10.5), *passing(1, 12.5), *passing(2, 14.5))


def test_a_tag_belongs_to_the_window_its_power_lies_nearest_to() -> None:
    convoy = convoy_of(SEEN, 3, (12 * S, 13 * S), 11 * S, 14 * S, 30 * S, 0.0)
    assert convoy.here.tolist() == [False, True, False]
    assert convoy.late_s == pytest.approx([-2.0, 0.0, 2.0], abs=0.01)


def test_what_still_comes_nearer_is_left_to_the_next_window() -> None:
    convoy = convoy_of(SEEN, 3, (12 * S, 13 * S), 11 * S, None, 14 * S, 0.0)
    assert convoy.here.tolist() == [False, True, False]


def test_a_window_alone_leaves_every_tag_to_the_decision() -> None:
    assert convoy_of(SEEN, 3, (12 * S, 13 * S), None, None, 14 * S, 0.0).here.all()
    assert convoy_of(SEEN, 3, (12 * S, 13 * S), 2 * S, 30 * S, 40 * S, 0.0).here.all()


def test_a_tag_id_that_was_not_heard_is_nobody_elses() -> None:
    assert convoy_of(SEEN, 4, (12 * S, 13 * S), None, None, 30 * S, 0.0).here[3]


def test_no_rows_at_all() -> None:
    assert len(convoy_of(SEEN[:0], 2, (12 * S, 13 * S), 11 * S, None, 14 * S, 0.0).here) == 2


def test_an_eye_ahead_of_the_antennas_is_learned_and_moves_the_cells() -> None:
    lag = Lag()
    for _ in range(50):
        lag.learn(np.array([0.9, 1.1, 1.0]), 4.0)
    assert lag.seconds == pytest.approx(1.0, abs=0.05)
    # The eye saw the box of tag 1 a second before the antennas heard it best.
    moved = convoy_of(SEEN, 3, (11 * S, 12 * S), 10 * S, 13 * S, 30 * S, lag.seconds)
    assert moved.here.tolist() == [False, True, False]


def test_a_window_without_tags_or_close_to_another_teaches_nothing_and_one_tag_far_off_not_much() -> None:
    lag = Lag()
    lag.learn(np.empty(0), 4.0)
    lag.learn(np.array([1.0]), 0.5)
    assert lag == Lag()
    lag.learn(np.array([60.0]), 4.0)
    assert lag.seconds <= LAG_MAX_S
