"""Vendors' own parameters: kept as bytes unless we know the subtype.

Impinj's (IANA enterprise number 25882) are described as data below, under Impinj's names. A known subtype whose content
does not have the described shape (firmware adds fields) is kept as `Custom`, so it re-encodes unchanged.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import WireEnum
from readers.llrp.wire import S16, S32, U16, U32, CustomParameter, Pad, Text, ToEnd, U16s, U32s, Unsigned

IMPINJ = 25882


class Custom(CustomParameter, frozen=True):
    """Any vendor's parameter, as bytes. LLRP 1.0.1 §8.2, §16.2.9."""

    VendorIdentifier: U32
    ParameterSubtype: U32
    Data: ToEnd


class VendorParameter(CustomParameter, frozen=True):
    """A custom parameter whose content we know."""

    VENDOR: ClassVar[int] = IMPINJ
    SUBTYPE: ClassVar[int] = 0


class ImpinjInventorySearchType(WireEnum):
    """An enumeration of vendor 25882."""

    Reader_Selected = 0
    Single_Target = 1
    Dual_Target = 2
    Single_Target_With_Suppression = 3
    No_Target = 4
    Single_Target_BtoA = 5
    Dual_Target_with_BtoASelect = 6


class ImpinjFixedFrequencyMode(WireEnum):
    """An enumeration of vendor 25882."""

    Disabled = 0
    Auto_Select = 1
    Channel_List = 2


class ImpinjAdvancedGPOMode(WireEnum):
    """An enumeration of vendor 25882."""

    Normal = 0
    Pulsed = 1
    Reader_Operational_Status = 2
    LLRP_Connection_Status = 3
    Reader_Inventory_Status = 4
    Network_Connection_Status = 5
    Reader_Inventory_Tags_Status = 6


class ImpinjFieldMode(WireEnum):
    """An enumeration of vendor 25882."""

    Disabled = 0
    Enabled = 1


class ImpinjInventorySearchMode(VendorParameter, frozen=True):
    """Vendor 25882, subtype 23."""

    SUBTYPE: ClassVar[int] = 23

    InventorySearchMode: Annotated[ImpinjInventorySearchType, Unsigned(2)]


class ImpinjFixedFrequencyList(VendorParameter, frozen=True):
    """Vendor 25882, subtype 26."""

    SUBTYPE: ClassVar[int] = 26

    FixedFrequencyMode: Annotated[ImpinjFixedFrequencyMode, Unsigned(2), Pad(2)]
    ChannelList: U16s


class ImpinjLowDutyCycle(VendorParameter, frozen=True):
    """Times in ms."""

    SUBTYPE: ClassVar[int] = 28

    LowDutyCycleMode: Annotated[ImpinjFieldMode, Unsigned(2)]
    EmptyFieldTimeout: U16
    FieldPingInterval: U16


class ImpinjDetailedVersion(VendorParameter, frozen=True):
    """Vendor 25882, subtype 29."""

    SUBTYPE: ClassVar[int] = 29

    ModelName: Text
    SerialNumber: Text
    SoftwareVersion: Text
    FirmwareVersion: Text
    FPGAVersion: Text
    PCBAVersion: Text


class ImpinjFrequencyCapabilities(VendorParameter, frozen=True):
    """In kHz."""

    SUBTYPE: ClassVar[int] = 30

    FrequencyList: U32s


class ImpinjGPIDebounceConfiguration(VendorParameter, frozen=True):
    """Vendor 25882, subtype 36."""

    SUBTYPE: ClassVar[int] = 36

    GPIPortNum: U16
    GPIDebounceTimerMSec: U32


class ImpinjReaderTemperature(VendorParameter, frozen=True):
    """In degrees Celsius."""

    SUBTYPE: ClassVar[int] = 37

    Temperature: S16


class ImpinjLinkMonitorConfiguration(VendorParameter, frozen=True):
    """Vendor 25882, subtype 38."""

    SUBTYPE: ClassVar[int] = 38

    LinkMonitorMode: Annotated[ImpinjFieldMode, Unsigned(2)]
    LinkDownThreshold: U16


