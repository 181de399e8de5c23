"""A reader's side of LLRP as a pure state machine: frames and plant time in, frames out.

The owner calls `opened` when a client connects, `receive` for every frame, `advance` when plant time has passed, and
then sends what `take_output` gives; `closed` when the connection is gone. ROSpecs, settings and held reports outlive
connections, as a reader's do. Nothing here waits, reads a clock or touches a socket.

Answers leave at once. Reports and events go through the outbox, which is held from the start of a connection until
ENABLE_EVENTS_AND_REPORTS when HoldEventsAndReportsUponReconnect is set (LLRP 1.0.1 §12.2.6.4); ConnectionAttemptEvent
never is. Unsolicited messages take identifiers from `UNSOLICITED_ID_MIN` up, because clients that number their requests
from 0 and match answers by identifier alone must not mistake one for the other.
"""

from collections.abc import Callable
from typing import Any

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import UnknownMessage, decode, encode
from readers.llrp.enums import StatusCode
from readers.llrp.errors import DecodeError
from readers.llrp.layout import MESSAGES
from readers.llrp.messages_custom import ImpinjEnableExtensions, ImpinjEnableExtensionsResponse
from readers.llrp.wire import CUSTOM, Message
from simulators.llrp.accessspecs import AccessSpecTable
from simulators.llrp.events import ReaderEvents
from simulators.llrp.inventory import AISpecEnded, Heard, InventoryRun, LoopEnded, Outcome
from simulators.llrp.models import ReaderModel
from simulators.llrp.outbox import UNSOLICITED_ID_MIN, Outbox, unsolicited_id
from simulators.llrp.plant_clock import ReaderClock
from simulators.llrp.radio import Radio
from simulators.llrp.refusal import Refusal, field_invalid, malformed, status_of, success
from simulators.llrp.reporting import Reporting
from simulators.llrp.rospecs import ROSpecTable, StoredROSpec
from simulators.llrp.settings import ReaderSettings
from simulators.llrp.vendor import check_vendor_parameters, check_vendor_settings

SLICE_US = 1_000_000
"""The radio is never asked for more than this in one go, so that memory stays bounded after a long sleep."""
POLL_US = 20_000
"""How often an inventory that reports by number of tags looks at the radio."""

_VERSION_1_1 = 2
_Attempt = e.ConnectionAttemptStatusType


