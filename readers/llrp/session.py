"""The client's side of one LLRP connection as a pure state machine: bytes and time in, outputs out.

    AWAITING_READER ─ConnectionAttemptEvent→ SETTING_UP ─script done→ RUNNING ─close()→ CLOSING → CLOSED
    Any state ─error, refusal, silence→ CLOSED with `Lost`.

The reader speaks first; nothing is sent before its ConnectionAttemptEvent says Success. What is said then, and when we
leave, are scripts (`readers.llrp.setup`).

An inventory that the reader ends or preempts by itself is started again, or, when it ended within `RESTART_S` of its
start, given up with the connection, so that the backoff bounds the attempts.

Silence: every request has `response_timeout_s`. While running, the link is dead when nothing at all has been heard for
two keepalive periods and a half of grace, that is, after two missed KEEPALIVEs. Time is `now_s`, any monotonic clock.
"""

from dataclasses import dataclass
from enum import Enum

from readers.llrp import messages as m
from readers.llrp.codec import decode, encode
from readers.llrp.enums import ConnectionAttemptStatusType, ROSpecEventType
from readers.llrp.errors import DecodeError, FramingError, LlrpError
from readers.llrp.facts import ReaderFacts
from readers.llrp.framing import Framer
from readers.llrp.rospec import ROSPEC_ID, polls
from readers.llrp.setup import Script, Setup, leaving
from readers.llrp.wire import VERSION_1_1, Message
from warehouse.site import Reader

_REPORT, _EVENT, _KEEPALIVE = m.ROAccessReport.TYPE, m.ReaderEventNotification.TYPE, m.KeepAlive.TYPE
_MESSAGE_ID_MAX = 0x7FFF_FFFF
MISSED_KEEPALIVES = 2.5
RESTART_S = 1.0


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
        self._script: Script | None = None
        self._heard_s = now_s
        self._deadline_s = now_s + self._settings.response_timeout_s
        self._poll_due_s: float | None = None
        self._started_s = now_s
        self.state = State.AWAITING_READER
        self._setup = Setup(reader, self._settings.version_max, lambda *what: self._out.append(Running(*what)))

    @property
    def version(self) -> int:
        """What is spoken as of now."""
        return self._setup.version

    @property
    def negotiating(self) -> bool:
        """Whether the reader was just asked in a version it may not know."""
        return self._setup.negotiating

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
            kind = (frame[0] & 3) << 8 | frame[1]
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
            self._script = leaving(leave_running)
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
        self._script = self._setup.script()
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
        assert self._setup.facts is not None
        self.state = State.RUNNING
        self._heard_s = self._started_s = now_s
        self._watch(now_s)
        if polls(self._reader.inventory, self._setup.facts):
            self._poll_due_s = now_s + self._reader.inventory.poll_ms / 1000

    def _watch(self, now_s: float) -> None:
        period_s = self._reader.keepalive_ms / 1000
        # Without keepalives silence says nothing, so only the transport can tell that the reader is gone.
        self._deadline_s = now_s + (MISSED_KEEPALIVES * period_s if period_s else 3.15e7)

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
