"""A tag heard once is compared with the load as it is at that time on that antenna; with nobody there it is not."""

import numpy as np

from stream.operators.passage_levels import TOLD_MIN, level_course, levels

TAGS = 11
ALIKE, FAINT, ALONE = 8, 9, 10


def course() -> dict[str, np.ndarray]:
    """Eight tags of a load, each read in turn on antenna 0 as it comes by; one more as they are, one 20 dB fainter, and
    one on antenna 1, where nobody else is heard."""
    first_us = np.arange(40) * 100_000
    level_db = -60.0 + 10.0 * np.exp(-((np.arange(40) / 10.0 - 2.0) ** 2))
    tag = np.concatenate([np.arange(40) % 8, [ALIKE, FAINT, ALONE]])
    at_us = np.concatenate([first_us, [2_050_000, 2_050_000, 2_050_000]])
    antenna = np.concatenate([np.zeros(42, np.int32), [1]]).astype(np.int32)
    power = 10.0 ** (np.concatenate([level_db, [-50.0, -70.0, -50.0]]) / 10.0)
    told = levels(tag.astype(np.int64), antenna, at_us, power, np.ones(len(tag)))
    return level_course(told, np.repeat([1.0, 0.5], [8, 3]), TAGS)


def test_one_read_is_held_against_the_load_at_that_time() -> None:
    said = course()
    assert abs(said["course_db"][ALIKE]) < 4.0
    assert said["course_db"][FAINT] < said["course_db"][ALIKE] - 10.0
    assert said["course_residual_db"][FAINT] > 10.0


def test_nothing_is_said_where_the_load_is_not_heard() -> None:
    said = course()
    assert said["course_db"][ALONE] == said["course_residual_db"][ALONE] == said["course_told"][ALONE] == 0.0
    assert said["course_present"][ALONE] <= TOLD_MIN
    assert said["course_present"][ALIKE] > 0.5
