"""The complex channel between one antenna and many tags: direct path, floor reflection, and scattered waves.

One way, amplitude relative to what was fed into an isotropic antenna, so |h|² is the path gain; the reply takes the
same way back and squares it. Scattered field: a sum of plane waves with fixed directions and detours per antenna, so
fading is correlated in space (a quarter wavelength for the reply), differs by channel, and wanders for the few waves
that come off moving things. The scattered field does not care for the boresight: that is why tags behind an antenna are
read. A ray to the floor image is taken to suffer the same obstacles as the direct one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.physics.antenna import Mount, pattern_db
from simulators.physics.inlay import dipole_db
from simulators.physics.parameters import LIGHT_M_S, Physics
from simulators.physics.world import Floats

Complexes = NDArray[np.complex128]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The channel before obstacles: `direct` with the floor's image, `still` and `moving` scattered waves (..., m)."""

    direct: Complexes
    still: Complexes
    moving: Complexes


class Channel:
    """The fixed surroundings of a reader's antennas, drawn from `rng`."""

    def __init__(self, physics: Physics, mounts: tuple[Mount, ...], rng: np.random.Generator) -> None:
        self._physics = physics
        model = physics.propagation
        shape = (len(mounts), model.diffuse_waves)
        self._position = np.stack([mount.position for mount in mounts])
        self._boresight = np.stack([mount.boresight for mount in mounts])
        azimuth = rng.uniform(-np.pi, np.pi, shape)
        climb = rng.uniform(-0.4, 0.4, shape)
        self._direction = np.stack(
            [np.cos(climb) * np.cos(azimuth), np.cos(climb) * np.sin(azimuth), np.sin(climb)], axis=-1
        )
        self._detour_m = rng.uniform(0.0, model.excess_path_m, shape)
        self._shift_hz = rng.uniform(
            -model.diffuse_moving_hz, model.diffuse_moving_hz, (len(mounts), model.diffuse_moving)
        )

    def positions(self, antenna: Ints) -> Floats:
        """Antenna positions, (..., 3)."""
        return self._position[antenna]

    def pieces(self, antenna: Ints, hz: Floats, tag: Floats, axis: Floats) -> Pieces:
        """Evaluate. antenna, hz: (...); tag, axis: (..., 3); shapes broadcast."""
        model, panel, inlay = self._physics.propagation, self._physics.panel, self._physics.inlay
        wavelength = LIGHT_M_S / hz
        k = 2.0 * np.pi / wavelength
        source = self._position[antenna]
        boresight = self._boresight[antenna]

        def ray(mirror: bool) -> tuple[Floats, Complexes]:
            step = tag - source
            if mirror:
                step = np.concatenate([step[..., :2], -(tag[..., 2:] + source[..., 2:])], axis=-1)
            length = np.maximum(np.sqrt(np.einsum("...i,...i->...", step, step)), 0.3)
            unit = step / length[..., None]
            gain_db = pattern_db(panel, np.einsum("...i,...i->...", unit, boresight))
            arrival = unit * np.array([1.0, 1.0, -1.0]) if mirror else unit
            gain_db = gain_db + dipole_db(inlay, np.einsum("...i,...i->...", arrival, axis))
            amplitude = wavelength / (4.0 * np.pi * length) * 10.0 ** (gain_db / 20.0)
            return length, amplitude * np.exp(-1j * k * length)

        length, direct = ray(mirror=False)
        _, image = ray(mirror=True)
        direct = direct + model.ground_reflection * image
        spread = wavelength / (4.0 * np.pi * length)
        spread = spread * 10.0 ** (-model.diffuse_below_los_db / 20.0) / np.sqrt(model.diffuse_waves)
        way = np.einsum("...i,...wi->...w", tag, self._direction[antenna]) + self._detour_m[antenna]
        waves = spread[..., None] * np.exp(-1j * k[..., None] * way)
        return Pieces(direct, waves[..., model.diffuse_moving :].sum(axis=-1), waves[..., : model.diffuse_moving])

    def combine(
        self, pieces: Pieces, antenna: Ints, t_s: Floats, loss_db: Floats, diffuse_loss_db: Floats
    ) -> Complexes:
        """The channel with obstacles: `loss_db` on the direct path, `diffuse_loss_db` on the scattered waves."""
        turn = np.exp(2j * np.pi * self._shift_hz[antenna] * t_s[..., None])
        scattered = pieces.still + (pieces.moving * turn).sum(axis=-1)
        h: Complexes = pieces.direct * 10.0 ** (-loss_db / 20.0) + scattered * 10.0 ** (-diffuse_loss_db / 20.0)
        return h
