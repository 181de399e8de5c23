"""Links step by step: remembering what rests gives what computing it afresh gives."""

import numpy as np

from simulators.physics import motion
from simulators.physics.antenna import Mount
from simulators.physics.inlay import stack
from simulators.physics.links import FieldLinks
from simulators.physics.parameters import Physics
from simulators.physics.propagation import Channel
from simulators.physics.world import Body, Opening, Part, World, still

PHYSICS = Physics()
MOUNTS = (Mount(1, -1.75, 0.8, 1.2, -np.pi / 2, 0.0), Mount(2, 1.75, -0.8, 1.2, np.pi / 2, 0.0))
GOODS = Part(0.0, 0.0, 0.15, 1.2, 0.8, 1.4, "mixed")
TAGS = stack(np.random.default_rng(1), PHYSICS.inlay, tuple("abcdef"), GOODS)
PARKED = Body("parked", still(0.5, 1.5, 0.0, 20.0), (GOODS,), TAGS)
PASSING = Body("passing", motion.through(0.0, -0.4, 1, 1.0, 5.0), (GOODS,), TAGS)
WORLD = World((PARKED, PASSING), (Opening(0.0),), 20.0)
T_S = np.arange(5.5, 7.5, 0.02)
ANTENNA = np.repeat(np.arange(2), 50)
CHANNEL = np.tile(np.array([3, 30]), 50)


def links() -> FieldLinks:
    made = FieldLinks(WORLD, PHYSICS, Channel(PHYSICS, MOUNTS, np.random.default_rng(2)), np.array([0, 6, 12]))
    made.set_power(np.array([30.0, 30.0]))
    return made


def test_a_body_at_rest_has_the_links_it_would_have_as_a_moving_one() -> None:
    resting = links().at_rest([0], [1], T_S, ANTENNA, CHANNEL)
    moving = links().moving([], [0, 1], T_S, ANTENNA, CHANNEL)
    assert np.allclose(resting.tag_dbm, moving.tag_dbm[:, :6], atol=1e-6)
    assert np.allclose(resting.loss_db, moving.loss_db[:, :6])
    assert resting.tag.tolist() == [0, 1, 2, 3, 4, 5]
    assert moving.tag.tolist() == list(range(12))


def test_what_passes_in_front_shadows_what_rests() -> None:
    alone = links().at_rest([0], [], T_S, ANTENNA, CHANNEL)
    behind = links().at_rest([0], [1], T_S, ANTENNA, CHANNEL)
    assert (behind.loss_db >= alone.loss_db).all()
    assert (behind.loss_db > alone.loss_db + 3.0).any()


def test_remembered_links_are_dropped_when_another_body_comes_to_rest() -> None:
    made = links()
    before = made.at_rest([0], [], T_S, ANTENNA, CHANNEL)
    both = made.at_rest([0, 1], [], T_S[:1], ANTENNA[:1], CHANNEL[:1])
    assert both.tag.tolist() == list(range(12))
    again = made.at_rest([0], [], T_S, ANTENNA, CHANNEL)
    assert np.array_equal(before.tag_dbm, again.tag_dbm)


def test_more_power_is_more_power() -> None:
    made = links()
    low = made.moving([0], [1], T_S, ANTENNA, CHANNEL)
    made.set_power(np.array([33.0, 33.0]))
    high = made.moving([0], [1], T_S, ANTENNA, CHANNEL)
    assert np.allclose(high.tag_dbm - low.tag_dbm, 3.0)
    assert np.allclose(high.reply_dbm - low.reply_dbm, 3.0)
