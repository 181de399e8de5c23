"""The simulated reader on the network: one client, keepalives, faults, goodbyes, and plant time at any speed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import Frame, decode, encode
from readers.llrp.framing import Framer
from readers.llrp.wire import Message
from simulators.llrp.models import LLRP_1_1, SPEEDWAY_R420
from simulators.llrp.plant_clock import ManualClock, ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from tests.readers.llrp.deliveries import eventually
from tests.simulators.llrp.talk import EPCS, START_US, report_spec, rospec

Attempt = e.ConnectionAttemptStatusType


class Client:
    """A bare LLRP client: sends what it is told to, keeps what it gets."""

    def __init__(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stream = stream
        self._writer = writer
        self._framer = Framer()
        self._frames: list[Frame] = []
        self.at_end = False

    @classmethod
    async def connect(cls, reader: ReaderSimulator) -> "Client":
        return cls(*await asyncio.open_connection(reader.host, reader.port))

    def send(self, message: Message, message_id: int = 1) -> None:
        self._writer.write(encode(message, message_id=message_id))

    async def next(self, kind: type[Any]) -> Frame:
        """The next message of a type; others before it are dropped."""
        async with asyncio.timeout(60):
            while True:
                while self._frames:
                    frame = self._frames.pop(0)
                    if isinstance(frame.message, kind):
                        return frame
                data = await self._stream.read(65536)
                if not data:
                    self.at_end = True
                    raise ConnectionError("the reader closed the connection")
                self._frames += [decode(one) for one in self._framer.feed(data)]

    async def ask(self, message: Message, answer: type[Any]) -> Any:
        self.send(message)
        return (await self.next(answer)).message

    async def attempt(self) -> Attempt:
        note = (await self.next(m.ReaderEventNotification)).message
        assert isinstance(note, m.ReaderEventNotification)
        event = note.ReaderEventNotificationData.ConnectionAttemptEvent
        assert event is not None
        return event.Status

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock(START_US)


@pytest.fixture
async def reader(clock: ManualClock) -> AsyncIterator[ReaderSimulator]:
    async with ReaderSimulator(LLRP_1_1, SteadyRadio(EPCS, reads_per_s=100), clock) as reader:
        yield reader


async def test_the_reader_speaks_first_and_one_client_is_served(reader: ReaderSimulator) -> None:
    first = await Client.connect(reader)
    assert await first.attempt() == Attempt.Success
    second = await Client.connect(reader)
    assert await second.attempt() == Attempt.Failed_A_Client_Initiated_Connection_Already_Exists
    with pytest.raises(ConnectionError):
        await second.next(Message)
    assert await first.attempt() == Attempt.Another_Connection_Attempted
    answer = await first.ask(m.GetROSpecs(), m.GetROSpecsResponse)
    assert answer.LLRPStatus.StatusCode == e.StatusCode.M_Success
    first.close()
    await eventually(lambda: not reader.is_connected)
    third = await Client.connect(reader)
    assert await third.attempt() == Attempt.Success


async def test_close_connection_is_answered_and_then_done(reader: ReaderSimulator) -> None:
    client = await Client.connect(reader)
    await client.attempt()
    answer = await client.ask(m.CloseConnection(), m.CloseConnectionResponse)
    assert answer.LLRPStatus.StatusCode == e.StatusCode.M_Success
    with pytest.raises(ConnectionError):
        await client.next(Message)


async def test_keepalives_come_at_their_period_with_high_identifiers(reader: ReaderSimulator) -> None:
    client = await Client.connect(reader)
    await client.attempt()
    spec = p.KeepaliveSpec(e.KeepaliveTriggerType.Periodic, 30)
    await client.ask(m.SetReaderConfig(False, KeepaliveSpec=spec), m.SetReaderConfigResponse)
    for _ in range(3):
        keepalive = await client.next(m.KeepAlive)
        assert keepalive.message_id >= 0x8000_0000
        client.send(m.KeepAliveAck(), keepalive.message_id)
    await eventually(lambda: reader.machine.keepalives_acknowledged == 3)


async def test_plant_time_drives_the_inventory(reader: ReaderSimulator, clock: ManualClock) -> None:
    client = await Client.connect(reader)
    await client.attempt()
    await client.ask(m.AddROSpec(rospec(report=report_spec(1, 10))), m.AddROSpecResponse)
    await client.ask(m.EnableROSpec(1), m.EnableROSpecResponse)
    clock.advance(250_000)
    for _ in range(2):
        report = (await client.next(m.ROAccessReport)).message
        assert isinstance(report, m.ROAccessReport)
        assert len(report.TagReportData) == 10


async def test_a_reader_that_stops_says_so(clock: ManualClock) -> None:
    reader = ReaderSimulator(LLRP_1_1, SteadyRadio(EPCS), clock)
    await reader.start()
    client = await Client.connect(reader)
    await client.attempt()
    await reader.stop()
    note = (await client.next(m.ReaderEventNotification)).message
    assert isinstance(note, m.ReaderEventNotification)
    assert note.ReaderEventNotificationData.ConnectionCloseEvent is not None


async def test_garbage_from_a_client_ends_its_connection_only(reader: ReaderSimulator) -> None:
    client = await Client.connect(reader)
    await client.attempt()
    client._writer.write(b"\xff" * 64)
    with pytest.raises(ConnectionError):
        await client.next(Message)
    again = await Client.connect(reader)
    assert await again.attempt() == Attempt.Success


async def test_a_client_that_does_not_read_loses_reports_as_the_standard_says() -> None:
    """The socket fills, then the reader's memory; what is lost is told by ReportBufferOverflowErrorEvent."""
    clock = ScaledClock(START_US, speed=200)
    async with ReaderSimulator(SPEEDWAY_R420, SteadyRadio(EPCS, reads_per_s=2_000), clock) as reader:
        client = await Client.connect(reader)
        await client.attempt()
        await client.ask(m.AddROSpec(rospec()), m.AddROSpecResponse)
        await client.ask(m.EnableROSpec(1), m.EnableROSpecResponse)
        await eventually(lambda: reader.machine.outbox.lost_tags > 0, timeout_s=30)
        assert reader.machine.outbox.tags <= SPEEDWAY_R420.report_capacity_tags
        while True:
            note = (await client.next(m.ReaderEventNotification)).message
            assert isinstance(note, m.ReaderEventNotification)
            if note.ReaderEventNotificationData.ReportBufferOverflowErrorEvent is not None:
                break


