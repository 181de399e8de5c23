"""The native driver against the simulated reader over real sockets."""

import asyncio
import contextlib
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from readers.llrp.backoff import BackoffSettings
from readers.llrp.client import ClientSettings, NativeDriver
from readers.llrp.enums_c1g2 import C1G2ReadResultType
from readers.llrp.refusal import ReaderRefused
from readers.llrp.report import ReportDecoder
from readers.llrp.session import SessionSettings
from readers.llrp.tag_memory import TagMemory as MemoryRead
from readers.model import ReadBatch, ReaderEventKind
from readers.port import ReaderUnavailable
from simulators.llrp.models import FX9600, LLRP_1_1, SPEEDWAY_R420, ReaderModel
from simulators.llrp.plant_clock import ReaderClock, ScaledClock
from simulators.llrp.radio import TagMemory
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from tests.readers.llrp.deliveries import Deliveries, eventually
from warehouse.site import Antenna, Inventory, MemoryArea, Reader

EPCS = [bytes.fromhex("3074257bf7194e40") + number.to_bytes(4, "big") for number in range(20)]
TID = [0xE280, 0x1160, 0x6000, 0x0204, 0x0001, 0x0002]
USER = [0xCAFE, 0xBABE]
QUICK = ClientSettings(
    connect_timeout_s=2,
    session=SessionSettings(response_timeout_s=3, close_timeout_s=2),
    backoff=BackoffSettings(base_s=0.02, cap_s=0.1),
)


