"""Enumerations of LLRP 1.0.1, with what 1.1 added; those of the air protocol are in `enums_c1g2`.

Names are those of the LLRP Toolkit's definition file (`None_` stands for `None`, a reserved word). A value that the
standard reserves, or that a later version defines, becomes a member of its own named `Reserved_<value>`, so that it
survives decoding and encoding and compares equal to its number.
"""

from enum import IntEnum
from typing import Self


class WireEnum(IntEnum):
    """An enumeration field."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or value < 0:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"Reserved_{value}"
        member._value_ = value
        return member

    @property
    def is_reserved(self) -> bool:
        """Whether this value has no meaning in LLRP 1.1."""
        return self._value_ not in type(self)._value2member_map_


class AirProtocols(WireEnum):
    """LLRP 1.0.1 §7.1.4."""

    Unspecified = 0
    EPCGlobalClass1Gen2 = 1


class GetReaderCapabilitiesRequestedData(WireEnum):
    """LLRP 1.0.1 §9.1.1."""

    All = 0
    General_Device_Capabilities = 1
    LLRP_Capabilities = 2
    Regulatory_Capabilities = 3
    LLRP_Air_Protocol_Capabilities = 4


class CommunicationsStandard(WireEnum):
    """LLRP 1.0.1 §9.2.4."""

    Unspecified = 0
    US_FCC_Part_15 = 1
    ETSI_302_208 = 2
    ETSI_300_220 = 3
    Australia_LIPD_1W = 4
    Australia_LIPD_4W = 5
    Japan_ARIB_STD_T89 = 6
    Hong_Kong_OFTA_1049 = 7
    Taiwan_DGT_LP0002 = 8
    Korea_MIC_Article_5_2 = 9
    Band_902_928_MHz_4W_FHSS = 10  # 1.1, as all below
    ETSI_302_208_2W_Without_LBT = 11
    Brazil_902_907p5_MHz_4W_FHSS = 12
    China_840p5_844p5_MHz_2W_FHSS = 13
    China_920p5_924p5_MHz_2W_FHSS = 14
    Hong_Kong_920_925_MHz_4W = 15
    Israel_915_917_MHz = 16
    Japan_952_954_MHz_4W_LBT = 17
    Japan_952_955_MHz_20mW_LBT = 18
    Band_865_868_MHz_500mW = 19
    Korea_917_920p8_MHz_4W_FHSS_Or_LBT = 20
    Korea_917_923p5_MHz_200mW_FHSS_Or_LBT = 21
    Malaysia_866_869_MHz = 22
    Malaysia_919_923_MHz_2W = 23
    New_Zealand_864_868_MHz_4W = 24
    Singapore_866_869_MHz_500mW = 25
    Singapore_920_925_MHz_2W = 26
    South_Africa_915p4_919_MHz_4W_FHSS = 27
    South_Africa_919p2_921_MHz_4W = 28
    Taiwan_922_928_MHz_1W_FHSS = 29
    Taiwan_922_928_MHz_500mW_FHSS = 30
    Thailand_920_925_MHz_4W_FHSS = 31
    Venezuela_922_928_MHz = 32
    Vietnam_866_869_MHz_500mW = 33
    Vietnam_920_925_MHz_2W = 34


class ROSpecState(WireEnum):
    """LLRP 1.0.1 §10.2.1."""

    Disabled = 0
    Inactive = 1
    Active = 2


class ROSpecStartTriggerType(WireEnum):
    """LLRP 1.0.1 §10.2.1.1.1."""

    Null = 0
    Immediate = 1
    Periodic = 2
    GPI = 3


class ROSpecStopTriggerType(WireEnum):
    """LLRP 1.0.1 §10.2.1.1.2."""

    Null = 0
    Duration = 1
    GPI_With_Timeout = 2


class AISpecStopTriggerType(WireEnum):
    """LLRP 1.0.1 §10.2.2.1."""

    Null = 0
    Duration = 1
    GPI_With_Timeout = 2
    Tag_Observation = 3


class TagObservationTriggerType(WireEnum):
    """LLRP 1.0.1 §10.2.2.1.1."""

    Upon_Seeing_N_Tags_Or_Timeout = 0
    Upon_Seeing_No_More_New_Tags_For_Tms_Or_Timeout = 1
    N_Attempts_To_See_All_Tags_In_FOV_Or_Timeout = 2
    Upon_Seeing_N_Unique_Tags_Or_Timeout = 3  # 1.1
    Upon_Seeing_No_More_New_Unique_Tags_For_Tms_Or_Timeout = 4  # 1.1


class RFSurveySpecStopTriggerType(WireEnum):
    """LLRP 1.0.1 §10.2.3.1."""

    Null = 0
    Duration = 1
    N_Iterations_Through_Frequency_Range = 2


class AccessSpecState(WireEnum):
    """LLRP 1.0.1 §11.2.1."""

    Disabled = 0
    Active = 1


class AccessSpecStopTriggerType(WireEnum):
    """LLRP 1.0.1 §11.2.1.1."""

    Null = 0
    Operation_Count = 1


class GetReaderConfigRequestedData(WireEnum):
    """LLRP 1.0.1 §12.1.1."""

    All = 0
    Identification = 1
    AntennaProperties = 2
    AntennaConfiguration = 3
    ROReportSpec = 4
    ReaderEventNotificationSpec = 5
    AccessReportSpec = 6
    LLRPConfigurationStateValue = 7
    KeepaliveSpec = 8
    GPIPortCurrentState = 9
    GPOWriteData = 10
    EventsAndReports = 11


class IdentificationType(WireEnum):
    """LLRP 1.0.1 §12.2.2."""

    MAC_Address = 0
    EPC = 1


class KeepaliveTriggerType(WireEnum):
    """LLRP 1.0.1 §12.2.4."""

    Null = 0
    Periodic = 1


class GPIPortState(WireEnum):
    """LLRP 1.0.1 §12.2.6.3."""

    Low = 0
    High = 1
    Unknown = 2


class ROReportTriggerType(WireEnum):
    """LLRP 1.0.1 §13.2.1."""

    None_ = 0
    Upon_N_Tags_Or_End_Of_AISpec = 1
    Upon_N_Tags_Or_End_Of_ROSpec = 2
    Upon_N_Seconds_Or_End_Of_AISpec = 3  # 1.1
    Upon_N_Seconds_Or_End_Of_ROSpec = 4  # 1.1
    Upon_N_Milliseconds_Or_End_Of_AISpec = 5  # 1.1
    Upon_N_Milliseconds_Or_End_Of_ROSpec = 6  # 1.1


class AccessReportTriggerType(WireEnum):
    """LLRP 1.0.1 §13.2.2."""

    Whenever_ROReport_Is_Generated = 0
    End_Of_AccessSpec = 1


class NotificationEventType(WireEnum):
    """LLRP 1.0.1 §13.2.5.1."""

    Upon_Hopping_To_Next_Channel = 0
    GPI_Event = 1
    ROSpec_Event = 2
    Report_Buffer_Fill_Warning = 3
    Reader_Exception_Event = 4
    RFSurvey_Event = 5
    AISpec_Event = 6
    AISpec_Event_With_Details = 7
    Antenna_Event = 8
    SpecLoop_Event = 9  # 1.1


class ROSpecEventType(WireEnum):
    """LLRP 1.0.1 §13.2.6.4."""

    Start_Of_ROSpec = 0
    End_Of_ROSpec = 1
    Preemption_Of_ROSpec = 2


class RFSurveyEventType(WireEnum):
    """LLRP 1.0.1 §13.2.6.8."""

    Start_Of_RFSurvey = 0
    End_Of_RFSurvey = 1


class AISpecEventType(WireEnum):
    """LLRP 1.0.1 §13.2.6.9."""

    End_Of_AISpec = 0


class AntennaEventType(WireEnum):
    """LLRP 1.0.1 §13.2.6.10."""

    Antenna_Disconnected = 0
    Antenna_Connected = 1


class ConnectionAttemptStatusType(WireEnum):
    """LLRP 1.0.1 §13.2.6.11."""

    Success = 0
    Failed_A_Reader_Initiated_Connection_Already_Exists = 1
    Failed_A_Client_Initiated_Connection_Already_Exists = 2
    Failed_Reason_Other_Than_A_Connection_Already_Exists = 3
    Another_Connection_Attempted = 4


class StatusCode(WireEnum):
    """LLRP 1.0.1 §14.2.1."""

    M_Success = 0
    M_ParameterError = 100
    M_FieldError = 101
    M_UnexpectedParameter = 102
    M_MissingParameter = 103
    M_DuplicateParameter = 104
    M_OverflowParameter = 105
    M_OverflowField = 106
    M_UnknownParameter = 107
    M_UnknownField = 108
    M_UnsupportedMessage = 109
    M_UnsupportedVersion = 110
    M_UnsupportedParameter = 111
    M_UnexpectedMessage = 112  # 1.1
    P_ParameterError = 200
    P_FieldError = 201
    P_UnexpectedParameter = 202
    P_MissingParameter = 203
    P_DuplicateParameter = 204
    P_OverflowParameter = 205
    P_OverflowField = 206
    P_UnknownParameter = 207
    P_UnknownField = 208
    P_UnsupportedParameter = 209
    A_Invalid = 300
    A_OutOfRange = 301
    R_DeviceError = 401
