"""Plant time at any speed, and readers' clocks that are off, drift and jump."""

import asyncio

import pytest

from simulators.llrp.plant_clock import ManualClock, ReaderClock, ScaledClock

START_US = 1_700_000_000_000_000


def test_scaled_time_runs_so_many_times_as_fast() -> None:
    real_ns = 5_000_000_000
    clock = ScaledClock(START_US, speed=20, monotonic_ns=lambda: real_ns)
    real_ns += 1_500_000_000
    assert clock.now_us() == START_US + 30_000_000


def test_time_stands_until_it_is_started() -> None:
    real_ns = 0
    clock = ScaledClock(START_US, speed=2, running=False, monotonic_ns=lambda: real_ns)
    real_ns = 10_000_000_000
    assert clock.now_us() == START_US
    clock.start(9_000_000_000)
    assert clock.now_us() == START_US + 2_000_000


async def test_time_moved_by_hand_wakes_those_whose_time_has_come() -> None:
    clock = ManualClock(START_US)
    early = asyncio.create_task(clock.sleep_until(START_US + 10))
    late = asyncio.create_task(clock.sleep_until(START_US + 20))
    await asyncio.sleep(0)
    clock.advance(10)
    await early
    assert not late.done()
    clock.advance(10)
    await late
    await clock.sleep_until(START_US)


@pytest.mark.parametrize("has_utc", [True, False])
def test_a_readers_clock_is_off_drifts_and_jumps(has_utc: bool) -> None:
    clock = ReaderClock(START_US, offset_us=500, drift_ppm=20, has_utc=has_utc)
    origin_us = START_US if has_utc else 0
    assert clock.read_us(START_US) == origin_us + 500
    assert clock.read_us(START_US + 1_000_000_000) == origin_us + 1_000_000_000 + 20_000 + 500
    clock.jump(-1_000)
    assert clock.read_us(START_US) == origin_us - 500
    assert clock.shift_us(START_US) == origin_us - 500 - START_US