class ImpinjReportBufferConfiguration(VendorParameter, frozen=True):
    """Vendor 25882, subtype 39."""

    SUBTYPE: ClassVar[int] = 39

    ReportBufferMode: U16


class ImpinjEnableSerializedTID(VendorParameter, frozen=True):
    """Vendor 25882, subtype 51."""

    SUBTYPE: ClassVar[int] = 51

    SerializedTIDMode: Annotated[ImpinjFieldMode, Unsigned(2)]


class ImpinjEnableRFPhaseAngle(VendorParameter, frozen=True):
    """Vendor 25882, subtype 52."""

    SUBTYPE: ClassVar[int] = 52

    RFPhaseAngleMode: Annotated[ImpinjFieldMode, Unsigned(2)]


class ImpinjEnablePeakRSSI(VendorParameter, frozen=True):
    """Vendor 25882, subtype 53."""

    SUBTYPE: ClassVar[int] = 53

    PeakRSSIMode: Annotated[ImpinjFieldMode, Unsigned(2)]


class ImpinjEnableGPSCoordinates(VendorParameter, frozen=True):
    """Vendor 25882, subtype 54."""

    SUBTYPE: ClassVar[int] = 54

    GPSCoordinatesMode: Annotated[ImpinjFieldMode, Unsigned(2)]


class ImpinjEnableRFDopplerFrequency(VendorParameter, frozen=True):
    """Vendor 25882, subtype 67."""

    SUBTYPE: ClassVar[int] = 67

    RFDopplerFrequencyMode: Annotated[ImpinjFieldMode, Unsigned(2)]


class ImpinjTagReportContentSelector(VendorParameter, frozen=True):
    """What Impinj readers add to each tag report."""

    SUBTYPE: ClassVar[int] = 50

    ImpinjEnableSerializedTID: ImpinjEnableSerializedTID | None = None
    ImpinjEnableRFPhaseAngle: ImpinjEnableRFPhaseAngle | None = None
    ImpinjEnablePeakRSSI: ImpinjEnablePeakRSSI | None = None
    ImpinjEnableGPSCoordinates: ImpinjEnableGPSCoordinates | None = None
    ImpinjEnableRFDopplerFrequency: ImpinjEnableRFDopplerFrequency | None = None
    Custom: tuple[CustomParameter, ...] = ()


class ImpinjSerializedTID(VendorParameter, frozen=True):
    """Words of the TID bank, read with every singulation."""

    SUBTYPE: ClassVar[int] = 55

    TID: U16s


class ImpinjRFPhaseAngle(VendorParameter, frozen=True):
    """0 to 4095 for a whole turn."""

    SUBTYPE: ClassVar[int] = 56

    PhaseAngle: U16


class ImpinjPeakRSSI(VendorParameter, frozen=True):
    """In dBm times 100."""

    SUBTYPE: ClassVar[int] = 57

    RSSI: S16


class ImpinjGPSCoordinates(VendorParameter, frozen=True):
    """In degrees times 1e6."""

    SUBTYPE: ClassVar[int] = 58

    Latitude: S32
    Longitude: S32


class ImpinjAdvancedGPOConfiguration(VendorParameter, frozen=True):
    """Vendor 25882, subtype 64."""

    SUBTYPE: ClassVar[int] = 64

    GPOPortNum: U16
    GPOMode: Annotated[ImpinjAdvancedGPOMode, Unsigned(2)]
    GPOPulseDurationMSec: U32


class ImpinjRFDopplerFrequency(VendorParameter, frozen=True):
    """In 1/16 Hz."""

    SUBTYPE: ClassVar[int] = 68

    DopplerFrequency: S16


class ImpinjTxPower(VendorParameter, frozen=True):
    """In dBm times 100."""

    SUBTYPE: ClassVar[int] = 73

    TxPower: U16
