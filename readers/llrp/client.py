"""Our own reader driver: asyncio sockets and timers around the pure `Session`, behind `readers.port.ReaderDriver`.

It connects (or, with `listen`, is connected to), takes inventory, delivers, and starts over for ever, with the waits
`Backoff` bounds. Each connection has its own clock model; what it corrects is delivered before the messages it applies
to. Cancelling `run` ends the inventory and the connection the way the standard wants it.

Bounds: one message at a time (`Framer`), 64 KiB per read, one connection at a time, `REQUESTS_MAX` requests under way;
everything delivered goes to the sink at once, nothing is queued here.
"""

import asyncio
import contextlib
import random
import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.backoff import Backoff, BackoffSettings
from readers.llrp.clock import ClockSettings
from readers.llrp.delivery import Delivery
from readers.llrp.enums import StatusCode
from readers.llrp.facts import ReaderFacts
from readers.llrp.refusal import ReaderRefused
from readers.llrp.rospec import read_spec
from readers.llrp.session import (
    Answered,
    Deliver,
    Lost,
    Malformed,
    Output,
    ReaderSpoke,
    Running,
    Send,
    Session,
    SessionSettings,
    State,
)
from readers.llrp.tag_memory import TagMemory
from readers.llrp.wire import VERSION_1_0_1, Message
from readers.model import ReaderEvent, ReaderEventKind
from readers.port import ReaderSink, ReaderUnavailable
from warehouse.site import MemoryArea, Reader

