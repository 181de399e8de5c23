"""Scenarios end to end: reads, events and truth that fit together, and hard enough."""

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest

from simulators.physics.parameters import Physics
from simulators.physics.recording import Recording, Truth, write_csv, write_truth
from simulators.scenarios.run import room_physics, simulate, staged
from simulators.scenarios.spec import library, named
from warehouse.site import Direction


@pytest.fixture(scope="module")
def parked_beside() -> tuple[Recording, Truth]:
    return simulate(named("parked-beside"), 3)


def test_a_seed_determines_the_recording(parked_beside: tuple[Recording, Truth]) -> None:
    again, truth = simulate(named("parked-beside"), 3)
    assert np.array_equal(again.time_us, parked_beside[0].time_us)
    assert np.array_equal(again.phase_rad, parked_beside[0].phase_rad)
    assert (again.epcs, again.events) == (parked_beside[0].epcs, parked_beside[0].events)
    assert truth == parked_beside[1]


def test_another_seed_makes_another(parked_beside: tuple[Recording, Truth]) -> None:
    other, _ = simulate(named("parked-beside"), 4)
    assert not set(other.epcs) & set(parked_beside[0].epcs)


def test_loads_are_read_in_their_windows_and_the_parked_pallet_always(parked_beside: tuple[Recording, Truth]) -> None:
    recording, truth = parked_beside
    moving = {epc for load in truth.loads for epc in load.epcs}
    missed = 0
    for load in truth.loads:
        rows = (recording.time_us >= load.start_us) & (recording.time_us <= load.end_us)
        seen = {recording.epcs[tag] for tag in recording.tag[rows]}
        missed += len(set(load.epcs) - seen)
        assert seen - moving, "strays answer while the load passes"
    assert missed <= 0.05 * len(moving)


def test_barriers_are_blocked_once_a_side_while_a_load_passes(parked_beside: tuple[Recording, Truth]) -> None:
    recording, truth = parked_beside
    for load in truth.loads:
        around = [
            event
            for event in recording.events
            if load.start_us - 500_000 <= event.time_us <= load.end_us + 3_000_000 and event.state
        ]
        assert {event.gpi for event in around} == {1, 2}
        first = min(around, key=lambda event: event.time_us)
        assert first.gpi == (1 if load.direction is Direction.IN else 2)


def test_neighbouring_doors_hear_each_other() -> None:
    recording, truth = simulate(named("neighbour-doors"), 2)
    load = next(load for load in truth.loads if load.portal == "door-1")
    rows = (recording.time_us >= load.start_us) & (recording.time_us <= load.end_us)
    own = np.array([epc in set(load.epcs) for epc in recording.epcs])[recording.tag]
    heard_by = {recording.readers[index] for index in recording.reader[rows & own]}
    assert {"door-1", "door-2"} <= heard_by


def test_a_plain_power_threshold_does_not_reach_095() -> None:
    """Peak power of a tag in a load's window, best threshold in hindsight: the physics must not be that kind."""
    peaks: list[float] = []
    belongs: list[bool] = []
    for name in ("parked-beside", "no-photo-eyes", "beside"):
        recording, truth = simulate(named(name), 1001)
        doors = np.array([reader[:6] for reader in recording.readers])[recording.reader]
        for load in truth.loads:
            rows = (recording.time_us >= load.start_us) & (recording.time_us <= load.end_us) & (doors == load.portal)
            for tag in np.unique(recording.tag[rows]):
                peaks.append(float(recording.rssi_dbm[rows & (recording.tag == tag)].max()))
                belongs.append(recording.epcs[tag] in load.epcs)
    peak, label = np.array(peaks), np.array(belongs)
    best = 0.0
    for threshold in np.unique(peak):
        chosen = peak >= threshold
        best = max(best, min(label[chosen].mean(), chosen[label].mean()))
    assert 0.5 < best < 0.95


def test_zone_truth_covers_every_tag_for_the_whole_time() -> None:
    recording, truth = simulate(named("zones"), 1)
    first = min(stay.start_us for stay in truth.stays)
    last = max(stay.end_us for stay in truth.stays)
    for epc in recording.epcs[::7]:
        stays = sorted((stay for stay in truth.stays if stay.epc == epc), key=lambda stay: stay.start_us)
        assert (stays[0].start_us, stays[-1].end_us) == (first, last)
        assert all(one.end_us == two.start_us for one, two in itertools.pairwise(stays))


@pytest.mark.parametrize("name", [scenario.name for scenario in library() if not scenario.layout.zones])
def test_every_scenario_of_doors_makes_loads_or_says_quiet(name: str) -> None:
    _, plan, truth, _ = staged(named(name), 1000, Physics())
    assert bool(truth.loads) == (name not in ("quiet-door", "held-idle"))
    for load in truth.loads:
        assert load.start_us < load.end_us
        assert load.portal in {portal.name for portal in plan.site.portals}


def test_files_hold_every_read_event_and_load_tag(parked_beside: tuple[Recording, Truth], tmp_path: Path) -> None:
    recording, truth = parked_beside
    write_csv(recording, tmp_path / "reads.csv")
    write_truth(truth, tmp_path / "truth.csv")
    with (tmp_path / "reads.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(row["epc"] != "" for row in rows) == len(recording)
    assert sum(row["gpi"] != "" for row in rows) == len(recording.events)
    times = [int(row["time_us"]) for row in rows]
    assert times == sorted(times)
    with (tmp_path / "truth.csv").open() as file:
        loads = [row for row in csv.DictReader(file) if row["kind"] == "load"]
    assert len(loads) == sum(len(load.epcs) for load in truth.loads)


def test_a_room_varies_the_physics_by_seed_and_only_where_it_says() -> None:
    room = named("dev-other-rooms").room
    one, two = (room_physics(room, np.random.default_rng(seed)) for seed in (1, 2))
    assert one.propagation.diffuse_below_los_db != two.propagation.diffuse_below_los_db
    assert (one.panel, one.persistence, one.clock) == (Physics().panel, Physics().persistence, Physics().clock)
    assert room_physics(None, np.random.default_rng(1)) == Physics()
