"""What a reader tells without being asked: READER_EVENT_NOTIFICATIONs, as far as its settings want them.

Each is stamped with the moment it happened and waits in the outbox; what is said past the outbox is made here too.
"""

from typing import Any

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import encode_body
from simulators.llrp.outbox import Outbox
from simulators.llrp.plant_clock import ReaderClock
from simulators.llrp.settings import ReaderSettings

_VERSION_1_1 = 2
_Event = e.NotificationEventType


class ReaderEvents:
    """The events of one reader; times are plant time."""

    def __init__(self, settings: ReaderSettings, outbox: Outbox, clock: ReaderClock) -> None:
        self._settings = settings
        self._outbox = outbox
        self._clock = clock

    def notification(self, at_us: int, **event: Any) -> m.ReaderEventNotification:
        """The message for something that happened then, by the reader's clock."""
        reader_us = self._clock.read_us(at_us)
        timestamp = p.UTCTimestamp(reader_us) if self._clock.has_utc else p.Uptime(reader_us)
        return m.ReaderEventNotification(p.ReaderEventNotificationData(timestamp, **event))

    def attempted(self, status: e.ConnectionAttemptStatusType, at_us: int) -> m.ReaderEventNotification:
        """How a client's attempt to connect came out; to be said at once."""
        return self.notification(at_us, ConnectionAttemptEvent=p.ConnectionAttemptEvent(status))

    def gpi(self, port: int, level: bool, at_us: int) -> None:
        """A general purpose input changed."""
        if self._settings.notifies(_Event.GPI_Event):
            self._put(at_us, GPIEvent=p.GPIEvent(port, level))

    def antenna(self, port: int, connected: bool, at_us: int) -> None:
        """An antenna came or went."""
        if self._settings.notifies(_Event.Antenna_Event):
            kind = e.AntennaEventType.Antenna_Connected if connected else e.AntennaEventType.Antenna_Disconnected
            self._put(at_us, AntennaEvent=p.AntennaEvent(kind, port))

    def exception(self, text: str, at_us: int) -> None:
        """There is trouble inside the reader."""
        if self._settings.notifies(_Event.Reader_Exception_Event):
            self._put(at_us, ReaderExceptionEvent=p.ReaderExceptionEvent(text))

    def rospec(self, kind: e.ROSpecEventType, rospec_id: int, at_us: int, preempting: int = 0) -> None:
        """An ROSpec began, ended or was preempted."""
        if self._settings.notifies(_Event.ROSpec_Event):
            self._put(at_us, ROSpecEvent=p.ROSpecEvent(kind, rospec_id, preempting))

    def aispec_ended(self, rospec_id: int, spec_index: int, at_us: int) -> None:
        """An AISpec ended."""
        details = self._settings.notifies(_Event.AISpec_Event_With_Details)
        if details or self._settings.notifies(_Event.AISpec_Event):
            event = p.AISpecEvent(
                e.AISpecEventType.End_Of_AISpec,
                rospec_id,
                spec_index,
                p.C1G2SingulationDetails(0, 0) if details else None,
            )
            self._put(at_us, AISpecEvent=event)

    def loop_ended(self, rospec_id: int, count: int, at_us: int, version: int) -> None:
        """A loop of specs went round; an event of LLRP 1.1."""
        if self._settings.notifies(_Event.SpecLoop_Event) and version >= _VERSION_1_1:
            self._put(at_us, SpecLoopEvent=p.SpecLoopEvent(rospec_id, count))

    def outbox_level(self, at_us: int) -> None:
        """The report memory overflowed, or is filling up."""
        if self._outbox.overflow_due():
            self._put(at_us, ReportBufferOverflowErrorEvent=p.ReportBufferOverflowErrorEvent())
        if self._outbox.warning_due() and self._settings.notifies(_Event.Report_Buffer_Fill_Warning):
            level = p.ReportBufferLevelWarningEvent(self._outbox.percent_full)
            self._put(at_us, ReportBufferLevelWarningEvent=level)

    def _put(self, at_us: int, **event: Any) -> None:
        message = self.notification(at_us, **event)
        self._outbox.put_event(message.TYPE, encode_body(message, version=_VERSION_1_1))
