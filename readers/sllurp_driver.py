"""The sllurp library (3.x, GPL-3.0-only) as a second reader driver, with its known defects contained.

sllurp keeps what it does well: the connection, the opening dialogue, the ROSpec life cycle. It runs in its own thread,
as it wants to; everything it receives goes through us first, and reads are decoded by our own `ReportDecoder`, so a
site may change drivers without seeing other numbers. Contained here (numbers as in the project's list of its defects):

 2  A valid AISpecEvent with singulation details kills its thread: events never reach it, but the opening one.
 3  An unknown message drops those behind it in the same read: it is given one message at a time, and only known ones.
 4  It cannot write outputs: GPOWriteData is encoded by our codec and sent through its socket.
 5  Channel list under two spellings: both are set.
 6  Reports every N tags by stopping the AISpec: the ROReportSpec it builds is given N itself.
 7  A silent connection is never noticed and reconnecting gives up: both are watched from here.
 8  It never sends CLOSE_CONNECTION: we do, after its polite stop.
10  Its decoder is slow: it decodes no reports.
    Power: it takes the closest table entry, which may exceed the configured limit; we take the highest that does not.

What it lacks is refused when configured: LLRP 1.1 is simply not spoken; TLS, reader-initiated connections, memory
reads, polling and filters beyond the EPC raise ValueError. Bounds: `BACKLOG_BYTES` between its thread and the event
loop; when that is full its thread waits, and TCP slows the reader down.
"""

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from sllurp.llrp import (  # type: ignore[import-untyped]
    LLRPClient,
    LLRPReaderClient,
    LLRPReaderConfig,
    LLRPReaderState,
)

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.backoff import Backoff
from readers.llrp.client import ClientSettings
from readers.llrp.codec import decode, encode
from readers.llrp.delivery import Delivery
from readers.llrp.enums import StatusCode
from readers.llrp.errors import DecodeError, FramingError
from readers.llrp.framing import Framer
from readers.llrp.refusal import ReaderRefused
from readers.llrp.session import MISSED_KEEPALIVES
from readers.model import ReaderEvent, ReaderEventKind
from readers.port import ReaderSink, ReaderUnavailable
from warehouse.site import Reader

BACKLOG_BYTES = 8 << 20
_REPORT, _EVENT, _KEEPALIVE = m.ROAccessReport.TYPE, m.ReaderEventNotification.TYPE, m.KeepAlive.TYPE
# Message types sllurp cannot decode: those of LLRP 1.1, of GET_ROSPECS and GET_ACCESSSPECS, CLIENT_REQUEST_OP.
_UNKNOWN_TO_SLLURP = frozenset({36, 45, 54, 56, 57, 60})
# Identifiers of requests we send ourselves; sllurp counts its own from 1.
_OUR_IDS_MIN = 0x4000_0000
_WATCH_S = 0.1


