"""A scenario and a seed make a recording and its truth; the same seed the same, bit for bit."""

import zlib
from dataclasses import replace

import numpy as np

from simulators.physics.parameters import Physics
from simulators.physics.photo_eye import level_changes
from simulators.physics.radio import ReaderRadio
from simulators.physics.read_columns import joined
from simulators.physics.recording import GpiEvent, Recording, Truth
from simulators.physics.world import World
from simulators.scenarios import traffic
from simulators.scenarios.site_plan import SitePlan, dock, hall
from simulators.scenarios.spec import Room, Scenario

BASE_US = 1_767_600_000_000_000
"""2026-01-05T08:00:00Z."""
TAIL_S = 4.0


def room_physics(room: Room | None, rng: np.random.Generator) -> Physics:
    """The frozen physics, or a room's variation of it."""
    physics = Physics()
    if room is None:
        return physics
    return replace(
        physics,
        propagation=replace(
            physics.propagation,
            diffuse_below_los_db=float(rng.uniform(*room.diffuse_below_los_db)),
            wall_db=float(rng.uniform(*room.wall_db)),
        ),
        inlay=replace(
            physics.inlay,
            sensitivity_dbm=float(rng.uniform(*room.sensitivity_dbm)),
            sensitivity_sd_db=float(rng.uniform(*room.sensitivity_sd_db)),
        ),
        receiver=replace(
            physics.receiver,
            rssi_noise_db=float(rng.uniform(*room.rssi_noise_db)),
            sensitivity_dbm=float(rng.uniform(*room.receiver_dbm)),
        ),
    )


def staged(scenario: Scenario, seed: int, physics: Physics) -> tuple[World, SitePlan, Truth, int]:
    """The world, the site, the truth, and the seed from which readers draw theirs."""
    rng = np.random.default_rng([seed, zlib.crc32(scenario.name.encode())])
    build = hall if scenario.layout.zones else dock
    plan = build(rng, scenario.name, scenario.layout, scenario.air)
    stage = traffic.Stage(rng, plan, physics.inlay, BASE_US, scenario.window_m)
    for number, item in enumerate(scenario.traffic):
        traffic.run(stage, item, number, scenario)
    if scenario.people.count:
        traffic.walk(stage, scenario.people, scenario.layout.doors)
    duration_s = max(stage.end_s + TAIL_S, scenario.least_s)
    for number, parked in enumerate(scenario.parked):
        traffic.park(stage, parked, duration_s, number)
    truth = Truth(tuple(stage.loads), stage.zone_stays())
    return World(tuple(stage.bodies), plan.openings, duration_s), plan, truth, int(rng.integers(1 << 62))


def simulate(scenario: Scenario, seed: int) -> tuple[Recording, Truth]:
    """Run one scenario."""
    physics = room_physics(scenario.room, np.random.default_rng([seed, zlib.crc32(b"room")]))
    world, plan, truth, radio_seed = staged(scenario, seed, physics)
    columns, owner, events = [], [], []
    for number, reader in enumerate(plan.readers):
        radio = ReaderRadio(world, reader.mounts, physics, reader.inventory, BASE_US, radio_seed + number)
        reads = radio.advance(world.duration_s)
        columns.append(reads)
        owner.append(np.full(len(reads), number, dtype=np.uint16))
        for wired in plan.beams:
            if wired.reader == reader.name:
                for at_s, state in level_changes(world, wired.beam, 0.0, world.duration_s):
                    at_us = int(radio.clock.stamp_us(BASE_US, np.array([at_s]))[0])
                    events.append(GpiEvent(at_us, reader.name, wired.gpi, state))
    rows = joined(columns)
    reader_of = np.concatenate(owner)
    order = np.argsort(rows.time_us, kind="stable")
    recording = Recording(
        scenario.name, seed, plan.site,
        tuple(epc for body in world.bodies for epc in body.tags.epcs),
        tuple(reader.name for reader in plan.readers),
        rows.time_us[order], rows.tag[order], reader_of[order], rows.antenna[order], rows.rssi_dbm[order],
        rows.channel[order], rows.phase_rad[order], rows.doppler_hz[order],
        tuple(sorted(events, key=lambda event: event.time_us)),
    )  # fmt: skip
    return recording, truth
