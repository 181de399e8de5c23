"""Every message of LLRP 1.0.1 and 1.1, named as its standard name reads: ADD_ROSPEC is `AddROSpec`.

Those that vendors add are in `messages_custom`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from readers.llrp.enums import GetReaderCapabilitiesRequestedData, GetReaderConfigRequestedData
from readers.llrp.params_access import AccessSpec, ClientRequestResponse
from readers.llrp.params_c1g2 import C1G2LLRPCapabilities
from readers.llrp.params_events import ReaderEventNotificationData, ReaderEventNotificationSpec
from readers.llrp.params_reader import (
    AntennaConfiguration,
    AntennaProperties,
    EventsAndReports,
    GeneralDeviceCapabilities,
    GPIPortCurrentState,
    GPOWriteData,
    Identification,
    KeepaliveSpec,
    LLRPCapabilities,
    LLRPConfigurationStateValue,
    RegulatoryCapabilities,
)
from readers.llrp.params_report import AccessReportSpec, RFSurveyReportData, ROReportSpec, TagReportData
from readers.llrp.params_rospec import ROSpec
from readers.llrp.params_status import LLRPStatus
from readers.llrp.wire import (
    U8,
    U16,
    U32,
    VERSION_1_1,
    Bits,
    CustomMessageType,
    CustomParameter,
    Message,
    ToEnd,
    Unsigned,
)


class CustomMessage(CustomMessageType, frozen=True):
    """LLRP 1.0.1 §8.1, §16.1.42."""

    TYPE: ClassVar[int] = 1023

    VendorIdentifier: U32
    MessageSubtype: U8
    Data: ToEnd


class GetSupportedVersion(Message, frozen=True):
    """New in LLRP 1.1, sent with version 1.1 in its header."""

    TYPE: ClassVar[int] = 46
    SINCE: ClassVar[int] = VERSION_1_1
    RESPONSE: ClassVar[int] = 56


class GetSupportedVersionResponse(Message, frozen=True):
    """New in LLRP 1.1."""

    TYPE: ClassVar[int] = 56
    SINCE: ClassVar[int] = VERSION_1_1

    CurrentVersion: U8
    SupportedVersion: U8
    LLRPStatus: LLRPStatus


class SetProtocolVersion(Message, frozen=True):
    """New in LLRP 1.1, sent with version 1.1 in its header."""

    TYPE: ClassVar[int] = 47
    SINCE: ClassVar[int] = VERSION_1_1
    RESPONSE: ClassVar[int] = 57

    ProtocolVersion: U8


class SetProtocolVersionResponse(Message, frozen=True):
    """New in LLRP 1.1."""

    TYPE: ClassVar[int] = 57
    SINCE: ClassVar[int] = VERSION_1_1

    LLRPStatus: LLRPStatus


class GetReaderCapabilities(Message, frozen=True):
    """LLRP 1.0.1 §9.1.1, §16.1.1."""

    TYPE: ClassVar[int] = 1
    RESPONSE: ClassVar[int] = 11

    RequestedData: Annotated[GetReaderCapabilitiesRequestedData, Unsigned(1)]
    Custom: tuple[CustomParameter, ...] = ()


class GetReaderCapabilitiesResponse(Message, frozen=True):
    """LLRP 1.0.1 §9.1.2, §16.1.2."""

    TYPE: ClassVar[int] = 11

    LLRPStatus: LLRPStatus
    GeneralDeviceCapabilities: GeneralDeviceCapabilities | None = None
    LLRPCapabilities: LLRPCapabilities | None = None
    RegulatoryCapabilities: RegulatoryCapabilities | None = None
    AirProtocolLLRPCapabilities: C1G2LLRPCapabilities | None = None
    Custom: tuple[CustomParameter, ...] = ()


class AddROSpec(Message, frozen=True):
    """LLRP 1.0.1 §10.1.1, §16.1.3."""

    TYPE: ClassVar[int] = 20
    RESPONSE: ClassVar[int] = 30

    ROSpec: ROSpec


class AddROSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §10.1.2, §16.1.4."""

    TYPE: ClassVar[int] = 30

    LLRPStatus: LLRPStatus


class DeleteROSpec(Message, frozen=True):
    """LLRP 1.0.1 §10.1.3, §16.1.5."""

    TYPE: ClassVar[int] = 21
    RESPONSE: ClassVar[int] = 31

    ROSpecID: U32


class DeleteROSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §10.1.4, §16.1.6."""

    TYPE: ClassVar[int] = 31

    LLRPStatus: LLRPStatus


class StartROSpec(Message, frozen=True):
    """LLRP 1.0.1 §10.1.5, §16.1.7."""

    TYPE: ClassVar[int] = 22
    RESPONSE: ClassVar[int] = 32

    ROSpecID: U32


class StartROSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §10.1.6, §16.1.8."""

    TYPE: ClassVar[int] = 32

    LLRPStatus: LLRPStatus


class StopROSpec(Message, frozen=True):
    """LLRP 1.0.1 §10.1.7, §16.1.9."""

    TYPE: ClassVar[int] = 23
    RESPONSE: ClassVar[int] = 33

    ROSpecID: U32


class StopROSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §10.1.8, §16.1.10."""

    TYPE: ClassVar[int] = 33

    LLRPStatus: LLRPStatus


class EnableROSpec(Message, frozen=True):
    """LLRP 1.0.1 §10.1.9, §16.1.11."""

    TYPE: ClassVar[int] = 24
    RESPONSE: ClassVar[int] = 34

    ROSpecID: U32


class EnableROSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §10.1.10, §16.1.12."""

    TYPE: ClassVar[int] = 34

    LLRPStatus: LLRPStatus


class DisableROSpec(Message, frozen=True):
    """LLRP 1.0.1 §10.1.11, §16.1.13."""

    TYPE: ClassVar[int] = 25
    RESPONSE: ClassVar[int] = 35

    ROSpecID: U32


class DisableROSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §10.1.12, §16.1.14."""

    TYPE: ClassVar[int] = 35

    LLRPStatus: LLRPStatus


class GetROSpecs(Message, frozen=True):
    """LLRP 1.0.1 §10.1.13, §16.1.15."""

    TYPE: ClassVar[int] = 26
    RESPONSE: ClassVar[int] = 36


class GetROSpecsResponse(Message, frozen=True):
    """LLRP 1.0.1 §10.1.14, §16.1.16."""

    TYPE: ClassVar[int] = 36

    LLRPStatus: LLRPStatus
    ROSpec: tuple[ROSpec, ...] = ()


class AddAccessSpec(Message, frozen=True):
    """LLRP 1.0.1 §11.1.1, §16.1.17."""

    TYPE: ClassVar[int] = 40
    RESPONSE: ClassVar[int] = 50

    AccessSpec: AccessSpec


class AddAccessSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §11.1.2, §16.1.18."""

    TYPE: ClassVar[int] = 50

    LLRPStatus: LLRPStatus


class DeleteAccessSpec(Message, frozen=True):
    """LLRP 1.0.1 §11.1.3, §16.1.19."""

    TYPE: ClassVar[int] = 41
    RESPONSE: ClassVar[int] = 51

    AccessSpecID: U32


class DeleteAccessSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §11.1.4, §16.1.20."""

    TYPE: ClassVar[int] = 51

    LLRPStatus: LLRPStatus


class EnableAccessSpec(Message, frozen=True):
    """LLRP 1.0.1 §11.1.5, §16.1.21."""

    TYPE: ClassVar[int] = 42
    RESPONSE: ClassVar[int] = 52

    AccessSpecID: U32


class EnableAccessSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §11.1.6, §16.1.22."""

    TYPE: ClassVar[int] = 52

    LLRPStatus: LLRPStatus


class DisableAccessSpec(Message, frozen=True):
    """LLRP 1.0.1 §11.1.7, §16.1.23."""

    TYPE: ClassVar[int] = 43
    RESPONSE: ClassVar[int] = 53

    AccessSpecID: U32


class DisableAccessSpecResponse(Message, frozen=True):
    """LLRP 1.0.1 §11.1.8, §16.1.24."""

    TYPE: ClassVar[int] = 53

    LLRPStatus: LLRPStatus


class GetAccessSpecs(Message, frozen=True):
    """LLRP 1.0.1 §11.1.9, §16.1.25."""

    TYPE: ClassVar[int] = 44
    RESPONSE: ClassVar[int] = 54


class GetAccessSpecsResponse(Message, frozen=True):
    """LLRP 1.0.1 §11.1.10, §16.1.26."""

    TYPE: ClassVar[int] = 54

    LLRPStatus: LLRPStatus
    AccessSpec: tuple[AccessSpec, ...] = ()


class ClientRequestOp(Message, frozen=True):
    """The reader asks the client for operations on the tag it just singulated."""

    TYPE: ClassVar[int] = 45
    RESPONSE: ClassVar[int] = 55

    TagReportData: TagReportData


class ClientRequestOpResponse(Message, frozen=True):
    """The client's answer to CLIENT_REQUEST_OP."""

    TYPE: ClassVar[int] = 55

    ClientRequestResponse: ClientRequestResponse