class SllurpDriver:
    """Drives one reader through sllurp; same constructor and behaviour as `NativeDriver` as far as sllurp goes."""

    def __init__(
        self,
        reader: Reader,
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        uniform: Callable[[float, float], float] = random.uniform,
        settings: ClientSettings | None = None,
    ) -> None:
        _refuse_unsupported(reader)
        self.reader = reader
        self._now_us = now_us
        self._settings = settings or ClientSettings()
        self._backoff = Backoff(self._settings.backoff, uniform)
        self._connection: _Connection | None = None

    @property
    def is_running(self) -> bool:
        """An inventory runs on a live connection."""
        connection = self._connection
        return connection is not None and connection.llrp.state == LLRPReaderState.STATE_INVENTORYING

    async def run(self, sink: ReaderSink) -> None:
        """Connect, take inventory, deliver, reconnect; returns only when cancelled, closing cleanly."""
        while True:
            reason = await self._converse(sink)
            sink.on_event(ReaderEvent(self.reader.name, ReaderEventKind.DISCONNECTED, self._now_us(), detail=reason))
            await asyncio.sleep(self._backoff.next_wait_s())

    async def write_gpo(self, port: int, state: bool) -> None:
        """Set one output. Raises `ReaderUnavailable` without a connection, `ReaderRefused` if there is no such port."""
        connection = self._connection
        if connection is None or not self.is_running:
            raise ReaderUnavailable(f"{self.reader.name} is not connected")
        request = m.SetReaderConfig(False, GPOWriteData=(p.GPOWriteData(port, state),))
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the outcome.
            async with asyncio.timeout(self._settings.session.response_timeout_s):
                reply = await connection.ask(request)
        except TimeoutError:
            raise ReaderUnavailable(f"{self.reader.name} does not answer") from None
        status = getattr(reply, "LLRPStatus", None)
        if isinstance(status, p.LLRPStatus) and status.StatusCode != StatusCode.M_Success:
            raise ReaderRefused("SetReaderConfig", status)

    async def _converse(self, sink: ReaderSink) -> str:
        """One connection; why it ended."""
        loop = asyncio.get_running_loop()
        delivery = Delivery(self.reader.name, sink, self._settings.clock, None)
        connection = _Connection(self.reader, self._settings, delivery, self._now_us, loop)
        try:
            await asyncio.to_thread(connection.connect)
        except OSError as error:
            return f"cannot connect: {error}"
        self._connection = connection
        try:
            return await self._watch(connection)
        except asyncio.CancelledError:
            await connection.say_goodbye(self._settings.session.close_timeout_s)
            raise
        finally:
            self._connection = None
            connection.abandon()
            await asyncio.to_thread(connection.hard_disconnect)

    async def _watch(self, connection: "_Connection") -> str:
        """Look for what sllurp does not notice: silence, a dead thread, an opening that leads nowhere."""
        loop = asyncio.get_running_loop()
        opened_s = loop.time()
        silence_s = MISSED_KEEPALIVES * self.reader.keepalive_ms / 1000
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_S):
                    await connection.lost.wait()
            now_s = loop.time()
            if connection.lost.is_set():
                return connection.lost_reason
            if not connection.is_alive():
                return "sllurp's thread died"
            if connection.llrp.state == LLRPReaderState.STATE_INVENTORYING:
                self._backoff.reset()
                if silence_s and now_s - connection.heard_s > silence_s:
                    return f"nothing heard for {now_s - connection.heard_s:.1f} s"
            elif now_s - opened_s > self._settings.session.response_timeout_s:
                return "no inventory within the response timeout"


class _Opening(LLRPClient):  # type: ignore[misc]  # sllurp has no types
    """sllurp's dialogue with the power, report and input settings corrected as its module docstring says."""

    reader: Reader

    def parseCapabilities(self, capdict: Any) -> None:
        super().parseCapabilities(capdict)
        inputs = capdict["GeneralDeviceCapabilities"]["GPIOCapabilities"]["NumGPIs"]
        self.config.gpi_ports_config = dict.fromkeys(range(1, inputs + 1), True)

    def getROSpec(self, force_new: bool = False) -> Any:
        rospec = super().getROSpec(force_new)
        rospec["ROReportSpec"]["N"] = self.reader.inventory.report_every_n_tags or 1
        wanted = {antenna.port: antenna.power_dbm for antenna in self.reader.antennas}
        for antenna in rospec["AISpec"][0]["InventoryParameterSpec"][0]["AntennaConfiguration"]:
            antenna["RFTransmitter"]["TransmitPower"] = self._power_index(wanted.get(antenna["AntennaID"]))
        return rospec

    def _power_index(self, wanted_dbm: float | None) -> int:
        """The highest entry that does not exceed the configured power; the table starts at index 1."""
        entries = list(enumerate(self.tx_power_table))[1:]
        allowed = [entry for entry in entries if wanted_dbm is None or entry[1] <= wanted_dbm + 1e-9]
        chosen = max(allowed, key=lambda entry: entry[1]) if allowed else min(entries, key=lambda entry: entry[1])
        return chosen[0]


