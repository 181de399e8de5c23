"""The edge's own decision with the stream's real operators."""

from collections.abc import Collection

import numpy as np
import pytest

from edge.local_decision import GraphDecision
from edge.reduce import Reducer
from stream.model import BarredTag, BatchId, Colour, DeviceEvent, DeviceEventKind, EdgeBatch, Signal
from warehouse.loads import Barred, Expectation, ExpectedDocument
from warehouse.site import Antenna, Effect, PhotoEye, Portal, Reader, Side, Site, Zone

from .reads import Read, batch_of

S = 1_000_000
START_US = 1_700_000_000 * S
SITE = Site(
    name="plant",
    readers=(
        Reader(
            "dock-1",
            "192.0.2.1",
            antennas=(
                Antenna(1, "door", Side.OUTSIDE),
                Antenna(2, "door", Side.OUTSIDE),
                Antenna(3, "door", Side.INSIDE),
                Antenna(4, "door", Side.INSIDE),
            ),
        ),
    ),
    zones=(Zone("yard"), Zone("hall")),
    portals=(
        Portal(
            "door",
            inside="hall",
            outside="yard",
            effect=Effect.POST,
            photo_eyes=(PhotoEye("dock-1", 1, Side.OUTSIDE), PhotoEye("dock-1", 2, Side.INSIDE)),
        ),
    ),
)


def load_through_the_door() -> list[EdgeBatch]:
    """Twenty quiet seconds, then twelve tags walk in from outside to inside within three seconds."""
    rng = np.random.default_rng(5)
    reducer, batches = Reducer(250), []
    for step in range(120):
        start_us = START_US + step * 250_000
        walked = (step - 80) / 12  # 0 at the outer antennas, 1 at the inner ones
        if 0 <= walked <= 1:
            reads = [
                Read(
                    f"3034257BF7194E40000{tag:05X}",
                    antenna=antenna,
                    first_us=start_us + int(rng.integers(0, 250_000)),
                    rssi_dbm=-45 - 25 * abs(walked - (0.25 if antenna < 3 else 0.75)) + rng.normal(0, 1),
                )
                for tag in range(12)
                for antenna in (1, 2, 3, 4)
                for _ in range(3)
            ]
            reducer.add(batch_of("dock-1", sorted(reads, key=lambda read: read.first_us)))
        end_us = start_us + 250_000
        name = BatchId("edge", "e", step + 1)
        beams = tuple(
            DeviceEvent("dock-1", DeviceEventKind.GPI, start_us, port, state)
            for at_step, port, state in ((81, 1, True), (85, 2, True), (86, 1, False), (91, 2, False))
            if at_step == step
        )
        batches.append(EdgeBatch(name, end_us - 1, end_us, reducer.seal(end_us), beams))
    return batches


def signals_for(expectation: Expectation, wanted: Collection[int] = range(120)) -> list[Signal]:
    """Of the load, where the uplink is down in the `wanted` steps."""
    decision = GraphDecision(SITE)
    decision.on_expectation(expectation)
    batches = enumerate(load_through_the_door())
    return [signal for step, batch in batches for signal in decision.on_batch(batch, step in wanted)]


def test_a_load_nobody_expects_turns_the_light_red_while_it_is_in_the_door() -> None:
    signals = signals_for(Expectation("door", START_US))
    red = [signal for signal in signals if signal.colour is Colour.RED]
    assert red
    assert START_US + 20 * S <= red[0].at_us <= START_US + 25 * S


def test_the_load_that_was_announced_turns_it_green() -> None:
    announced = tuple(f"3034257BF7194E40000{tag:05X}" for tag in range(12))
    signals = signals_for(Expectation("door", START_US, (ExpectedDocument("ASN-1", announced),)))
    assert Colour.GREEN in {signal.colour for signal in signals}
    assert Colour.RED not in {signal.colour for signal in signals}


@pytest.mark.parametrize("before", [range(0), range(40, 60), range(83, 85)], ids=["never", "once", "just before"])
def test_the_uplink_that_goes_while_a_load_is_in_the_door_leaves_no_door_dark(before: range) -> None:
    announced = tuple(f"3034257BF7194E40000{tag:05X}" for tag in range(12))
    expected = Expectation("door", START_US, (ExpectedDocument("ASN-1", announced),))
    signals = signals_for(expected, {*before, *range(87, 120)})
    shown = [signal for signal in signals if signal.at_us >= START_US + 87 * 250_000]
    assert Colour.GREEN in {signal.colour for signal in shown}
    assert min(signal.at_us for signal in shown if signal.colour is Colour.GREEN) <= START_US + 25 * S
    assert Colour.RED not in {signal.colour for signal in signals}


def test_nothing_is_shown_while_the_stream_answers() -> None:
    assert signals_for(Expectation("door", START_US), ()) == []


def test_what_is_not_released_is_red_with_the_uplink_down_too() -> None:
    announced = tuple(f"3034257BF7194E40000{tag:05X}" for tag in range(12))
    document = ExpectedDocument("DN-1", announced, barred=(Barred("lot_blocked", "L7", announced[3:4]),))
    red = [each for each in signals_for(Expectation("door", START_US, (document,))) if each.colour is Colour.RED]
    assert {tag for signal in red for tag in signal.barred} == {BarredTag(announced[3], "lot_blocked", "L7")}
