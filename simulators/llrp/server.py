"""A simulated reader on the network: sockets, timers and faults around `machine.ReaderMachine`.

It listens (or, for reader-initiated connections, dials the client), serves one client at a time, tells a second one so
and closes it, and pushes reports as plant time passes. Timers of the radio and of reports run in plant time. Keepalives
run in real time, because what they watch, a TCP connection, lives there.

A client that does not read leaves reports in the reader's memory: nothing more is handed to the socket while more than
`WRITE_BUFFER_BYTES` wait there, and the memory's own bound (`Outbox`) decides what is lost, with the standard's event.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from readers.llrp.errors import FramingError
from readers.llrp.framing import Framer
from simulators.llrp.machine import ReaderMachine
from simulators.llrp.models import ReaderModel
from simulators.llrp.plant_clock import PlantClock, ReaderClock
from simulators.llrp.radio import Radio

WRITE_BUFFER_BYTES = 1 << 18
_READ_BYTES = 1 << 16
_DIAL_AGAIN_S = 0.2


class ReaderSimulator:
    """One simulated reader.

    `port` 0 takes a free port, known after `start`. With `dial` the reader connects to the client at that address,
    again and again, instead of listening. `on_gpo(port, level, plant_us)` is called when a client sets an output.
    """

    def __init__(
        self,
        model: ReaderModel,
        radio: Radio,
        plant_clock: PlantClock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        reader_clock: ReaderClock | None = None,
        connected_antennas: frozenset[int] | None = None,
        fold_reports: bool = True,
        on_gpo: Callable[[int, bool, int], None] | None = None,
        tls: ssl.SSLContext | None = None,
        dial: tuple[str, int] | None = None,
    ) -> None:
        self._plant = plant_clock
        now_us = plant_clock.now_us()
        self.clock = reader_clock or ReaderClock(now_us, has_utc=model.general.HasUTCClockCapability)
        self.machine = ReaderMachine(
            model,
            radio,
            self.clock,
            now_us=now_us,
            connected_antennas=connected_antennas,
            fold_reports=fold_reports,
            on_gpo=on_gpo,
        )
        self.host = host
        self.port = port
        self._tls = tls
        self._dial = dial
        self._server: asyncio.Server | None = None
        self._gpi_plan: deque[tuple[int, int, bool]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: asyncio.StreamWriter | None = None
        self._stirred = asyncio.Event()
        self._stalled = asyncio.Event()
        self._stalled.set()
        self.connections = 0
        self.refusals = 0

    async def start(self) -> None:
        """Listen, or begin to dial. Raises OSError when the port is taken."""
        if self._dial is None:
            self._server = await asyncio.start_server(self._accepted, self.host, self.port, ssl=self._tls)
            self.port = self._server.sockets[0].getsockname()[1]
        else:
            self._spawn(self._dial_for_ever(*self._dial))
        self._spawn(self._run_clock())

    async def stop(self) -> None:
        """Say goodbye to the client and stop."""
        if self._client is not None:
            self.machine.say_closing(self._plant.now_us())
            self._flush()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            self._client.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def __aenter__(self) -> "ReaderSimulator":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def is_connected(self) -> bool:
        return self._client is not None

    def set_gpi(self, port: int, level: bool) -> None:
        """Set the level on a general purpose input, now."""
        self.machine.set_gpi(port, level, self._plant.now_us())
        self._stirred.set()

    def plan_gpi(self, changes: Iterable[tuple[int, int, bool]]) -> None:
        """Levels that inputs will take, as (plant time, port, level) in order of time: applied at exactly that time."""
        self._gpi_plan.extend(changes)
        self._stirred.set()

    def set_antenna(self, port: int, connected: bool) -> None:
        """Plug an antenna in or out, now."""
        self.machine.set_antenna(port, connected, self._plant.now_us())
        self._stirred.set()

    # Faults

    def jump_clock(self, by_us: int) -> None:
        """Step the reader's own clock."""
        self.machine.advance(self._plant.now_us())
        self.clock.jump(by_us)

    def drop_connection(self, after: bytes = b"") -> None:
        """Break the connection without a word; `after` goes out first: half a message, or garbage."""
        writer = self._client
        if writer is not None:
            if after:
                writer.write(after)
                writer.close()
            else:
                writer.transport.abort()

    def send_raw(self, data: bytes) -> None:
        """Put bytes on the wire as they are."""
        if self._client is not None:
            self._client.write(data)

    def stall(self) -> None:
        """Keep the connection and go silent, as a reader behind a dead link does."""
        self._stalled.clear()

    def resume(self) -> None:
        """End a stall."""
        self._stalled.set()
        self._stirred.set()

    # Connections

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._client is not None:
            self._spawn(self._refuse(writer))
        else:
            # Taken at once, so that two clients arriving together are not both the first.
            self._client = writer
            self._spawn(self._serve(reader, writer))

    async def _refuse(self, writer: asyncio.StreamWriter) -> None:
        self.refusals += 1
        now_us = self._plant.now_us()
        writer.write(self.machine.refusal_frame(now_us, reader_initiated=self._dial is not None))
        self.machine.attempted(now_us)
        self._flush()
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    async def _dial_for_ever(self, host: str, port: int) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection(host, port, ssl=self._tls)
            except OSError:
                await asyncio.sleep(_DIAL_AGAIN_S)
                continue
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._client = writer
        self.connections += 1
        keepalives = asyncio.create_task(self._keepalives())
        try:
            self.machine.opened(self._plant.now_us())
            self._flush()
            framer = Framer()
            while not self.machine.closing:
                data = await reader.read(_READ_BYTES)
                if not data:
                    break
                await self._stalled.wait()
                self._take(framer, data)
                self._flush()
                self._stirred.set()
                await writer.drain()
        except (OSError, FramingError):
            pass
        finally:
            keepalives.cancel()
            self._client = None
            self.machine.closed()
            writer.close()

    def _take(self, framer: Framer, data: bytes) -> None:
        try:
            frames, lost = framer.feed(data), None
        except FramingError as error:
            frames, lost = error.frames, error
        for frame in frames:
            self.machine.receive(frame, self._plant.now_us())
            if self.machine.closing:
                return
        if lost is not None:
            raise lost

    async def _keepalives(self) -> None:
        """KEEPALIVE at the configured period; the period may change at any time."""
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            period_s = self.machine.settings.keepalive_s
            if not period_s:
                await asyncio.sleep(0.05)
                last_s = loop.time()
                continue
            due_s = last_s + period_s
            await asyncio.sleep(min(max(0.0, due_s - loop.time()), 0.5))
            if loop.time() >= due_s:
                last_s = loop.time()
                self.machine.keepalive()
                self._flush()

    async def _run_clock(self) -> None:
        """Let plant time pass for the machine, and send what it produces."""
        while True:
            now_us = self._plant.now_us()
            while self._gpi_plan and self._gpi_plan[0][0] <= now_us:
                at_us, port, level = self._gpi_plan.popleft()
                self.machine.set_gpi(port, level, at_us)
            self.machine.advance(now_us)
            self._flush()
            self._stirred.clear()
            sleeper = asyncio.create_task(self._plant.sleep_until(self._wakeup_us()))
            stirred = asyncio.create_task(self._stirred.wait())
            try:
                await asyncio.wait((sleeper, stirred), return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeper.cancel()
                stirred.cancel()

    def _wakeup_us(self) -> int:
        # An idle reader still looks up once a plant second: its outbox may wait for a slow socket.
        planned_us = self._gpi_plan[0][0] if self._gpi_plan else 1 << 63
        return min(self.machine.next_wakeup_us(), self._plant.now_us() + 1_000_000, planned_us)

    def _flush(self) -> None:
        writer = self._client
        if writer is None or not self._stalled.is_set() or writer.is_closing():
            return
        room = WRITE_BUFFER_BYTES - writer.transport.get_write_buffer_size()
        data = self.machine.take_output(max(0, room))
        if data:
            writer.write(data)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
