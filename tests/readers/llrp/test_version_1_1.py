"""Frames of LLRP 1.1. All captures we have are version 1, so every frame here is OURS: written by hand from the field
tables of the standard's chapter on binary encoding, not recorded from a reader. `tagledger llrp record` is how a real
reader's session becomes a golden file; when there is one with version 2 in its headers, it belongs beside these.
"""

import pytest

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import decode, encode, encode_parameter
from readers.llrp.enums import (
    NotificationEventType,
    ROReportTriggerType,
    ROSpecStartTriggerType,
    ROSpecState,
    ROSpecStopTriggerType,
    StatusCode,
)
from readers.llrp.enums_c1g2 import (
    C1G2BlockPermalockResultType,
    C1G2GetBlockPermalockStatusResultType,
    C1G2ReadResultType,
    C1G2RecommissionResultType,
    C1G2TagInventoryStateAwareI,
    C1G2TagInventoryStateAwareS,
)
from readers.llrp.errors import EncodeError
from readers.llrp.report import ReportDecoder
from readers.llrp.wire import Message
from readers.model import ReadBatch

SUCCESS = p.LLRPStatus(StatusCode.M_Success, "")
EPC = p.EPC_96(bytes.fromhex("3066c4409047e140075bcd15"))

BOUNDARY = p.ROBoundarySpec(
    p.ROSpecStartTrigger(ROSpecStartTriggerType.Null), p.ROSpecStopTrigger(ROSpecStopTriggerType.Null, 0)
)

OURS: list[tuple[str, Message, str]] = [
    ("GET_SUPPORTED_VERSION", m.GetSupportedVersion(), "082e 0000000a 00000001"),
    (
        "GET_SUPPORTED_VERSION_RESPONSE, its status last",
        m.GetSupportedVersionResponse(1, 2, SUCCESS),
        "0838 00000014 00000001 01 02 011f0008 0000 0000",
    ),
    ("SET_PROTOCOL_VERSION", m.SetProtocolVersion(2), "082f 0000000b 00000001 02"),
    (
        "SET_PROTOCOL_VERSION_RESPONSE",
        m.SetProtocolVersionResponse(SUCCESS),
        "0839 00000012 00000001 011f0008 0000 0000",
    ),
    (
        "the status code that is new: M_UnexpectedMessage",
        m.ErrorMessage(p.LLRPStatus(StatusCode.M_UnexpectedMessage, "")),
        "0864 00000012 00000001 011f0008 0070 0000",
    ),
    (
        "an ROSpec that loops and reports every 500 ms",
        m.AddROSpec(
            p.ROSpec(
                1,
                0,
                ROSpecState.Disabled,
                BOUNDARY,
                (p.LoopSpec(3),),
                p.ROReportSpec(
                    ROReportTriggerType.Upon_N_Milliseconds_Or_End_Of_ROSpec,
                    500,
                    p.TagReportContentSelector(
                        False,
                        False,
                        False,
                        True,
                        False,
                        False,
                        True,
                        False,
                        True,
                        False,
                        (p.C1G2EPCMemorySelector(False, True, True),),
                    ),
                ),
            )
        ),
        "0814 00000040 00000001 00b10036 00000001 00 00 00b20012 00b30005 00 00b60009 00 00000000"
        "01630008 00000003 00ed0012 06 01f4 00ee000b 12 80 015c0005 60",
    ),
    (
        "the XPC words of a tag",
        m.ROAccessReport((p.TagReportData(EPC, AirProtocolTagData=(p.C1G2_XPCW1(0x8001), p.C1G2_XPCW2(2))),)),
        "083d 00000021 00000001 00f00017 8d 3066c4409047e140075bcd15 93 8001 94 0002",
    ),
    (
        "results of the access operations that are new",
        m.ROAccessReport(
            (
                p.TagReportData(
                    EPC,
                    AccessCommandOpSpecResult=(
                        p.C1G2RecommissionOpSpecResult(C1G2RecommissionResultType.Incorrect_Password_Error, 1),
                        p.C1G2BlockPermalockOpSpecResult(C1G2BlockPermalockResultType.Tag_Memory_Overrun_Error, 2),
                        p.C1G2GetBlockPermalockStatusOpSpecResult(
                            C1G2GetBlockPermalockStatusResultType.Success, 3, (0x8000,)
                        ),
                        p.C1G2ReadOpSpecResult(C1G2ReadResultType.Memory_Locked_Error, 4, ()),
                    ),
                ),
            )
        ),
        "083d 0000003d 00000001 00f00033 8d 3066c4409047e140075bcd15 01680007 06 0001 01690007 06 0002"
        "016a000b 00 0003 0001 8000 015d0009 05 0004 0000",
    ),
    (
        "a loop event",
        m.ReaderEventNotification(p.ReaderEventNotificationData(p.Uptime(5), SpecLoopEvent=p.SpecLoopEvent(1, 2))),
        "083f 00000026 00000001 00f6001c 0081000c 0000000000000005 0164000c 00000001 00000002",
    ),
    (
        "the event type that is new",
        m.SetReaderConfig(
            False,
            p.ReaderEventNotificationSpec((p.EventNotificationState(NotificationEventType.SpecLoop_Event, True),)),
        ),
        "0803 00000016 00000001 00 00f4000b 00f50007 0009 80",
    ),
]


