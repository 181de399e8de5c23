"""The plant's radio as reader simulators use it."""

from collections.abc import Iterator

import numpy as np
import pytest

from simulators.llrp.radio import AntennaDrive, Radio, Singulations
from simulators.plant import Plant

ALL = tuple(AntennaDrive(port, 30.0, session=1) for port in (1, 2, 3, 4))
STRETCH_US = 100_000


@pytest.fixture(scope="module")
def plant() -> Plant:
    return Plant(7, 90.0)


def stretches(plant: Plant, radio: Radio, first_s: float, last_s: float) -> Iterator[tuple[int, Singulations]]:
    for at_us in range(plant.start_us + round(first_s * 1e6), plant.start_us + round(last_s * 1e6), STRETCH_US):
        yield at_us, radio.reads(at_us, at_us + STRETCH_US, ALL)


def test_reads_are_inside_their_stretch_and_in_order(plant: Plant) -> None:
    total = 0
    for at_us, reads in stretches(plant, plant.radio("door-2"), 0.0, 20.0):
        assert ((reads.time_us >= at_us) & (reads.time_us < at_us + STRETCH_US)).all()
        assert (np.diff(reads.time_us) >= 0).all()
        assert reads.epc.shape == (len(reads), 12)
        total += len(reads)
    assert total > 300


def test_tags_of_loads_are_heard(plant: Plant) -> None:
    load = plant.truth.loads[0].load
    radio = plant.radio(load.portal)
    last_s = (load.end_us - plant.start_us) / 1e6
    heard = {row.tobytes().hex().upper() for _, reads in stretches(plant, radio, 0.0, last_s) for row in reads.epc}
    assert len(set(load.epcs) & heard) >= 0.95 * len(load.epcs)


def test_only_the_driven_antennas_read(plant: Plant) -> None:
    radio = plant.radio("door-2")
    reads = radio.reads(plant.start_us, plant.start_us + 5_000_000, (AntennaDrive(2, 30.0),))
    assert set(reads.antenna.tolist()) == {2}


def test_antennas_driven_one_by_one_read_each_in_its_own_stretch(plant: Plant) -> None:
    radio = plant.radio("door-2")
    total = 0
    for turn in range(100):
        port = 1 + turn % 4
        start_us = plant.start_us + turn * 200_000
        reads = radio.reads(start_us, start_us + 200_000, (AntennaDrive(port, 30.0, session=1),))
        assert set(reads.antenna.tolist()) <= {port}
        assert ((reads.time_us >= start_us) & (reads.time_us < start_us + 200_000)).all()
        total += len(reads)
    at_once = sum(len(reads) for _, reads in stretches(plant, plant.radio("door-2"), 0.0, 20.0))
    assert total > 0.6 * at_once


def test_a_port_with_no_antenna_hears_nothing(plant: Plant) -> None:
    reads = plant.radio("door-2").reads(plant.start_us, plant.start_us + 2_000_000, (AntennaDrive(9, 30.0),))
    assert len(reads) == 0


def test_less_power_reads_less(plant: Plant) -> None:
    quiet = tuple(AntennaDrive(port, 12.0, session=1) for port in (1, 2, 3, 4))
    loud_reads = len(plant.radio("door-2").reads(plant.start_us, plant.start_us + 10_000_000, ALL))
    assert len(plant.radio("door-2").reads(plant.start_us, plant.start_us + 10_000_000, quiet)) < 0.5 * loud_reads


def test_a_gap_without_inventory_is_skipped_not_made_up_for(plant: Plant) -> None:
    radio = plant.radio("door-2")
    radio.reads(plant.start_us, plant.start_us + 1_000_000, ALL)
    late = radio.reads(plant.start_us + 30_300_000, plant.start_us + 31_000_000, ALL)
    assert late.time_us.min() >= plant.start_us + 30_300_000


def test_no_antennas_no_reads(plant: Plant) -> None:
    assert len(plant.radio("door-1").reads(plant.start_us, plant.start_us + 1_000_000, ())) == 0


def test_memory_is_kept_per_tag_and_unknown_tags_have_none(plant: Plant) -> None:
    radio = plant.radio("door-1")
    epc = bytes.fromhex(plant.truth.loads[0].load.epcs[0])
    memory = radio.memory(epc)
    assert memory is not None
    memory.banks[3][0] = 0xBEEF
    again = radio.memory(epc)
    assert again is not None
    assert again.banks[3][0] == 0xBEEF
    assert b"".join(word.to_bytes(2) for word in memory.banks[1][2:]) == epc
    assert radio.memory(b"\x00" * 12) is None


def test_an_unknown_reader_is_refused(plant: Plant) -> None:
    with pytest.raises(KeyError):
        plant.radio("door-9")
