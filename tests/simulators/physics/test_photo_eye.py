"""Light barriers see what passes and nothing else."""

import pytest

from simulators.physics import loads, motion
from simulators.physics.photo_eye import Beam, level_changes
from simulators.physics.world import Body, Opening, Part, World, still

BEAM = Beam(Opening(0.0), 0.6)
BOX = Part(0.0, 0.0, 0.15, 1.2, 1.0, 1.2, "dry")


def changes(*bodies: Body) -> list[tuple[float, bool]]:
    return level_changes(World(bodies, (BEAM.opening,), 20.0), BEAM, 0.0, 20.0)


def test_a_load_blocks_from_its_front_to_its_back() -> None:
    (start_s, blocked), (end_s, free) = changes(Body("load", motion.through(1.0, 0.0, 1, 1.0, 6.0), (BOX,)))
    assert (blocked, free) == (True, False)
    assert start_s == pytest.approx(1.0 + 6.0 + 0.6 - 0.6, abs=0.02)
    assert end_s - start_s == pytest.approx(1.2, abs=0.03)


def test_what_stands_beside_the_door_does_not_block() -> None:
    assert changes(Body("parked", still(2.3, 0.6, 0.0, 20.0), (BOX,))) == []


def test_a_forklift_blocks_longer_than_its_goods() -> None:
    parts = (BOX, *loads.forklift_behind())
    edges = changes(Body("load", motion.through(1.0, 0.0, 1, 1.0, 6.0), parts))
    assert next(state for _, state in edges) is True
    assert edges[-1][0] - edges[0][0] > 3.0
