"""One reader in a world: the same seed the same reads, physics visible in what is reported."""

import numpy as np
import pytest

from simulators.physics import motion
from simulators.physics.antenna import Mount
from simulators.physics.inlay import stack
from simulators.physics.parameters import LIGHT_M_S, Inventory, Physics, Propagation, channel_hz
from simulators.physics.radio import ReaderRadio
from simulators.physics.read_columns import ReadColumns, joined
from simulators.physics.world import Body, Opening, Part, World, still

BASE_US = 1_767_600_000_000_000
MOUNTS = (
    Mount(1, -1.75, 0.8, 0.9, -np.pi / 2, 0.0),
    Mount(2, 1.75, 0.8, 1.9, np.pi / 2, 0.0),
    Mount(3, -1.75, -0.8, 1.9, -np.pi / 2, 0.0),
    Mount(4, 1.75, -0.8, 0.9, np.pi / 2, 0.0),
)
GOODS = Part(0.0, 0.0, 0.15, 1.2, 1.0, 1.2, "dry")
PHYSICS = Physics()


def pallet(name: str, path: object, count: int, seed: int = 1) -> Body:
    rng = np.random.default_rng(seed)
    epcs = tuple(f"{name}-{number}" for number in range(count))
    return Body(name, path, (GOODS,), stack(rng, PHYSICS.inlay, epcs, GOODS))  # type: ignore[arg-type]


def door(bodies: tuple[Body, ...], seconds: float, seed: int = 7, **options: object) -> ReaderRadio:
    world = World(bodies, (Opening(0.0),), seconds)
    return ReaderRadio(world, MOUNTS, PHYSICS, Inventory(), BASE_US, seed, **options)  # type: ignore[arg-type]


def columns(reads: ReadColumns) -> list[list[float]]:
    return [
        getattr(reads, name).tolist()
        for name in ("time_us", "tag", "antenna", "rssi_dbm", "channel", "phase_rad", "doppler_hz")
    ]


BODIES = (
    pallet("moving", motion.through(0.5, 0.0, 1, 1.5, 6.0), 20),
    pallet("parked", still(2.6, 1.5, 0.0, 9.0), 10, seed=2),
)


def test_a_seed_determines_every_read() -> None:
    assert columns(door(BODIES, 9.0).advance(9.0)) == columns(door(BODIES, 9.0).advance(9.0))
    other = door(BODIES, 9.0, seed=8).advance(9.0)
    assert columns(other) != columns(door(BODIES, 9.0).advance(9.0))


def test_window_by_window_is_the_same_as_in_one_go() -> None:
    whole = door(BODIES, 9.0).reads_until(BASE_US + 8_000_000)
    radio = door(BODIES, 9.0)
    parts = [radio.reads_until(BASE_US + until_us) for until_us in range(130_000, 8_000_001, 130_000)]
    parts.append(radio.reads_until(BASE_US + 8_000_000))
    assert columns(joined(parts)) == columns(whole)
    assert len(whole) > 300


def test_no_window_holds_a_read_of_another() -> None:
    radio = door(BODIES, 9.0)
    for first_us in range(0, 4_000_000, 250_000):
        reads = radio.reads_until(BASE_US + first_us + 250_000)
        assert (reads.time_us >= BASE_US + first_us).all()
        assert (reads.time_us < BASE_US + first_us + 250_000).all()


def test_a_reader_hears_nothing_of_what_is_far_away() -> None:
    assert len(door((pallet("far", still(40.0, 3.0, 0.0, 5.0), 20),), 5.0).advance(5.0)) == 0


def test_antennas_take_turns_and_channels_hop() -> None:
    reads = door(BODIES, 9.0).advance(9.0)
    assert set(np.unique(reads.antenna)) == {1, 2, 3, 4}
    assert len(np.unique(reads.channel)) > 20
    assert reads.channel.min() >= 1
    assert reads.channel.max() <= 50


def test_power_is_in_steps_and_phase_in_a_circle() -> None:
    reads = door(BODIES, 9.0).advance(9.0)
    assert np.allclose(reads.rssi_dbm * 2.0, np.round(reads.rssi_dbm * 2.0))
    assert reads.rssi_dbm.min() > PHYSICS.receiver.sensitivity_dbm - 4.0
    assert reads.phase_rad.min() >= 0.0
    assert reads.phase_rad.max() < 2.0 * np.pi


def test_phase_within_a_channel_follows_the_way_and_doppler_its_sign() -> None:
    clear = Physics(propagation=Propagation(ground_reflection=0.0, diffuse_below_los_db=60.0))
    tags = stack(np.random.default_rng(1), clear.inlay, ("one",), Part(0, 0, 1.3, 0.1, 0.1, 0.1, "air"))
    away = motion.through(0.0, 0.0, 1, 1.0, 8.0)
    world = World((Body("one", away, (), tags),), (), 16.0)
    mount = (Mount(1, 0.0, -9.0, 1.3, 0.0, 0.0),)
    reads = ReaderRadio(world, mount, clear, Inventory(), BASE_US, 3, exact_clock=True).advance(6.0)
    slopes = []
    for channel in np.unique(reads.channel):
        rows = reads.channel == channel
        if rows.sum() >= 4:
            t_s = (reads.time_us[rows] - BASE_US) / 1e6
            # Twice the phase is free of the ambiguity by π; the way grows by a metre a second.
            turned = (
                2.0 * reads.phase_rad[rows].astype(float) - 8.0 * np.pi * t_s * channel_hz(int(channel)) / LIGHT_M_S
            )
            slopes.append(abs(np.exp(1j * turned).mean()))
    assert len(slopes) > 5
    assert np.median(slopes) > 0.9
    assert reads.doppler_hz.mean() == pytest.approx(-2.0 * 915e6 / LIGHT_M_S, abs=1.5)


def test_a_metal_load_between_shields() -> None:
    tagged = pallet("tagged", still(0.6, 0.8, 0.0, 6.0), 12)
    shield = Body("shield", still(-0.6, 0.8, 0.0, 6.0), (Part(0, 0, 0, 2.4, 0.3, 2.2, "metal"),))
    bare = door((tagged,), 6.0).advance(6.0)
    shielded = door((tagged, shield), 6.0).advance(6.0)
    near, far = 2, 1
    assert np.median(shielded.rssi_dbm[shielded.antenna == far]) < np.median(bare.rssi_dbm[bare.antenna == far]) - 4.0
    assert np.median(shielded.rssi_dbm[shielded.antenna == near]) > np.median(bare.rssi_dbm[bare.antenna == near]) - 4.0
