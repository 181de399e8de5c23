"""Simulated recordings for fitting and measuring: scenario and seed to RecordedReads and truth, kept on disk.

Which seeds of which scenarios are for what is said in `simulators.scenarios.split`; these are the shares measured.
The cache (`bench/results/cases`) is keyed by the scenario, the physics and what a recording is: a change of those makes
new cases; a change of how traffic or radio are simulated does not, and asks for the folder to be deleted.
"""

import hashlib
import pickle
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from simulators.physics.parameters import Physics
from simulators.physics.recording import Recording, Truth
from simulators.scenarios import split
from simulators.scenarios.run import room_physics, simulate, staged
from simulators.scenarios.spec import Scenario
from stream.model import DeviceEvent, DeviceEventKind
from stream.recorded import RecordedReads
from warehouse.site import Site

DEV_SEEDS = split.DEV_SEEDS[:2]
HELD_SEEDS = split.HELD_OUT_SEEDS[14:16]
CACHE = Path(__file__).parent / "results" / "cases"


def recorded(recording: Recording) -> RecordedReads:
    """A simulator's recording as one read from CSV would be."""
    return RecordedReads(
        tags=recording.epcs,
        readers=recording.readers,
        time_us=recording.time_us,
        tag=recording.tag,
        reader=recording.reader,
        antenna=recording.antenna,
        rssi_dbm=recording.rssi_dbm,
        channel=recording.channel,
        phase_rad=recording.phase_rad,
        doppler_hz=recording.doppler_hz,
        events=tuple(
            DeviceEvent(event.reader, DeviceEventKind.GPI, event.time_us, port=event.gpi, state=event.state)
            for event in recording.events
        ),
    )


def case(scenario: Scenario, seed: int) -> tuple[Site, RecordedReads, Truth]:
    """One recording and its truth; simulated once."""
    about = repr((replace(scenario, about=""), scenario.room, seed, Physics())) + repr(RecordedReads.__slots__)
    path = CACHE / f"{scenario.name}-{seed}-{hashlib.sha256(about.encode()).hexdigest()[:12]}.pickle"
    if path.exists():
        with path.open("rb") as file:
            reads, truth = pickle.load(file)
        physics = room_physics(scenario.room, np.random.default_rng([seed, zlib.crc32(b"room")]))
        return staged(scenario, seed, physics)[1].site, reads, truth
    recording, truth = simulate(scenario, seed)
    reads = recorded(recording)
    CACHE.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        pickle.dump((reads, truth), file)
    part.replace(path)
    return recording.site, reads, truth
