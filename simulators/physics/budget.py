"""Link budget: from the channel to the power at the tag and at the reader."""

from dataclasses import dataclass

import numpy as np

from simulators.physics.parameters import Physics
from simulators.physics.propagation import Complexes
from simulators.physics.world import Floats


@dataclass(frozen=True, slots=True)
class Power:
    """What the tag gets and what the reader hears back, dBm; any shape."""

    tag_dbm: Floats
    reply_dbm: Floats


def link_power(physics: Physics, power_dbm: Floats, h: Complexes) -> Power:
    """Both ends of the link for transmit power at the reader's port and channel h."""
    panel, inlay = physics.panel, physics.inlay
    path_db = 20.0 * np.log10(np.abs(h) + 1e-12) + panel.gain_dbic + inlay.gain_dbi - panel.polarisation_db
    tag = power_dbm - panel.cable_db + path_db
    return Power(tag, tag - inlay.backscatter_db + path_db - panel.cable_db)
