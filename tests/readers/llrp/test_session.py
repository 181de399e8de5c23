"""The client's state machine, fed by hand: no sockets, no clock."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import decode, encode
from readers.llrp.messages_custom import ImpinjEnableExtensionsResponse
from readers.llrp.session import (
    Answered,
    Deliver,
    Lost,
    Malformed,
    Output,
    Running,
    Send,
    Session,
    SessionSettings,
    State,
)
from readers.llrp.wire import Message
from simulators.llrp.machine import ReaderMachine
from simulators.llrp.models import FX9600, LLRP_1_1, SPEEDWAY_R420, ReaderModel
from simulators.llrp.plant_clock import ReaderClock
from simulators.llrp.steady_radio import SteadyRadio
from warehouse.site import Antenna, Inventory, Reader

START_US = 1_700_000_000_000_000
READER = Reader("r1", "192.0.2.1", antennas=(Antenna(1, "door"),), keepalive_ms=1_000)
EPCS = [bytes(11) + bytes([number]) for number in range(5)]


class Wire:
    """A session and a reader machine joined by hand. `spoil` may change or swallow what the reader says."""

    def __init__(
        self,
        model: ReaderModel = LLRP_1_1,
        reader: Reader = READER,
        *,
        machine: ReaderMachine | None = None,
        spoil: Callable[[Message], Message | None] = lambda message: message,
        version_max: int = 2,
    ) -> None:
        self.now_s = 0.0
        self.machine = machine or ReaderMachine(
            model, SteadyRadio(EPCS, reads_per_s=100), ReaderClock(START_US), now_us=START_US
        )
        self._base_us = self.machine._now_us
        self.session = Session(reader, self.now_s, SessionSettings(version_max=version_max))
        self.spoil = spoil
        self.sent: list[Message] = []
        self.outputs: list[Output] = []

    def start(self) -> "Wire":
        self.machine.opened(self.plant_us)
        return self.pump()

    @property
    def plant_us(self) -> int:
        return self._base_us + round(self.now_s * 1e6)

    def wait(self, seconds: float) -> "Wire":
        self.now_s += seconds
        self.machine.advance(self.plant_us)
        self._do(self.session.tick(self.now_s))
        return self.pump()

    def pump(self) -> "Wire":
        """Carry messages to and fro until nobody says anything."""
        while data := self._spoiled(self.machine.take_output()):
            self._do(self.session.feed(data, self.now_s))
        return self

    def _do(self, outputs: list[Output]) -> None:
        self.outputs += outputs
        for output in outputs:
            if isinstance(output, Send):
                self.sent.append(decode(output.data).message)
                self.machine.receive(output.data, self.plant_us)

    def _spoiled(self, data: bytes) -> bytes:
        out = b""
        start = 0
        while start < len(data):
            length = int.from_bytes(data[start + 2 : start + 6], "big")
            frame = decode(data[start : start + length])
            message = self.spoil(frame.message)
            if message is not None:
                out += encode(message, message_id=frame.message_id, version=frame.version)
            start += length
        return out

    def names(self) -> list[str]:
        return [type(message).__name__ for message in self.sent]

    def one(self, kind: type[Any]) -> Any:
        (found,) = [output for output in self.outputs if isinstance(output, kind)]
        return found


def test_nothing_is_sent_before_the_reader_speaks() -> None:
    wire = Wire()
    wire.wait(1)
    assert wire.sent == []
    assert wire.session.state == State.AWAITING_READER
    wire.start()
    assert wire.session.state == State.RUNNING


def test_the_opening_goes_in_the_standards_order() -> None:
    wire = Wire(reader=replace(READER, inventory=Inventory(impinj_extensions=True))).start()
    assert wire.names() == [
        "GetSupportedVersion", "SetProtocolVersion", "GetReaderCapabilities", "ImpinjEnableExtensions",
        "GetReaderConfig", "GetROSpecs", "DeleteAccessSpec", "DeleteROSpec", "SetReaderConfig", "AddROSpec",
        "EnableROSpec", "StartROSpec", "EnableEventsAndReports",
    ]  # fmt: skip
    assert wire.session.version == 2
    assert wire.one(Running).resumed is False


def test_a_1_0_1_reader_is_spoken_to_in_1_0_1() -> None:
    wire = Wire(FX9600).start()
    assert wire.session.version == 1
    assert "SetProtocolVersion" not in wire.names()
    assert wire.session.state == State.RUNNING


def test_the_version_question_can_be_left_out() -> None:
    wire = Wire(version_max=1).start()
    assert wire.names()[0] == "GetReaderCapabilities"
    assert wire.session.version == 1


def test_a_connection_lost_and_found_resumes_without_touching_the_inventory() -> None:
    first = Wire().start()
    first.machine.closed()
    second = Wire(machine=first.machine).start()
    assert second.one(Running).resumed
    assert not {"DeleteROSpec", "AddROSpec", "EnableROSpec"} & set(second.names())
    changed = replace(READER, antennas=(Antenna(2, "door"),))
    second.machine.closed()
    third = Wire(machine=first.machine, reader=changed).start()
    assert not third.one(Running).resumed
    assert "AddROSpec" in third.names()


def test_somebody_elses_rospec_is_removed() -> None:
    wire = Wire(SPEEDWAY_R420)
    foreign = Wire(SPEEDWAY_R420, replace(READER, inventory=Inventory(session=3)), machine=wire.machine).start()
    foreign.machine.closed()
    wire.start()
    assert not wire.one(Running).resumed
    (stored,) = wire.machine.rospecs.all()
    assert stored.spec == next(message for message in wire.sent if isinstance(message, m.AddROSpec)).ROSpec


@pytest.mark.parametrize(
    "refused",
    [m.GetReaderConfigResponse, m.GetROSpecsResponse, m.DeleteAccessSpecResponse, ImpinjEnableExtensionsResponse],
    ids=lambda kind: kind.__name__,
)
def test_an_optional_step_may_be_answered_by_an_error_message(refused: type[Message]) -> None:
    """As a Kathrein RRU 1400 answers what it does not know."""

    def spoil(message: Message) -> Message:
        if isinstance(message, refused):
            return m.ErrorMessage(p.LLRPStatus(e.StatusCode.M_UnsupportedMessage, "no"))
        return message

    wire = Wire(reader=replace(READER, inventory=Inventory(impinj_extensions=True)), spoil=spoil).start()
    assert wire.session.state == State.RUNNING


def test_an_inventory_the_reader_ends_is_started_again_but_not_for_ever() -> None:
    wire = Wire().start()
    wire.wait(1.5)
    wire.machine.rospecs.stop(1)
    wire.wait(0)
    assert wire.names()[-1] == "StartROSpec"
    assert wire.session.state == State.RUNNING
    wire.wait(0.5)
    wire.machine.rospecs.stop(1)
    wire.wait(0)
    assert "as soon as it was started" in wire.one(Lost).reason


@pytest.mark.parametrize(
    "refused", [m.GetReaderCapabilitiesResponse, m.SetReaderConfigResponse, m.AddROSpecResponse, m.StartROSpecResponse]
)
def test_a_refused_necessary_step_ends_the_connection_with_the_readers_words(refused: type[Message]) -> None:
    def spoil(message: Message) -> Message:
        status = p.LLRPStatus(
            e.StatusCode.M_ParameterError,
            "not today",
            ParameterError=p.ParameterError(224, e.StatusCode.P_FieldError, p.FieldError(1, e.StatusCode.A_Invalid)),
        )
        return refused(status) if isinstance(message, refused) else message

    lost = Wire(spoil=spoil).start().one(Lost)
    assert lost.reason.endswith("field 1 A_Invalid in parameter 224 P_FieldError in M_ParameterError: not today")


def test_a_configured_value_that_fits_no_field_ends_the_connection_with_its_name() -> None:
    wrong = replace(READER, inventory=Inventory(tag_population=70_000))
    assert "C1G2SingulationControl" in Wire(reader=wrong).start().one(Lost).reason


def test_a_reader_that_refuses_us_is_left_alone() -> None:
    def spoil(message: Message) -> Message:
        kinds = e.ConnectionAttemptStatusType
        data = p.ReaderEventNotificationData(
            p.UTCTimestamp(1),
            ConnectionAttemptEvent=p.ConnectionAttemptEvent(kinds.Failed_A_Client_Initiated_Connection_Already_Exists),
        )
        return m.ReaderEventNotification(data)

    wire = Wire(spoil=spoil).start()
    assert "Failed_A_Client_Initiated" in wire.one(Lost).reason
    assert wire.sent == []


def test_silence_before_and_during_the_opening_is_bounded() -> None:
    never = Wire()
    never.wait(9)
    assert never.session.state == State.AWAITING_READER
    never.wait(2)
    assert "awaiting the reader" in never.one(Lost).reason
    mute = Wire(spoil=lambda message: None if isinstance(message, m.AddROSpecResponse) else message).start()
    mute.wait(11)
    assert "for the answer to AddROSpec" in mute.one(Lost).reason


def test_the_link_is_dead_after_two_missed_keepalives_and_not_before() -> None:
    wire = Wire().start()
    for _ in range(5):
        wire.machine.keepalive()
        wire.pump()
        wire.wait(0.9)
    assert wire.names().count("KeepAliveAck") == 5
    quiet = Wire(spoil=lambda message: None if isinstance(message, m.ROAccessReport) else message).start()
    quiet.wait(2.4)
    assert quiet.session.state == State.RUNNING
    quiet.wait(0.2)
    assert quiet.session.state == State.CLOSED


def test_a_keepalive_is_acknowledged_with_its_own_identifier() -> None:
    wire = Wire().start()
    frame = encode(m.KeepAlive(), message_id=0xFEDCBA98, version=2)
    (answer,) = [one for one in wire.session.feed(frame, 0.0) if isinstance(one, Send)]
    assert decode(answer.data) == (2, 0xFEDCBA98, m.KeepAliveAck())


def test_reads_and_events_are_delivered_in_order_and_undecoded() -> None:
    wire = Wire().start()
    wire.wait(0.35)
    delivered = [frame for output in wire.outputs if isinstance(output, Deliver) for frame in output.frames]
    kinds = [int.from_bytes(frame[:2], "big") & 0x3FF for frame in delivered]
    assert kinds == [63, 63, 61, 61, 61]


def test_one_malformed_message_is_told_and_passed_over() -> None:
    wire = Wire().start()
    bad = bytes.fromhex("080d0000000c00000009ffff")
    report = encode(m.ROAccessReport(), message_id=1, version=2)
    outputs = wire.session.feed(bad + report, 0.0)
    assert isinstance(outputs[0], Malformed)
    assert outputs[1] == Deliver((report,))


def test_reports_that_come_before_an_answer_do_not_disturb_it() -> None:
    first = Wire().start()
    first.machine.settings.hold_on_reconnect = False
    first.machine.closed()
    first.machine.advance(first.plant_us + 500_000)
    second = Wire(machine=first.machine).start()
    assert second.one(Running).resumed
    assert any(isinstance(output, Deliver) and len(output.frames) > 1 for output in second.outputs)


def test_polling_asks_at_its_period() -> None:
    wire = Wire(SPEEDWAY_R420, replace(READER, inventory=Inventory(poll_ms=100))).start()
    for _ in range(10):
        wire.wait(0.1)
    assert wire.names().count("GetReport") == 10


def test_requests_get_their_answers() -> None:
    wire = Wire().start()
    message_id, outputs = wire.session.request(m.GetROSpecs())
    wire._do(outputs)
    wire.pump()
    answered = wire.one(Answered)
    assert answered.message_id == message_id
    assert isinstance(answered.message, m.GetROSpecsResponse)


def test_closing_deletes_the_rospec_and_says_goodbye() -> None:
    wire = Wire().start()
    wire._do(wire.session.close(wire.now_s))
    wire.pump()
    assert wire.names()[-3:] == ["DeleteAccessSpec", "DeleteROSpec", "CloseConnection"]
    assert wire.one(Lost).reason == "closed"
    staying = Wire().start()
    staying._do(staying.session.close(staying.now_s, leave_running=True))
    staying.pump()
    assert staying.names()[-2:] == ["EnableEventsAndReports", "CloseConnection"]


def test_closing_is_bounded_too() -> None:
    wire = Wire().start()
    wire.session.close(wire.now_s)
    assert wire.session.tick(wire.now_s + 1.9) == []
    assert isinstance(wire.session.tick(wire.now_s + 2.1)[-1], Lost)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 400), st.booleans())
def test_any_bytes_end_in_outputs_never_in_an_exception(junk: bytes, place: int, running: bool) -> None:
    wire = Wire()
    if running:
        wire.start()
    wire.machine.opened(wire.plant_us)
    good = wire.machine.take_output()
    for piece in (good[:place] + junk, good[place:], junk, b""):
        if wire.session.state != State.CLOSED:
            wire.session.feed(piece, 0.0)
    assert wire.session.state == State.CLOSED
