"""The channel against what is known of it in closed form."""

import numpy as np
import pytest

from simulators.physics.antenna import Mount, pattern_db
from simulators.physics.budget import link_power
from simulators.physics.parameters import LIGHT_M_S, Panel, Physics, Propagation
from simulators.physics.propagation import Channel

HZ = 915e6
WAVELENGTH_M = LIGHT_M_S / HZ
FREE_SPACE = Physics(propagation=Propagation(ground_reflection=0.0, diffuse_below_los_db=200.0))
AHEAD = (Mount(1, 0.0, 0.0, 1.5, 0.0, 0.0),)


def channel_along_y(physics: Physics, y_m: np.ndarray, hz: float = HZ, seed: int = 3) -> np.ndarray:
    """The channel to tags on the boresight, dipoles across it."""
    channel = Channel(physics, AHEAD, np.random.default_rng(seed))
    n = len(y_m)
    tag = np.stack([np.zeros(n), y_m, np.full(n, 1.5)], axis=1)
    antenna = np.zeros(n, dtype=np.int64)
    pieces = channel.pieces(antenna, np.full(n, hz), tag, np.tile([1.0, 0.0, 0.0], (n, 1)))
    return channel.combine(pieces, antenna, np.zeros(n), np.zeros(n), np.zeros(n))


def test_free_space_is_friis_both_ways() -> None:
    h = channel_along_y(FREE_SPACE, np.array([4.0]))
    power = link_power(FREE_SPACE, np.array([30.0]), h)
    path_db = 20.0 * np.log10(4.0 * np.pi * 4.0 / WAVELENGTH_M)
    tag = 30.0 - 1.5 + 8.5 - 3.0 - path_db + 2.15
    assert power.tag_dbm[0] == pytest.approx(tag, abs=0.01)
    assert power.reply_dbm[0] == pytest.approx(tag - 6.0 + 2.15 - path_db - 3.0 + 8.5 - 1.5, abs=0.01)


def test_the_floor_makes_two_ray_ripple() -> None:
    y_m = np.linspace(1.0, 8.0, 400)
    free = np.abs(channel_along_y(FREE_SPACE, y_m))
    floor_only = Physics(propagation=Propagation(diffuse_below_los_db=200.0))
    ratio_db = 20.0 * np.log10(np.abs(channel_along_y(floor_only, y_m)) / free)
    assert ratio_db.max() > 1.0
    assert ratio_db.min() < -1.0
    assert ratio_db.max() < 20.0 * np.log10(1.35) + 0.01


def test_fading_is_alike_within_a_centimetre_and_unlike_beyond_a_wavelength() -> None:
    scattered = Physics(propagation=Propagation(ground_reflection=0.0, diffuse_below_los_db=-30.0))
    y_m = np.arange(3.0, 5.0, 0.01)
    near, far = [], []
    for seed in range(40):
        h = channel_along_y(scattered, y_m, seed=seed)
        h = h / np.abs(h).mean()
        near.append(np.corrcoef(np.abs(h[:-1]), np.abs(h[1:]))[0, 1])
        lag = round(1.3 * WAVELENGTH_M / 0.01)
        far.append(np.corrcoef(np.abs(h[:-lag]), np.abs(h[lag:]))[0, 1])
    assert np.mean(near) > 0.95
    assert abs(np.mean(far)) < 0.35


def test_fading_differs_between_the_ends_of_the_band() -> None:
    y_m = np.linspace(2.5, 5.0, 60)
    low = 20.0 * np.log10(np.abs(channel_along_y(Physics(), y_m, 903e6)))
    high = 20.0 * np.log10(np.abs(channel_along_y(Physics(), y_m, 927e6)))
    assert np.std(low - high) > 0.7


def test_phase_turns_twice_a_wavelength_of_way() -> None:
    h = channel_along_y(FREE_SPACE, np.array([3.0, 3.0 + WAVELENGTH_M / 8.0]))
    turn = np.angle((h[1] / h[0]) ** 2)
    assert -turn == pytest.approx(np.pi / 2.0, abs=0.01)


def test_the_pattern_is_3_db_down_at_half_the_beam_and_bounded_behind() -> None:
    panel = Panel()
    half, behind = pattern_db(panel, np.cos(np.radians([panel.beam_deg / 2.0, 180.0])))
    assert half == pytest.approx(-3.0)
    assert behind == -panel.front_to_back_db