REQUESTS_MAX = 16
_READ_BYTES = 1 << 16
AREAS_MAX = 16
# AccessSpecs of `read_memory`; the standing one has identifier 1 and OpSpecIDs from 1. A result in a tag report is
# recognised by its OpSpecID, which is always there, so each AccessSpec has OpSpecIDs of its own.
_ASKED_MIN, _ASKED_MAX = 100, 4000


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Bounds of one driver."""

    connect_timeout_s: float = 5.0
    gpo_answer_s: float = 3.0
    session: SessionSettings = field(default_factory=SessionSettings)
    backoff: BackoffSettings = field(default_factory=BackoffSettings)
    clock: ClockSettings = field(default_factory=ClockSettings)


@dataclass(slots=True)
class _MemoryRequest:
    """Results of one `read_memory` so far; `complete` is set when all `wanted` are there."""

    wanted: int
    found: list[TagMemory] = field(default_factory=list)
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, memory: TagMemory) -> None:
        self.found.append(memory)
        if len(self.found) >= self.wanted:
            self.complete.set()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection and drop what it has not sent."""
    peer = writer.get_extra_info("socket")
    if peer is not None:
        with contextlib.suppress(OSError):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class NativeDriver:
    """Drives one reader. `now_us` is the edge's clock (UTC microseconds); `on_memory` gets what AccessSpecs read.

    `tls` overrides the context made from the site file. With `leave_running` a cancelled driver leaves the inventory
    on, and the reader holds what it sees for the next one. Raises ValueError for a site entry that cannot be driven.
    `tap` sees every byte as it was received (`sent` False) or sent, for recording.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        uniform: Callable[[float, float], float] = random.uniform,
        settings: ClientSettings | None = None,
        tls: ssl.SSLContext | None = None,
        on_memory: Callable[[TagMemory], None] | None = None,
        leave_running: bool = False,
        tap: Callable[[bytes, bool], None] = lambda data, sent: None,
    ) -> None:
        if reader.listen and reader.tls and not reader.tls_cert and tls is None:
            raise ValueError(f"reader {reader.name}: listening with TLS needs tls_cert, our certificate and key")
        self.reader = reader
        self._now_us = now_us
        self._settings = settings or ClientSettings()
        self._backoff = Backoff(self._settings.backoff, uniform)
        self._tls = tls
        self._on_memory = on_memory
        self._leave_running = leave_running
        self._tap = tap
        self._version_max = self._settings.session.version_max
        self._questions_lost = 0
        self._session: Session | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._requests: dict[int, asyncio.Future[Message]] = {}
        self._memory_requests: dict[int, _MemoryRequest] = {}
        self._next_asked = _ASKED_MIN
        self.facts: ReaderFacts | None = None
        self.listening_port: int | None = None

    @property
    def is_running(self) -> bool:
        """An inventory runs on a live connection."""
        return self._session is not None and self._session.state == State.RUNNING

    async def run(self, sink: ReaderSink) -> None:
        """Connect, take inventory, deliver, reconnect; returns only when cancelled, closing cleanly."""
        if self.reader.listen:
            await self._run_listening(sink)
            return
        while True:
            reason = "?"
            try:
                # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the outcome.
                async with asyncio.timeout(self._settings.connect_timeout_s):
                    streams = await asyncio.open_connection(self.reader.host, self.reader.port, ssl=self._client_tls())
            except (OSError, TimeoutError) as error:
                reason = f"cannot connect: {error or type(error).__name__}"
            else:
                reason = await self._converse(*streams, sink)
            self._event(sink, ReaderEventKind.DISCONNECTED, reason)
            await asyncio.sleep(self._backoff.next_wait_s())

    async def write_gpo(self, port: int, state: bool) -> None:
        """Set one output. Raises `ReaderUnavailable` without a connection, `ReaderRefused` if there is no such port.

        Without an answer within `gpo_answer_s` the connection is reset: a write that waits behind a dead link must not
        be carried out when the link is back.
        """
        writer = self._writer
        try:
            async with asyncio.timeout(self._settings.gpo_answer_s):
                await self._ask(m.SetReaderConfig(False, GPOWriteData=(p.GPOWriteData(port, state),)))
        except TimeoutError:
            if writer is not None:
                _reset(writer)
            raise ReaderUnavailable(f"{self.reader.name} does not answer an output's write") from None

    async def read_memory(
        self, areas: tuple[MemoryArea, ...], *, epc: bytes = b"", tags: int = 1, timeout_s: float = 5.0
    ) -> list[TagMemory]:
        """Read memory areas of one tag, or of the next `tags` ones seen, through an AccessSpec of its own.

        Returns what arrived within `timeout_s`: one result per area and tag, failures included. Raises
        `ReaderUnavailable` without a connection, `ReaderRefused` when the reader takes no such AccessSpec.
        """
        if not 1 <= len(areas) <= AREAS_MAX:
            raise ValueError(f"1 to {AREAS_MAX} memory areas, not {len(areas)}")
        identifier = self._next_asked
        self._next_asked = identifier + 1 if identifier < _ASKED_MAX else _ASKED_MIN
        request = _MemoryRequest(tags * len(areas))
        self._memory_requests[identifier] = request
        try:
            first_op = identifier * AREAS_MAX
            spec = read_spec(identifier, areas, rospec_id=0, epc=epc, operations=tags, first_op=first_op)
            await self._ask(m.AddAccessSpec(spec))
            await self._ask(m.EnableAccessSpec(identifier))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await request.complete.wait()
            if not request.complete.is_set():
                # The reader deletes the AccessSpec itself when its count is reached.
                with contextlib.suppress(ReaderRefused):
                    await self._ask(m.DeleteAccessSpec(identifier))
        finally:
            del self._memory_requests[identifier]
        return request.found

    # One connection

    async def _converse(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter, sink: ReaderSink) -> str:
        """One session over one connection; why it ended."""
        loop = asyncio.get_running_loop()
        session = Session(self.reader, loop.time(), replace(self._settings.session, version_max=self._version_max))
        self._session, self._writer = session, writer
        delivery = Delivery(self.reader.name, sink, self._settings.clock, self._take_memory)
        try:
            reason = await self._exchange(session, stream, writer, delivery)
            _reset(writer)
            return reason
        except asyncio.CancelledError:
            await self._close(session, stream, writer, delivery)
            raise
        finally:
            self._session = self._writer = None
            self._abandon_requests()
            writer.close()

    async def _exchange(
        self, session: Session, stream: asyncio.StreamReader, writer: asyncio.StreamWriter, delivery: Delivery
    ) -> str:
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout_at(session.deadline_s):
                    data = await stream.read(_READ_BYTES)
                self._tap(data, False)
                outputs = session.feed(data, loop.time())
            except TimeoutError:
                outputs = session.tick(loop.time())
            except OSError as error:
                outputs = [Lost(f"connection broke: {error}")]
            if session.negotiating and outputs and isinstance(outputs[-1], Lost):
                # A reader that hangs up or falls silent over GET_SUPPORTED_VERSION, twice, so that it was not the
                # network, is asked no more.
                self._questions_lost += 1
                if self._questions_lost >= 2:
                    self._version_max = VERSION_1_0_1
            reason = self._carry_out(outputs, writer, delivery)
            if reason is not None:
                return reason
            with contextlib.suppress(OSError):
                await writer.drain()

    async def _close(
        self, session: Session, stream: asyncio.StreamReader, writer: asyncio.StreamWriter, delivery: Delivery
    ) -> None:
        """Say goodbye, for at most the close timeout; what the reader still reports is delivered."""
        loop = asyncio.get_running_loop()
        outputs = session.close(loop.time(), leave_running=self._leave_running)
        with contextlib.suppress(OSError, TimeoutError):
            while self._carry_out(outputs, writer, delivery) is None:
                async with asyncio.timeout_at(session.deadline_s):
                    data = await stream.read(_READ_BYTES)
                self._tap(data, False)
                outputs = session.feed(data, loop.time())

    def _carry_out(self, outputs: list[Output], writer: asyncio.StreamWriter, delivery: Delivery) -> str | None:
        """Do what the session asks; the reason when the connection is over."""
        arrival_us = self._now_us()
        for output in outputs:
            match output:
                case Send(data):
                    self._tap(data, True)
                    writer.write(data)
                case Deliver(frames):
                    delivery.deliver(frames, arrival_us)
                case ReaderSpoke(reader_us):
                    delivery.reader_spoke(reader_us, arrival_us)
                case Running(facts, _):
                    self.facts = facts
                    delivery.event(ReaderEventKind.IDENTIFIED, arrival_us, str(facts))
                    if facts.quirks.only_1_0_1:
                        self._version_max = VERSION_1_0_1
                    self._backoff.reset()
                    self._questions_lost = 0
                case Answered(message_id, message):
                    waiting = self._requests.pop(message_id, None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(message)
                case Malformed(error):
                    delivery.event(ReaderEventKind.PROTOCOL_ERROR, arrival_us, str(error))
                case Lost(reason):
                    return reason
        return None

    def _take_memory(self, memory: TagMemory) -> None:
        request = self._memory_requests.get(memory.op_spec_id // AREAS_MAX)
        if request is not None:
            request.take(memory)
        elif self._on_memory is not None:
            self._on_memory(memory)

    # Requests

    async def _ask(self, message: Message) -> Message:
        session, writer = self._session, self._writer
        if session is None or writer is None or session.state != State.RUNNING:
            raise ReaderUnavailable(f"{self.reader.name} is not connected")
        if len(self._requests) >= REQUESTS_MAX:
            raise ReaderUnavailable(f"{self.reader.name} has {REQUESTS_MAX} requests under way")
        message_id, outputs = session.request(message)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._requests[message_id] = answer
        try:
            for output in outputs:
                if isinstance(output, Send):
                    self._tap(output.data, True)
                    writer.write(output.data)
            async with asyncio.timeout(self._settings.session.response_timeout_s):
                reply = await answer
        except TimeoutError:
            raise ReaderUnavailable(f"{self.reader.name} does not answer {type(message).__name__}") from None
        finally:
            self._requests.pop(message_id, None)
        status = getattr(reply, "LLRPStatus", None)
        if isinstance(status, p.LLRPStatus) and status.StatusCode != StatusCode.M_Success:
            raise ReaderRefused(type(message).__name__, status)
        return reply

    def _abandon_requests(self) -> None:
        for waiting in self._requests.values():
            if not waiting.done():
                waiting.set_exception(ReaderUnavailable(f"{self.reader.name} went away"))
        self._requests.clear()

    # Connecting

    async def _run_listening(self, sink: ReaderSink) -> None:
        """Reader-initiated connections: one at a time; another one is closed at once."""
        arrived: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue(maxsize=1)

        def accept(stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._session is not None or arrived.full():
                writer.close()
            else:
                arrived.put_nowait((stream, writer))

        server = await asyncio.start_server(accept, self.reader.host, self.reader.port, ssl=self._server_tls())
        self.listening_port = server.sockets[0].getsockname()[1]
        try:
            while True:
                reason = await self._converse(*await arrived.get(), sink)
                self._event(sink, ReaderEventKind.DISCONNECTED, reason)
        finally:
            server.close()

    def _server_tls(self) -> ssl.SSLContext | None:
        if self._tls is not None or not self.reader.tls:
            return self._tls
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.reader.tls_cert)
        return context

    def _client_tls(self) -> ssl.SSLContext | None:
        if self._tls is not None:
            return self._tls
        return ssl.create_default_context(cafile=self.reader.tls_ca or None) if self.reader.tls else None

    def _event(self, sink: ReaderSink, kind: ReaderEventKind, detail: str) -> None:
        sink.on_event(ReaderEvent(self.reader.name, kind, self._now_us(), detail=detail))
