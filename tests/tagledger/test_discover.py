"""Discovery on loopback: our simulators, a reader that is busy, ports that speak something else."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from readers.llrp.look import NotAReader, look_at
from readers.modbus.profile import load, shipped
from simulators.llrp.models import FX9600, SPEEDWAY_R420, ReaderModel
from simulators.llrp.plant_clock import ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from simulators.modbus.indicator import IndicatorSimulator
from simulators.modbus.io_module import IoModuleSimulator
from simulators.modbus.platform import Platform
from tagledger.cli import app
from tagledger.config import parse_site
from tagledger.discover import HOSTS_MAX, discover, hosts_of, starting_text

HERE = "127.0.0.1"


def reader(model: ReaderModel, antennas: frozenset[int]) -> ReaderSimulator:
    return ReaderSimulator(model, SteadyRadio([]), ScaledClock(0), connected_antennas=antennas)


@asynccontextmanager
async def scale(name: str, kg: int = 812) -> AsyncIterator[IndicatorSimulator]:
    platform = Platform(seed=1)
    platform.put(Decimal(kg), 0)
    indicator = IndicatorSimulator(load(name), platform, lambda: 60_000_000)
    await indicator.start()
    try:
        yield indicator
    finally:
        await indicator.stop()


@asynccontextmanager
async def hung_up() -> AsyncIterator[int]:
    """A port that takes connections and says nothing of ours."""

    async def answer(stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"SSH-2.0-OpenSSH_9.2\r\n" * 4)
            await stream.read(100)
            writer.close()

    server = await asyncio.start_server(answer, HERE, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_readers_say_model_firmware_and_connected_antennas_and_are_left_as_they_were() -> None:
    async with reader(SPEEDWAY_R420, frozenset({1, 3})) as one, reader(FX9600, frozenset({2})) as two:
        found, units = await discover([HERE], [one.port, two.port], [], range(1), 0.5)
        assert units == []
        first, second = (each.as_json() for each in found)
        assert (first["maker"], first["model"], first["firmware"]) == ("impinj", 2001002, "5.14.0.240")
        assert (first["antenna_ports"], first["antennas_connected"]) == (4, [1, 3])
        assert (second["maker"], second["firmware"], second["antennas_connected"]) == ("zebra", "3.32.37.0", [2])
        assert not one.is_connected
        assert one.refusals == 0


async def test_a_reader_in_use_is_told_of_and_its_client_goes_on() -> None:
    async with reader(SPEEDWAY_R420, frozenset({1})) as busy:
        stream, writer = await asyncio.open_connection(HERE, busy.port)
        await stream.read(100)  # the reader's first word to the client that uses it
        (found,), _ = await discover([HERE], [busy.port], [], range(1), 0.5)
        assert found.look.in_use
        assert busy.is_connected
        text = starting_text([found], [])
        assert f"# {HERE}:{busy.port}: an LLRP reader in use by another client" in text
        assert parse_site(text, "t", {}).readers == ()
        assert writer.transport.is_closing() is False
        writer.close()


@pytest.mark.parametrize("name", shipped())
async def test_a_scale_is_guessed_among_the_shipped_profiles(name: str) -> None:
    async with scale(name) as indicator:
        _, (unit,) = await discover([HERE], [], [indicator.port], range(1, 2), 0.5)
        assert unit.look.profiles[0] == name


async def test_units_that_are_not_there_are_not_found_and_what_is_no_scale_is_told() -> None:
    async with scale("tuna-id551") as indicator, IoModuleSimulator() as coils:
        _, found = await discover([HERE], [], [indicator.port, coils.port], range(1, 4), 0.3)
        assert {(unit.port, unit.look.unit): bool(unit.look.profiles) for unit in found} == {
            (indicator.port, 1): True,
            (coils.port, 1): False,
        }
        assert "fits no scale profile" in starting_text([], found)


async def test_ports_that_speak_something_else_are_nothing() -> None:
    async with hung_up() as port:
        with pytest.raises(NotAReader):
            await look_at(HERE, port, 2.0, 2.0)
        assert await discover([HERE], [port], [port], range(1, 2), 0.3) == ([], [])


def test_networks_are_spread_out_and_too_large_ones_refused() -> None:
    assert hosts_of(["192.0.2.0/30", "192.0.2.1", "dock.example"]) == ["192.0.2.1", "192.0.2.2", "dock.example"]
    for target, word in (("10.0.0.0/8", str(HOSTS_MAX)), ("10.0.0/33", "192.0.2.0/24"), ("300.1.1.1", "no address")):
        with pytest.raises(ValueError, match=word):
            hosts_of([target])


def test_a_name_that_nobody_knows_is_said_instead_of_looking_for_it() -> None:
    told = CliRunner().invoke(app, ["discover", "a..b"])  # an empty label: no name server is asked
    assert told.exit_code == 2
    assert "a..b: " in told.stderr


async def test_the_file_it_writes_is_one_that_doctor_accepts(tmp_path: Path, database: str) -> None:
    out = tmp_path / "site.toml"
    async with reader(SPEEDWAY_R420, frozenset({1, 2})) as one, scale("eagle-ei4000") as indicator:
        ports = ["--llrp-port", str(one.port), "--modbus-port", str(indicator.port)]
        found = await asyncio.to_thread(
            CliRunner().invoke, app, ["discover", HERE, *ports, "--timeout", "0.5", "--out", str(out), "--json"]
        )
        assert found.exit_code == 0, found.output
        told = json.loads(found.stdout)
        assert (told["hosts"], len(told["readers"]), len(told["units"]), told["site"]) == (1, 1, 1, str(out))
        again = await asyncio.to_thread(CliRunner().invoke, app, ["discover", HERE, *ports, "--out", str(out)])
        assert again.exit_code == 2
    environment = {"TAGLEDGER_DATABASE__DSN": database, "TAGLEDGER_STATE_DIR": str(tmp_path)}
    doctor = await asyncio.to_thread(CliRunner(env=environment).invoke, app, ["doctor", "--site", str(out), "--json"])
    assert doctor.exit_code == 0, doctor.output
    assert "1 readers, 2 antennas" in doctor.stdout


def test_nothing_found_is_a_failure(tmp_path: Path) -> None:
    ports = ["--llrp-port", "9", "--modbus-port", "9"]
    result = CliRunner().invoke(app, ["discover", HERE, *ports, "--timeout", "0.2", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["readers"] == []