@pytest.mark.parametrize(("name", "message", "text"), OURS)
def test_a_1_1_frame_of_ours_is_written_and_read(name: str, message: Message, text: str) -> None:
    data = bytes.fromhex(text.replace(" ", ""))
    assert encode(message, message_id=1, version=2).hex() == data.hex()
    assert decode(data) == (2, 1, message)


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (p.C1G2Recommission(1, 2, True, False, True), "0165000b 0001 00000002 05"),
        (p.C1G2BlockPermalock(1, 2, 3, 4, (5,)), "0166 0011 0001 00000002 c0 0004 0001 0005"),
        (p.C1G2GetBlockPermalockStatus(1, 2, 3, 4, 5), "0167000f 0001 00000002 c0 0004 0005"),
        (p.ClientRequestOpSpec(6), "00d20006 0006"),
    ],
)
def test_access_operations_that_are_new(parameter: p.Parameter, text: str) -> None:
    response = p.ClientRequestResponse(1, p.EPCData(p.BitArray(8, b"\x01")), (parameter,))  # type: ignore[arg-type]
    frame = encode(m.ClientRequestOpResponse(response), message_id=1, version=2)
    assert frame.hex().endswith(text.replace(" ", ""))
    assert decode(frame).message == m.ClientRequestOpResponse(response)


def test_capabilities_that_are_new() -> None:
    capabilities = p.C1G2LLRPCapabilities(
        CanSupportBlockErase=False,
        CanSupportBlockWrite=True,
        CanSupportBlockPermalock=True,
        CanSupportTagRecommissioning=False,
        CanSupportUMIMethod2=True,
        CanSupportXPC=True,
        MaxNumSelectFiltersPerQuery=2,
    )
    message = m.GetReaderCapabilitiesResponse(
        SUCCESS,
        p.GeneralDeviceCapabilities(
            MaxNumberOfAntennaSupported=1,
            CanSetAntennaProperties=True,
            HasUTCClockCapability=True,
            DeviceManufacturerName=1,
            ModelName=2,
            ReaderFirmwareVersion="a",
            ReceiveSensitivityTableEntry=(p.ReceiveSensitivityTableEntry(1, 10),),
            GPIOCapabilities=p.GPIOCapabilities(0, 0),
            PerAntennaAirProtocol=(p.PerAntennaAirProtocol(1, ()),),
            MaximumReceiveSensitivity=p.MaximumReceiveSensitivity(-80),
        ),
        AirProtocolLLRPCapabilities=capabilities,
    )
    frame = encode(message, message_id=1, version=2)
    assert bytes.fromhex("016b0006ffb0") in frame
    assert frame.hex().endswith("01470007 6c 0002".replace(" ", ""))
    assert decode(frame).message == message


ONLY_NEW_VALUES = ("the status code that is new: M_UnexpectedMessage", "the event type that is new")
"""Messages of 1.0.1 with a number that only 1.1 gives a meaning; whether to send that is the sender's to know."""


@pytest.mark.parametrize(("name", "message", "text"), OURS)
def test_what_only_1_1_defines_is_not_sent_in_1_0_1(name: str, message: Message, text: str) -> None:
    if name in ONLY_NEW_VALUES:
        assert encode(message, message_id=1, version=1)[1:].hex() == text.replace(" ", "")[2:]
        return
    with pytest.raises(EncodeError, match=r"new in LLRP 1\.1"):
        encode(message, message_id=1, version=1)


def test_singulation_of_tags_whatever_their_sl_flag() -> None:
    action = p.C1G2TagInventoryStateAwareSingulationAction(
        C1G2TagInventoryStateAwareI.State_B, C1G2TagInventoryStateAwareS.SL, S_All=True
    )
    assert encode_parameter(action, version=2).hex() == "01510005a0"


def test_new_parameters_in_an_old_message_are_read_all_the_same() -> None:
    tag = p.TagReportData(EPC, AirProtocolTagData=(p.C1G2_XPCW1(1),))
    frame = encode(m.ROAccessReport((tag,)), message_id=1, version=2)
    old = b"\x04" + frame[1:]
    assert decode(old).message == decode(frame).message
    (batch,) = ReportDecoder("r").feed(old, 0)
    assert isinstance(batch, ReadBatch)
    assert len(batch) == 1
