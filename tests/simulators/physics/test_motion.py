"""Paths go where they say, without jumps."""

import numpy as np
import pytest

from simulators.physics import motion
from simulators.physics.world import Path


def fastest_m_s(path: Path) -> float:
    t_s = np.arange(path.start_s, path.end_s, 0.01)
    x_m, y_m, _ = path.at(t_s)
    return float(np.max(np.hypot(np.diff(x_m), np.diff(y_m)) / 0.01))


@pytest.mark.parametrize("sign", [1, -1])
def test_through_goes_from_one_side_to_the_other(sign: int) -> None:
    path = motion.through(3.0, 1.0, sign, 1.5, 8.0, ((0.2, 4.0),))
    assert (path.y_m[0], path.y_m[-1]) == (pytest.approx(-sign * 8.0), pytest.approx(sign * 8.0))
    assert fastest_m_s(path) < 1.5 * 1.6
    stopped = path.at(np.array([path.start_s + 0.5 * (path.end_s - path.start_s)]))[1]
    assert abs(stopped[0]) < 2.5
    assert path.end_s - path.start_s > 16.0 / 1.5 + 4.0


def test_turning_round_ends_where_it_began_and_never_gets_deeper_than_said() -> None:
    path = motion.turn_round(0.0, 0.0, 1, 1.5, 8.0, 0.4, 2.0)
    assert path.y_m[-1] == pytest.approx(-8.0)
    assert path.y_m.max() == pytest.approx(0.4)


def test_a_path_at_rest_says_so() -> None:
    path = motion.bring_and_leave(0.0, 3.0, -1.5, 1, 1.0, 6.0, 10.0)
    middle = 0.5 * (path.start_s + path.end_s)
    assert path.rests(middle - 2.0, middle + 2.0)
    assert not path.rests(path.start_s, path.start_s + 1.0)
