"""sllurp 3.x, an independent client, against our simulator; and our driver over it beside our own."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.backoff import BackoffSettings
from readers.llrp.client import ClientSettings, NativeDriver
from readers.llrp.codec import encode
from readers.llrp.refusal import ReaderRefused
from readers.llrp.session import SessionSettings
from readers.model import ReaderEventKind
from readers.port import ReaderDriver, ReaderUnavailable
from simulators.llrp.models import FX9600, SPEEDWAY_R420, ReaderModel
from simulators.llrp.plant_clock import ScaledClock
from simulators.llrp.radio import TagMemory
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from tests.readers.llrp.deliveries import Deliveries, eventually
from warehouse.site import Antenna, Inventory, MemoryArea, Reader, TagFilter

sllurp_llrp = pytest.importorskip("sllurp.llrp")
from readers.sllurp_driver import SllurpDriver  # noqa: E402

pytestmark = pytest.mark.sllurp

EPCS = [bytes.fromhex("3074257bf7194e40") + number.to_bytes(4, "big") for number in range(30)]
QUICK = ClientSettings(session=SessionSettings(response_timeout_s=5), backoff=BackoffSettings(base_s=0.02, cap_s=0.1))


def simulator(model: ReaderModel = SPEEDWAY_R420, **options: Any) -> ReaderSimulator:
    memories = {EPCS[4]: TagMemory({3: [0xCAFE, 0xBABE]})}
    radio = SteadyRadio(EPCS, reads_per_s=500, memories=memories)
    return ReaderSimulator(model, radio, ScaledClock(time.time_ns() // 1000), **options)


class Sllurp:
    """sllurp's own client with what it reported; `settings` go to its LLRPReaderConfig as they are.

    sllurp sends a request before it is ready for the answer. Asked by another thread than its own, it may miss the
    answer of a quick reader and wait for ever, so it receives nothing while `ask` runs.
    """

    def __init__(self, port: int, **settings: Any) -> None:
        fields = {"EnableAntennaID": True, "EnablePeakRSSI": True, "EnableFirstSeenTimestamp": True}
        config = sllurp_llrp.LLRPReaderConfig(
            {"antennas": [1, 2], "tag_content_selector": fields, "report_every_n_tags": 10, **settings}
        )
        self.client = sllurp_llrp.LLRPReaderClient("127.0.0.1", port, config)
        self.client.add_tag_report_callback(self._take)
        self.reports: list[dict[str, Any]] = []
        self._turn = threading.Lock()
        self._receive = self.client.raw_data_received
        self.client.raw_data_received = self._received

    def _received(self, data: bytes) -> None:
        with self._turn:
            self._receive(data)

    async def ask(self, request: Callable[..., object], *arguments: Any) -> None:
        """Call a method of the client that sends something, off the event loop."""

        def in_turn() -> None:
            with self._turn:
                request(*arguments)

        await asyncio.to_thread(in_turn)

    def _take(self, _: Any, tags: list[dict[str, Any]]) -> None:
        self.reports += tags

    @property
    def epcs(self) -> set[bytes]:
        return {bytes.fromhex(tag["EPC-96"].decode()) for tag in self.reports if "EPC-96" in tag}

    async def __aenter__(self) -> "Sllurp":
        await asyncio.to_thread(self.client.connect)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ask(self.client.disconnect)
        await asyncio.to_thread(self.client.join, 5)


@pytest.mark.parametrize("model", [SPEEDWAY_R420, FX9600], ids=lambda model: model.name)
async def test_sllurp_takes_inventory_stops_and_comes_back(model: ReaderModel) -> None:
    async with simulator(model) as reader:
        for _ in range(2):
            async with Sllurp(reader.port) as sllurp:
                await eventually(lambda: sllurp.epcs == set(EPCS))
                assert len(reader.machine.rospecs.all()) == 1
            assert reader.machine.rospecs.all() == []
            await eventually(lambda: not reader.is_connected)
        assert reader.connections == 2


async def test_sllurp_gets_impinj_phase_and_doppler() -> None:
    selector = {"EnableRFPhaseAngle": True, "EnablePeakRSSI": True, "EnableRFDopplerFrequency": True}
    async with simulator() as reader, Sllurp(reader.port, impinj_tag_content_selector=selector) as sllurp:
        await eventually(lambda: sllurp.epcs == set(EPCS))
        tag = sllurp.reports[-1]
        assert {"ImpinjRFPhaseAngle", "ImpinjPeakRSSI", "ImpinjRFDopplerFrequency"} <= set(tag), tag


async def test_sllurp_reads_user_memory() -> None:
    async with simulator() as reader, Sllurp(reader.port, report_every_n_tags=None, duration=0.3) as sllurp:
        await eventually(lambda: sllurp.client.llrp.state == sllurp_llrp.LLRPReaderState.STATE_INVENTORYING)
        read = sllurp_llrp.C1G2Read(MB=3, WordPtr=0, WordCount=2, OpSpecID=1)
        target = sllurp_llrp.C1G2TargetTag()
        await sllurp.ask(sllurp.client.start_access_spec, read, target, 60)

        def memory() -> set[bytes]:
            results = [tag["C1G2ReadOpSpecResult"] for tag in sllurp.reports if "C1G2ReadOpSpecResult" in tag]
            return {result["ReadData"] for result in results}

        await eventually(lambda: memory() == {b"\xca\xfe\xba\xbe", b""})


# Our driver over the library


def site_reader(port: int, **changes: Any) -> Reader:
    reader = Reader("r1", "127.0.0.1", port, antennas=(Antenna(1, "door", power_dbm=25.2), Antenna(2, "door")))
    return replace(reader, **{"keepalive_ms": 500, "driver": "sllurp", **changes})


@contextlib.asynccontextmanager
async def running(driver: ReaderDriver, sink: Deliveries) -> AsyncIterator[None]:
    task = asyncio.create_task(driver.run(sink))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("kind", [SllurpDriver, NativeDriver], ids=["sllurp", "native"])
@pytest.mark.parametrize("model", [SPEEDWAY_R420, FX9600], ids=lambda model: model.name)
async def test_both_drivers_keep_the_ports_promises(kind: type[Any], model: ReaderModel) -> None:
    written: list[tuple[int, bool]] = []
    async with simulator(model, on_gpo=lambda port, level, _: written.append((port, level))) as reader:
        sink = Deliveries()
        driver = kind(
            site_reader(reader.port, inventory=Inventory(impinj_extensions=True) if model.is_impinj else Inventory()),
            settings=QUICK,
        )
        with pytest.raises(ReaderUnavailable):
            await driver.write_gpo(1, True)
        async with running(driver, sink):
            await sink.until(lambda: sink.tags == set(EPCS))
            await eventually(lambda: driver.is_running)
            assert reader.machine._radio.last_drives[0].power_dbm == (25.0 if model.is_impinj else 25.2)  # type: ignore[attr-defined]
            await driver.write_gpo(2, True)
            assert written == [(2, True)]
            with pytest.raises(ReaderRefused, match="GPO 9"):
                await driver.write_gpo(9, True)
            reader.set_gpi(1, True)
            await sink.until(lambda: ReaderEventKind.GPI in sink.kinds())
        assert reader.machine.rospecs.all() == []
        assert reader.machine.closing
        batch = sink.batches[-1]
        assert np.isnan(batch.phase_rad).all() != model.is_impinj
        assert (batch.count >= 1).all()
        assert (batch.last_us >= batch.first_us).all()
        # What it is, is told by the drivers that ask for it.
        kinds = [kind for kind in sink.kinds() if kind is not ReaderEventKind.IDENTIFIED]
        assert kinds[:2] == [ReaderEventKind.CONNECTED, ReaderEventKind.INVENTORY_STARTED]
        # The order a replay relies on: no read before the message it came in, no message before its clock.
        assert [what for what, _ in sink.order][:3] == ["clock", "frame", "event"]


async def test_the_sllurp_driver_notices_silence_and_comes_back() -> None:
    async with simulator() as reader:
        sink = Deliveries()
        driver = SllurpDriver(site_reader(reader.port, keepalive_ms=100), settings=QUICK)
        async with running(driver, sink):
            await eventually(lambda: reader.machine.keepalives_acknowledged >= 2)
            reader.stall()
            await sink.until(lambda: ReaderEventKind.DISCONNECTED in sink.kinds())
            assert "nothing heard" in sink.of(ReaderEventKind.DISCONNECTED)[0].detail
            reader.resume()
            await eventually(lambda: driver.is_running)
            reader.drop_connection(after=bytes.fromhex("043d000000ff0000"))
            await sink.until(lambda: len(sink.of(ReaderEventKind.CONNECTED)) >= 3)


async def test_what_kills_sllurp_does_not_reach_it() -> None:
    """Defects 2 and 3: an AISpecEvent with details, and a message type it does not know, before a report."""
    async with simulator() as reader:
        sink = Deliveries()
        driver = SllurpDriver(site_reader(reader.port), settings=QUICK)
        async with running(driver, sink):
            await eventually(lambda: driver.is_running)
            detailed = m.ReaderEventNotification(
                p.ReaderEventNotificationData(
                    p.UTCTimestamp(1),
                    AISpecEvent=p.AISpecEvent(e.AISpecEventType.End_Of_AISpec, 1, 1, p.C1G2SingulationDetails(3, 4)),
                )
            )
            marked = m.ROAccessReport((p.TagReportData(p.EPC_96(b"\xee" * 12)),))
            unknown = m.GetROSpecsResponse(p.LLRPStatus(e.StatusCode.M_Success, ""))
            reader.send_raw(b"".join(encode(one, message_id=0xF0000000) for one in (detailed, unknown, marked)))
            await sink.until(lambda: b"\xee" * 12 in sink.tags)
            assert driver.is_running
            seen = sink.reads
            await sink.until(lambda: sink.reads > seen + 50)
        assert ReaderEventKind.DISCONNECTED not in sink.kinds()


async def test_a_report_every_n_tags_does_not_restart_the_radio() -> None:
    async with simulator() as reader:
        sink = Deliveries()
        driver = SllurpDriver(site_reader(reader.port, inventory=Inventory(report_every_n_tags=5)), settings=QUICK)
        async with running(driver, sink):
            await sink.until(lambda: sink.reads > 100)
            (stored,) = reader.machine.rospecs.all()
        assert stored.spec.ROReportSpec is not None
        assert stored.spec.ROReportSpec.N == 5
        assert len(sink.of(ReaderEventKind.INVENTORY_STARTED)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"tls": True},
        {"listen": True},
        {"inventory": Inventory(memory=(MemoryArea(3),))},
        {"inventory": Inventory(poll_ms=100)},
        {"inventory": Inventory(filters=(TagFilter("e2", bank=2, pointer=0),))},
    ],
)
def test_what_sllurp_cannot_do_is_refused_before_anything_connects(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='use driver "native"'):
        SllurpDriver(site_reader(1, **changes))
