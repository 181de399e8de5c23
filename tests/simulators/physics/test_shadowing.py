"""Loss through boxes and walls."""

import numpy as np
import pytest

from simulators.physics.parameters import MATERIALS
from simulators.physics.shadowing import box_loss_db, wall_loss_db
from simulators.physics.world import Opening, Part

BOX = Part(0.0, 0.0, 0.0, 1.2, 0.8, 1.5, "mixed")


def loss(start: tuple[float, float, float], end: tuple[float, float, float], yaw: float = 0.0) -> float:
    pose = (np.array([5.0]), np.array([2.0]), np.array([yaw]))
    result = box_loss_db(BOX, pose, np.array([[start]]), np.array([[end]]))
    return float(result[0, 0])


def test_a_ray_past_the_box_loses_nothing() -> None:
    assert loss((3.0, 2.0, 2.0), (7.0, 2.0, 2.0)) == 0.0
    assert loss((3.0, 2.0, 1.0), (4.5, 2.0, 1.0)) == 0.0


def test_a_ray_through_the_box_loses_by_its_length_inside() -> None:
    per_m = MATERIALS["mixed"].db_per_m
    assert loss((3.0, 2.0, 1.0), (7.0, 2.0, 1.0)) == pytest.approx(0.8 * per_m)
    assert loss((3.0, 2.0, 1.0), (5.0, 2.0, 1.0)) == pytest.approx(0.4 * per_m)
    assert loss((3.0, 2.0, 1.0), (7.0, 2.0, 1.0), np.pi / 2) == pytest.approx(1.2 * per_m)


def test_the_way_around_bounds_the_loss() -> None:
    long = Part(0.0, 0.0, 0.0, 1.2, 8.0, 1.5, "mixed")
    pose = (np.array([5.0]), np.array([2.0]), np.array([0.0]))
    result = box_loss_db(long, pose, np.array([[[0.0, 2.0, 1.0]]]), np.array([[[10.0, 2.0, 1.0]]]))
    assert result[0, 0] == MATERIALS["mixed"].most_db


def test_the_wall_is_open_at_doors_only() -> None:
    start = np.array([[[0.0, -2.0, 1.0]]])
    ends = np.array([[[0.0, 2.0, 1.0], [8.0, 2.0, 1.0], [8.0, -1.0, 1.0]]])
    assert wall_loss_db((Opening(0.0),), 14.0, start, ends).tolist() == [[0.0, 14.0, 0.0]]
    assert wall_loss_db((), 14.0, start, ends).tolist() == [[0.0, 0.0, 0.0]]
