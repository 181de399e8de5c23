"""Reader antennas: where they hang, where they look, what they favour."""

from dataclasses import dataclass

import numpy as np

from simulators.physics.parameters import Panel
from simulators.physics.world import Floats


@dataclass(frozen=True, slots=True)
class Mount:
    """One antenna port: position; boresight as azimuth (0 is +y, π/2 is −x) and tilt (down > 0)."""

    port: int
    x_m: float
    y_m: float
    z_m: float
    azimuth_rad: float
    tilt_rad: float
    power_dbm: float = 30.0

    @property
    def position(self) -> Floats:
        return np.array([self.x_m, self.y_m, self.z_m])

    @property
    def boresight(self) -> Floats:
        flat = np.cos(self.tilt_rad)
        return np.array([-np.sin(self.azimuth_rad) * flat, np.cos(self.azimuth_rad) * flat, -np.sin(self.tilt_rad)])


def pattern_db(panel: Panel, cos_off_boresight: Floats) -> Floats:
    """Gain relative to the boresight (≤ 0 dB) by the 3GPP parabola with a floor; any shape."""
    theta_deg = np.degrees(np.arccos(np.clip(cos_off_boresight, -1.0, 1.0)))
    fall: Floats = np.minimum(12.0 * (theta_deg / panel.beam_deg) ** 2, panel.front_to_back_db)
    return -fall
