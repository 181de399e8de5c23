"""Doors follow valid signals and people's orders, and nothing from the past."""

import pytest

from edge.signals import VALID_S_MAX, DoorSigns, Lamps, is_released, lamps
from stream.model import Colour, Signal
from warehouse.loads import Override, OverrideColour
from warehouse.site import Interlock, OnLost

S = 1_000_000


def signal(colour: Colour, at_us: int, valid_until_us: int, portal: str = "door") -> Signal:
    return Signal(portal, colour, "test", at_us, valid_until_us)


def order(colour: OverrideColour | None, at_us: int, until_us: int, portal: str = "door") -> Override:
    return Override(portal, colour, "checked by hand", "keeper", at_us, until_us)


@pytest.mark.parametrize(
    ("colour", "shown"),
    [
        (Colour.OFF, Lamps()),
        (Colour.GREEN, Lamps(green=True)),
        (Colour.AMBER, Lamps(amber=True)),
        (Colour.RED, Lamps(red=True)),
    ],
)
def test_one_lamp_per_colour(colour: Colour, shown: Lamps) -> None:
    assert lamps(colour, uplink_lost=False, now_us=0) == shown


def test_a_lost_uplink_blinks_amber_unless_there_is_something_to_show() -> None:
    blink = [lamps(Colour.OFF, uplink_lost=True, now_us=now).amber for now in (0, 400_000, 500_000, 900_000, S)]
    assert blink == [True, True, False, False, True]
    assert lamps(Colour.RED, uplink_lost=True, now_us=0) == Lamps(red=True)


@pytest.mark.parametrize(
    ("colour", "lost", "on_lost", "open_"),
    [
        (Colour.GREEN, False, OnLost.HOLD, True),
        (Colour.AMBER, False, OnLost.RELEASE, False),
        (Colour.RED, True, OnLost.RELEASE, False),
        (Colour.OFF, False, OnLost.RELEASE, False),
        (Colour.OFF, True, OnLost.RELEASE, True),
        (Colour.OFF, True, OnLost.HOLD, False),
        (Colour.GREEN, True, OnLost.HOLD, True),
    ],
)
def test_a_way_is_open_while_green_and_when_nobody_can_say_as_the_site_wants(
    colour: Colour, lost: bool, on_lost: OnLost, open_: bool
) -> None:
    assert is_released(Interlock("io", 0, on_lost=on_lost), colour, lost) is open_


def test_a_signal_ends_with_its_time() -> None:
    signs = DoorSigns(["door"])
    assert signs.on_signal(signal(Colour.GREEN, 9 * S, 14 * S), 10 * S)
    assert [signs.colour("door", now) for now in (10 * S, 14 * S, 14 * S + 1)] == [
        Colour.GREEN,
        Colour.GREEN,
        Colour.OFF,
    ]


def test_signals_from_the_past_and_of_no_end_are_refused() -> None:
    signs = DoorSigns(["door"])
    assert not signs.on_signal(signal(Colour.GREEN, 3 * S, 8 * S), 10 * S)
    assert not signs.on_signal(signal(Colour.GREEN, 10 * S, int((10 + VALID_S_MAX) * S) + 1), 10 * S)
    assert signs.on_signal(signal(Colour.RED, 9 * S, 14 * S), 10 * S)
    assert not signs.on_signal(signal(Colour.GREEN, 8 * S, 13 * S), 10 * S)
    assert signs.colour("door", 10 * S) is Colour.RED
    assert signs.refused == 3
    assert not signs.on_signal(signal(Colour.RED, 9 * S, 14 * S, portal="elsewhere"), 10 * S)


def test_a_clock_that_is_set_back_ends_what_it_would_make_last() -> None:
    signs = DoorSigns(["door"])
    assert signs.on_signal(signal(Colour.GREEN, 1000 * S, 1005 * S), 1000 * S)
    assert signs.colour("door", 400 * S) is Colour.OFF


def test_a_persons_order_stands_over_signals_until_it_ends() -> None:
    signs = DoorSigns(["door"])
    signs.on_signal(signal(Colour.RED, 10 * S, 40 * S), 10 * S)
    assert signs.on_override(order(OverrideColour.GREEN, 11 * S, 20 * S), 11 * S)
    assert signs.colour("door", 20 * S) is Colour.GREEN
    assert signs.colour("door", 20 * S + 1) is Colour.RED
    assert signs.on_override(order(OverrideColour.AMBER, 12 * S, 30 * S), 12 * S)
    assert not signs.on_override(order(OverrideColour.GREEN, 11 * S, 20 * S), 12 * S)  # an older one, retained
    assert signs.colour("door", 13 * S) is Colour.AMBER
    assert signs.on_override(order(None, 13 * S, 13 * S), 13 * S)
    assert signs.colour("door", 13 * S) is Colour.RED


def test_an_order_whose_time_is_over_is_refused() -> None:
    signs = DoorSigns(["door"])
    assert not signs.on_override(order(OverrideColour.GREEN, 1 * S, 5 * S), 6 * S)
    assert signs.colour("door", 6 * S) is Colour.OFF
