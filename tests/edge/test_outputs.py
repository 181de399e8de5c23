"""Outputs follow what their doors show: on change, never late, one silent device holding up no other."""

import asyncio
from dataclasses import dataclass, field

import pytest

from edge.outputs import DoorOutputs
from readers.modbus.connection import ModbusRefused
from readers.port import ReaderUnavailable
from stream.model import Colour, Signal
from warehouse.loads import Override, OverrideColour
from warehouse.site import Interlock, OnLost, Portal, StackLight

from .llrp_frames import ScriptedDriver
from .standing_clock import StandingClock

LIGHT = StackLight("dock-1", green_gpo=1, amber_gpo=2, red_gpo=3)
PORTAL = Portal("door", "in", "out", stack_light=LIGHT)
GATE = Portal("gate", "in", "out", interlock=Interlock("io-1", 4))
S = 1_000_000


@dataclass
class Coils:
    """Coils that remember; `refuses` and `answers` as told."""

    states: dict[int, bool] = field(default_factory=dict)
    writes: list[tuple[int, bool]] = field(default_factory=list)
    refuses: bool = False
    answers: asyncio.Event | None = None

    async def write_gpo(self, port: int, state: bool) -> None:
        if self.answers is not None:
            await self.answers.wait()
        if self.refuses:
            raise ModbusRefused("illegal data address")
        self.writes.append((port, state))
        self.states[port] = state


def signal(colour: Colour, at_us: int, valid_until_us: int, portal: str = "door") -> Signal:
    return Signal(portal, colour, "test", at_us, valid_until_us)


async def test_a_light_is_written_on_change_and_goes_dark_when_its_time_is_over() -> None:
    clock, driver = StandingClock(10 * S), ScriptedDriver("dock-1")
    outputs = DoorOutputs((PORTAL,), {"dock-1": driver}, clock)
    await outputs.apply()
    assert driver.outputs == {1: False, 2: False, 3: False}
    assert outputs.on_signal(signal(Colour.RED, 10 * S, 15 * S))
    await outputs.apply()
    await outputs.apply()
    assert driver.writes[3:] == [(3, True)]
    clock.advance_to(15 * S + 1)
    await outputs.apply()
    assert driver.writes[4:] == [(3, False)]


async def test_a_gate_opens_on_green_alone_and_closes_by_itself() -> None:
    clock, coils = StandingClock(10 * S), Coils()
    outputs = DoorOutputs((GATE,), {"io-1": coils}, clock)
    seen = []
    for colour in (Colour.OFF, Colour.AMBER, Colour.GREEN, Colour.RED, Colour.GREEN):
        clock.advance_to(clock.now_us() + S)
        outputs.on_signal(signal(colour, clock.now_us(), clock.now_us() + 5 * S, "gate"))
        await outputs.apply()
        seen.append(coils.states[4])
    assert seen == [False, False, True, False, True]
    clock.advance_to(clock.now_us() + 5 * S + 1)
    await outputs.apply()
    assert coils.states == {4: False}


async def test_an_order_opens_a_gate_and_its_end_closes_it() -> None:
    clock, coils = StandingClock(10 * S), Coils()
    outputs = DoorOutputs((GATE,), {"io-1": coils}, clock)
    outputs.on_override(Override("gate", OverrideColour.GREEN, "by hand", "keeper", 10 * S, 12 * S))
    await outputs.apply()
    assert coils.states == {4: True}
    clock.advance_to(12 * S + 1)
    await outputs.apply()
    assert coils.states == {4: False}


@pytest.mark.parametrize(("on_lost", "level"), [(OnLost.HOLD, False), (OnLost.RELEASE, True)])
async def test_a_gate_nobody_watches_is_as_the_site_wants_it_also_after_the_edge_has_ended(
    on_lost: OnLost, level: bool
) -> None:
    clock, coils = StandingClock(10 * S), Coils()
    gate = Portal("gate", "in", "out", interlock=Interlock("io-1", 4, on_lost=on_lost))
    outputs = DoorOutputs((gate,), {"io-1": coils}, clock)
    running = asyncio.create_task(outputs.run())
    async with asyncio.timeout(60):
        while not coils.writes:  # noqa: ASYNC110 - waits for the writer
            await asyncio.sleep(0)
    assert coils.states == {4: False}
    outputs.uplink_lost = True
    await outputs.apply()
    assert coils.states == {4: level}
    outputs.uplink_lost = False
    outputs.on_signal(signal(Colour.GREEN, 10 * S, 15 * S, "gate"))
    await outputs.apply()
    assert coils.states == {4: True}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert coils.states == {4: level}


