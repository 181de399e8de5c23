"""Recordings changed as others would have made them: what each change takes away, and that it takes nothing else."""

import numpy as np
import pytest

from bench.recording_configurations import (
    CONFIGURATIONS,
    CSV,
    any_configuration,
    beam,
    both_sides,
    configured,
    cut_to_loads,
    no_rssi,
    once_a,
    one_antenna,
    one_door,
    one_port,
    one_side,
)
from simulators.physics.recording import LoadTruth
from stream.recorded import RecordedReads
from warehouse.site import Antenna, Direction, PhotoEye, Portal, Reader, Side, Site

RNG_SEED = 7
SIDES = (Side.INSIDE, Side.INSIDE, Side.OUTSIDE, Side.OUTSIDE)


@pytest.fixture
def site() -> Site:
    def reader(door: str) -> Reader:
        return Reader(
            door, "127.0.0.1", antennas=tuple(Antenna(port, door, side) for port, side in enumerate(SIDES, 1))
        )

    return Site(
        "two",
        readers=(reader("d1"), reader("d2")),
        portals=(
            Portal("d1", "in", "out", neighbours=("d2",), photo_eyes=(PhotoEye("d1", 1, Side.INSIDE),)),
            Portal("d2", "in", "out", neighbours=("d1",)),
        ),
    )


@pytest.fixture
def reads() -> RecordedReads:
    count = 800
    number = np.arange(count)
    return RecordedReads(
        tags=("A", "B"),
        readers=("d1", "d2"),
        time_us=number * 10_000,
        tag=(number % 2).astype(np.uint32),
        reader=(number // 2 % 2).astype(np.uint16),
        antenna=(number // 4 % 4 + 1).astype(np.uint16),
        rssi_dbm=np.full(count, -50.26, np.float32),
        channel=np.ones(count, np.uint16),
        phase_rad=np.ones(count, np.float32),
        doppler_hz=np.ones(count, np.float32),
        events=(),
    )


def watching(site: Site) -> list[tuple[str, int, Side | None]]:
    return [(reader.name, antenna.port, antenna.side) for reader in site.readers for antenna in reader.antennas]


def rng() -> np.random.Generator:
    return np.random.default_rng(RNG_SEED)


def test_a_csv_has_time_tag_antenna_and_whole_db_and_its_site_knows_no_sides(site: Site, reads: RecordedReads) -> None:
    bare, made = configured(site, reads, CSV, rng())
    assert {side for *_, side in watching(bare)} == {None}
    assert not any(portal.photo_eyes for portal in bare.portals)
    assert np.isnan(made.phase_rad).all()
    assert set(made.rssi_dbm.tolist()) == {-50.0}
    assert len(made) == len(reads)
    assert np.isnan(no_rssi(site, reads, rng())[1].rssi_dbm).all()


def test_one_antenna_a_door_stays_with_its_reads(site: Site, reads: RecordedReads) -> None:
    bare, made = one_antenna(site, reads, rng())
    assert [name for name, *_ in watching(bare)] == ["d1", "d2"]
    assert len(made) == len(reads) // 4


def test_one_side_stays(site: Site, reads: RecordedReads) -> None:
    bare, made = one_side(site, reads, rng())
    assert len({side for *_, side in watching(bare)}) == 1
    assert len(made) == len(reads) // 2


def test_antennas_not_told_apart_keep_all_reads_and_are_on_no_side(site: Site, reads: RecordedReads) -> None:
    bare, made = one_port(site, reads, rng())
    assert watching(bare) == [("d1", 1, None), ("d2", 1, None)]
    assert set(made.antenna.tolist()) == {1}
    bare, made = both_sides(site, reads, rng())
    assert watching(bare) == [("d1", 1, None), ("d1", 2, None), ("d2", 1, None), ("d2", 2, None)]
    assert len(made) == len(reads)


def test_middleware_hands_on_one_read_a_second_of_a_tag_and_antenna(site: Site, reads: RecordedReads) -> None:
    _, made = once_a(1.0)(site, reads, rng())
    keys = set(zip(made.tag, made.reader, made.antenna, made.time_us // 1_000_000, strict=True))
    assert len(keys) == len(made) < len(reads)


def test_one_doors_reader_knows_no_neighbour(site: Site, reads: RecordedReads) -> None:
    bare, made = one_door(site, reads, rng())
    assert len(bare.portals) == 1
    assert not bare.portals[0].neighbours
    assert {name for name, *_ in watching(bare)} == {bare.portals[0].name}
    assert len(made) == len(reads) // 2


def test_cut_to_its_loads_there_are_reads_of_their_windows_and_half_the_time_of_nothing_else(
    reads: RecordedReads,
) -> None:
    load = LoadTruth("L1", "d1", Direction.IN, 3_500_000, 4_500_000, ("A", "never read"))
    heard = set()
    for seed in range(20):
        made = cut_to_loads(reads, [load], np.random.default_rng(seed))
        margin_us = load.start_us - int(made.time_us.min())
        assert 280_000 <= margin_us <= 3_000_000
        assert int(made.time_us.max()) - load.end_us == pytest.approx(margin_us, abs=20_000)
        heard.add(tuple(reads.tags[tag] for tag in np.unique(made.tag)))
    assert heard == {("A",), ("A", "B")}


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_drawn_can_be_made_again(site: Site, reads: RecordedReads, seed: int) -> None:
    made = [
        configured(site, reads, any_configuration(random), random)[1]
        for random in (np.random.default_rng(seed), np.random.default_rng(seed))
    ]
    assert np.array_equal(made[0].time_us, made[1].time_us)
    assert np.array_equal(made[0].antenna, made[1].antenna)


def test_every_configuration_leaves_some_reads(site: Site, reads: RecordedReads) -> None:
    for changes in CONFIGURATIONS.values():
        assert len(configured(site, reads, changes, rng())[1])


def test_a_beam_is_broken_once_for_every_load_and_for_loads_abreast_together(site: Site, reads: RecordedReads) -> None:
    portal = site.portals[0].name
    loads = [
        LoadTruth(f"L{start}", portal, Direction.IN, start * 100_000, end * 100_000, ("A",))
        for start, end in ((10, 20), (11, 21), (25, 35), (60, 70))
    ]
    made, seen = configured(site, reads, (beam(loads),), rng())
    (eye,) = made.portals[0].photo_eyes
    states = [event.state for event in seen.events if event.port == eye.gpi]
    assert states == [True, False] * 3
    times = [event.at_us for event in seen.events if event.port == eye.gpi]
    assert times == sorted(times)
