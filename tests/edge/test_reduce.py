"""The reduction against a plain dict loop, by property and by example."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.reduce import Reducer
from readers.model import ReadBatch
from stream.batch_codec import decode_sightings, encode_sightings
from stream.model import Sightings

from .reads import NAN, Read, batch_of, random_reads

WINDOW_US = 250_000
Key = tuple[str, str, int, int]

reads = st.builds(
    Read,
    epc=st.sampled_from(["3034257BF7194E4000001A85", "3034257BF7194E4000001A86", "E2801160", "", "0000", "00" * 26]),
    antenna=st.sampled_from([1, 2, 4, 65535]),
    first_us=st.integers(-600_000, 600_000),
    rssi_dbm=st.sampled_from([-70.0, -55.5, -30.0, NAN]),
    channel=st.sampled_from([0, 1, 7, 65535]),
    phase_rad=st.sampled_from([0.0, 1.0, 3.0, 6.2, NAN]),
    doppler_hz=st.sampled_from([-3.0, 10.0, NAN]),
    count=st.sampled_from([1, 1, 1, 20, 65535]),
)
batches = st.lists(st.tuples(st.sampled_from(["dock-1", "dock-2"]), st.lists(reads, max_size=12)), max_size=5)


def seal(*taken: ReadBatch) -> Sightings:
    reducer = Reducer(250)
    for batch in taken:
        reducer.add(batch)
    return reducer.seal()


def plain_groups(given_batches: list[tuple[str, list[Read]]]) -> dict[Key, list[Read]]:
    groups: dict[Key, list[Read]] = defaultdict(list)
    for reader, rows in given_batches:
        for read in rows:
            groups[read.epc.upper(), reader, read.antenna, read.first_us // WINDOW_US].append(read)
    return groups


def keys_of(sightings: Sightings) -> list[Key]:
    return [
        (sightings.tags[tag], sightings.antennas[antenna].reader, sightings.antennas[antenna].port, first // WINDOW_US)
        for tag, antenna, first in zip(
            sightings.tag.tolist(), sightings.antenna.tolist(), sightings.first_us.tolist(), strict=True
        )
    ]


@settings(max_examples=200, deadline=None)
@given(batches)
def test_equals_the_plain_way(given_batches: list[tuple[str, list[Read]]]) -> None:
    sightings = seal(*(batch_of(reader, rows) for reader, rows in given_batches))
    groups = plain_groups(given_batches)
    keys = keys_of(sightings)
    assert sorted(keys) == sorted(groups)
    for row, key in enumerate(keys):
        members = groups[key]
        known = [read for read in members if not math.isnan(read.rssi_dbm)]
        assert sightings.first_us[row] == min(read.first_us for read in members)
        assert sightings.last_us[row] == max(read.first_us for read in members)
        assert sightings.reads[row] == sum(read.count for read in members)
        assert sightings.power_mw[row] == pytest.approx(sum(read.count * 10 ** (read.rssi_dbm / 10) for read in known))
        peak = max((read.rssi_dbm for read in known), default=NAN)
        assert sightings.peak_dbm[row] == pytest.approx(peak, nan_ok=True)
        by_channel: dict[int, int] = defaultdict(int)
        for read in members:
            by_channel[read.channel] += read.count
        channel = min(by_channel, key=lambda one: (-by_channel[one], one))
        assert sightings.channel[row] == channel
        doppler = [read.doppler_hz for read in members if not math.isnan(read.doppler_hz)]
        mean = sum(doppler) / len(doppler) if doppler else NAN
        assert sightings.doppler_hz[row] == pytest.approx(mean, nan_ok=True, abs=1e-5)
        phased = [read for read in members if read.channel == channel and not math.isnan(read.phase_rad)]
        assert math.isnan(sightings.phase_rad[row]) == (not phased)
        assert math.isnan(sightings.phase_slope_rad_s[row]) == (len({read.first_us for read in phased}) < 2)
    assert (np.diff(sightings.first_us) >= 0).all()


@settings(max_examples=100, deadline=None)
@given(batches)
def test_the_wire_takes_what_the_reduction_gives(given_batches: list[tuple[str, list[Read]]]) -> None:
    data = encode_sightings(seal(*(batch_of(reader, rows) for reader, rows in given_batches)))
    assert encode_sightings(decode_sightings(data)) == data


@settings(max_examples=100, deadline=None)
@given(batches, st.integers(0, 60))
def test_a_split_report_and_another_interleaving_give_identical_bytes(
    given_batches: list[tuple[str, list[Read]]], cut: int
) -> None:
    whole = [batch_of(reader, rows) for reader, rows in given_batches]
    split = [batch_of(reader, part) for reader, rows in given_batches for part in (rows[: cut % 7], rows[cut % 7 :])]
    other_order = sorted(split, key=lambda batch: batch.reader, reverse=True)
    assert encode_sightings(seal(*whole)) == encode_sightings(seal(*split)) == encode_sightings(seal(*other_order))


@settings(max_examples=100, deadline=None)
@given(batches, st.lists(st.integers(-600_000, 600_000), max_size=4))
def test_reads_and_power_are_conserved_over_any_seals(
    given_batches: list[tuple[str, list[Read]]], bounds: list[int]
) -> None:
    reducer = Reducer(250)
    sealed: list[Sightings] = []
    taken = [batch_of(reader, rows) for reader, rows in given_batches]
    for index, batch in enumerate(taken):
        reducer.add(batch)
        if index < len(bounds):
            sealed.append(reducer.seal(bounds[index]))
    sealed.append(reducer.seal())
    assert reducer.pending_reads == 0
    assert sum(int(part.reads.sum()) for part in sealed) == sum(int(batch.count.sum()) for batch in taken)
    power = sum(float(np.nansum(10 ** (batch.rssi_dbm.astype(float) / 10) * batch.count)) for batch in taken)
    assert sum(float(part.power_mw.sum()) for part in sealed) == pytest.approx(power)


def test_a_window_waits_until_it_is_over_but_a_clock_far_ahead_is_not_waited_for() -> None:
    reducer = Reducer(250)
    far = 9**15
    reducer.add(batch_of("dock-1", [Read("AA", first_us=at) for at in (10, 300_000, 749_999, 750_000, far)]))
    first = reducer.seal(until_us=260_000)
    assert keys_of(first) == [("AA", "dock-1", 1, 0), ("AA", "dock-1", 1, 3), ("AA", "dock-1", 1, far // WINDOW_US)]
    assert reducer.pending_reads == 2
    reducer.add(batch_of("dock-1", [Read("AA", first_us=499_999)]))
    second = reducer.seal(until_us=500_000)
    assert keys_of(second) == [("AA", "dock-1", 1, 1)]
    assert second.reads.tolist() == [2]
    assert reducer.seal(until_us=750_000).reads.tolist() == [1]


def test_late_reads_are_reduced_too() -> None:
    reducer = Reducer(250)
    reducer.add(batch_of("dock-1", [Read("AA", first_us=1_000_000)]))
    reducer.seal(until_us=2_000_000)
    reducer.add(batch_of("dock-1", [Read("AA", first_us=1_000_001)]))
    assert keys_of(reducer.seal(until_us=2_250_000)) == [("AA", "dock-1", 1, 4)]


def test_epcs_that_differ_only_in_length_are_different_tags() -> None:
    assert sorted(seal(batch_of("dock-1", [Read("AA00"), Read("AA"), Read("AA0000"), Read("")])).tags) == [
        "",
        "AA",
        "AA00",
        "AA0000",
    ]


def test_a_steady_approach_gives_its_phase_slope_whatever_the_flips() -> None:
    rng = np.random.default_rng(7)
    at = np.arange(0, 200_000, 10_000)
    phase = (1.0 - 40.0 * at * 1e-6) % (2 * np.pi)
    for flips in (np.zeros(len(at)), np.pi * rng.integers(0, 2, len(at))):
        rows = [
            Read("AA", first_us=int(t), phase_rad=float((p + f) % (2 * np.pi)))
            for t, p, f in zip(at, phase, flips, strict=True)
        ]
        for order in (rows, rows[::-1]):
            assert seal(batch_of("dock-1", order)).phase_slope_rad_s[0] == pytest.approx(-40.0, abs=0.01)


def test_the_mean_phase_ignores_the_wrap_and_survives_flips_by_pi() -> None:
    around_zero = [Read("AA", first_us=i, phase_rad=p % (2 * math.pi)) for i, p in enumerate((-0.2, 0.1, 0.1))]
    assert math.sin(seal(batch_of("dock-1", around_zero)).phase_rad[0]) == pytest.approx(0.0, abs=1e-3)
    flipping = [Read("AA", first_us=i, phase_rad=1.0 + math.pi * (i % 2)) for i in range(8)]
    assert seal(batch_of("dock-1", flipping)).phase_rad[0] == pytest.approx(1.0, abs=1e-5)


def test_phase_is_compared_only_within_the_most_read_channel() -> None:
    rows = [Read("AA", first_us=i, channel=3, phase_rad=2.0) for i in range(3)]
    rows += [Read("AA", first_us=10 + i, channel=2, phase_rad=5.0) for i in range(2)]
    sighting = seal(batch_of("dock-1", rows))
    assert sighting.channel[0] == 3
    assert sighting.phase_rad[0] == pytest.approx(2.0)


def test_clocks_years_apart_still_group_exactly() -> None:
    rows = [Read("AA", first_us=t, channel=c) for t in (-(2**60), 0, 2**60) for c in (0, 65535) for _ in range(3)]
    sightings = seal(batch_of("dock-1", rows))
    assert sightings.reads.tolist() == [6, 6, 6]


@pytest.mark.parametrize("tags", [1, 50, 20_000])
def test_many_reads_of_many_readers_equal_the_plain_way(tags: int) -> None:
    taken = [random_reads(seed, 10_000, tags, reader=f"dock-{seed % 3}", span_us=2_000_000) for seed in range(4)]
    sightings = seal(*taken)
    expected: dict[Key, int] = defaultdict(int)
    for batch in taken:
        epcs = batch.epc.tobytes().hex().upper()
        for row, (port, first) in enumerate(zip(batch.antenna.tolist(), batch.first_us.tolist(), strict=True)):
            expected[epcs[24 * row : 24 * row + 24], batch.reader, port, first // WINDOW_US] += 1
    assert dict(zip(keys_of(sightings), sightings.reads.tolist(), strict=True)) == expected
