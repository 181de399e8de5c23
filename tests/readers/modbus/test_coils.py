"""Coils over real sockets: written, refused, lost and back, and a silent unit that gets nothing late."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from readers.modbus.coils import CoilModule
from readers.modbus.connection import Link, ModbusAddress, ModbusRefused, ModbusUnavailable
from simulators.modbus.io_module import IoModuleSimulator


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not condition():  # noqa: ASYNC110 - waits for whatever the condition looks at
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(rtu: bool = False) -> AsyncIterator[tuple[IoModuleSimulator, CoilModule, list[bool]]]:
    links: list[bool] = []
    async with IoModuleSimulator(rtu=rtu) as simulator:
        link = Link.RTU_OVER_TCP if rtu else Link.TCP
        module = CoilModule("io-1", ModbusAddress(link, "127.0.0.1", simulator.port, timeout_s=0.3))
        task = asyncio.create_task(module.run(lambda name, up, detail: links.append(up)))
        try:
            await eventually(lambda: links == [True])
            yield simulator, module, links
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("rtu", [False, True])
async def test_coils_are_set_and_cleared(rtu: bool) -> None:
    async with running(rtu) as (simulator, module, _):
        await module.write_gpo(4, True)
        await module.write_gpo(0, True)
        await module.write_gpo(4, False)
        assert simulator.writes == [(4, True), (0, True), (4, False)]


async def test_a_coil_that_is_not_there_is_refused_and_the_connection_stays() -> None:
    async with running() as (simulator, module, links):
        with pytest.raises(ModbusRefused):
            await module.write_gpo(5000, True)
        await module.write_gpo(1, True)
        assert links == [True]
        assert simulator.coils[1]


async def test_a_module_that_went_away_is_told_and_back_again() -> None:
    async with running() as (simulator, module, links):
        await simulator.stop()
        with pytest.raises(ModbusUnavailable):
            await module.write_gpo(1, True)
        await simulator.start()
        await eventually(lambda: links[-1] and len(links) > 1)
        await module.write_gpo(1, False)
        assert simulator.writes == [(1, False)]


async def test_a_silent_module_never_carries_out_what_it_was_asked_meanwhile() -> None:
    async with running() as (simulator, module, links):
        simulator.silent = True
        with pytest.raises(ModbusUnavailable):
            await module.write_gpo(1, True)
        assert not module.is_connected
        simulator.silent = False
        await eventually(lambda: links[-1] and len(links) > 1)
        await module.write_gpo(2, True)
        assert simulator.writes == [(2, True)]


async def test_without_a_connection_a_write_says_so() -> None:
    module = CoilModule("io-1", ModbusAddress(Link.TCP, "127.0.0.1", 9))
    with pytest.raises(ModbusUnavailable, match="io-1 is not connected"):
        await module.write_gpo(0, True)
