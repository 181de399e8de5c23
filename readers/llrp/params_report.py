"""Report parameters: what is reported and when, tag and survey data, events, status and errors."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import (
    AccessReportTriggerType,
    AISpecEventType,
    AntennaEventType,
    ConnectionAttemptStatusType,
    NotificationEventType,
    RFSurveyEventType,
    ROReportTriggerType,
    ROSpecEventType,
    StatusCode,
)
from readers.llrp.params_c1g2 import (
    C1G2_CRC,
    C1G2_PC,
    C1G2_XPCW1,
    C1G2_XPCW2,
    C1G2BlockEraseOpSpecResult,
    C1G2BlockPermalockOpSpecResult,
    C1G2BlockWriteOpSpecResult,
    C1G2EPCMemorySelector,
    C1G2GetBlockPermalockStatusOpSpecResult,
    C1G2KillOpSpecResult,
    C1G2LockOpSpecResult,
    C1G2ReadOpSpecResult,
    C1G2RecommissionOpSpecResult,
    C1G2SingulationDetails,
    C1G2WriteOpSpecResult,
)
from readers.llrp.wire import (
    S8,
    U8,
    U16,
    U32,
    U64,
    U96,
    VERSION_1_1,
    Bit,
    Bits,
    BitString,
    CustomParameter,
    Parameter,
    Text,
    Unsigned,
)


class UTCTimestamp(Parameter, frozen=True):
    """LLRP 1.0.1 §7.1.3.1.1.1, §16.2.2.1."""

    TYPE: ClassVar[int] = 128

    Microseconds: U64


class Uptime(Parameter, frozen=True):
    """LLRP 1.0.1 §7.1.3.1.1.2, §16.2.2.2."""

    TYPE: ClassVar[int] = 129

    Microseconds: U64


class TagReportContentSelector(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.1.1, §16.2.7.1.1."""

    TYPE: ClassVar[int] = 238

    EnableROSpecID: Bit
    EnableSpecIndex: Bit
    EnableInventoryParameterSpecID: Bit
    EnableAntennaID: Bit
    EnableChannelIndex: Bit
    EnablePeakRSSI: Bit
    EnableFirstSeenTimestamp: Bit
    EnableLastSeenTimestamp: Bit
    EnableTagSeenCount: Bit
    EnableAccessSpecID: Annotated[bool, Bits(1, reserved=6)]
    AirProtocolEPCMemorySelector: tuple[C1G2EPCMemorySelector, ...] = ()
    Custom: tuple[CustomParameter, ...] = ()


