"""mbpoll (libmodbus, Debian) as an independent client of the simulated indicators."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from readers.modbus.profile import load
from simulators.modbus.indicator import IndicatorSimulator
from simulators.modbus.platform import Platform

pytestmark = pytest.mark.skipif(shutil.which("mbpoll") is None, reason="no mbpoll here: apt-get install mbpoll")


@asynccontextmanager
async def weighing(name: str, weight: int) -> AsyncIterator[IndicatorSimulator]:
    platform = Platform(seed=1)
    platform.put(Decimal(weight), 0)
    indicator = IndicatorSimulator(load(name), platform, lambda: 60_000_000)
    await indicator.start()
    try:
        yield indicator
    finally:
        await indicator.stop()


async def mbpoll(indicator: IndicatorSimulator, *arguments: object) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *("mbpoll", "-m", "tcp", "-p", str(indicator.port), "-0", "-1"),
        *(str(argument) for argument in arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode or 0, output.decode()


async def test_it_reads_a_float_and_the_status_word() -> None:
    async with weighing("tuna-id551", 812) as indicator:
        code, output = await mbpoll(indicator, "-t", "4:float", "-B", "-r", 2, "127.0.0.1")
        assert code == 0, output
        assert "[2]: \t812" in output
        code, output = await mbpoll(indicator, "-t", "4:hex", "-r", 4, "127.0.0.1")
        assert code == 0, output
        assert int(output.split("[4]:")[1].split()[0], 16) & 1 << 12 == 0  # at rest: no motion


async def test_it_reads_input_registers() -> None:
    async with weighing("dini-argeo-dgt4x", 300) as indicator:
        code, output = await mbpoll(indicator, "-t", "3:int", "-B", "-r", 0, "127.0.0.1")
        assert code == 0, output
        assert "[0]: \t300" in output


async def test_it_takes_tare() -> None:
    async with weighing("dini-argeo-dgt4x", 300) as indicator:
        code, output = await mbpoll(indicator, "-t", "4", "-r", 0, "127.0.0.1", 2)
        assert code == 0, output
        assert indicator.platform.tare() == 300
        code, output = await mbpoll(indicator, "-t", "3:int", "-B", "-r", 2, "127.0.0.1")
        assert "[2]: \t0" in output  # net


async def test_an_address_that_is_not_there_is_an_exception() -> None:
    async with weighing("tuna-id551", 812) as indicator:
        code, output = await mbpoll(indicator, "-t", "4", "-r", 5000, "127.0.0.1")
        assert code != 0
        assert "Illegal data address" in output