async def test_plant_time_may_run_faster_than_real_time() -> None:
    clock = ScaledClock(START_US, speed=50)
    async with ReaderSimulator(LLRP_1_1, SteadyRadio(EPCS, reads_per_s=100), clock) as reader:
        client = await Client.connect(reader)
        await client.attempt()
        await client.ask(m.AddROSpec(rospec(report=report_spec(1, 10))), m.AddROSpecResponse)
        await client.ask(m.EnableROSpec(1), m.EnableROSpecResponse)
        last_us = 0
        while last_us < START_US + 5_000_000:
            report = (await client.next(m.ROAccessReport)).message
            assert isinstance(report, m.ROAccessReport)
            last = report.TagReportData[-1].LastSeenTimestampUTC
            assert last is not None
            assert last.Microseconds > last_us
            last_us = last.Microseconds


async def test_a_reader_can_be_reached_by_nobody_but_dials_its_client() -> None:
    arrived: asyncio.Queue[Client] = asyncio.Queue()
    server = await asyncio.start_server(
        lambda stream, writer: arrived.put_nowait(Client(stream, writer)), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    async with ReaderSimulator(LLRP_1_1, SteadyRadio(EPCS), ManualClock(START_US), dial=("127.0.0.1", port)):
        for _ in range(2):
            client = await asyncio.wait_for(arrived.get(), 10)
            assert await client.attempt() == Attempt.Success
            client.close()
    server.close()