class ROReportSpec(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.1, §16.2.7.1."""

    TYPE: ClassVar[int] = 237

    ROReportTrigger: Annotated[ROReportTriggerType, Unsigned(1)]
    N: U16
    TagReportContentSelector: TagReportContentSelector
    Custom: tuple[CustomParameter, ...] = ()


class AccessReportSpec(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.2, §16.2.7.2."""

    TYPE: ClassVar[int] = 239

    AccessReportTrigger: Annotated[AccessReportTriggerType, Unsigned(1)]


class EPCData(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.2, §16.2.7.3.1."""

    TYPE: ClassVar[int] = 241

    EPC: BitString


class EPC_96(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.2, §16.2.7.3.2."""

    TYPE: ClassVar[int] = 13

    EPC: U96


class ROSpecID(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.3, §16.2.7.3.3."""

    TYPE: ClassVar[int] = 9

    ROSpecID: U32


class SpecIndex(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.4, §16.2.7.3.4."""

    TYPE: ClassVar[int] = 14

    SpecIndex: U16


class InventoryParameterSpecID(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.5, §16.2.7.3.5."""

    TYPE: ClassVar[int] = 10

    InventoryParameterSpecID: U16


class AntennaID(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.6, §16.2.7.3.6."""

    TYPE: ClassVar[int] = 1

    AntennaID: U16


class PeakRSSI(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.7, §16.2.7.3.7."""

    TYPE: ClassVar[int] = 6

    PeakRSSI: S8


class ChannelIndex(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.8, §16.2.7.3.8."""

    TYPE: ClassVar[int] = 7

    ChannelIndex: U16


class FirstSeenTimestampUTC(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.9, §16.2.7.3.9."""

    TYPE: ClassVar[int] = 2

    Microseconds: U64


class FirstSeenTimestampUptime(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.10, §16.2.7.3.10."""

    TYPE: ClassVar[int] = 3

    Microseconds: U64


class LastSeenTimestampUTC(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.11, §16.2.7.3.11."""

    TYPE: ClassVar[int] = 4

    Microseconds: U64


class LastSeenTimestampUptime(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.12, §16.2.7.3.12."""

    TYPE: ClassVar[int] = 5

    Microseconds: U64


class TagSeenCount(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.13, §16.2.7.3.13."""

    TYPE: ClassVar[int] = 8

    TagCount: U16


class AccessSpecID(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3.15, §16.2.7.3.15."""

    TYPE: ClassVar[int] = 16

    AccessSpecID: U32


class ClientRequestOpSpecResult(Parameter, frozen=True):
    """Result of a ClientRequestOpSpec."""

    TYPE: ClassVar[int] = 15

    OpSpecID: U16


class TagReportData(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.3, §16.2.7.3."""

    TYPE: ClassVar[int] = 240

    EPCParameter: EPCData | EPC_96
    ROSpecID: ROSpecID | None = None
    SpecIndex: SpecIndex | None = None
    InventoryParameterSpecID: InventoryParameterSpecID | None = None
    AntennaID: AntennaID | None = None
    PeakRSSI: PeakRSSI | None = None
    ChannelIndex: ChannelIndex | None = None
    FirstSeenTimestampUTC: FirstSeenTimestampUTC | None = None
    FirstSeenTimestampUptime: FirstSeenTimestampUptime | None = None
    LastSeenTimestampUTC: LastSeenTimestampUTC | None = None
    LastSeenTimestampUptime: LastSeenTimestampUptime | None = None
    TagSeenCount: TagSeenCount | None = None
    AirProtocolTagData: tuple[C1G2_PC | C1G2_XPCW1 | C1G2_XPCW2 | C1G2_CRC, ...] = ()
    AccessSpecID: AccessSpecID | None = None
    AccessCommandOpSpecResult: tuple[
        C1G2ReadOpSpecResult
        | C1G2WriteOpSpecResult
        | C1G2KillOpSpecResult
        | C1G2LockOpSpecResult
        | C1G2BlockEraseOpSpecResult
        | C1G2BlockWriteOpSpecResult
        | C1G2RecommissionOpSpecResult
        | C1G2BlockPermalockOpSpecResult
        | C1G2GetBlockPermalockStatusOpSpecResult
        | ClientRequestOpSpecResult
        | CustomParameter,
        ...,
    ] = ()
    Custom: tuple[CustomParameter, ...] = ()


class FrequencyRSSILevelEntry(Parameter, frozen=True):
    """LLRP 1.0.1 §13.2.4.1, §16.2.7.4.1."""

    TYPE: ClassVar[int] = 243

    Frequency: U32
    Bandwidth: U32
    AverageRSSI: S8
    PeakRSSI: S8
    Timestamp: UTCTimestamp | Uptime


class RFSurveyReportData(Parameter, frozen=True, kw_only=True):
    """LLRP 1.0.1 §13.2.4, §16.2.7.4."""

    TYPE: ClassVar[int] = 242

    ROSpecID: ROSpecID | None = None
    SpecIndex: SpecIndex | None = None
    FrequencyRSSILevelEntry: tuple[FrequencyRSSILevelEntry, ...]
    Custom: tuple[CustomParameter, ...] = ()


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


class FieldError(Parameter, frozen=True):
    """LLRP 1.0.1 §14.2.2.1, §16.2.8.1.1."""

    TYPE: ClassVar[int] = 288

    FieldNum: U16
    ErrorCode: Annotated[StatusCode, Unsigned(2)]


class ParameterError(Parameter, frozen=True):
    """LLRP 1.0.1 §14.2.2.2, §16.2.8.1.2."""

    TYPE: ClassVar[int] = 289

    ParameterType: U16
    ErrorCode: Annotated[StatusCode, Unsigned(2)]
    FieldError: FieldError | None = None
    ParameterError: ParameterError | None = None


class LLRPStatus(Parameter, frozen=True):
    """LLRP 1.0.1 §14.2.2, §16.2.8.1."""

    TYPE: ClassVar[int] = 287

    StatusCode: Annotated[StatusCode, Unsigned(2)]
    ErrorDescription: Text
    FieldError: FieldError | None = None
    ParameterError: ParameterError | None = None
