"""Which of several windows a tag is nearest to, and how the places of an eye and of the antennas are learned."""

import numpy as np
import pytest

from stream.operators.passage_convoy import COURSE, LAG_MAX_S, Convoy, Lag, Passed, convoy_of
from stream.operators.passage_rows import ROW

S = 1_000_000
Heard = tuple[int, float, float, int]


def rows(*heard: Heard) -> np.ndarray:
    """(tag, second, milliwatts, antenna) as rows."""
    out = np.zeros(len(heard), ROW)
    for row, (tag, at_s, mw, antenna) in zip(out, heard, strict=True):
        row["tag"], row["first_us"], row["last_us"], row["antenna"] = tag, at_s * S, at_s * S, antenna
        row["power_mw"], row["reads"], row["peak_dbm"] = mw, 1, 10.0 * np.log10(mw)
    return out


def passing(tag: int, middle_s: float, antenna: int = 0) -> list[Heard]:
    """Heard ever stronger and then ever less, for 2 s on either side."""
    return [(tag, middle_s + at, 1e-5 * 10.0 ** -abs(at), antenna) for at in np.arange(-2.0, 2.01, 0.1)]


SEEN = rows(*passing(0, 10.5), *passing(1, 12.5), *passing(2, 14.5))


def convoy(
    count: int,
    window_s: tuple[float, float],
    before_s: float | None,
    behind_s: float | None,
    until_s: float,
    lag: Lag | None = None,
    seen: np.ndarray = SEEN,
) -> Convoy:
    """Times in seconds; two antennas."""
    before_us, behind_us = (None if at_s is None else int(at_s * S) for at_s in (before_s, behind_s))
    window_us = int(window_s[0] * S), int(window_s[1] * S)
    return convoy_of(seen, count, window_us, before_us, behind_us, int(until_s * S), lag or Lag(), 2)


def test_a_tag_belongs_to_the_window_its_time_lies_nearest_to() -> None:
    found = convoy(3, (12, 13), 11, 14, 30)
    assert found.here.tolist() == [False, True, False]
    assert found.late_s == pytest.approx([-2.0, 0.0, 2.0], abs=0.01)


def test_one_loud_read_does_not_outweigh_all_others() -> None:
    loud = rows(*passing(1, 12.5), (1, 14.0, 1e-4, 0))
    assert convoy(2, (12, 13), 11, 14, 30, seen=loud).here[1]


def test_what_still_comes_nearer_is_left_to_the_next_window() -> None:
    found = convoy(3, (12, 13), 11, None, 14)
    assert found.here.tolist() == [False, True, False]
    assert not found.behind_known


def test_a_window_alone_leaves_every_tag_to_the_decision() -> None:
    assert convoy(3, (12, 13), None, None, 14).here.all()
    assert convoy(3, (12, 13), 2, 30, 40).here.all()


def test_a_tag_id_that_was_not_heard_is_nobody_elses() -> None:
    assert convoy(4, (12, 13), None, None, 30).here[3]


def test_no_rows_at_all() -> None:
    assert len(convoy(2, (12, 13), 11, None, 14, seen=SEEN[:0]).here) == 2


def test_what_comes_and_goes_with_a_box_has_another_course_than_what_stays() -> None:
    stays = [(2, at, 1e-6, 0) for at in np.arange(6.0, 19.0, 0.1)]
    found = convoy(3, (12, 13), 11, 14, 30, seen=rows(*passing(1, 12.5), *stays))
    assert found.passed is not None
    spread, cell, beam, strongest, reads, peak = found.passed.course.T
    assert spread[1] < 1.0 < spread[2]
    assert cell[1] > 0.7 > cell[2]
    assert beam[1] > beam[2]
    assert abs(strongest[1]) < 0.1
    assert 2.0 ** reads[1:] - 1.0 == pytest.approx([41.0, 130.0])
    assert peak[1:] == pytest.approx([-50.0, -60.0])


def late(*seconds: float, gap_s: float) -> Convoy:
    """Of tags heard so late, by one antenna."""
    late_s = np.array(seconds)
    passed = Passed(np.zeros((len(late_s), len(COURSE))), late_s[:, None])
    return Convoy(np.ones(len(late_s), np.bool_), late_s, 0.0, 0, 0, 0.0, gap_s, behind_known=True, passed=passed)


def test_an_eye_ahead_of_the_antennas_is_learned_and_moves_the_cells() -> None:
    lag = Lag()
    for _ in range(50):
        lag.learn(late(0.9, 1.1, 1.0, gap_s=4.0), np.arange(3))
    assert lag.seconds == pytest.approx(1.0, abs=0.05)
    # The eye saw the box of tag 1 a second before the antennas heard it best.
    moved = convoy(3, (11, 12), 10, 13, 30, lag)
    assert moved.here.tolist() == [False, True, False]


def test_a_window_without_tags_or_close_to_another_teaches_nothing_and_one_tag_far_off_not_much() -> None:
    lag = Lag()
    lag.learn(late(gap_s=4.0), np.arange(0))
    lag.learn(late(1.0, gap_s=0.5), np.arange(1))
    assert lag == Lag()
    lag.learn(late(60.0, gap_s=4.0), np.arange(1))
    assert lag.seconds <= LAG_MAX_S


def test_where_each_antenna_hears_best_is_learned_from_boxes_however_close_and_puts_back_what_one_alone_hears() -> None:
    lag = Lag()
    both = rows(*passing(0, 11.3), *passing(0, 13.7, antenna=1))
    for _ in range(20):
        lag.learn(convoy(1, (12, 13), 11, 14, 30, lag, both), np.arange(1))
    assert lag.by_antenna(2) == pytest.approx([-1.2, 1.2], abs=0.15)
    alone = rows(*passing(0, 13.7, antenna=1))
    assert not convoy(1, (12, 13), 11, 14, 30, Lag(), alone).here[0]
    assert convoy(1, (12, 13), 11, 14, 30, lag, alone).here[0]
    assert lag.seconds == 0.0


def test_a_copy_learns_alone() -> None:
    lag = Lag()
    kept = lag.copy()
    lag.learn(convoy(1, (12, 13), 11, 14, 30, lag, rows(*passing(0, 11.3), *passing(0, 13.7, antenna=1))), np.arange(1))
    assert lag.antennas
    assert not kept.antennas