class GetReaderConfig(Message, frozen=True):
    """LLRP 1.0.1 §12.1.1, §16.1.36."""

    TYPE: ClassVar[int] = 2
    RESPONSE: ClassVar[int] = 12

    AntennaID: U16
    RequestedData: Annotated[GetReaderConfigRequestedData, Unsigned(1)]
    GPIPortNum: U16
    GPOPortNum: U16
    Custom: tuple[CustomParameter, ...] = ()


class GetReaderConfigResponse(Message, frozen=True):
    """LLRP 1.0.1 §12.1.2, §16.1.37."""

    TYPE: ClassVar[int] = 12

    LLRPStatus: LLRPStatus
    Identification: Identification | None = None
    AntennaProperties: tuple[AntennaProperties, ...] = ()
    AntennaConfiguration: tuple[AntennaConfiguration, ...] = ()
    ReaderEventNotificationSpec: ReaderEventNotificationSpec | None = None
    ROReportSpec: ROReportSpec | None = None
    AccessReportSpec: AccessReportSpec | None = None
    LLRPConfigurationStateValue: LLRPConfigurationStateValue | None = None
    KeepaliveSpec: KeepaliveSpec | None = None
    GPIPortCurrentState: tuple[GPIPortCurrentState, ...] = ()
    GPOWriteData: tuple[GPOWriteData, ...] = ()
    EventsAndReports: EventsAndReports | None = None
    Custom: tuple[CustomParameter, ...] = ()


class SetReaderConfig(Message, frozen=True):
    """LLRP 1.0.1 §12.1.3, §16.1.38."""

    TYPE: ClassVar[int] = 3
    RESPONSE: ClassVar[int] = 13

    ResetToFactoryDefault: Annotated[bool, Bits(1, reserved=7)]
    ReaderEventNotificationSpec: ReaderEventNotificationSpec | None = None
    AntennaProperties: tuple[AntennaProperties, ...] = ()
    AntennaConfiguration: tuple[AntennaConfiguration, ...] = ()
    ROReportSpec: ROReportSpec | None = None
    AccessReportSpec: AccessReportSpec | None = None
    KeepaliveSpec: KeepaliveSpec | None = None
    GPOWriteData: tuple[GPOWriteData, ...] = ()
    GPIPortCurrentState: tuple[GPIPortCurrentState, ...] = ()
    EventsAndReports: EventsAndReports | None = None
    Custom: tuple[CustomParameter, ...] = ()


class SetReaderConfigResponse(Message, frozen=True):
    """LLRP 1.0.1 §12.1.4, §16.1.39."""

    TYPE: ClassVar[int] = 13

    LLRPStatus: LLRPStatus


class CloseConnection(Message, frozen=True):
    """LLRP 1.0.1 §12.1.5, §16.1.40."""

    TYPE: ClassVar[int] = 14
    RESPONSE: ClassVar[int] = 4


class CloseConnectionResponse(Message, frozen=True):
    """LLRP 1.0.1 §12.1.6, §16.1.41."""

    TYPE: ClassVar[int] = 4

    LLRPStatus: LLRPStatus


class GetReport(Message, frozen=True):
    """LLRP 1.0.1 §13.1.1, §16.1.29."""

    TYPE: ClassVar[int] = 60


class ROAccessReport(Message, frozen=True):
    """LLRP 1.0.1 §13.1.2, §16.1.30."""

    TYPE: ClassVar[int] = 61

    TagReportData: tuple[TagReportData, ...] = ()
    RFSurveyReportData: tuple[RFSurveyReportData, ...] = ()
    Custom: tuple[CustomParameter, ...] = ()


class KeepAlive(Message, frozen=True):
    """LLRP 1.0.1 §13.1.3, §16.1.31."""

    TYPE: ClassVar[int] = 62


class KeepAliveAck(Message, frozen=True):
    """LLRP 1.0.1 §13.1.4, §16.1.32."""

    TYPE: ClassVar[int] = 72


class ReaderEventNotification(Message, frozen=True):
    """LLRP 1.0.1 §13.1.5, §16.1.33."""

    TYPE: ClassVar[int] = 63

    ReaderEventNotificationData: ReaderEventNotificationData


class EnableEventsAndReports(Message, frozen=True):
    """LLRP 1.0.1 §13.1.6, §16.1.34."""

    TYPE: ClassVar[int] = 64


class ErrorMessage(Message, frozen=True):
    """LLRP 1.0.1 §14.1.1, §16.1.35."""

    TYPE: ClassVar[int] = 100

    LLRPStatus: LLRPStatus
