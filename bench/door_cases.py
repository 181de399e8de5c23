"""Simulated recordings for fitting and measuring: scenario and seed to RecordedReads and truth, kept on disk.

Seeds: fitting uses `FIT_SEEDS` of scenarios split `fit`; measuring uses `HELD_SEEDS` of scenarios split `held_out`;
`CHECK_SEEDS` of fitting scenarios are for looking closer without touching what is held out.
The cache (`bench/results/cases`) is keyed by the scenario, the physics and what a site is: a change makes new cases.
"""

import hashlib
import inspect
import pickle
from dataclasses import replace
from pathlib import Path

import warehouse.site
from simulators.physics.parameters import Physics
from simulators.physics.recording import Recording, Truth
from simulators.scenarios import split
from simulators.scenarios.run import simulate
from simulators.scenarios.spec import Scenario
from stream.model import DeviceEvent, DeviceEventKind
from stream.recorded import RecordedReads
from warehouse.site import Site

FIT_SEEDS = split.FIT_SEEDS
CHECK_SEEDS = split.HELD_OUT_SEEDS[:3]
HELD_SEEDS = split.HELD_OUT_SEEDS[:4]
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
    about = repr((replace(scenario, about=""), seed, Physics())) + inspect.getsource(warehouse.site)
    path = CACHE / f"{scenario.name}-{seed}-{hashlib.sha256(about.encode()).hexdigest()[:12]}.pickle"
    if path.exists():
        with path.open("rb") as file:
            kept: tuple[Site, RecordedReads, Truth] = pickle.load(file)
        return kept
    recording, truth = simulate(scenario, seed)
    made = recording.site, recorded(recording), truth
    CACHE.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        pickle.dump(made, file)
    part.replace(path)
    return made
