"""Plant time waits for whoever has not promised yet, and never goes back."""

import asyncio
import operator
from multiprocessing import get_context

from simulators.llrp.plant_clock import ScaledClock
from tagledger.plant_time import EDGE, PromisedClock, Promises, new_promises

ORIGIN_US = 1_000_000


class Machine:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def clock_of(machine: Machine, promises: Promises, party: int | None = None) -> PromisedClock:
    return PromisedClock(ScaledClock(ORIGIN_US, speed=10.0, monotonic_ns=machine), promises, party)


def test_time_runs_at_its_speed_while_nobody_holds_it_up() -> None:
    machine = Machine()
    clock = clock_of(machine, new_promises(2))
    machine.ns = 500_000
    assert clock.now_us() == ORIGIN_US + 5_000


def test_time_stops_at_the_earliest_promise_and_catches_up_when_it_is_renewed() -> None:
    machine, promises = Machine(), new_promises(2)
    clock, reader = clock_of(machine, promises), clock_of(machine, promises, party=EDGE + 1)
    asyncio.run(reader.sleep_until(ORIGIN_US + 3_000))
    clock.promise(EDGE, ORIGIN_US + 8_000)
    machine.ns = 1_000_000
    assert clock.now_us() == reader.now_us() == ORIGIN_US + 3_000
    asyncio.run(reader.sleep_until(ORIGIN_US + 9_000))
    assert clock.now_us() == ORIGIN_US + 8_000
    clock.promise(EDGE, ORIGIN_US + 50_000)
    assert clock.now_us() == ORIGIN_US + 9_000


def test_a_promise_taken_back_does_not_turn_time_back() -> None:
    machine, promises = Machine(), new_promises(1)
    clock = clock_of(machine, promises)
    machine.ns = 1_000_000
    assert clock.now_us() == ORIGIN_US + 10_000
    clock.promise(EDGE, ORIGIN_US + 2_000)
    assert clock.now_us() == ORIGIN_US + 10_000


def test_a_promise_of_another_process_holds_time_up_here() -> None:
    machine, promises = Machine(), new_promises(1)
    clock = clock_of(machine, promises)
    child = get_context("spawn").Process(target=operator.setitem, args=(promises, EDGE, ORIGIN_US + 1))
    child.start()
    child.join(60)
    machine.ns = 1_000_000
    assert clock.now_us() == ORIGIN_US + 1
