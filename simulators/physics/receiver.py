"""What the reader reports of a reply: decoded or not, RSSI, phase, Doppler, and its own clock.

Phase follows Impinj's Low Level User Data note: 4πd/λ plus a constant per antenna and channel, ambiguous by π from one
read to the next, in 4096 steps. Doppler is positive for an approaching tag; its noise is that of two phase
measurements one packet apart, so it is large next to the few Hz of a forklift.
"""

from dataclasses import dataclass

import numpy as np

from simulators.physics.parameters import CHANNELS, Clock, Physics
from simulators.physics.propagation import Complexes, Ints
from simulators.physics.world import Floats

PHASE_STEPS = 4096
DOPPLER_STEP_HZ = 1.0 / 16.0


@dataclass(frozen=True, slots=True)
class ReaderClock:
    """Reader time = base + t (1 + drift) + offset."""

    offset_us: float
    drift_ppm: float

    @classmethod
    def drawn(cls, clock: Clock, rng: np.random.Generator) -> "ReaderClock":
        """One reader's clock."""
        return cls(float(rng.normal(0.0, clock.offset_sd_us)), float(rng.normal(0.0, clock.drift_sd_ppm)))

    def stamp_us(self, base_us: int, t_s: Floats) -> Ints:
        """Integer microseconds since the Unix epoch, as the reader would say."""
        shifted: Ints = base_us + np.rint(t_s * 1e6 * (1.0 + self.drift_ppm * 1e-6) + self.offset_us).astype(np.int64)
        return shifted


@dataclass(frozen=True, slots=True)
class Reported:
    """The measured columns of n reads."""

    rssi_dbm: Floats
    phase_rad: Floats
    doppler_hz: Floats


class Receiver:
    """One reader's receive side."""

    def __init__(self, physics: Physics, antennas: int, rng: np.random.Generator) -> None:
        self._model = physics.receiver
        self._rng = rng
        self._phase_offset = rng.uniform(0.0, 2.0 * np.pi, (antennas, CHANNELS + 1))

    def decode_probability(self, reply_dbm: Floats) -> Floats:
        """How likely a reply of that power is decoded when alone in its slot."""
        model = self._model
        margin = (reply_dbm - model.sensitivity_dbm) / model.decode_slope_db
        return model.decode_best / (1.0 + np.exp(-np.clip(margin, -40.0, 40.0)))

    def report(
        self, reply_dbm: Floats, h: Complexes, antenna: Ints, channel: Ints, speed_m_s: Floats, hz: Floats
    ) -> Reported:
        """Measure n decoded replies; `speed_m_s` is how fast the direct path grows."""
        model, rng = self._model, self._rng
        n = len(reply_dbm)
        rssi = reply_dbm + rng.normal(0.0, model.rssi_noise_db, n)
        rssi = np.round(rssi / model.rssi_step_db) * model.rssi_step_db
        snr_db = np.clip(reply_dbm - model.sensitivity_dbm, 0.0, 40.0)
        noise = model.phase_noise_rad * 10.0 ** ((20.0 - snr_db) / 20.0)
        noise = np.clip(noise, 0.3 * model.phase_noise_rad, 1.0)
        phase = -2.0 * np.angle(h) + self._phase_offset[antenna, channel] + rng.normal(0.0, 1.0, n) * noise
        phase = np.mod(phase + np.pi * rng.integers(0, 2, n), 2.0 * np.pi)
        phase = np.mod(np.round(phase / (2.0 * np.pi) * PHASE_STEPS), PHASE_STEPS) * (2.0 * np.pi / PHASE_STEPS)
        doppler = -2.0 * speed_m_s * hz / 299_792_458.0
        doppler = doppler + rng.normal(0.0, 1.0, n) * noise * np.sqrt(2.0) / (2.0 * np.pi * model.packet_s)
        doppler = np.round(doppler / DOPPLER_STEP_HZ) * DOPPLER_STEP_HZ
        return Reported(rssi, phase, doppler)
