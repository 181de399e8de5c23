"""Notifications and other messages that a ReportDecoder is given."""

import pytest

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import encode
from readers.llrp.enums import AntennaEventType, ConnectionAttemptStatusType, ROSpecEventType, StatusCode
from readers.llrp.report import ReportDecoder
from readers.llrp.wire import Message
from readers.model import ReaderEvent, ReaderEventKind

AT_US, OFFSET_US, ARRIVAL_US = 1_000, 50, 9_000
Kind = ReaderEventKind


def notify(**event: object) -> list[object]:
    data = p.ReaderEventNotificationData(p.UTCTimestamp(AT_US), **event)  # type: ignore[arg-type]
    return feed(m.ReaderEventNotification(data))


def feed(message: Message) -> list[object]:
    return [*ReportDecoder("dock-1", OFFSET_US).feed(encode(message, message_id=1), ARRIVAL_US)]


def event(kind: Kind, port: int | None = None, state: bool | None = None, detail: str = "") -> ReaderEvent:
    return ReaderEvent("dock-1", kind, AT_US + OFFSET_US, port, state, detail)


CONNECTED_TWICE = ConnectionAttemptStatusType.Failed_A_Client_Initiated_Connection_Already_Exists
OTHER_CLIENT = ConnectionAttemptStatusType.Another_Connection_Attempted

PASSED_ON = [
    (p.GPIEvent(2, True), event(Kind.GPI, 2, True)),
    (p.ROSpecEvent(ROSpecEventType.Start_Of_ROSpec, 7, 0), event(Kind.INVENTORY_STARTED, detail="ROSpec 7")),
    (p.ReportBufferLevelWarningEvent(90), event(Kind.BUFFER_WARNING, detail="report buffer 90 % full")),
    (p.ReportBufferOverflowErrorEvent(), event(Kind.DATA_LOSS, detail="the reader's report buffer overflowed")),
    (p.ReaderExceptionEvent("hot", AntennaID=p.AntennaID(3)), event(Kind.READER_EXCEPTION, 3, detail="hot")),
    (p.AntennaEvent(AntennaEventType.Antenna_Disconnected, 4), event(Kind.ANTENNA_LOST, 4, False)),
    (p.AntennaEvent(AntennaEventType.Antenna_Connected, 4), event(Kind.ANTENNA_CONNECTED, 4, True)),
    (p.ConnectionAttemptEvent(ConnectionAttemptStatusType.Success), event(Kind.CONNECTED)),
    (p.ConnectionAttemptEvent(OTHER_CLIENT), event(Kind.READER_EXCEPTION, detail="another client tried to connect")),
    (p.ConnectionAttemptEvent(CONNECTED_TWICE), event(Kind.DISCONNECTED, detail=CONNECTED_TWICE.name)),
    (p.ConnectionCloseEvent(), event(Kind.DISCONNECTED, detail="the reader closes the connection")),
]


@pytest.mark.parametrize(("parameter", "expected"), PASSED_ON)
def test_an_event_is_passed_on(parameter: object, expected: ReaderEvent) -> None:
    assert notify(**{type(parameter).__name__: parameter}) == [expected]


def test_several_events_in_one_notification_are_all_passed_on() -> None:
    found = notify(GPIEvent=p.GPIEvent(1, False), ReportBufferOverflowErrorEvent=p.ReportBufferOverflowErrorEvent())
    assert [one.kind for one in found if isinstance(one, ReaderEvent)] == [Kind.GPI, Kind.DATA_LOSS]


@pytest.mark.parametrize(
    "quiet",
    [
        {"HoppingEvent": p.HoppingEvent(1, 2)},
        {"ROSpecEvent": p.ROSpecEvent(ROSpecEventType.End_Of_ROSpec, 7, 0)},
        {"AISpecEvent": p.AISpecEvent(0, 1, 1, p.C1G2SingulationDetails(3, 4))},  # type: ignore[arg-type]
    ],
)
def test_events_nobody_acts_on_give_nothing(quiet: dict[str, object]) -> None:
    assert notify(**quiet) == []


@pytest.mark.parametrize(
    "message", [m.KeepAlive(), m.AddROSpecResponse(p.LLRPStatus(StatusCode.M_Success, "")), m.CustomMessage(1, 2, b"")]
)
def test_messages_without_reads_or_events_give_nothing(message: Message) -> None:
    assert feed(message) == []


@pytest.mark.parametrize(
    "frame", [b"", b"\x04", bytes(10), b"\x04\x3f\x00\x00\x00\x0b\x00\x00\x00\x00\xff", b"\x04\x3d" + bytes(8)]
)
def test_a_malformed_message_becomes_an_event(frame: bytes) -> None:
    (found,) = ReportDecoder("dock-1").feed(frame, ARRIVAL_US)
    assert isinstance(found, ReaderEvent)
    assert found.kind is Kind.PROTOCOL_ERROR
    assert found.at_us == ARRIVAL_US
    assert "offset" in found.detail
