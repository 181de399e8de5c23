"""What the reader makes of a reply: noise of the right size, nothing more exact than it should be."""

import numpy as np
import pytest

from simulators.physics.parameters import Physics
from simulators.physics.receiver import PHASE_STEPS, ReaderClock, Receiver

N = 20_000
HZ = np.full(N, 915e6)


def reported(reply_dbm: float, speed_m_s: float = 0.0, phase_rad: float = 1.0):
    receiver = Receiver(Physics(), 2, np.random.default_rng(1))
    h = np.full(N, np.exp(-0.5j * phase_rad))
    zeros = np.zeros(N, dtype=np.int64)
    return receiver.report(np.full(N, reply_dbm), h, zeros, zeros + 7, np.full(N, speed_m_s), HZ)


def test_power_is_right_on_average_and_in_half_decibels() -> None:
    rows = reported(-55.2)
    assert rows.rssi_dbm.mean() == pytest.approx(-55.2, abs=0.05)
    assert set(np.unique(rows.rssi_dbm * 2 % 1)) == {0.0}


def test_phase_is_ambiguous_by_half_a_turn_and_in_twelve_bits() -> None:
    rows = reported(-45.0)
    steps = rows.phase_rad / (2 * np.pi) * PHASE_STEPS
    assert np.allclose(steps, np.round(steps))
    middle = np.angle(np.exp(2j * rows.phase_rad).mean()) / 2
    turned = np.angle(np.exp(1j * (rows.phase_rad - middle)))
    assert 0.45 < (np.abs(turned) < np.pi / 2).mean() < 0.55


def test_a_weak_reply_has_a_noisier_phase() -> None:
    def spread(reply_dbm: float) -> float:
        return float(1.0 - np.abs(np.exp(2j * reported(reply_dbm).phase_rad).mean()))

    assert spread(-80.0) > 5.0 * spread(-50.0)


def test_doppler_is_positive_for_an_approaching_tag_and_buried_in_noise() -> None:
    rows = reported(-60.0, speed_m_s=-1.5)
    assert rows.doppler_hz.mean() == pytest.approx(2 * 1.5 * 915e6 / 299_792_458, abs=0.3)
    assert rows.doppler_hz.std() > 2.0


def test_replies_are_decoded_from_sensitivity_on() -> None:
    physics = Physics()
    receiver = Receiver(physics, 1, np.random.default_rng(1))
    at = physics.receiver.sensitivity_dbm
    below, edge, above = receiver.decode_probability(np.array([at - 6.0, at, at + 10.0]))
    assert below < 0.01
    assert edge == pytest.approx(physics.receiver.decode_best / 2)
    assert above == pytest.approx(physics.receiver.decode_best, abs=1e-4)


def test_a_clock_is_off_by_its_offset_and_drift() -> None:
    clock = ReaderClock(offset_us=2_500.0, drift_ppm=20.0)
    assert clock.stamp_us(1_000_000, np.array([0.0, 100.0])).tolist() == [1_002_500, 101_004_500]
