"""READER_EVENT_NOTIFICATION as reader events.

Hopping, survey, AISpec and loop events, the ends of ROSpecs and vendors' events say nothing the rest of the system acts
on; they are in the recorded message for who wants them.
"""

from __future__ import annotations

from readers.llrp import params as p
from readers.llrp.enums import AntennaEventType, ConnectionAttemptStatusType, ROSpecEventType
from readers.llrp.errors import PeerError
from readers.llrp.messages import ReaderEventNotification
from readers.model import ReaderEvent, ReaderEventKind


def reader_events(
    reader: str, notification: ReaderEventNotification, arrival_us: int, offset_us: int
) -> list[ReaderEvent]:
    """Usually one, and in the standard's order when a reader packs several into one notification."""
    data = notification.ReaderEventNotificationData
    at_us = data.Timestamp.Microseconds + offset_us
    if at_us >= 1 << 63:
        at_us = arrival_us
    events: list[ReaderEvent] = []

    def add(kind: ReaderEventKind, port: int | None = None, state: bool | None = None, detail: str = "") -> None:
        events.append(ReaderEvent(reader, kind, at_us, port, state, detail))

    if gpi := data.GPIEvent:
        add(ReaderEventKind.GPI, gpi.GPIPortNumber, gpi.GPIEvent)
    if (rospec := data.ROSpecEvent) and rospec.EventType == ROSpecEventType.Start_Of_ROSpec:
        add(ReaderEventKind.INVENTORY_STARTED, detail=f"ROSpec {rospec.ROSpecID}")
    if level := data.ReportBufferLevelWarningEvent:
        add(ReaderEventKind.BUFFER_WARNING, detail=f"report buffer {level.ReportBufferPercentageFull} % full")
    if data.ReportBufferOverflowErrorEvent:
        add(ReaderEventKind.DATA_LOSS, detail="the reader's report buffer overflowed")
    if exception := data.ReaderExceptionEvent:
        add(ReaderEventKind.READER_EXCEPTION, _antenna(exception), detail=exception.Message)
    if antenna := data.AntennaEvent:
        lost = antenna.EventType == AntennaEventType.Antenna_Disconnected
        kind = ReaderEventKind.ANTENNA_LOST if lost else ReaderEventKind.ANTENNA_CONNECTED
        add(kind, antenna.AntennaID, not lost)
    if attempt := data.ConnectionAttemptEvent:
        if attempt.Status == ConnectionAttemptStatusType.Success:
            add(ReaderEventKind.CONNECTED)
        elif attempt.Status == ConnectionAttemptStatusType.Another_Connection_Attempted:
            add(ReaderEventKind.READER_EXCEPTION, detail="another client tried to connect")
        else:
            add(ReaderEventKind.DISCONNECTED, detail=attempt.Status.name)
    if data.ConnectionCloseEvent:
        add(ReaderEventKind.DISCONNECTED, detail="the reader closes the connection")
    return events


def protocol_error(reader: str, arrival_us: int, message: str, error: PeerError) -> ReaderEvent:
    """A message, or a part of one, that could not be read; `detail` says where and what was expected there."""
    return ReaderEvent(reader, ReaderEventKind.PROTOCOL_ERROR, arrival_us, detail=f"{message}: {error}")


def _antenna(exception: p.ReaderExceptionEvent) -> int | None:
    return exception.AntennaID.AntennaID if exception.AntennaID else None
