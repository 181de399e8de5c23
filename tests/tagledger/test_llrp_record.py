"""`tagledger llrp record` against a simulated reader: the file is whole frames that check out."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from readers.llrp import messages as m
from readers.llrp.codec import decode
from readers.llrp.framing import Framer
from simulators.llrp.models import SPEEDWAY_R420
from simulators.llrp.plant_clock import ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from tagledger.cli import app


@pytest.fixture
def reader_port() -> Iterator[int]:
    """A simulated reader in a thread of its own, as the command runs its own event loop."""
    started, stop = threading.Event(), threading.Event()
    port: list[int] = []

    async def serve() -> None:
        epcs = [bytes(11) + bytes([number]) for number in range(8)]
        clock = ScaledClock(time.time_ns() // 1000)
        async with ReaderSimulator(SPEEDWAY_R420, SteadyRadio(epcs), clock) as reader:
            port.append(reader.port)
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(10)
    yield port[0]
    stop.set()
    thread.join(10)


def recorded(path: Path) -> list[m.Message]:
    return [decode(frame).message for frame in Framer().feed(path.read_bytes())]


def test_a_session_is_recorded_and_checks_out(reader_port: int, tmp_path: Path) -> None:
    path = tmp_path / "session.llrp"
    arguments = ["llrp", "record", "127.0.0.1", "--port", str(reader_port), "--seconds", "1", "--out", str(path)]
    result = CliRunner().invoke(app, [*arguments, "--antennas", "1,2", "--both", "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout.splitlines()[0])
    assert summary["tags"] == 8
    assert summary["bytes"] == path.stat().st_size
    kinds = [type(message) for message in recorded(path)]
    assert kinds[0] is m.ReaderEventNotification
    assert kinds[-1] is m.CloseConnectionResponse
    assert kinds.count(m.ROAccessReport) == summary["ROAccessReport"] > 50
    assert m.AddROSpec in kinds
    checked = CliRunner().invoke(app, ["llrp", "check", str(path), "--json"])
    assert checked.exit_code == 0, checked.output


def test_without_a_reader_it_fails_and_says_why(tmp_path: Path) -> None:
    arguments = ["llrp", "record", "127.0.0.1", "--port", "1", "--seconds", "0.3", "--out", str(tmp_path / "x.llrp")]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 1
    assert "cannot connect" in result.output
