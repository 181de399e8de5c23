"""The parameters are frozen: decisions were fitted on what they produce."""

import hashlib

from simulators.physics.parameters import (
    CHANNELS,
    DENSE,
    FAST,
    MATERIALS,
    Inventory,
    Physics,
    channel_hz,
)

FROZEN = "9f7d1ff3c80d6b37"


def test_nothing_changed_since_the_decisions_were_fitted() -> None:
    """Whoever changes a parameter refits the decisions and writes the new digest here."""
    everything = repr((Physics(), MATERIALS, DENSE, FAST, Inventory()))
    assert hashlib.sha256(everything.encode()).hexdigest()[:16] == FROZEN


def test_the_hop_table_is_the_fcc_band() -> None:
    assert channel_hz(1) == 902.75e6
    assert channel_hz(CHANNELS) == 927.25e6
