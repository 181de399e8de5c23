"""Our driver against the simulated indicators over real sockets: every profile, both framings, faults and return."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import pytest

from readers.modbus.connection import Link, ModbusAddress, ModbusConnection, ModbusUnavailable
from readers.modbus.driver import ScaleDriver, read_registers
from readers.modbus.profile import ScaleProfile, Stability, load, shipped
from readers.modbus.reading import Fault, Reading
from readers.modbus.settling import Settling, Weighing
from simulators.modbus.indicator import IndicatorSimulator
from simulators.modbus.platform import Platform

EMPTY = Decimal(20)


class Hand:
    """Plant time moved by every look at it, so that nothing sleeps for a load to settle."""

    def __init__(self, step_us: int) -> None:
        self.at_us = 0
        self._step_us = step_us

    def __call__(self) -> int:
        self.at_us += self._step_us
        return self.at_us


class Sink:
    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.links: list[tuple[bool, str]] = []
        self._news = asyncio.Event()

    def on_reading(self, scale: str, reading: Reading) -> None:
        self.readings.append(reading)
        self._news.set()

    def on_link(self, scale: str, up: bool, detail: str) -> None:
        self.links.append((up, detail))
        self._news.set()

    async def until(self, met: Callable[["Sink"], bool]) -> None:
        async with asyncio.timeout(40):
            while not met(self):
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def connected(
    profile: ScaleProfile, *, rtu: bool = False
) -> AsyncIterator[tuple[IndicatorSimulator, ScaleDriver, Sink, Hand]]:
    hand = Hand(step_us=20_000)
    simulator = IndicatorSimulator(profile, Platform(seed=1), hand, rtu=rtu)
    await simulator.start()
    link = Link.RTU_OVER_TCP if rtu else Link.TCP
    address = ModbusAddress(link, "127.0.0.1", simulator.port, timeout_s=0.3)
    driver = ScaleDriver("scale-1", address, profile, poll_ms=1, now_us=hand)
    sink = Sink()
    running = asyncio.create_task(driver.run(sink))
    try:
        await sink.until(lambda s: bool(s.readings))
        yield simulator, driver, sink, hand
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await simulator.stop()


@pytest.mark.parametrize("rtu", [False, True])
@pytest.mark.parametrize("name", shipped())
async def test_every_shipped_indicator_weighs_a_load_once(name: str, rtu: bool) -> None:
    profile = load(name)
    async with connected(profile, rtu=rtu) as (simulator, _, sink, hand):
        settling = Settling(EMPTY, Decimal(2), profile.settle)
        weighings: list[Weighing] = []
        taken = 0

        def weighed(sink: Sink) -> bool:
            nonlocal taken
            for reading in sink.readings[taken:]:
                found = settling.take(reading)
                if found is not None:
                    weighings.append(found)
            taken = len(sink.readings)
            return hand.at_us > simulator.platform.settled_by_us() + 4_000_000

        simulator.platform.put(Decimal(812), hand.at_us)
        await sink.until(weighed)
        assert [round(weighing.weight) for weighing in weighings] == [812]
        simulator.platform.put(Decimal(0), hand.at_us)
        await sink.until(weighed)
        simulator.platform.put(Decimal(300), hand.at_us)
        await sink.until(weighed)
        assert [round(weighing.weight) for weighing in weighings] == [812, 300]


@pytest.mark.parametrize("name", [name for name in shipped() if load(name).tare_now is not None])
async def test_tare_and_zero_reach_the_indicator(name: str) -> None:
    profile = load(name)
    assert profile.tare_now is not None
    assert profile.zero is not None
    async with connected(profile) as (simulator, driver, sink, hand):
        simulator.platform.put(Decimal(25), hand.at_us)
        await sink.until(lambda _: hand.at_us > simulator.platform.settled_by_us())
        await driver.command(profile.tare_now)
        assert simulator.platform.tare() == Decimal(25)
        if profile.clear_tare is not None:
            await driver.command(profile.clear_tare)
            assert simulator.platform.tare() == 0
        await driver.command(profile.zero)
        assert abs(simulator.platform.gross(hand.at_us)) <= 1


async def test_overload_is_a_fault() -> None:
    async with connected(load("tuna-id551")) as (simulator, _, sink, hand):
        simulator.platform.put(Decimal(5000), hand.at_us)
        await sink.until(lambda s: s.readings[-1].fault is Fault.OVERLOAD)
        assert sink.readings[-1].weight is None


async def test_a_dropped_connection_comes_back_and_both_are_told() -> None:
    async with connected(load("tuna-id551")) as (simulator, driver, sink, _):
        await simulator.drop()
        await sink.until(lambda s: [up for up, _ in s.links] == [True, False, True])
        seen = len(sink.readings)
        await sink.until(lambda s: len(s.readings) > seen)
        await simulator.stop()
        await sink.until(lambda s: s.links[-1][0] is False)
        with pytest.raises(ModbusUnavailable):
            await driver.poll()


async def test_a_silent_unit_is_told_and_not_waited_for_for_ever() -> None:
    async with connected(load("tuna-id551")) as (simulator, _, sink, _):
        simulator.silent = True
        await sink.until(lambda s: s.links[-1][0] is False)
        simulator.silent = False
        await sink.until(lambda s: s.links[-1][0] is True)


def test_a_weight_without_a_motion_bit_needs_the_whole_window() -> None:
    settling = Settling(EMPTY, Decimal(2), Stability(within=Decimal(1), for_ms=1000))
    found = [
        settling.take(Reading(at_ms * 1000, "kg", Decimal(weight), None, None, None))
        for at_ms, weight in [(0, 100), (500, 100), (900, 102), (1500, 102), (1899, 102), (1900, 102), (2500, 102)]
    ]
    assert [weighing is not None for weighing in found] == [False, False, False, False, False, True, False]


@pytest.mark.parametrize(("answers_from", "found"), [(2, {0: 7, 1: 7}), (9, None)])
async def test_a_scan_asks_once_more_over_a_new_connection(
    answers_from: int, found: dict[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = accepted = 0
    opened = ModbusConnection.open

    async def impatient(address: ModbusAddress) -> ModbusConnection:
        """Waits long only for what will be answered."""
        nonlocal opens
        opens += 1
        return await opened(replace(address, timeout_s=60 if opens >= answers_from else 0.3))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Two registers of 7; silent before connection `answers_from`."""
        nonlocal accepted
        accepted += 1
        request = await reader.read(12)
        if accepted >= answers_from:
            writer.write(request[:4] + bytes([0, 7, request[6], 3, 4, 0, 7, 0, 7]))
            await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = ModbusAddress(Link.TCP, "127.0.0.1", server.sockets[0].getsockname()[1], timeout_s=60)
        monkeypatch.setattr(ModbusConnection, "open", impatient)
        if found is None:
            with pytest.raises(ModbusUnavailable):
                await read_registers(address, 3, 0, 2)
        else:
            assert await read_registers(address, 3, 0, 2) == found
    assert opens == 2


async def test_who_is_asked_to_end_in_the_moment_of_an_answer_ends() -> None:
    """Python 3.11's `wait_for` gives the answer then and forgets the cancellation: who polls would go on for ever."""
    profile = load("tuna-id551")
    simulator = IndicatorSimulator(profile, Platform(seed=1), Hand(step_us=20_000))
    await simulator.start()
    connection = await ModbusConnection.open(ModbusAddress(Link.TCP, "127.0.0.1", simulator.port))
    asking = asyncio.create_task(connection.read_registers(profile.function, profile.first, profile.count))
    await asyncio.sleep(0)
    waited_for: asyncio.Future[object] = connection._client.ctx.response_future  # pymodbus's own, of this request
    waited_for.add_done_callback(lambda _: asking.cancel())
    try:
        with pytest.raises(asyncio.CancelledError):
            await asking
    finally:
        connection.close()
        await simulator.stop()