class _Connection(LLRPReaderClient):  # type: ignore[misc]
    """One connection of sllurp's, with us between its socket and its decoder."""

    def __init__(
        self,
        reader: Reader,
        settings: ClientSettings,
        delivery: Delivery,
        now_us: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        config = _config(reader)
        super().__init__(reader.host, reader.port, config, timeout=settings.connect_timeout_s)
        self.llrp = _Opening(config, self.send_data, self._on_llrp_state_changed)
        self.llrp.reader = reader
        self._delivery = delivery
        self._now_us = now_us
        self._loop = loop
        self._framer = Framer()
        self._sending = threading.Lock()
        self._room = threading.Condition()
        self._backlog = 0
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._next_id = _OUR_IDS_MIN
        self.lost = asyncio.Event()
        self.lost_reason = ""
        self.heard_s = loop.time()
        self.add_disconnected_callback(lambda _: self._lose("sllurp ended the connection"))

    # In sllurp's thread

    def send_data(self, data: bytes) -> None:
        with self._sending:
            super().send_data(data)

    def raw_data_received(self, data: bytes) -> None:
        try:
            frames, broken = self._framer.feed(data), None
        except FramingError as error:
            frames, broken = error.frames, error
        delivered: list[bytes] = []
        for frame in frames:
            self._sort(frame, delivered)
        if delivered:
            self._hand_over(delivered)
        else:
            self._loop.call_soon_threadsafe(self._heard)
        if broken is not None:
            self._lose(f"no message boundary: {broken}")

    def _sort(self, frame: bytes, delivered: list[bytes]) -> None:
        """Reads and events to us, the dialogue to sllurp, answers to our requests to whoever waits."""
        kind = int.from_bytes(frame[:2], "big") & 0x3FF
        message_id = int.from_bytes(frame[6:10], "big")
        if kind == _KEEPALIVE:
            self.send_data(encode(m.KeepAliveAck(), message_id=message_id))
        elif kind == _REPORT:
            delivered.append(frame)
        elif kind == _EVENT:
            delivered.append(frame)
            if self.llrp.state in (LLRPReaderState.STATE_DISCONNECTED, LLRPReaderState.STATE_CONNECTING):
                self._open(frame)
        elif message_id >= _OUR_IDS_MIN:
            self._loop.call_soon_threadsafe(self._answered, message_id, frame)
        elif kind not in _UNKNOWN_TO_SLLURP:
            super().raw_data_received(frame)

    def _open(self, frame: bytes) -> None:
        with contextlib.suppress(DecodeError):
            message = decode(frame).message
            assert isinstance(message, m.ReaderEventNotification)
            data = message.ReaderEventNotificationData
            if data.ConnectionAttemptEvent is not None:
                self._loop.call_soon_threadsafe(
                    self._delivery.reader_spoke, data.Timestamp.Microseconds, self._now_us()
                )
                super().raw_data_received(frame)

    def _hand_over(self, frames: list[bytes]) -> None:
        size = sum(map(len, frames))
        with self._room:
            # Waiting here is the bound: unread bytes stay in the socket and TCP slows the reader down.
            self._room.wait_for(lambda: self._backlog < BACKLOG_BYTES or self.lost.is_set(), timeout=60)
            self._backlog += size
        self._loop.call_soon_threadsafe(self._deliver, frames, size, self._now_us())

    def _lose(self, reason: str) -> None:
        def tell() -> None:
            self.lost_reason = self.lost_reason or reason
            self.lost.set()

        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            self._loop.call_soon_threadsafe(tell)

    # In the event loop

    def _heard(self) -> None:
        self.heard_s = self._loop.time()

    def _deliver(self, frames: list[bytes], size: int, arrival_us: int) -> None:
        self._heard()
        self._delivery.deliver(frames, arrival_us)
        with self._room:
            self._backlog -= size
            self._room.notify_all()

    def _answered(self, message_id: int, frame: bytes) -> None:
        self._heard()
        waiting = self._requests.pop(message_id, None)
        if waiting is None or waiting.done():
            return
        try:
            waiting.set_result(decode(frame).message)
        except DecodeError as error:
            waiting.set_exception(ReaderUnavailable(str(error)))

    async def ask(self, request: Any) -> Any:
        """Send a request of our own past sllurp and wait for its answer."""
        message_id = self._next_id
        self._next_id += 1
        waiting: asyncio.Future[Any] = self._loop.create_future()
        self._requests[message_id] = waiting
        try:
            await asyncio.to_thread(self.send_data, encode(request, message_id=message_id))
            return await waiting
        except OSError as error:
            raise ReaderUnavailable(str(error)) from error
        finally:
            self._requests.pop(message_id, None)

    def abandon(self) -> None:
        for waiting in self._requests.values():
            if not waiting.done():
                waiting.set_exception(ReaderUnavailable("the reader went away"))
        with self._room:
            self.lost.set()
            self._room.notify_all()

    async def say_goodbye(self, timeout_s: float) -> None:
        """Delete our ROSpec, then CLOSE_CONNECTION, for at most `timeout_s`."""
        with contextlib.suppress(TimeoutError, ReaderUnavailable):
            async with asyncio.timeout(timeout_s):
                await self.ask(m.DeleteROSpec(0))
                await self.ask(m.CloseConnection())


def _refuse_unsupported(reader: Reader) -> None:
    inventory = reader.inventory
    wrong = {
        "tls": reader.tls,
        "listen": reader.listen,
        "inventory.memory": bool(inventory.memory),
        "inventory.poll_ms": bool(inventory.poll_ms),
        "inventory.filters": any(one.bank != 1 or one.pointer != 32 for one in inventory.filters),
    }
    names = [name for name, is_wrong in wrong.items() if is_wrong]
    if names:
        raise ValueError(f'reader {reader.name}: driver "sllurp" cannot do {", ".join(names)}; use driver "native"')


def _config(reader: Reader) -> LLRPReaderConfig:
    inventory = reader.inventory
    settings: dict[str, Any] = {
        "antennas": [antenna.port for antenna in reader.antennas] or [1],
        "session": inventory.session,
        "tag_population": inventory.tag_population,
        "mode_identifier": inventory.mode_identifier,
        "report_every_n_tags": None,
        "keepalive_interval": reader.keepalive_ms,
        "reconnect": False,
        "start_inventory": True,
        "reset_on_connect": True,
        "frequencies": {"HopTableId": 1, "Channelist": [1], "ChannelList": [1], "Automatic": False},
        "tag_content_selector": {
            "EnableROSpecID": False,
            "EnableSpecIndex": False,
            "EnableInventoryParameterSpecID": False,
            "EnableAntennaID": True,
            "EnableChannelIndex": True,
            "EnablePeakRSSI": True,
            "EnableFirstSeenTimestamp": True,
            "EnableLastSeenTimestamp": True,
            "EnableTagSeenCount": True,
            "EnableAccessSpecID": False,
        },
        "event_selector": {
            "HoppingEvent": False,
            "GPIEvent": True,
            "ROSpecEvent": True,
            "ReportBufferFillWarning": True,
            "ReaderExceptionEvent": True,
            "RFSurveyEvent": False,
            "AISpecEvent": False,
            "AISpecEventWithSingulation": False,
            "AntennaEvent": True,
        },
    }
    if inventory.filters:
        settings["tag_filter_mask"] = [one.mask_hex for one in inventory.filters]
    if inventory.impinj_extensions:
        settings["impinj_search_mode"] = inventory.search_mode
        settings["impinj_tag_content_selector"] = {
            "EnableRFPhaseAngle": True,
            "EnablePeakRSSI": True,
            "EnableRFDopplerFrequency": True,
        }
    return LLRPReaderConfig(settings)
