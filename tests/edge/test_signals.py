"""Stack lights follow valid signals and nothing else."""

import pytest

from edge.signals import Lamps, StackLights, lamps
from stream.model import Colour, Signal
from warehouse.site import Portal, StackLight

from .llrp_frames import ScriptedDriver
from .standing_clock import StandingClock

LIGHT = StackLight("dock-1", green_gpo=1, amber_gpo=2, red_gpo=3)
PORTAL = Portal("door", "in", "out", stack_light=LIGHT)
S = 1_000_000


def signal(colour: Colour, at_us: int, valid_until_us: int) -> Signal:
    return Signal("door", colour, "test", at_us, valid_until_us)


@pytest.mark.parametrize(
    ("colour", "shown"),
    [
        (Colour.OFF, Lamps()),
        (Colour.GREEN, Lamps(green=True)),
        (Colour.AMBER, Lamps(amber=True)),
        (Colour.RED, Lamps(red=True)),
    ],
)
def test_one_lamp_per_colour_while_valid(colour: Colour, shown: Lamps) -> None:
    assert lamps(signal(colour, 0, 10), uplink_lost=False, now_us=10) == shown
    assert lamps(signal(colour, 0, 10), uplink_lost=False, now_us=11) == Lamps()


def test_a_lost_uplink_blinks_amber_unless_there_is_something_to_show() -> None:
    blink = [lamps(None, uplink_lost=True, now_us=now).amber for now in (0, 400_000, 500_000, 900_000, S)]
    assert blink == [True, True, False, False, True]
    assert lamps(signal(Colour.RED, 0, S), uplink_lost=True, now_us=0) == Lamps(red=True)


async def test_a_light_is_written_on_change_and_goes_dark_when_its_time_is_over() -> None:
    clock, driver = StandingClock(10 * S), ScriptedDriver("dock-1")
    lights = StackLights((PORTAL,), {"dock-1": driver}, clock)
    await lights.apply()
    assert driver.outputs == {1: False, 2: False, 3: False}
    assert lights.on_signal(signal(Colour.RED, 10 * S, 15 * S))
    await lights.apply()
    await lights.apply()
    assert driver.writes[3:] == [(3, True)]
    clock.advance_to(15 * S + 1)
    await lights.apply()
    assert driver.writes[4:] == [(3, False)]


async def test_signals_from_the_past_never_drive_a_light() -> None:
    clock, driver = StandingClock(10 * S), ScriptedDriver("dock-1")
    lights = StackLights((PORTAL,), {"dock-1": driver}, clock)
    assert not lights.on_signal(signal(Colour.GREEN, 3 * S, 8 * S))
    assert lights.on_signal(signal(Colour.RED, 9 * S, 14 * S))
    assert not lights.on_signal(signal(Colour.GREEN, 8 * S, 13 * S))
    await lights.apply()
    assert driver.outputs == {1: False, 2: False, 3: True}
    assert lights.refused == 2


async def test_a_reader_that_was_away_is_written_again_with_what_then_holds() -> None:
    clock, driver = StandingClock(10 * S), ScriptedDriver("dock-1", available=False)
    lights = StackLights((PORTAL,), {"dock-1": driver}, clock)
    lights.on_signal(signal(Colour.RED, 10 * S, 15 * S))
    await lights.apply()
    driver.available = True
    await lights.apply()
    assert driver.writes == []
    clock.advance_to(11 * S)
    lights.on_signal(signal(Colour.GREEN, 11 * S, 15 * S))
    await lights.apply()
    assert driver.outputs == {1: True, 2: False, 3: False}
    driver.writes.clear()
    lights.forget("dock-1")
    await lights.apply()
    assert driver.writes == [(1, True), (2, False), (3, False)]


async def test_a_reader_that_refuses_is_left_alone_for_a_while() -> None:
    clock, driver = StandingClock(10 * S), ScriptedDriver("dock-1", refuses=True)
    lights = StackLights((PORTAL,), {"dock-1": driver}, clock)
    await lights.apply()
    driver.refuses = False
    clock.advance_to(69 * S)
    await lights.apply()
    assert driver.writes == []
    clock.advance_to(70 * S)
    await lights.apply()
    assert len(driver.writes) == 3


async def test_portals_without_a_light_of_ours_are_left_alone() -> None:
    lights = StackLights((PORTAL, Portal("gate", "in", "out")), {}, StandingClock(0))
    lights.on_signal(Signal("gate", Colour.RED, "test", 0, 10))
    await lights.apply()
