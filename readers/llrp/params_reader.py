"""Reader parameters: capabilities, and configuration of the device and its antennas."""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import (
    AirProtocols,
    CommunicationsStandard,
    GPIPortState,
    IdentificationType,
    KeepaliveTriggerType,
)
from readers.llrp.params_c1g2 import C1G2InventoryCommand, C1G2UHFRFModeTable
from readers.llrp.wire import (
    S16,
    U8,
    U16,
    U32,
    VERSION_1_1,
    Bit,
    Bits,
    CustomParameter,
    Pad,
    Parameter,
    Text,
    U8s,
    U32s,
    Unsigned,
    Vector,
)


class ReceiveSensitivityTableEntry(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.1.1, §16.2.3.1.1."""

    TYPE: ClassVar[int] = 139

    Index: U16
    ReceiveSensitivityValue: S16


class PerAntennaReceiveSensitivityRange(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.1.2, §16.2.3.1.2."""

    TYPE: ClassVar[int] = 149

    AntennaID: U16
    ReceiveSensitivityIndexMin: U16
    ReceiveSensitivityIndexMax: U16


class PerAntennaAirProtocol(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.1.3, §16.2.3.1.3."""

    TYPE: ClassVar[int] = 140

    AntennaID: U16
    ProtocolID: Annotated[tuple[AirProtocols, ...], Vector(1)]


class GPIOCapabilities(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.1.4, §16.2.3.1.4."""

    TYPE: ClassVar[int] = 141

    NumGPIs: U16
    NumGPOs: U16


class MaximumReceiveSensitivity(Parameter, frozen=True):
    """In dBm. New in LLRP 1.1."""

    TYPE: ClassVar[int] = 363
    SINCE: ClassVar[int] = VERSION_1_1

    MaximumSensitivityValue: S16


class GeneralDeviceCapabilities(Parameter, frozen=True, kw_only=True):
    """LLRP 1.0.1 §9.1.2, §16.2.3.1."""

    TYPE: ClassVar[int] = 137

    MaxNumberOfAntennaSupported: U16
    CanSetAntennaProperties: Bit
    HasUTCClockCapability: Annotated[bool, Bits(1, reserved=14)]
    DeviceManufacturerName: U32
    ModelName: U32
    ReaderFirmwareVersion: Text
    ReceiveSensitivityTableEntry: tuple[ReceiveSensitivityTableEntry, ...]
    PerAntennaReceiveSensitivityRange: tuple[PerAntennaReceiveSensitivityRange, ...] = ()
    GPIOCapabilities: GPIOCapabilities
    PerAntennaAirProtocol: tuple[PerAntennaAirProtocol, ...]
    MaximumReceiveSensitivity: MaximumReceiveSensitivity | None = None


class LLRPCapabilities(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.2, §16.2.3.2."""

    TYPE: ClassVar[int] = 142

    CanDoRFSurvey: Bit
    CanReportBufferFillWarning: Bit
    SupportsClientRequestOpSpec: Bit
    CanDoTagInventoryStateAwareSingulation: Bit
    SupportsEventAndReportHolding: Annotated[bool, Bits(1, reserved=3)]
    MaxNumPriorityLevelsSupported: U8
    ClientRequestOpSpecTimeout: U16
    MaxNumROSpecs: U32
    MaxNumSpecsPerROSpec: U32
    MaxNumInventoryParameterSpecsPerAISpec: U32
    MaxNumAccessSpecs: U32
    MaxNumOpSpecsPerAccessSpec: U32


class TransmitPowerLevelTableEntry(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.4.1.1, §16.2.3.4.1.1."""

    TYPE: ClassVar[int] = 145

    Index: U16
    TransmitPowerValue: S16


class FrequencyHopTable(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.4.1.2.1, §16.2.3.4.1.2.1."""

    TYPE: ClassVar[int] = 147

    HopTableID: Annotated[int, Unsigned(1), Pad(1)]
    Frequency: U32s


class FixedFrequencyTable(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.4.1.2.2, §16.2.3.4.1.2.2."""

    TYPE: ClassVar[int] = 148

    Frequency: U32s


class FrequencyInformation(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.4.1.2, §16.2.3.4.1.2."""

    TYPE: ClassVar[int] = 146

    Hopping: Annotated[bool, Bits(1, reserved=7)]
    FrequencyHopTable: tuple[FrequencyHopTable, ...] = ()
    FixedFrequencyTable: FixedFrequencyTable | None = None


class RFSurveyFrequencyCapabilities(Parameter, frozen=True):
    """In kHz. New in LLRP 1.1."""

    TYPE: ClassVar[int] = 365
    SINCE: ClassVar[int] = VERSION_1_1

    MinimumFrequency: U32
    MaximumFrequency: U32


class UHFBandCapabilities(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.4.1, §16.2.3.4.1."""

    TYPE: ClassVar[int] = 144

    TransmitPowerLevelTableEntry: tuple[TransmitPowerLevelTableEntry, ...]
    FrequencyInformation: FrequencyInformation
    AirProtocolUHFRFModeTable: tuple[C1G2UHFRFModeTable, ...]
    RFSurveyFrequencyCapabilities: RFSurveyFrequencyCapabilities | None = None


class RegulatoryCapabilities(Parameter, frozen=True):
    """LLRP 1.0.1 §9.2.4, §16.2.3.4."""

    TYPE: ClassVar[int] = 143

    CountryCode: U16
    CommunicationsStandard: Annotated[CommunicationsStandard, Unsigned(2)]
    UHFBandCapabilities: UHFBandCapabilities | None = None
    Custom: tuple[CustomParameter, ...] = ()


class LLRPConfigurationStateValue(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.1, §16.2.6.1."""

    TYPE: ClassVar[int] = 217

    LLRPConfigurationStateValue: U32


class Identification(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.2, §16.2.6.2."""

    TYPE: ClassVar[int] = 218

    IDType: Annotated[IdentificationType, Unsigned(1)]
    ReaderID: U8s


class GPOWriteData(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.3, §16.2.6.3."""

    TYPE: ClassVar[int] = 219

    GPOPortNumber: U16
    GPOData: Annotated[bool, Bits(1, reserved=7)]


class KeepaliveSpec(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.4, §16.2.6.4."""

    TYPE: ClassVar[int] = 220

    KeepaliveTriggerType: Annotated[KeepaliveTriggerType, Unsigned(1)]
    PeriodicTriggerValue: U32


class AntennaProperties(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.5, §16.2.6.5."""

    TYPE: ClassVar[int] = 221

    AntennaConnected: Annotated[bool, Bits(1, reserved=7)]
    AntennaID: U16
    AntennaGain: S16


class RFReceiver(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.6.1, §16.2.6.7."""

    TYPE: ClassVar[int] = 223

    ReceiverSensitivity: U16


class RFTransmitter(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.6.2, §16.2.6.8."""

    TYPE: ClassVar[int] = 224

    HopTableID: U16
    ChannelIndex: U16
    TransmitPower: U16


class AntennaConfiguration(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.6, §16.2.6.6."""

    TYPE: ClassVar[int] = 222

    AntennaID: U16
    RFReceiver: RFReceiver | None = None
    RFTransmitter: RFTransmitter | None = None
    AirProtocolInventoryCommandSettings: tuple[C1G2InventoryCommand, ...] = ()
    Custom: tuple[CustomParameter, ...] = ()


class GPIPortCurrentState(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.6.3, §16.2.6.9."""

    TYPE: ClassVar[int] = 225

    GPIPortNum: U16
    Config: Annotated[bool, Bits(1, reserved=7)]
    State: Annotated[GPIPortState, Unsigned(1)]


class EventsAndReports(Parameter, frozen=True):
    """LLRP 1.0.1 §12.2.6.4, §16.2.6.10."""

    TYPE: ClassVar[int] = 226

    HoldEventsAndReportsUponReconnect: Annotated[bool, Bits(1, reserved=7)]
