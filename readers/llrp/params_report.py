"""Report parameters: what is reported and when, tag data and survey data."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import AccessReportTriggerType, ROReportTriggerType
from readers.llrp.params_c1g2 import C1G2_CRC, C1G2_PC, C1G2_XPCW1, C1G2_XPCW2, C1G2EPCMemorySelector
from readers.llrp.params_c1g2_results import (
    C1G2BlockEraseOpSpecResult,
    C1G2BlockPermalockOpSpecResult,
    C1G2BlockWriteOpSpecResult,
    C1G2GetBlockPermalockStatusOpSpecResult,
    C1G2KillOpSpecResult,
    C1G2LockOpSpecResult,
    C1G2ReadOpSpecResult,
    C1G2RecommissionOpSpecResult,
    C1G2WriteOpSpecResult,
)
from readers.llrp.wire import S8, U16, U32, U64, U96, Bit, Bits, BitString, CustomParameter, Parameter, Unsigned


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