def simulator(model: ReaderModel = LLRP_1_1, **options: object) -> ReaderSimulator:
    memories = {EPCS[3]: TagMemory({2: list(TID), 3: list(USER)})}
    radio = SteadyRadio(EPCS, reads_per_s=500, memories=memories)
    return ReaderSimulator(model, radio, ScaledClock(time.time_ns() // 1000), **options)  # type: ignore[arg-type]


def site_reader(port: int, **changes: object) -> Reader:
    reader = Reader("r1", "127.0.0.1", port, antennas=(Antenna(1, "door"), Antenna(2, "door", power_dbm=25.1)))
    return replace(reader, **{"keepalive_ms": 500, **changes})  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def running(driver: NativeDriver, sink: Deliveries) -> AsyncIterator[asyncio.Task[None]]:
    """Run a driver; cancel it at the end and let it close."""
    task = asyncio.create_task(driver.run(sink))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("model", [LLRP_1_1, SPEEDWAY_R420, FX9600], ids=lambda model: model.name)
async def test_it_takes_inventory_of_every_tag_and_closes_cleanly(model: ReaderModel) -> None:
    async with simulator(model) as reader:
        sink = Deliveries()
        driver = NativeDriver(site_reader(reader.port, inventory=Inventory(impinj_extensions=True)), settings=QUICK)
        async with running(driver, sink):
            await sink.until(lambda: sink.tags == set(EPCS))
            assert driver.facts is not None
            assert driver.facts.version == model.version_max
            drives = reader.machine._radio.last_drives  # type: ignore[attr-defined]
            top_dbm = model.uhf.TransmitPowerLevelTableEntry[-1].TransmitPowerValue / 100
            assert [(drive.port, drive.power_dbm) for drive in drives] == [
                (1, top_dbm), (2, 25.1 if model is FX9600 else 25.0),
            ]  # fmt: skip
            assert np.isnan(sink.batches[-1].phase_rad).all() == (model is FX9600)
        assert reader.machine.rospecs.all() == []
        assert reader.machine.closing
        await eventually(lambda: not reader.is_connected)
        assert [kind for kind in sink.kinds()[:3] if kind is not ReaderEventKind.IDENTIFIED] == [
            ReaderEventKind.CONNECTED,
            ReaderEventKind.INVENTORY_STARTED,
        ]
        (identified,) = sink.of(ReaderEventKind.IDENTIFIED)
        assert "model" in identified.detail
        assert "firmware" in identified.detail
        assert ReaderEventKind.PROTOCOL_ERROR not in sink.kinds()


async def test_a_replay_of_what_was_delivered_gives_the_same_reads() -> None:
    async with simulator(reader_clock=ReaderClock(time.time_ns() // 1000, offset_us=-90_000_000)) as reader:
        sink = Deliveries()
        async with running(NativeDriver(site_reader(reader.port), settings=QUICK), sink):
            await sink.until(lambda: len(sink.batches) >= 5)
            reader.jump_clock(3_600_000_000)
            await sink.until(lambda: bool(sink.of(ReaderEventKind.CLOCK_JUMP)))
            await sink.until(lambda: len(sink.batches) >= 12)
    replayed: list[object] = []
    decoder = ReportDecoder("r1")
    arrivals = iter(sink.frames)
    for kind, what in sink.order:
        if kind == "clock":
            decoder.offset_us = what  # type: ignore[assignment]
        elif kind == "frame":
            arrival_us, frame = next(arrivals)
            replayed += [item for item in decoder.feed(frame, arrival_us) if isinstance(item, ReadBatch)]
    for name in ("epc", "antenna", "first_us", "last_us", "count"):
        live = np.concatenate([getattr(batch, name) for batch in sink.batches])
        again = np.concatenate([getattr(batch, name) for batch in replayed])
        assert (live == again).all(), name


@pytest.mark.parametrize("has_utc", [True, False], ids=["a day ahead", "uptime only"])
async def test_reader_time_is_corrected_to_ours_whatever_the_readers_clock_says(has_utc: bool) -> None:
    booted_us = time.time_ns() // 1000 - 12_000_000
    clock = ReaderClock(booted_us, offset_us=86_400_000_000 if has_utc else 0, has_utc=has_utc)
    async with simulator(reader_clock=clock) as reader:
        sink = Deliveries()
        async with running(NativeDriver(site_reader(reader.port), settings=QUICK), sink):
            await sink.until(lambda: len(sink.batches) >= 3)
        arrivals = [at_us for at_us, frame in sink.frames if frame[1] == 61]
        for batch, arrival_us in zip(sink.batches, arrivals, strict=False):
            # Reads are at most a report period and a busy machine's delay old, and never from the future.
            assert -200_000 < arrival_us - int(batch.last_us.max()) < 3_000_000


async def test_user_memory_and_tid_are_read_through_an_accessspec() -> None:
    async with simulator(SPEEDWAY_R420) as reader:
        sink = Deliveries()
        driver = NativeDriver(site_reader(reader.port), settings=QUICK)
        with pytest.raises(ReaderUnavailable):
            await driver.read_memory((MemoryArea(2),))
        async with running(driver, sink):
            await eventually(lambda: driver.is_running)
            tid, user = await driver.read_memory((MemoryArea(2, 0, 6), MemoryArea(3)), epc=EPCS[3])
            assert (tid.epc, tid.data) == (EPCS[3], b"".join(word.to_bytes(2, "big") for word in TID))
            assert (user.result, user.data.hex()) == (C1G2ReadResultType.Success, "cafebabe")
            several = await driver.read_memory((MemoryArea(1, 2, 6),), tags=20)
            assert {one.data for one in several} == set(EPCS)
            assert await driver.read_memory((MemoryArea(3),), epc=b"\x00" * 12, timeout_s=0.1) == []
            with pytest.raises(ReaderRefused, match="OpSpecs"):
                await driver.read_memory(tuple(MemoryArea(3, word, 1) for word in range(9)))
            assert reader.machine.access.reported() == ()


async def test_configured_memory_is_read_from_every_tag() -> None:
    async with simulator() as reader:
        found: list[MemoryRead] = []
        sink = Deliveries()
        inventory = Inventory(memory=(MemoryArea(3, 0, 2),))
        driver = NativeDriver(site_reader(reader.port, inventory=inventory), settings=QUICK, on_memory=found.append)
        async with running(driver, sink):
            await sink.until(lambda: {one.epc for one in found} == set(EPCS))
        assert {one.data.hex() for one in found if one.epc == EPCS[3]} == {"cafebabe"}
        assert {one.result for one in found if one.epc != EPCS[3]} == {C1G2ReadResultType.Memory_Overrun_Error}


async def test_an_impinj_reader_adds_the_tid_to_each_read() -> None:
    async with simulator(SPEEDWAY_R420) as reader:
        found: list[MemoryRead] = []
        sink = Deliveries()
        inventory = Inventory(impinj_extensions=True, impinj_tid=True)
        driver = NativeDriver(site_reader(reader.port, inventory=inventory), settings=QUICK, on_memory=found.append)
        async with running(driver, sink):
            await sink.until(lambda: sink.tags == set(EPCS) and bool(found))
    assert {(one.epc, one.data, one.is_tid) for one in found} == {
        (EPCS[3], b"".join(word.to_bytes(2, "big") for word in TID), True)
    }


async def test_outputs_are_written_and_inputs_told() -> None:
    written: list[tuple[int, bool]] = []
    async with simulator(on_gpo=lambda port, level, _: written.append((port, level))) as reader:
        sink = Deliveries()
        driver = NativeDriver(site_reader(reader.port), settings=QUICK)
        with pytest.raises(ReaderUnavailable):
            await driver.write_gpo(1, True)
        async with running(driver, sink):
            await eventually(lambda: driver.is_running)
            await driver.write_gpo(2, True)
            await driver.write_gpo(2, False)
            assert written == [(2, True), (2, False)]
            with pytest.raises(ReaderRefused, match="GPO 9"):
                await driver.write_gpo(9, True)
            reader.set_gpi(3, True)
            reader.set_antenna(2, False)
            await sink.until(lambda: ReaderEventKind.ANTENNA_LOST in sink.kinds())
    (gpi,) = sink.of(ReaderEventKind.GPI)
    assert (gpi.port, gpi.state) == (3, True)
    assert sink.of(ReaderEventKind.ANTENNA_LOST)[0].port == 2


async def test_a_1_0_1_reader_can_be_polled() -> None:
    async with simulator(SPEEDWAY_R420) as reader:
        sink = Deliveries()
        driver = NativeDriver(site_reader(reader.port, inventory=Inventory(poll_ms=50)), settings=QUICK)
        async with running(driver, sink):
            await sink.until(lambda: sink.tags == set(EPCS) and len(sink.frames) > 8)
            assert sink.reads / len(sink.frames) > 5


# Losing the connection


async def test_a_reader_that_vanishes_in_the_middle_of_a_message_is_found_again_and_loses_nothing() -> None:
    async with simulator() as reader:
        sink = Deliveries()
        driver = NativeDriver(site_reader(reader.port), settings=QUICK)
        async with running(driver, sink):
            await sink.until(lambda: len(sink.batches) >= 2)
            reader.drop_connection(after=bytes.fromhex("043d000000ff00000001"))
            await eventually(lambda: not driver.is_running)
            await eventually(lambda: driver.is_running)
            await sink.until(lambda: len(sink.batches) >= 8)
        # The inventory ran on while we were gone and the reader held its reports: in the reader's own time, where each
        # connection's clock correction is left out, no read is missing and none is there twice.
        batches = [item for at_us, one in sink.frames for item in ReportDecoder("r1").feed(one, at_us)]
        reads = [batch for batch in batches if isinstance(batch, ReadBatch)]
        first_us = min(int(batch.first_us.min()) for batch in reads)
        last_us = max(int(batch.last_us.max()) for batch in reads)
        assert sum(int(batch.count.sum()) for batch in reads) == (last_us - first_us) // 2_000 + 1
        assert [one.detail for one in sink.of(ReaderEventKind.INVENTORY_STARTED)] == ["ROSpec 1"]
        assert len(sink.of(ReaderEventKind.DISCONNECTED)) == 1


async def test_a_half_open_connection_is_noticed_after_two_missed_keepalives() -> None:
    async with simulator() as reader:
        sink = Deliveries()
        driver = NativeDriver(site_reader(reader.port, keepalive_ms=100), settings=QUICK)
        async with running(driver, sink):
            await eventually(lambda: reader.machine.keepalives_acknowledged >= 3)
            reader.stall()
            await sink.until(lambda: ReaderEventKind.DISCONNECTED in sink.kinds())
            assert "nothing heard" in sink.of(ReaderEventKind.DISCONNECTED)[0].detail
            reader.resume()
            await eventually(lambda: driver.is_running)


async def test_it_keeps_trying_until_the_reader_is_there() -> None:
    first = simulator()
    await first.start()
    port = first.port
    await first.stop()
    sink = Deliveries()
    driver = NativeDriver(site_reader(port), settings=QUICK)
    async with running(driver, sink):
        await sink.until(lambda: len(sink.of(ReaderEventKind.DISCONNECTED)) >= 4)
        assert "cannot connect" in sink.of(ReaderEventKind.DISCONNECTED)[0].detail
        async with simulator(port=port):
            await sink.until(lambda: ReaderEventKind.CONNECTED in sink.kinds())


async def test_cancelled_at_any_moment_of_a_refused_connection_it_ends() -> None:
    for steps in range(20):
        running = asyncio.create_task(NativeDriver(site_reader(1), now_us=time.time_ns).run(Deliveries()))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=10)
        assert done, f"the cancellation was lost after {steps} steps"


async def test_a_reader_that_is_taken_is_tried_again() -> None:
    async with simulator() as reader:
        stream, writer = await asyncio.open_connection("127.0.0.1", reader.port)
        await stream.readexactly(10)
        sink = Deliveries()
        driver = NativeDriver(site_reader(reader.port), settings=QUICK)
        async with running(driver, sink):
            await sink.until(lambda: len(sink.of(ReaderEventKind.DISCONNECTED)) >= 2)
            assert any("Client_Initiated" in one.detail for one in sink.of(ReaderEventKind.DISCONNECTED))
            writer.close()
            await eventually(lambda: driver.is_running)


async def test_garbage_ends_the_connection_and_nothing_else() -> None:
    async with simulator() as reader:
        sink = Deliveries()
        driver = NativeDriver(site_reader(reader.port), settings=QUICK)
        async with running(driver, sink):
            await sink.until(lambda: len(sink.batches) >= 2)
            reader.send_raw(b"\xff" * 40)
            await sink.until(lambda: "no message boundary" in "".join(one.detail for one in sink.events))
            await eventually(lambda: driver.is_running)
            reader.send_raw(bytes.fromhex("043d 00000010 00000001 00f000 06 0000".replace(" ", "")))
            await sink.until(lambda: ReaderEventKind.PROTOCOL_ERROR in sink.kinds())
            assert driver.is_running


async def test_a_reader_that_hangs_up_on_the_version_question_is_asked_no_more() -> None:
    """A 1.0.1 reader of the worst kind: it closes the connection on a version 2 header."""
    async with simulator(SPEEDWAY_R420) as reader:

        async def strict(stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            up_stream, up_writer = await asyncio.open_connection("127.0.0.1", reader.port)

            async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, check: bool) -> None:
                with contextlib.suppress(OSError):
                    while data := await source.read(65536):
                        if check and data[0] >> 2 & 7 == 2:
                            break
                        sink.write(data)
                writer.close()
                up_writer.close()

            await asyncio.gather(pump(stream, up_writer, check=True), pump(up_stream, writer, check=False))

        server = await asyncio.start_server(strict, "127.0.0.1", 0)
        sink = Deliveries()
        driver = NativeDriver(site_reader(server.sockets[0].getsockname()[1]), settings=QUICK)
        async with running(driver, sink):
            await eventually(lambda: driver.is_running)
            assert driver.facts is not None
            assert driver.facts.version == 1
            assert len(sink.of(ReaderEventKind.DISCONNECTED)) == 2
        server.close()


async def test_a_configuration_the_reader_cannot_carry_out_is_told_and_tried_again() -> None:
    async with simulator(SPEEDWAY_R420) as reader:
        sink = Deliveries()
        wrong = site_reader(reader.port, antennas=(Antenna(7, "door"),))
        async with running(NativeDriver(wrong, settings=QUICK), sink):
            await sink.until(lambda: len(sink.of(ReaderEventKind.DISCONNECTED)) >= 2)
        assert "antennas 1 to 4" in sink.of(ReaderEventKind.DISCONNECTED)[0].detail


async def test_it_can_leave_the_inventory_on_for_its_successor() -> None:
    async with simulator() as reader:
        first, second = Deliveries(), Deliveries()
        async with running(NativeDriver(site_reader(reader.port), settings=QUICK, leave_running=True), first):
            await first.until(lambda: len(first.batches) >= 2)
        assert len(reader.machine.rospecs.all()) == 1
        await eventually(lambda: reader.machine.outbox.tags > 50)
        async with running(NativeDriver(site_reader(reader.port), settings=QUICK), second):
            await second.until(lambda: len(second.batches) >= 3)
        assert ReaderEventKind.INVENTORY_STARTED not in second.kinds()
        gap_us = int(second.batches[0].first_us.min()) - int(first.batches[-1].last_us.max())
        assert gap_us < 10_000


async def test_reads_the_reader_lost_are_a_data_loss_alarm() -> None:
    async with simulator(replace(LLRP_1_1, report_capacity_tags=100)) as reader:
        first, second = Deliveries(), Deliveries()
        async with running(NativeDriver(site_reader(reader.port), settings=QUICK, leave_running=True), first):
            await first.until(lambda: len(first.batches) >= 1)
        await eventually(lambda: reader.machine.outbox.lost_tags > 0)
        async with running(NativeDriver(site_reader(reader.port), settings=QUICK), second):
            await second.until(lambda: ReaderEventKind.DATA_LOSS in second.kinds())
        assert ReaderEventKind.BUFFER_WARNING in second.kinds()


# Reader-initiated and TLS


async def test_a_reader_may_connect_to_us_again_and_again() -> None:
    driver = NativeDriver(site_reader(0, listen=True), settings=QUICK)
    sink = Deliveries()

    async def called_by_a_reader(times: int) -> None:
        assert driver.listening_port is not None
        async with simulator(dial=("127.0.0.1", driver.listening_port)):
            await sink.until(lambda: len(sink.of(ReaderEventKind.CONNECTED)) == times)
            seen = len(sink.batches)
            await sink.until(lambda: len(sink.batches) > seen)

    async with running(driver, sink):
        await eventually(lambda: driver.listening_port is not None)
        await called_by_a_reader(1)
        await eventually(lambda: not driver.is_running)
        await called_by_a_reader(2)


async def test_while_one_reader_is_here_another_is_turned_away() -> None:
    driver = NativeDriver(site_reader(0, listen=True), settings=QUICK)
    sink = Deliveries()
    async with running(driver, sink):
        await eventually(lambda: driver.listening_port is not None)
        assert driver.listening_port is not None
        async with simulator(dial=("127.0.0.1", driver.listening_port)):
            await eventually(lambda: driver.is_running)
            stream, writer = await asyncio.open_connection("127.0.0.1", driver.listening_port)
            assert await stream.read(1) == b""
            writer.close()
            assert driver.is_running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for 127.0.0.1, in one PEM file."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=reader",
            "-addext", "subjectAltName=IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


async def test_tls_with_the_sites_own_authority(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with simulator(tls=context) as reader:
        sink = Deliveries()
        trusting = site_reader(reader.port, tls=True, tls_ca=str(certificate))
        async with running(NativeDriver(trusting, settings=QUICK), sink):
            await sink.until(lambda: sink.tags == set(EPCS))
        distrusting = Deliveries()
        async with running(NativeDriver(site_reader(reader.port, tls=True), settings=QUICK), distrusting):
            await distrusting.until(lambda: ReaderEventKind.DISCONNECTED in distrusting.kinds())
        assert "certificate" in distrusting.events[0].detail


async def test_a_reader_may_call_us_with_tls(certificate: Path) -> None:
    with pytest.raises(ValueError, match="tls_cert"):
        NativeDriver(site_reader(0, listen=True, tls=True))
    driver = NativeDriver(site_reader(0, listen=True, tls=True, tls_cert=str(certificate)), settings=QUICK)
    sink = Deliveries()
    async with running(driver, sink):
        await eventually(lambda: driver.listening_port is not None)
        assert driver.listening_port is not None
        trust = ssl.create_default_context(cafile=str(certificate))
        async with simulator(dial=("127.0.0.1", driver.listening_port), tls=trust):
            await sink.until(lambda: sink.tags == set(EPCS))