async def test_a_released_state_of_false_means_a_closed_gate_is_powered() -> None:
    coils = Coils()
    gate = Portal("gate", "in", "out", interlock=Interlock("io-1", 4, released_state=False))
    await DoorOutputs((gate,), {"io-1": coils}, StandingClock(0)).apply()
    assert coils.states == {4: True}


async def test_a_device_that_does_not_answer_holds_up_no_other_and_gets_nothing_late() -> None:
    clock, driver = StandingClock(10 * S), ScriptedDriver("dock-1")
    silent = Coils(answers=asyncio.Event())
    outputs = DoorOutputs((PORTAL, GATE), {"dock-1": driver, "io-1": silent}, clock)
    running = asyncio.create_task(outputs.run())
    try:
        outputs.on_signal(signal(Colour.GREEN, 10 * S, 15 * S, "gate"))
        outputs.on_signal(signal(Colour.GREEN, 10 * S, 15 * S))
        async with asyncio.timeout(60):
            while driver.outputs.get(1) is not True:  # noqa: ASYNC110 - waits for the writer
                await asyncio.sleep(0)
        assert silent.writes == []
        clock.advance_to(16 * S)
        assert silent.answers is not None
        silent.answers.set()  # the write that waited is now carried out, and at once put right
        async with asyncio.timeout(60):
            while silent.states.get(4) is not False:
                clock.advance_to(clock.now_us() + S)
                await asyncio.sleep(0)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_reader_that_was_away_is_written_again_with_what_then_holds() -> None:
    clock, driver = StandingClock(10 * S), ScriptedDriver("dock-1", available=False)
    outputs = DoorOutputs((PORTAL,), {"dock-1": driver}, clock)
    outputs.on_signal(signal(Colour.RED, 10 * S, 15 * S))
    await outputs.apply()
    driver.available = True
    await outputs.apply()
    assert driver.writes == []
    clock.advance_to(11 * S)
    outputs.on_signal(signal(Colour.GREEN, 11 * S, 15 * S))
    await outputs.apply()
    assert driver.outputs == {1: True, 2: False, 3: False}
    driver.writes.clear()
    outputs.forget("dock-1")
    await outputs.apply()
    assert driver.writes == [(1, True), (2, False), (3, False)]


@pytest.mark.parametrize("what", ["reader", "coils"])
async def test_a_device_that_refuses_is_left_alone_for_a_while(what: str) -> None:
    clock = StandingClock(10 * S)
    device = ScriptedDriver("dock-1", refuses=True) if what == "reader" else Coils(refuses=True)
    outputs = DoorOutputs((PORTAL,), {"dock-1": device}, clock)
    await outputs.apply()
    device.refuses = False
    clock.advance_to(69 * S)
    await outputs.apply()
    assert device.writes == []
    clock.advance_to(70 * S)
    await outputs.apply()
    assert len(device.writes) == 3


async def test_a_module_with_a_watchdog_is_written_again_from_time_to_time() -> None:
    clock, coils = StandingClock(10 * S), Coils()
    outputs = DoorOutputs((GATE,), {"io-1": coils}, clock, {"io-1": 1000})
    for _ in range(4):
        await outputs.apply()
        clock.advance_to(clock.now_us() + S // 2)
    assert coils.writes == [(4, False)] * 2


async def test_portals_without_a_device_of_ours_are_left_alone() -> None:
    outputs = DoorOutputs((PORTAL, GATE), {}, StandingClock(0))
    assert outputs.on_signal(Signal("gate", Colour.RED, "test", 0, 10))
    await outputs.apply()


async def test_an_output_that_is_wired_otherwise_goes_out_and_what_the_door_shows_stays() -> None:
    clock, coils, driver = StandingClock(10 * S), Coils(), ScriptedDriver("dock-1")
    drivers = {"io-1": coils, "dock-1": driver}
    outputs = DoorOutputs((GATE,), drivers, clock)
    outputs.on_signal(signal(Colour.GREEN, 10 * S, 15 * S, "gate"))
    await outputs.apply()
    assert coils.states == {4: True}
    moved = Portal("gate", "in", "out", stack_light=LIGHT, interlock=Interlock("io-1", 5))
    outputs.rewire((moved,), drivers)
    await outputs.apply()
    assert coils.states == {4: False, 5: True}
    assert driver.outputs == {1: True, 2: False, 3: False}
    other = Coils()
    outputs.rewire((moved,), {"io-1": other, "dock-1": driver})
    await outputs.apply()
    assert other.states == {5: True}


def test_a_reader_that_is_away_is_a_connection_error() -> None:
    assert issubclass(ReaderUnavailable, ConnectionError)
