"""Reader event parameters: which events are reported, and the events."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import (
    AISpecEventType,
    AntennaEventType,
    ConnectionAttemptStatusType,
    NotificationEventType,
    RFSurveyEventType,
    ROSpecEventType,
)
from readers.llrp.params_c1g2 import C1G2SingulationDetails
from readers.llrp.params_report import (
    AccessSpecID,
    AntennaID,
    InventoryParameterSpecID,
    ROSpecID,
    SpecIndex,
    Uptime,
    UTCTimestamp,
)
from readers.llrp.wire import U8, U16, U32, VERSION_1_1, Bits, CustomParameter, Parameter, Text, Unsigned


class EventNotificationState(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.5.1, §16.2.7.5.1."""

    TYPE: ClassVar[int] = 245

    EventType: Annotated[NotificationEventType, Unsigned(2)]
    NotificationState: Annotated[bool, Bits(1, reserved=7)]


class ReaderEventNotificationSpec(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.5, §16.2.7.5."""

    TYPE: ClassVar[int] = 244

    EventNotificationState: tuple[EventNotificationState, ...]


class HoppingEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.2, §16.2.7.6.1."""

    TYPE: ClassVar[int] = 247

    HopTableID: U16
    NextChannelIndex: U16


class GPIEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.3, §16.2.7.6.2."""

    TYPE: ClassVar[int] = 248

    GPIPortNumber: U16
    GPIEvent: Annotated[bool, Bits(1, reserved=7)]


class ROSpecEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.4, §16.2.7.6.3."""

    TYPE: ClassVar[int] = 249

    EventType: Annotated[ROSpecEventType, Unsigned(1)]
    ROSpecID: U32
    PreemptingROSpecID: U32


class ReportBufferLevelWarningEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.5, §16.2.7.6.4."""

    TYPE: ClassVar[int] = 250

    ReportBufferPercentageFull: U8


class ReportBufferOverflowErrorEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.6, §16.2.7.6.5."""

    TYPE: ClassVar[int] = 251


class OpSpecID(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.7.1, §16.2.7.6.6.1."""

    TYPE: ClassVar[int] = 17

    OpSpecID: U16


class ReaderExceptionEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.7, §16.2.7.6.6."""

    TYPE: ClassVar[int] = 252

    Message: Text
    ROSpecID: ROSpecID | None = None
    SpecIndex: SpecIndex | None = None
    InventoryParameterSpecID: InventoryParameterSpecID | None = None
    AntennaID: AntennaID | None = None
    AccessSpecID: AccessSpecID | None = None
    OpSpecID: OpSpecID | None = None
    Custom: tuple[CustomParameter, ...] = ()


class RFSurveyEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.8, §16.2.7.6.7."""

    TYPE: ClassVar[int] = 253

    EventType: Annotated[RFSurveyEventType, Unsigned(1)]
    ROSpecID: U32
    SpecIndex: U16


class AISpecEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.9, §16.2.7.6.8."""

    TYPE: ClassVar[int] = 254

    EventType: Annotated[AISpecEventType, Unsigned(1)]
    ROSpecID: U32
    SpecIndex: U16
    AirProtocolSingulationDetails: C1G2SingulationDetails | None = None


class AntennaEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.10, §16.2.7.6.9."""

    TYPE: ClassVar[int] = 255

    EventType: Annotated[AntennaEventType, Unsigned(1)]
    AntennaID: U16


class ConnectionAttemptEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.11, §16.2.7.6.10."""

    TYPE: ClassVar[int] = 256

    Status: Annotated[ConnectionAttemptStatusType, Unsigned(2)]


class ConnectionCloseEvent(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6.12, §16.2.7.6.11."""

    TYPE: ClassVar[int] = 257


class SpecLoopEvent(Parameter, frozen=True):
    """New in LLRP 1.1."""

    TYPE: ClassVar[int] = 356
    SINCE: ClassVar[int] = VERSION_1_1

    ROSpecID: U32
    LoopCount: U32


class ReaderEventNotificationData(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.6, §16.2.7.6."""

    TYPE: ClassVar[int] = 246

    Timestamp: UTCTimestamp | Uptime
    HoppingEvent: HoppingEvent | None = None
    GPIEvent: GPIEvent | None = None
    ROSpecEvent: ROSpecEvent | None = None
    ReportBufferLevelWarningEvent: ReportBufferLevelWarningEvent | None = None
    ReportBufferOverflowErrorEvent: ReportBufferOverflowErrorEvent | None = None
    ReaderExceptionEvent: ReaderExceptionEvent | None = None
    RFSurveyEvent: RFSurveyEvent | None = None
    AISpecEvent: AISpecEvent | None = None
    AntennaEvent: AntennaEvent | None = None
    ConnectionAttemptEvent: ConnectionAttemptEvent | None = None
    ConnectionCloseEvent: ConnectionCloseEvent | None = None
    SpecLoopEvent: SpecLoopEvent | None = None
    Custom: tuple[CustomParameter, ...] = ()
