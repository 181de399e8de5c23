"""Tags as applied: on their cartons, facing as labels do, spread in sensitivity."""

import numpy as np
import pytest

from simulators.physics.inlay import STANDOFF_M, dipole_db, stack
from simulators.physics.parameters import MATERIALS, Inlay, Physics
from simulators.physics.world import Part

INLAY = Physics().inlay
GOODS = Part(0.0, 0.0, 0.15, 1.2, 0.8, 1.4, "mixed")


def tags(count: int, **options: bool):
    return stack(np.random.default_rng(3), INLAY, tuple(map(str, range(count))), GOODS, **options)


def test_a_dipole_is_deaf_along_its_axis_down_to_the_floor() -> None:
    broadside, slanted, along = dipole_db(INLAY, np.array([0.0, np.sqrt(0.5), 1.0]))
    assert broadside == 0.0
    assert slanted == pytest.approx(-3.01, abs=0.01)
    assert along == -INLAY.pattern_floor_db


@pytest.mark.parametrize("count", [1, 7, 60, 240])
def test_every_tag_is_inside_the_goods(count: int) -> None:
    offset = tags(count).offset_m
    assert (np.abs(offset[:, 0]) <= GOODS.width_m / 2 + 1e-9).all()
    assert (np.abs(offset[:, 1]) <= GOODS.length_m / 2 + 1e-9).all()
    assert ((offset[:, 2] >= GOODS.z_m) & (offset[:, 2] <= GOODS.z_m + GOODS.height_m)).all()


def test_labels_on_cartons_lie_flat_and_loose_goods_any_way() -> None:
    assert np.abs(tags(300).axis[:, 2]).mean() < 0.2
    assert np.abs(tags(300, labelled_sides=False).axis[:, 2]).mean() == pytest.approx(0.5, abs=0.06)
    assert np.allclose(np.linalg.norm(tags(50).axis, axis=1), 1.0)


def test_outward_labels_stand_off_the_goods_and_nothing_covers_them() -> None:
    outward = tags(100, outward=True)
    outside = np.maximum(
        np.abs(outward.offset_m[:, 0]) - GOODS.width_m / 2, np.abs(outward.offset_m[:, 1]) - GOODS.length_m / 2
    )
    assert np.allclose(outside, STANDOFF_M)
    assert (outward.depth_db == 0.0).all()


def test_the_middle_of_the_goods_is_deepest_and_bounded() -> None:
    depth = tags(240).depth_db
    assert depth.max() > 2.0
    assert depth.max() <= MATERIALS["mixed"].most_db


def test_sensitivity_spreads_as_said_and_a_few_are_weak() -> None:
    sensitivity = tags(5000).sensitivity_dbm
    assert np.median(sensitivity) == pytest.approx(INLAY.sensitivity_dbm, abs=0.15)
    weak = Inlay(weak_share=1.0)
    all_weak = stack(np.random.default_rng(3), weak, tuple(map(str, range(5000))), GOODS).sensitivity_dbm
    assert np.median(all_weak) == pytest.approx(INLAY.sensitivity_dbm + INLAY.weak_db, abs=0.15)
