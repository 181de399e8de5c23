"""The client's side of one LLRP connection as a pure state machine: bytes and time in, outputs out.

    AWAITING_READER ─ConnectionAttemptEvent→ SETTING_UP ─script done→ RUNNING ─close()→ CLOSING → CLOSED
    Any state ─error, refusal, silence→ CLOSED with `Lost`.

The reader speaks first; nothing is sent before its ConnectionAttemptEvent says Success. Setting up is one script, a
generator that yields requests and gets their answers, so it reads in the order things happen:

    GET_SUPPORTED_VERSION, SET_PROTOCOL_VERSION (fallback to 1.0.1), GET_READER_CAPABILITIES, vendor extensions,
    GET_READER_CONFIG, GET_ROSPECS and GET_ACCESSSPECS; then either our ROSpec is still there and runs (a lost
    connection: only SET_READER_CONFIG), or DELETE_ACCESSSPEC, DELETE_ROSPEC, SET_READER_CONFIG, ADD, ENABLE and START;
    and last ENABLE_EVENTS_AND_REPORTS, which releases what the reader has held since the connection was lost.

An inventory that the reader ends or preempts by itself is started again, or, when it ended within `RESTART_S` of its
start, given up with the connection, so that the backoff bounds the attempts.

Silence: every request has `response_timeout_s`. While running, the link is dead when nothing at all has been heard for
two keepalive periods and a half of grace, that is, after two missed KEEPALIVEs. Time is `now_s`, any monotonic clock.
"""

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import decode, encode
from readers.llrp.enums import (
    ConnectionAttemptStatusType,
    GetReaderCapabilitiesRequestedData,
    GetReaderConfigRequestedData,
    ROSpecEventType,
    ROSpecState,
    StatusCode,
)
from readers.llrp.errors import DecodeError, FramingError, LlrpError
from readers.llrp.facts import ReaderFacts, facts_of
from readers.llrp.framing import Framer
from readers.llrp.quirks import quirks_of
from readers.llrp.rospec import ROSPEC_ID, access_spec, polls, reader_config, rospec
from readers.llrp.wire import VERSION_1_0_1, VERSION_1_1, Message
from warehouse.site import Reader

_REPORT, _EVENT, _KEEPALIVE = m.ROAccessReport.TYPE, m.ReaderEventNotification.TYPE, m.KeepAlive.TYPE
_MESSAGE_ID_MAX = 0x7FFF_FFFF
MISSED_KEEPALIVES = 2.5
RESTART_S = 1.0


class ReaderRefused(LlrpError):
    """The reader answered a request with an error."""

    def __init__(self, request: str, status: p.LLRPStatus) -> None:
        super().__init__(f"{request}: {explain(status)}")
        self.status = status


def explain(status: p.LLRPStatus) -> str:
    """An LLRPStatus in one line, nested errors included."""
    parts = [status.StatusCode.name]
    inner = status.ParameterError
    if status.FieldError is not None:
        parts.append(f"field {status.FieldError.FieldNum} {status.FieldError.ErrorCode.name}")
    while inner is not None:
        parts.append(f"parameter {inner.ParameterType} {inner.ErrorCode.name}")
        if inner.FieldError is not None:
            parts.append(f"field {inner.FieldError.FieldNum} {inner.FieldError.ErrorCode.name}")
        inner = inner.ParameterError
    text = " in ".join(reversed(parts)) if len(parts) > 1 else parts[0]
    return f"{text}: {status.ErrorDescription}" if status.ErrorDescription else text


class State(Enum):
    """Where a connection is."""

    AWAITING_READER = "awaiting the reader"
    SETTING_UP = "setting up"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the reader."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ReaderSpoke:
    """The reader's opening event carried this reading of its own clock, in microseconds."""

    reader_us: int


@dataclass(frozen=True, slots=True)
class Deliver:
    """Messages that carry reads or events, as received, in order."""

    frames: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """Inventory runs; `resumed` when it ran on while we were gone."""

    facts: ReaderFacts
    resumed: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request made with `request`."""

    message_id: int
    message: Message


@dataclass(frozen=True, slots=True)
class Malformed:
    """One message the peer got wrong; the next one is unaffected."""

    error: DecodeError


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is of no more use: close the transport. `reason` is for people."""

    reason: str


