"""The learned background: what is always there, and how it is forgotten."""

import math

import numpy as np
import pytest

from stream.operators.passage_background import Background


def seen(background: Background, tags: list[int], second: int, dbm: float = -60.0) -> None:
    background.learn(3, np.array(tags, np.int32), np.full(len(tags), dbm, np.float32), second)


def test_a_tag_always_seen_reaches_one_and_one_never_seen_stays_at_zero() -> None:
    background = Background(10.0)
    for second in range(100):
        seen(background, [0, 0], second)
    level = background.at(3, 99)
    assert level[0] == pytest.approx(1.0, abs=1e-3)
    assert level[1] == 0.0


def test_a_load_of_five_seconds_hardly_counts() -> None:
    background = Background(60.0)
    for second in range(5):
        seen(background, [1], second)
    assert background.at(3, 5)[1] < 0.1


def test_silence_forgets_with_the_time_constant() -> None:
    background = Background(10.0)
    for second in range(100):
        seen(background, [0], second)
    assert background.at(3, 109)[0] == pytest.approx(math.exp(-1.0), abs=1e-3)


def test_restored_it_goes_on_as_before() -> None:
    first = Background(10.0)
    seen(first, [0, 2], 1)
    second = Background.restore(10.0, first.level.tobytes(), first.level_dbm.tobytes(), first.second.tobytes())
    for background in (first, second):
        seen(background, [0], 4)
    assert np.array_equal(first.at(3, 9), second.at(3, 9))


def test_use_is_the_last_time_seen() -> None:
    background = Background(10.0)
    seen(background, [0], 100)
    seen(background, [1], 500)
    assert background.in_use(3, 600, 200).tolist() == [False, True, False]


def test_what_came_through_is_no_background_and_is_learned_anew_where_it_is_put_down() -> None:
    background = Background(60.0)
    seen(background, [0, 1], 0)
    then = background.at(3, 1).tobytes()
    for second in range(1, 8):
        seen(background, [0, 1], second)
    background.passed(3, np.array([1]), then, 1)
    assert background.at(3, 8)[1] < 0.02 < background.at(3, 8)[0]
    for second in range(8, 60):
        seen(background, [1], second)
    assert background.at(3, 60)[1] > 0.5
