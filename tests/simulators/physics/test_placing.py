"""Tags go where their body goes, and turn with it."""

import numpy as np

from simulators.physics.inlay import stack
from simulators.physics.parameters import Physics
from simulators.physics.placing import placed, placed_all
from simulators.physics.world import Body, Part, Path

GOODS = Part(0.0, 0.0, 0.15, 1.2, 0.8, 1.4, "dry")
TAGS = stack(np.random.default_rng(1), Physics().inlay, ("a", "b", "c"), GOODS)
PATH = Path(np.array([0.0, 10.0]), np.array([1.0, 3.0]), np.array([-5.0, 5.0]), np.array([0.0, np.pi / 2]))
BODY = Body("load", PATH, (GOODS,), TAGS)


def test_at_the_start_tags_are_at_their_offsets_from_the_body() -> None:
    position, axis = placed_all([BODY], np.array([0.0]))
    assert np.allclose(position[0], TAGS.offset_m + np.array([1.0, -5.0, 0.0]))
    assert np.allclose(axis[0], TAGS.axis)


def test_a_quarter_turn_takes_ahead_to_the_left() -> None:
    position, axis = placed_all([BODY], np.array([10.0]))
    offset = TAGS.offset_m
    assert np.allclose(position[0], np.stack([3.0 - offset[:, 1], 5.0 + offset[:, 0], offset[:, 2]], axis=1))
    assert np.allclose(axis[0][:, 0], -TAGS.axis[:, 1])


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    times = np.array([2.0, 7.5, 4.0])
    position, axis = placed(BODY, times, np.array([0, 1, 2]))
    for row, time in enumerate(times):
        everything, axes = placed_all([BODY], np.array([time]))
        assert np.allclose(position[row], everything[0, row])
        assert np.allclose(axis[row], axes[0, row])
