"""`tagledger devices probe` against the simulated indicators: the known weight is found where the profile says."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from readers.modbus.connection import Link, ModbusAddress
from readers.modbus.driver import read_registers
from readers.modbus.profile import NumberType, load
from readers.modbus.reading import read
from simulators.modbus.indicator import IndicatorSimulator
from simulators.modbus.platform import Platform
from tagledger.devices import app


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["probe", *(str(argument) for argument in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


@contextmanager
def weighing(name: str, weight: Decimal, *, rtu: bool = False) -> Iterator[int]:
    """An indicator with a load at rest, served from a thread of its own; yields its port."""
    platform = Platform(seed=1)
    platform.put(weight, 0)
    indicator = IndicatorSimulator(load(name), platform, lambda: 60_000_000, rtu=rtu)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(indicator.start(), loop).result(10)
        yield indicator.port
    finally:
        asyncio.run_coroutine_threadsafe(indicator.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.mark.parametrize("name", ["tuna-id551", "minebea-pr5410", "eagle-ei4000", "seneca-z-sg", "dini-argeo-dgt4x"])
def test_the_known_weight_is_found_at_the_profiles_address(name: str) -> None:
    profile = load(name)
    number = profile.gross or profile.net
    assert number is not None
    with weighing(name, Decimal(812)) as port:
        code, output = run(
            "127.0.0.1", "--port", port, "--first", profile.first, "--count", 40, "--weight", 812, "--json"
        )
    assert code == 0
    found = json.loads(output)["interpretations"]["holding" if profile.function == 3 else "input"]
    wanted = {NumberType.MAGNITUDE32: "int32"}.get(number.type, number.type.value)
    assert any((row["address"], row["type"], row["word_order"]) == (number.address, wanted, "ABCD") for row in found)


ODD_MAP = """
name = "odd"
model = "an indicator nobody has heard of"
source = "none"
function = 4
first = 0x2001
count = 4
gross = {{ address = 0x2002, type = "{kind}" }}
stable = {{ address = 0x2001, bit = 3 }}
word_order = "{order}"
scale = "0.1"
"""


@pytest.mark.parametrize(("kind", "order"), [("bcd32", "DCBA"), ("bcd16", "ABCD"), ("int32", "BADC")])
def test_an_odd_map_over_serial_frames_is_found_and_is_then_a_profile(tmp_path: Path, kind: str, order: str) -> None:
    file = tmp_path / "odd.toml"
    file.write_text(ODD_MAP.format(kind=kind, order=order))
    with weighing(str(file), Decimal("812.5"), rtu=True) as port:
        code, output = run(
            "127.0.0.1", "--port", port, "--rtu", "--first", 0x2001, "--count", 4, "--weight", "812.5", "--within", 0,
            "--json",
        )  # fmt: skip
        address = ModbusAddress(Link.RTU_OVER_TCP, "127.0.0.1", port, 1, timeout_s=5.0)
        registers = asyncio.run(read_registers(address, 4, 0x2001, 4))
    assert code == 0
    found = [
        (row["address"], row["type"], row["word_order"], row["scale"])
        for row in json.loads(output)["interpretations"]["input"]
    ]
    assert (0x2002, kind, None if kind == "bcd16" else order, "0.1") in found
    reading = read(load(str(file)), list(registers.values()), 0)
    assert (reading.weight, reading.stable) == (Decimal("812.5"), True)


def test_without_a_first_register_it_looks_where_known_scales_have_theirs() -> None:
    with weighing("eagle-ei4000", Decimal(812)) as port:
        code, output = run("127.0.0.1", "--port", port, "--weight", 812, "--json")
        assert run("127.0.0.1", "--port", port, "--first", 0, "--weight", 812)[0] == 1
    assert code == 0
    assert 0x1000 in {row["address"] for row in json.loads(output)["interpretations"]["holding"]}


def test_it_prints_registers_and_meanings() -> None:
    with weighing("tuna-id551", Decimal(500)) as port:
        code, output = run("127.0.0.1", "--port", port, "--count", 8)
    assert code == 0
    assert "holding registers" in output
    assert "43FA" in output  # the upper half of 500 as a float32
    assert "500" in output


def test_a_weight_that_is_not_there_fails() -> None:
    with weighing("tuna-id551", Decimal(500)) as port:
        assert run("127.0.0.1", "--port", port, "--weight", 77777)[0] == 1


def test_nobody_there_and_nonsense() -> None:
    assert run("127.0.0.1", "--port", 1)[0] == 1
    assert run("127.0.0.1", "--weight", "heavy")[0] == 2
    assert run("127.0.0.1", "--first", 65535, "--count", 2)[0] == 2