class ReaderMachine:
    """One simulated reader."""

    def __init__(
        self,
        model: ReaderModel,
        radio: Radio,
        clock: ReaderClock,
        *,
        now_us: int,
        connected_antennas: frozenset[int] | None = None,
        fold_reports: bool = True,
        on_gpo: Callable[[int, bool, int], None] | None = None,
    ) -> None:
        self.model = model
        self.clock = clock
        self._on_gpo = on_gpo
        self.settings = ReaderSettings(
            model, connected_antennas if connected_antennas is not None else frozenset(model.ports)
        )
        self.outbox = Outbox(capacity_tags=model.report_capacity_tags)
        self._radio = radio
        self._now_us = now_us
        self.access = AccessSpecTable(model, radio)
        self.rospecs = ROSpecTable(
            model,
            self._make_run,
            started=self._rospec_started,
            preempted=self._rospec_preempted,
            stopping=self._rospec_stopping,
            utc_to_plant_us=lambda utc_us: utc_us - clock.shift_us(self._now_us),
        )
        self._events = ReaderEvents(self.settings, self.outbox, clock)
        self._reporting = Reporting(self.settings, self.outbox, clock, radio, fold=fold_reports)
        self._answers = bytearray()
        self._next_id = UNSOLICITED_ID_MIN
        self.version = 1
        self.is_open = False
        self.closing = False
        self._held = False
        self._negotiable = True
        self.extensions_enabled = False
        self.keepalives_acknowledged = 0
        # What a handler gives is the answer, or a refusal or None, which the request's own response then says.
        self._handlers: dict[type[Message], Callable[[Any], Any]] = {
            m.GetReaderCapabilities: self._get_capabilities,
            m.GetReaderConfig: lambda r: self.settings.read(r, self.version),
            m.SetReaderConfig: self._set_config,
            m.AddROSpec: lambda r: self._add_rospec(r.ROSpec),
            m.DeleteROSpec: lambda r: self.rospecs.delete(r.ROSpecID),
            m.StartROSpec: lambda r: self._start_rospec(r.ROSpecID),
            m.StopROSpec: lambda r: self.rospecs.stop(r.ROSpecID),
            m.EnableROSpec: lambda r: self.rospecs.enable(r.ROSpecID, self._now_us),
            m.DisableROSpec: lambda r: self.rospecs.disable(r.ROSpecID),
            m.GetROSpecs: lambda _: m.GetROSpecsResponse(success(), self.rospecs.reported(self.version)),
            m.AddAccessSpec: lambda r: self.access.add(r.AccessSpec),
            m.DeleteAccessSpec: lambda r: self.access.delete(r.AccessSpecID),
            m.EnableAccessSpec: lambda r: self.access.switch(r.AccessSpecID, enabled=True),
            m.DisableAccessSpec: lambda r: self.access.switch(r.AccessSpecID, enabled=False),
            m.GetAccessSpecs: lambda _: m.GetAccessSpecsResponse(success(), self.access.reported()),
            m.CloseConnection: self._close,
            m.GetReport: self._get_report,
            m.EnableEventsAndReports: self._enable_events,
            m.KeepAliveAck: self._keepalive_ack,
            ImpinjEnableExtensions: self._enable_extensions,
        }

    # Connection

    def opened(self, now_us: int) -> None:
        """A client is connected: speak first."""
        self.advance(now_us)
        self._answers.clear()
        self.version = 1
        self.is_open, self.closing = True, False
        self._negotiable = True
        self.extensions_enabled = False
        self._held = self.settings.hold_on_reconnect
        self._next_id = UNSOLICITED_ID_MIN
        self._say(self._events.attempted(_Attempt.Success, self._now_us))

    def attempted(self, now_us: int) -> None:
        """Another client tried to connect while one is here: the first is told (LLRP 1.0.1 §13.2.6.11)."""
        self._now_us = max(self._now_us, now_us)
        self._say(self._events.attempted(_Attempt.Another_Connection_Attempted, self._now_us))

    def refusal_frame(self, now_us: int, *, reader_initiated: bool) -> bytes:
        """What the second client is told before it is closed."""
        self._now_us = max(self._now_us, now_us)
        kind = (
            _Attempt.Failed_A_Reader_Initiated_Connection_Already_Exists
            if reader_initiated
            else _Attempt.Failed_A_Client_Initiated_Connection_Already_Exists
        )
        message = self._events.attempted(kind, self._now_us)
        return encode(message, message_id=UNSOLICITED_ID_MIN, version=1)

    def say_closing(self, now_us: int) -> None:
        """The reader itself ends the connection."""
        self.advance(now_us)
        self._say(self._events.notification(self._now_us, ConnectionCloseEvent=p.ConnectionCloseEvent()))
        self.closing = True

    def closed(self) -> None:
        """The connection is gone; reports are kept for the next one."""
        self.is_open = False
        self._answers.clear()

    def keepalive(self) -> None:
        """The keepalive period has passed."""
        self._say(m.KeepAlive())

    def take_output(self, bytes_max: int = 1 << 20) -> bytes:
        """Frames to send now; about `bytes_max` of reports and events, so that a slow client leaves them in memory."""
        answers = bytes(self._answers)
        self._answers.clear()
        if not self.is_open or self._held or self.closing:
            return answers
        frames, self._next_id = self.outbox.take_frames(self.version, self._next_id, bytes_max)
        return answers + frames

    # Time

    def advance(self, now_us: int) -> None:
        """Let plant time pass up to `now_us`: inventories hear, reports fall due, ROSpecs start and end."""
        while self._now_us < now_us:
            step_us = min(now_us, self._now_us + SLICE_US, max(self.rospecs.next_start_us(), self._now_us + 1))
            run = self.rospecs.run
            if run is not None:
                step_us = min(step_us, max(self._reporting.due_us, self._now_us + 1))
                self._handle(run.advance(step_us))
                # A run that ended on the way leaves the rest of the step to whatever starts next.
                step_us = min(step_us, run.cursor_us) if run.done else step_us
            self._now_us = max(self._now_us, step_us)
            if self._now_us >= self._reporting.due_us:
                self._reporting.flush_timed(self._now_us)
            self.rospecs.start_due(self._now_us)
        self._events.outbox_level(self._now_us)

    def next_wakeup_us(self) -> int:
        """When `advance` should be called at the latest; it may be called at any time."""
        wakeup_us = self.rospecs.next_start_us()
        run = self.rospecs.run
        if run is not None:
            wakeup_us = min(wakeup_us, run.next_boundary_us(), self._reporting.due_us)
            if not self._reporting.timed or self.access.any_enabled:
                wakeup_us = min(wakeup_us, self._now_us + POLL_US)
        return max(wakeup_us, self._now_us + 1)

    # Ports

    def set_gpi(self, port: int, level: bool, now_us: int) -> None:
        """A level on a general purpose input. Raises KeyError for a port the model does not have."""
        self.advance(now_us)
        if self.settings.gpi_levels[port] == level:
            return
        self.settings.gpi_levels[port] = level
        if not self.settings.gpi_enabled[port]:
            return
        self._events.gpi(port, level, self._now_us)
        run = self.rospecs.run
        if run is not None:
            outcomes: list[Outcome] = []
            run.gpi_changed(port, level, outcomes)
            self._handle(outcomes)
        self.rospecs.gpi_changed(port, level, self._now_us)

    def set_antenna(self, port: int, connected: bool, now_us: int) -> None:
        """An antenna comes or goes."""
        self.advance(now_us)
        antennas = self.settings.connected_antennas
        if (port in antennas) == connected:
            return
        (antennas.add if connected else antennas.discard)(port)
        self._events.antenna(port, connected, self._now_us)

    def raise_exception(self, text: str, now_us: int) -> None:
        """Tell the client of trouble inside the reader."""
        self.advance(now_us)
        self._events.exception(text, self._now_us)

    # Requests

    def receive(self, frame: bytes, now_us: int) -> None:
        """One complete message from the client."""
        self.advance(now_us)
        message_id = int.from_bytes(frame[6:10], "big")
        try:
            version, message_id, message = decode(frame)
        except DecodeError as error:
            self._answer_malformed(frame, message_id, error)
            return
        negotiation = isinstance(message, m.GetSupportedVersion | m.SetProtocolVersion)
        if version > self.model.version_max or (version != self.version and not negotiation):
            why = f"version {version} in the header, {self.version} is spoken here"
            self._error(Refusal(StatusCode.M_UnsupportedVersion, why), message_id)
        elif negotiation:
            self._negotiate(message, version, message_id)
        else:
            self._dispatch(message, message_id)

    def _dispatch(self, message: Any, message_id: int) -> None:
        self._negotiable = self._negotiable and isinstance(message, m.KeepAliveAck)
        handler = self._handlers.get(type(message))
        if handler is None or (isinstance(message, ImpinjEnableExtensions) and not self.model.is_impinj):
            kind = message.type if isinstance(message, UnknownMessage) else message.TYPE
            self._error(Refusal(StatusCode.M_UnsupportedMessage, f"message type {kind}"), message_id)
            return
        outcome = handler(message)
        if type(message).RESPONSE:
            answer = outcome if isinstance(outcome, Message) else _answer_to(type(message), outcome)
            self._answers += encode(answer, message_id=message_id, version=self.version)

    def _answer_malformed(self, frame: bytes, message_id: int, error: DecodeError) -> None:
        """A broken request gets its own response with the error inside; what has none gets ERROR_MESSAGE."""
        refusal = malformed(error)
        kind = int.from_bytes(frame[:2], "big") & 0x3FF
        answered = (each for each in self._handlers if each.RESPONSE not in (0, CUSTOM))
        request = next((each for each in answered if kind == each.TYPE), None)
        if request is None:
            self._error(refusal, message_id)
        else:
            self._answers += encode(_answer_to(request, refusal), message_id=message_id, version=self.version)

    def _negotiate(self, message: Any, version: int, message_id: int) -> None:
        """GET_SUPPORTED_VERSION and SET_PROTOCOL_VERSION belong to 1.1 and are spoken in it, before anything else."""
        if version < _VERSION_1_1:
            self._error(Refusal(StatusCode.M_UnsupportedMessage, "a message of LLRP 1.1"), message_id)
            return
        if isinstance(message, m.GetSupportedVersion):
            answer: Any = m.GetSupportedVersionResponse(self.version, self.model.version_max, success())
        elif not self._negotiable:
            refusal = Refusal(StatusCode.M_UnexpectedMessage, "the version is settled before the first request")
            answer = m.SetProtocolVersionResponse(status_of(refusal))
        elif not 1 <= message.ProtocolVersion <= self.model.version_max:
            refusal = Refusal(StatusCode.M_UnsupportedVersion, f"no version {message.ProtocolVersion}")
            answer = m.SetProtocolVersionResponse(status_of(refusal))
        else:
            self.version = message.ProtocolVersion
            answer = m.SetProtocolVersionResponse(success())
        self._answers += encode(answer, message_id=message_id, version=_VERSION_1_1)

    def _get_capabilities(self, request: m.GetReaderCapabilities) -> m.GetReaderCapabilitiesResponse | Refusal:
        wanted = e.GetReaderCapabilitiesRequestedData
        asked = request.RequestedData
        if asked.is_reserved:
            return field_invalid(1, f"requested data {int(asked)}")
        everything = asked == wanted.All
        return m.GetReaderCapabilitiesResponse(
            success(),
            self.model.general if everything or asked == wanted.General_Device_Capabilities else None,
            self.model.llrp if everything or asked == wanted.LLRP_Capabilities else None,
            self.model.regulatory if everything or asked == wanted.Regulatory_Capabilities else None,
            self.model.air_protocol if everything or asked == wanted.LLRP_Air_Protocol_Capabilities else None,
        )

    def _set_config(self, request: m.SetReaderConfig) -> Refusal | None:
        refusal = check_vendor_settings(request, self.model) or self.settings.check(request, self.version)
        if refusal is None:
            if request.ResetToFactoryDefault:
                self.rospecs.delete(0)
                self.access.delete(0)
            self.settings.apply(request)
            for write in request.GPOWriteData:
                if self._on_gpo is not None:
                    self._on_gpo(write.GPOPortNumber, write.GPOData, self._now_us)
        return refusal

    def _add_rospec(self, spec: p.ROSpec) -> Refusal | None:
        fault = check_vendor_parameters(spec, self.model, extensions_enabled=self.extensions_enabled)
        return fault if fault is not None else self.rospecs.add(spec, self.version)

    def _start_rospec(self, rospec_id: int) -> Refusal | None:
        if rospec_id == 0:
            return field_invalid(1, "START_ROSPEC takes one ROSpec")
        return self.rospecs.start(rospec_id, self._now_us)

    def _close(self, _: m.CloseConnection) -> None:
        self.closing = True

    def _get_report(self, _: m.GetReport) -> None:
        self._reporting.flush_asked()

    def _enable_events(self, _: m.EnableEventsAndReports) -> None:
        self._held = False

    def _keepalive_ack(self, _: m.KeepAliveAck) -> None:
        self.keepalives_acknowledged += 1

    def _enable_extensions(self, _: ImpinjEnableExtensions) -> ImpinjEnableExtensionsResponse:
        self.extensions_enabled = True
        return ImpinjEnableExtensionsResponse(success())

    # What happens while an ROSpec runs

    def _make_run(self, spec: p.ROSpec, now_us: int) -> InventoryRun:
        self._reporting.begin(spec, now_us)
        return InventoryRun(spec, self.model, self.settings, self._radio, now_us)

    def _rospec_started(self, stored: StoredROSpec, now_us: int) -> None:
        self._events.rospec(e.ROSpecEventType.Start_Of_ROSpec, stored.spec.ROSpecID, now_us)

    def _rospec_preempted(self, stored: StoredROSpec, by: StoredROSpec, now_us: int) -> None:
        kind = e.ROSpecEventType.Preemption_Of_ROSpec
        self._events.rospec(kind, stored.spec.ROSpecID, now_us, by.spec.ROSpecID)

    def _rospec_stopping(self, stored: StoredROSpec) -> None:
        run = self.rospecs.run
        if run is not None:
            outcomes: list[Outcome] = []
            run.stop(outcomes)
            self._handle(outcomes, by_itself=False)
        self._events.rospec(e.ROSpecEventType.End_Of_ROSpec, stored.spec.ROSpecID, self._now_us)

    def _handle(self, outcomes: list[Outcome], *, by_itself: bool = True) -> None:
        stored = self.rospecs.active
        rospec_id = stored.spec.ROSpecID if stored is not None else 0
        for outcome in outcomes:
            match outcome:
                case Heard():
                    self._reporting.heard(outcome, self.access, self.version)
                case AISpecEnded():
                    self._reporting.aispec_ended()
                    self._events.aispec_ended(rospec_id, outcome.spec_index, outcome.at_us)
                case LoopEnded():
                    self._events.loop_ended(rospec_id, outcome.count, outcome.at_us, self.version)
                case _:
                    self._reporting.rospec_ended()
                    if by_itself and stored is not None:
                        self.rospecs.ended(outcome.at_us)
                        self._events.rospec(e.ROSpecEventType.End_Of_ROSpec, rospec_id, outcome.at_us)

    # Sending

    def _say(self, message: Any) -> None:
        """Send an unsolicited message at once, past the outbox."""
        self._answers += encode(message, message_id=self._next_id, version=self.version)
        self._next_id = unsolicited_id(self._next_id + 1)

    def _error(self, refusal: Refusal, message_id: int) -> None:
        self._answers += encode(m.ErrorMessage(status_of(refusal)), message_id=message_id, version=self.version)


def _answer_to(request: type[Message], refusal: Refusal | None) -> Any:
    """The response that belongs to a request, with nothing but a status in it."""
    response: Callable[[p.LLRPStatus], Any] = MESSAGES[request.RESPONSE].cls
    return response(status_of(refusal))
