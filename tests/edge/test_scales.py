"""A watch on simulated indicators: every load one event, connections told once, and all of it in the edge's batches."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from edge.scales import ScaleWatch, profile_of
from readers.modbus.profile import ProfileError, WordOrder, load, shipped
from simulators.modbus.indicator import IndicatorSimulator
from simulators.modbus.platform import Platform
from stream.model import DeviceEvent, DeviceEventKind
from warehouse.site import Scale


class Hand:
    """Plant time that goes on a little at every look."""

    def __init__(self) -> None:
        self.at_us = 1_000_000

    def __call__(self) -> int:
        self.at_us += 20_000
        return self.at_us


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not condition():  # noqa: ASYNC110 - waits for whatever the condition looks at
            await asyncio.sleep(0.005)


async def test_two_scales_tell_each_load_once_and_a_lost_connection_once() -> None:
    hand, events = Hand(), list[DeviceEvent]()
    indicators = {
        name: IndicatorSimulator(load(name), Platform(seed=1), hand) for name in ("tuna-id551", "eagle-ei4000")
    }
    for indicator in indicators.values():
        await indicator.start()
    scales = [Scale(name, "127.0.0.1", name, port=indicator.port, poll_ms=1) for name, indicator in indicators.items()]
    watch = ScaleWatch(scales, hand, events.append)
    running = asyncio.create_task(watch.run())

    def weights(name: str) -> list[int]:
        return [round(e.value or 0) for e in events if e.device == name and e.kind is DeviceEventKind.WEIGHT]

    def links(name: str) -> list[DeviceEventKind]:
        return [e.kind for e in events if e.device == name and e.kind is not DeviceEventKind.WEIGHT]

    try:
        await eventually(lambda: len(watch.readings) == 2)
        for loads in (812, 300):
            for indicator in indicators.values():
                indicator.platform.put(Decimal(loads), hand.at_us)
            await eventually(lambda loads=loads: all(weights(name)[-1:] == [loads] for name in indicators))
            for indicator in indicators.values():
                indicator.platform.put(Decimal(0), hand.at_us)
            await eventually(lambda: all((r.weight or 0) < 1 for r in watch.readings.values()))
        assert {name: weights(name) for name in indicators} == {name: [812, 300] for name in indicators}
        await indicators["tuna-id551"].stop()
        await eventually(lambda: links("tuna-id551")[-1] is DeviceEventKind.READER_DOWN)
        assert "tuna-id551" not in watch.readings
        await indicators["tuna-id551"].start()
        await eventually(lambda: links("tuna-id551")[-1] is DeviceEventKind.READER_UP)
        up, down = DeviceEventKind.READER_UP, DeviceEventKind.READER_DOWN
        assert (links("tuna-id551"), links("eagle-ei4000")) == ([up, down, up], [up])
        assert [e.at_us for e in events if e.device == "eagle-ei4000"] == sorted(
            e.at_us for e in events if e.device == "eagle-ei4000"
        )
    finally:
        running.cancel()
        _, left = await asyncio.wait([running], timeout=10)
        assert not left
        for indicator in indicators.values():
            await indicator.stop()


def test_the_site_file_changes_scale_and_word_order_of_a_profile() -> None:
    profile = profile_of(Scale("s", "h", "seneca-z-sg", word_order="CDAB", scale=Decimal("0.1")))
    assert (profile.word_order, profile.scale) == (WordOrder.CDAB, Decimal("0.1"))
    assert profile_of(Scale("s", "h", shipped()[0])) == load(shipped()[0])
    with pytest.raises(ProfileError, match="no profile"):
        profile_of(Scale("s", "h", "unknown"))


async def test_a_changed_site_file_leaves_the_scales_alone_that_are_the_same() -> None:
    now, events = Hand(), list[DeviceEvent]()
    kept, moved, new = (IndicatorSimulator(load("tuna-id551"), Platform(1), now) for _ in range(3))
    for indicator in (kept, moved, new):
        await indicator.start()

    def scale(name: str, at: IndicatorSimulator, place: str = "") -> Scale:
        return Scale(name, "127.0.0.1", "tuna-id551", port=at.port, poll_ms=10, place=place)

    watch = ScaleWatch([scale("kept", kept), scale("moved", moved), scale("gone", moved)], now, events.append)
    running = asyncio.create_task(watch.run())
    try:
        await eventually(lambda: set(watch.readings) == {"kept", "moved", "gone"})
        await watch.reload(ScaleWatch.looked_up([scale("kept", kept, place="door-1"), scale("moved", new)]))
        assert set(watch.drivers) == {"kept", "moved"}
        await eventually(lambda: set(watch.readings) == {"kept", "moved"})
        assert (kept.connections, moved.connections, new.connections) == (1, 2, 1)
        up, down = DeviceEventKind.READER_UP, DeviceEventKind.READER_DOWN
        told = {name: [event.kind for event in events if event.device == name] for name in ("kept", "moved", "gone")}
        assert told == {"kept": [up], "moved": [up, down, up], "gone": [up, down]}
        with pytest.raises(ProfileError):
            ScaleWatch.looked_up([Scale("s", "h", "unknown")])
    finally:
        running.cancel()
        await asyncio.wait([running], timeout=10)
        for indicator in (kept, moved, new):
            await indicator.stop()
