"""Reader operation (RO) parameters: what the antennas do, from when to when."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import (
    AirProtocols,
    AISpecStopTriggerType,
    RFSurveySpecStopTriggerType,
    ROSpecStartTriggerType,
    ROSpecState,
    ROSpecStopTriggerType,
    TagObservationTriggerType,
)
from readers.llrp.params_reader import AntennaConfiguration
from readers.llrp.params_report import ROReportSpec, UTCTimestamp
from readers.llrp.wire import U8, U16, U32, VERSION_1_1, Bits, CustomParameter, Pad, Parameter, U16s, Unsigned


class PeriodicTriggerValue(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.1.1.1.1, §16.2.4.1.1.1.1."""

    TYPE: ClassVar[int] = 180

    Offset: U32
    Period: U32
    UTCTimestamp: UTCTimestamp | None = None


class GPITriggerValue(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.1.1.1.2, §16.2.4.1.1.1.2."""

    TYPE: ClassVar[int] = 181

    GPIPortNum: U16
    GPIEvent: Annotated[bool, Bits(1, reserved=7)]
    Timeout: U32


class ROSpecStartTrigger(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.1.1.1, §16.2.4.1.1.1."""

    TYPE: ClassVar[int] = 179

    ROSpecStartTriggerType: Annotated[ROSpecStartTriggerType, Unsigned(1)]
    PeriodicTriggerValue: PeriodicTriggerValue | None = None
    GPITriggerValue: GPITriggerValue | None = None


class ROSpecStopTrigger(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.1.1.2, §16.2.4.1.1.2."""

    TYPE: ClassVar[int] = 182

    ROSpecStopTriggerType: Annotated[ROSpecStopTriggerType, Unsigned(1)]
    DurationTriggerValue: U32
    GPITriggerValue: GPITriggerValue | None = None


class ROBoundarySpec(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.1.1, §16.2.4.1.1."""

    TYPE: ClassVar[int] = 178

    ROSpecStartTrigger: ROSpecStartTrigger
    ROSpecStopTrigger: ROSpecStopTrigger


class TagObservationTrigger(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.2.1.1, §16.2.4.2.1.1."""

    TYPE: ClassVar[int] = 185

    TriggerType: Annotated[TagObservationTriggerType, Unsigned(1), Pad(1)]
    NumberOfTags: U16
    NumberOfAttempts: U16
    T: U16
    Timeout: U32


class AISpecStopTrigger(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.2.1, §16.2.4.2.1."""

    TYPE: ClassVar[int] = 184

    AISpecStopTriggerType: Annotated[AISpecStopTriggerType, Unsigned(1)]
    DurationTrigger: U32
    GPITriggerValue: GPITriggerValue | None = None
    TagObservationTrigger: TagObservationTrigger | None = None


class InventoryParameterSpec(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.2.2, §16.2.4.2.2."""

    TYPE: ClassVar[int] = 186

    InventoryParameterSpecID: U16
    ProtocolID: Annotated[AirProtocols, Unsigned(1)]
    AntennaConfiguration: tuple[AntennaConfiguration, ...] = ()
    Custom: tuple[CustomParameter, ...] = ()


class AISpec(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.2, §16.2.4.2."""

    TYPE: ClassVar[int] = 183

    AntennaIDs: U16s
    AISpecStopTrigger: AISpecStopTrigger
    InventoryParameterSpec: tuple[InventoryParameterSpec, ...]
    Custom: tuple[CustomParameter, ...] = ()


class RFSurveySpecStopTrigger(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.3.1, §16.2.4.3.1."""

    TYPE: ClassVar[int] = 188

    StopTriggerType: Annotated[RFSurveySpecStopTriggerType, Unsigned(1)]
    DurationPeriod: U32
    N: U32


class RFSurveySpec(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.3, §16.2.4.3."""

    TYPE: ClassVar[int] = 187

    AntennaID: U16
    StartFrequency: U32
    EndFrequency: U32
    RFSurveySpecStopTrigger: RFSurveySpecStopTrigger
    Custom: tuple[CustomParameter, ...] = ()


class LoopSpec(Parameter, frozen=True):
    """Repeats the specs before it; 0 means until stopped. New in LLRP 1.1."""

    TYPE: ClassVar[int] = 355
    SINCE: ClassVar[int] = VERSION_1_1

    LoopCount: U32


class ROSpec(Parameter, frozen=True):
    """LLRP 1.0.1 §10.2.1, §16.2.4.1."""

    TYPE: ClassVar[int] = 177

    ROSpecID: U32
    Priority: U8
    CurrentState: Annotated[ROSpecState, Unsigned(1)]
    ROBoundarySpec: ROBoundarySpec
    SpecParameter: tuple[AISpec | RFSurveySpec | LoopSpec | CustomParameter, ...]
    ROReportSpec: ROReportSpec | None = None