Output = Send | ReaderSpoke | Deliver | Running | Answered | Malformed | Lost
_Script = Generator[Message, Message, None]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Bounds of waiting. `version_max` 1 skips the version question."""

    response_timeout_s: float = 10.0
    close_timeout_s: float = 2.0
    version_max: int = VERSION_1_1


class Session:
    """One connection to one reader, from its first byte to its last."""

    def __init__(self, reader: Reader, now_s: float, settings: SessionSettings | None = None) -> None:
        self._reader = reader
        self._settings = settings or SessionSettings()
        self._framer = Framer()
        self._out: list[Output] = []
        self._next_id = 1
        self._pending: tuple[int, Message] | None = None
        self._requests: set[int] = set()
        self._script: _Script | None = None
        self._heard_s = now_s
        self._deadline_s = now_s + self._settings.response_timeout_s
        self._poll_due_s: float | None = None
        self._started_s = now_s
        self.state = State.AWAITING_READER
        self.version = VERSION_1_0_1
        self.facts: ReaderFacts | None = None
        self.negotiating = False

    @property
    def deadline_s(self) -> float:
        """When `tick` must be called at the latest."""
        if self.state == State.RUNNING and self._poll_due_s is not None:
            return min(self._deadline_s, self._poll_due_s)
        return self._deadline_s

    def feed(self, data: bytes, now_s: float) -> list[Output]:
        """Bytes from the reader; none mean it closed the connection."""
        self._heard_s = now_s
        if self.state == State.RUNNING:
            self._watch(now_s)
        if not data:
            self._end("the reader closed the connection" if self.state != State.CLOSING else "closed")
            return self._taken()
        try:
            frames, broken = self._framer.feed(data), None
        except FramingError as error:
            frames, broken = error.frames, error
        delivered: list[bytes] = []
        for frame in frames:
            kind = int.from_bytes(frame[:2], "big") & 0x3FF
            if kind == _REPORT or (kind == _EVENT and self.state != State.AWAITING_READER):
                delivered.append(frame)
                if kind == _EVENT and self.state == State.RUNNING:
                    self._look_after_inventory(frame, now_s)
                continue
            self._deliver(delivered)
            delivered = []
            self._receive(frame, now_s)
        self._deliver(delivered)
        if broken is not None:
            self._end(f"no message boundary: {broken}")
        return self._taken()

    def tick(self, now_s: float) -> list[Output]:
        """Time has passed."""
        if self.state == State.RUNNING and self._poll_due_s is not None and now_s >= self._poll_due_s:
            self._poll_due_s = now_s + self._reader.inventory.poll_ms / 1000
            self._send(m.GetReport())
        if now_s >= self._deadline_s and self.state != State.CLOSED:
            silent_s = now_s - self._heard_s
            waited = f" for the answer to {type(self._pending[1]).__name__}" if self._pending is not None else ""
            self._end(f"nothing heard for {silent_s:.1f} s{waited} while {self.state.value}")
        return self._taken()

    def request(self, message: Message) -> tuple[int, list[Output]]:
        """Send a request while running; its answer comes as `Answered` with the returned identifier."""
        message_id = self._send(message)
        self._requests.add(message_id)
        return message_id, self._taken()

    def close(self, now_s: float, *, leave_running: bool = False) -> list[Output]:
        """End cleanly: our ROSpec is deleted unless it is to run on, then CLOSE_CONNECTION; ends with `Lost`."""
        if self.state in (State.RUNNING, State.SETTING_UP):
            self.state = State.CLOSING
            self._deadline_s = now_s + self._settings.close_timeout_s
            self._pending = None
            self._script = self._closing(leave_running)
            self._advance(None, now_s)
        elif self.state != State.CLOSED:
            self._end("closed before the reader spoke")
        return self._taken()

    # Receiving

    def _deliver(self, frames: list[bytes]) -> None:
        if frames:
            self._out.append(Deliver(tuple(frames)))

    def _receive(self, frame: bytes, now_s: float) -> None:
        try:
            _, message_id, message = decode(frame)
        except DecodeError as error:
            self._out.append(Malformed(error))
            if self._pending is not None and int.from_bytes(frame[6:10], "big") == self._pending[0]:
                self._end(f"the answer to {type(self._pending[1]).__name__} is malformed: {error}")
            return
        if isinstance(message, m.KeepAlive):
            self._out.append(Send(encode(m.KeepAliveAck(), message_id=message_id, version=self.version)))
        elif self.state == State.AWAITING_READER:
            self._open(frame, message, now_s)
        elif self._pending is not None and self._answers_pending(message_id, message):
            self._pending = None
            self._advance(message, now_s)
        elif message_id in self._requests:
            self._requests.discard(message_id)
            self._out.append(Answered(message_id, message))

    def _open(self, frame: bytes, message: Message, now_s: float) -> None:
        """The reader's first word must be a ConnectionAttemptEvent (LLRP 1.0.1 §13.2.6.11)."""
        attempt = None
        if isinstance(message, m.ReaderEventNotification):
            data = message.ReaderEventNotificationData
            attempt = data.ConnectionAttemptEvent
            self._out.append(ReaderSpoke(data.Timestamp.Microseconds))
            self._out.append(Deliver((frame,)))
        if attempt is None:
            return
        if attempt.Status != ConnectionAttemptStatusType.Success:
            self._end(f"the reader refuses us: {attempt.Status.name}")
            return
        self.state = State.SETTING_UP
        self._script = self._setting_up()
        self._advance(None, now_s)

    def _look_after_inventory(self, frame: bytes, now_s: float) -> None:
        """Start the inventory again when the reader says it has ended."""
        try:
            message = decode(frame).message
        except DecodeError:
            return  # told by whoever decodes what is delivered
        event = (
            message.ReaderEventNotificationData.ROSpecEvent if isinstance(message, m.ReaderEventNotification) else None
        )
        if event is None or event.ROSpecID != ROSPEC_ID or event.EventType == ROSpecEventType.Start_Of_ROSpec:
            return
        if now_s - self._started_s < RESTART_S:
            self._end("the reader ended the inventory as soon as it was started")
            return
        self._started_s = now_s
        self._send(m.StartROSpec(ROSPEC_ID))

    def _answers_pending(self, message_id: int, message: Message) -> bool:
        assert self._pending is not None
        pending_id, request = self._pending
        if isinstance(message, m.ErrorMessage):
            # Some readers answer what they do not understand with identifier 0.
            return message_id in (0, pending_id)
        return message_id == pending_id and type(request).RESPONSE == message.TYPE

    def _advance(self, answer: Message | None, now_s: float) -> None:
        """Go on with the script until it waits for the next answer or is done."""
        assert self._script is not None
        if self.state == State.SETTING_UP:
            self._deadline_s = now_s + self._settings.response_timeout_s
        try:
            while True:
                request = next(self._script) if answer is None else self._script.send(answer)
                answer = None
                message_id = self._send(request)
                if type(request).RESPONSE:
                    self._pending = (message_id, request)
                    return
        except StopIteration:
            self._script = None
            if self.state == State.CLOSING:
                self._end("closed")
            else:
                self._run(now_s)
        except LlrpError as error:
            # Refused by the reader, impossible with this reader, or a configured value that fits no field.
            self._end(str(error))

    def _run(self, now_s: float) -> None:
        assert self.facts is not None
        self.state = State.RUNNING
        self._heard_s = self._started_s = now_s
        self._watch(now_s)
        if polls(self._reader.inventory, self.facts):
            self._poll_due_s = now_s + self._reader.inventory.poll_ms / 1000

    def _watch(self, now_s: float) -> None:
        period_s = self._reader.keepalive_ms / 1000
        # Without keepalives silence says nothing, so only the transport can tell that the reader is gone.
        self._deadline_s = now_s + (MISSED_KEEPALIVES * period_s if period_s else 3.15e7)

    # The scripts

    def _setting_up(self) -> _Script:
        if self._settings.version_max >= VERSION_1_1:
            yield from self._agree_on_version()
        capabilities = yield m.GetReaderCapabilities(GetReaderCapabilitiesRequestedData.All)
        if not isinstance(capabilities, m.GetReaderCapabilitiesResponse):
            raise ReaderRefused("GetReaderCapabilities", _status(capabilities))
        _must_succeed("GetReaderCapabilities", capabilities)
        extensions = yield from self._enable_extensions(capabilities)
        answer = yield m.GetReaderConfig(0, GetReaderConfigRequestedData.All, 0, 0)
        configuration = answer if isinstance(answer, m.GetReaderConfigResponse) and _succeeded(answer) else None
        self.facts = facts_of(capabilities, configuration, self.version, extensions=extensions)
        wanted = rospec(self._reader, self.facts)
        wanted_access = access_spec(self._reader.inventory)
        resumed = yield from self._still_running(wanted, wanted_access)
        if not resumed:
            # A reader without AccessSpecs may refuse to delete them; what is left over would fail ADD_ROSPEC.
            yield m.DeleteAccessSpec(0)
            yield m.DeleteROSpec(0)
        _must_succeed("SetReaderConfig", (yield reader_config(self._reader, self.facts)))
        if not resumed:
            _must_succeed("AddROSpec", (yield m.AddROSpec(wanted)))
            if wanted_access is not None:
                _must_succeed("AddAccessSpec", (yield m.AddAccessSpec(wanted_access)))
                identifier = wanted_access.AccessSpecID
                _must_succeed("EnableAccessSpec", (yield m.EnableAccessSpec(identifier)))
            _must_succeed("EnableROSpec", (yield m.EnableROSpec(ROSPEC_ID)))
            _must_succeed("StartROSpec", (yield m.StartROSpec(ROSPEC_ID)))
        self._out.append(Running(self.facts, resumed))
        yield m.EnableEventsAndReports()

    def _agree_on_version(self) -> _Script:
        """Ask in 1.1; a reader of 1.0.1 answers with an error, and 1.0.1 it is."""
        self.negotiating = True
        supported = yield m.GetSupportedVersion()
        if isinstance(supported, m.GetSupportedVersionResponse) and _succeeded(supported):
            if supported.CurrentVersion == VERSION_1_1:
                self.version = VERSION_1_1
            elif supported.SupportedVersion >= VERSION_1_1:
                settled = yield m.SetProtocolVersion(VERSION_1_1)
                if isinstance(settled, m.SetProtocolVersionResponse) and _succeeded(settled):
                    self.version = VERSION_1_1
        self.negotiating = False

    def _enable_extensions(self, capabilities: m.GetReaderCapabilitiesResponse) -> Generator[Message, Message, bool]:
        general = capabilities.GeneralDeviceCapabilities
        wanted = self._reader.inventory.impinj_extensions
        if not wanted or general is None or not quirks_of(general.DeviceManufacturerName).impinj_extensions:
            return False
        answer = yield m.ImpinjEnableExtensions()
        return isinstance(answer, m.ImpinjEnableExtensionsResponse) and _succeeded(answer)

    def _still_running(self, wanted: p.ROSpec, access: p.AccessSpec | None) -> Generator[Message, Message, bool]:
        """Whether exactly what we would add is there and active, left over from a connection that was lost."""
        answer = yield m.GetROSpecs()
        if not isinstance(answer, m.GetROSpecsResponse) or len(answer.ROSpec) != 1:
            return False
        there = answer.ROSpec[0]
        if there.CurrentState != ROSpecState.Active or _essence(there) != _essence(wanted):
            return False
        found = yield m.GetAccessSpecs()
        if not isinstance(found, m.GetAccessSpecsResponse):
            return access is None
        return [_access_essence(one) for one in found.AccessSpec] == (
            [_access_essence(access)] if access is not None else []
        )

    def _closing(self, leave_running: bool) -> _Script:
        if not leave_running:
            yield m.DeleteAccessSpec(0)
            yield m.DeleteROSpec(ROSPEC_ID)
        yield m.CloseConnection()

    # Sending

    def _send(self, message: Message) -> int:
        message_id = self._next_id
        self._next_id = message_id % _MESSAGE_ID_MAX + 1
        version = max(self.version, type(message).SINCE)
        self._out.append(Send(encode(message, message_id=message_id, version=version)))
        return message_id

    def _end(self, reason: str) -> None:
        if self.state != State.CLOSED:
            self.state = State.CLOSED
            self._deadline_s = float("inf")
            self._poll_due_s = None
            self._out.append(Lost(reason))

    def _taken(self) -> list[Output]:
        taken, self._out = self._out, []
        return taken


def _status(message: Message) -> p.LLRPStatus:
    status: Any = getattr(message, "LLRPStatus", None)
    if isinstance(status, p.LLRPStatus):
        return status
    return p.LLRPStatus(StatusCode.M_UnexpectedMessage, f"{type(message).__name__} is no answer")


def _succeeded(message: Message) -> bool:
    return _status(message).StatusCode == StatusCode.M_Success


def _must_succeed(request: str, answer: Message) -> None:
    if not _succeeded(answer):
        raise ReaderRefused(request, _status(answer))


def _essence(spec: p.ROSpec) -> tuple[object, ...]:
    """All of an ROSpec but its state."""
    return (spec.ROSpecID, spec.Priority, spec.ROBoundarySpec, spec.SpecParameter, spec.ROReportSpec)


def _access_essence(spec: p.AccessSpec) -> tuple[object, ...]:
    """All of an AccessSpec but its state."""
    return (spec.AccessSpecID, spec.AntennaID, spec.ROSpecID, spec.AccessSpecStopTrigger, spec.AccessCommand)
