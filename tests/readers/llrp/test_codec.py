"""Each case is an object and its bytes, run four ways: encoded, decoded, framed byte by byte, with bytes behind it."""

import pytest

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import UnknownMessage, decode, encode, encode_parameter
from readers.llrp.enums import (
    AirProtocols,
    ConnectionAttemptStatusType,
    GetReaderConfigRequestedData,
    KeepaliveTriggerType,
    ROSpecState,
    StatusCode,
)
from readers.llrp.enums_c1g2 import C1G2ReadResultType
from readers.llrp.errors import DecodeError, EncodeError
from readers.llrp.framing import Framer
from readers.llrp.messages_custom import ImpinjEnableExtensions
from readers.llrp.wire import Message

OK = p.LLRPStatus(StatusCode.M_Success, "")
TAG = p.TagReportData(
    p.EPC_96(bytes.fromhex("3066c4409047e140075bcd15")),
    AntennaID=p.AntennaID(2),
    PeakRSSI=p.PeakRSSI(-57),
    FirstSeenTimestampUTC=p.FirstSeenTimestampUTC(0x0005_0000_0000_0001),
    AirProtocolTagData=(p.C1G2_PC(0x3000), p.C1G2_CRC(0xBEEF)),
    AccessCommandOpSpecResult=(p.C1G2ReadOpSpecResult(C1G2ReadResultType.Success, 7, (0xE280, 1)),),
    Custom=(p.ImpinjRFPhaseAngle(2048), p.Custom(0xFFFF, 3, b"\x01")),
)

CASES: list[tuple[str, Message, int, int, str]] = [
    ("an empty message", m.KeepAlive(), 1, 7, "043e 0000000a 00000007"),
    ("a version 1.1 header", m.KeepAliveAck(), 2, 0xFFFFFFFF, "0848 0000000a ffffffff"),
    ("bits and reserved bits", m.SetReaderConfig(True), 1, 1, "0403 0000000b 00000001 80"),
    (
        "numbers and an enumeration",
        m.GetReaderConfig(3, GetReaderConfigRequestedData.Identification, 1, 2),
        1,
        1,
        "0402 00000011 00000001 0003 01 0001 0002",
    ),
    (
        "a status with text and nested errors",
        m.ErrorMessage(
            p.LLRPStatus(
                StatusCode.M_ParameterError,
                "no",
                None,
                p.ParameterError(177, StatusCode.P_FieldError, p.FieldError(2, StatusCode.A_Invalid)),
            )
        ),
        1,
        9,
        "0464 00000024 00000009 011f001a 0064 0002 6e6f 01210010 00b1 00c9 01200008 0002 012c",
    ),
    (
        "what a reader says first",
        m.ReaderEventNotification(
            p.ReaderEventNotificationData(
                p.UTCTimestamp(0x00042B6A71F4F0AA),
                ConnectionAttemptEvent=p.ConnectionAttemptEvent(ConnectionAttemptStatusType.Success),
            )
        ),
        1,
        0,
        "043f 00000020 00000000 00f60016 0080000c 00042b6a71f4f0aa 01000006 0000",
    ),
    (
        "a tag with TV, TLV and custom parameters",
        m.ROAccessReport((TAG,)),
        1,
        3,
        "043d 00000057 00000003 00f0004d 8d 3066c4409047e140075bcd15 81 0002 86 c7 82 0005000000000001"
        "8c 3000 8b beef 015d000d 00 0007 0002 e280 0001 03ff000e 0000651a 00000038 0800 03ff000d 0000ffff 00000003 01",
    ),
    (
        "an EPC of 13 bits",
        m.ROAccessReport((p.TagReportData(p.EPCData(p.BitArray(13, b"\xab\xc8"))),)),
        1,
        4,
        "043d 00000016 00000004 00f0000c 00f10008 000d abc8",
    ),
    (
        "vectors of numbers and of enumerations",
        m.AddROSpec(
            p.ROSpec(
                1,
                0,
                ROSpecState.Disabled,
                p.ROBoundarySpec(p.ROSpecStartTrigger(0), p.ROSpecStopTrigger(0, 0)),  # type: ignore[arg-type]
                (
                    p.AISpec(
                        (1, 2),
                        p.AISpecStopTrigger(0, 0),  # type: ignore[arg-type]
                        (p.InventoryParameterSpec(1, AirProtocols.EPCGlobalClass1Gen2),),
                    ),
                ),
            )
        ),
        1,
        5,
        "0414 00000040 00000005 00b10036 00000001 00 00 00b20012 00b30005 00 00b60009 00 00000000"
        "00b7001a 0002 0001 0002 00b80009 00 00000000 00ba0007 0001 01",
    ),
    (
        "a vendor's message that we know",
        ImpinjEnableExtensions(),
        1,
        6,
        "07ff 00000013 00000006 0000651a 15 00000000",
    ),
    (
        "a vendor's message that we do not know",
        m.CustomMessage(0xABCD, 1, b"\xde\xad"),
        1,
        6,
        "07ff 00000011 00000006 0000abcd 01 dead",
    ),
    ("a message type that LLRP does not define", UnknownMessage(999, b"\x00\x01"), 1, 1, "07e7 0000000c 00000001 0001"),
]
NAMES = [case[0] for case in CASES]


@pytest.fixture(params=CASES, ids=NAMES)
def case(request: pytest.FixtureRequest) -> tuple[Message, int, int, bytes]:
    _, message, version, message_id, text = request.param
    return message, version, message_id, bytes.fromhex(text.replace(" ", ""))


def test_encodes(case: tuple[Message, int, int, bytes]) -> None:
    message, version, message_id, data = case
    assert encode(message, message_id=message_id, version=version).hex() == data.hex()


def test_decodes(case: tuple[Message, int, int, bytes]) -> None:
    message, version, message_id, data = case
    assert decode(data) == (version, message_id, message)
    assert decode(memoryview(data)) == (version, message_id, message)


def test_is_framed_byte_by_byte(case: tuple[Message, int, int, bytes]) -> None:
    data = case[3]
    framer = Framer()
    found = [frame for byte in data for frame in framer.feed(bytes([byte]))]
    assert found == [data]
    assert framer.pending_bytes == 0


def test_leaves_bytes_behind_it_for_the_next_message(case: tuple[Message, int, int, bytes]) -> None:
    data = case[3]
    framer = Framer()
    assert framer.feed(data + data + b"\x04") == [data, data]
    assert framer.pending_bytes == 1
    with pytest.raises(DecodeError):
        decode(data + b"\x00")


S = StatusCode
MALFORMED = [
    ("shorter than a header", "043e 000000", S.M_ParameterError, 0),
    ("another length than it says", "043e 0000000b 00000001", S.M_ParameterError, 2),
    ("version 3", "0c3e 0000000a 00000001", S.M_UnsupportedVersion, 0),
    ("bytes after all fields", "0415 0000000f 00000001 00000001 00", S.M_ParameterError, 10),
    ("a field cut short", "0402 0000000c 00000001 0003", S.M_FieldError, 10),
    ("its parameter missing", "041e 0000000a 00000001", S.M_MissingParameter, 10),
    (
        "a parameter twice",
        "041e 0000001a 00000001 011f0008 0000 0000 011f0008 0000 0000",
        S.M_DuplicateParameter,
        18,
    ),
    (
        "a parameter that belongs elsewhere",
        "041e 00000012 00000001 00dc 0008 00000000",
        S.M_UnexpectedParameter,
        10,
    ),
    ("an unknown parameter", "041e 0000000e 00000001 012c 0004", S.M_UnknownParameter, 10),
    ("an unknown TV parameter", "043d 0000000b 00000001 ff", S.M_UnknownParameter, 10),
    (
        "a parameter longer than the message",
        "041e 00000012 00000001 011f0009 0000 0000",
        S.M_OverflowParameter,
        10,
    ),
    (
        "a parameter shorter than its header",
        "041e 00000012 00000001 011f0003 0000 0000",
        S.M_ParameterError,
        12,
    ),
    ("a parameter header cut short", "041e 0000000d 00000001 011f00", S.M_ParameterError, 10),
    ("text longer than its parameter", "041e 00000012 00000001 011f0008 0000 0001", S.P_FieldError, 16),
    ("a TV parameter cut short", "043d 00000010 00000001 00f00006 8d 00", S.P_OverflowParameter, 14),
    ("a custom parameter without subtype", "043d 00000012 00000001 03ff0008 0000651a", S.P_FieldError, 14),
    ("a tag without an EPC", "043d 00000011 00000001 00f00007 81 0001", S.P_MissingParameter, 17),
    ("a custom message without subtype", "07ff 0000000e 00000001 0000651a", S.M_FieldError, 10),
]


@pytest.mark.parametrize(("name", "text", "status", "offset"), MALFORMED)
def test_a_malformed_message_says_what_is_wrong_and_where(name: str, text: str, status: S, offset: int) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(bytes.fromhex(text.replace(" ", "")))
    assert (caught.value.status, caught.value.offset) == (status, offset), (name, caught.value)


def test_parameters_nested_without_end_are_refused_not_recursed_into() -> None:
    inner = b""
    for _ in range(2000):
        inner = (289).to_bytes(2, "big") + (8 + len(inner)).to_bytes(2, "big") + b"\x00\xb1\x00\xc8" + inner
    status = (287).to_bytes(2, "big") + (8 + len(inner)).to_bytes(2, "big") + b"\x00\x64\x00\x00" + inner
    frame = b"\x04\x1e" + (10 + len(status)).to_bytes(4, "big") + bytes(4) + status
    with pytest.raises(DecodeError, match="nested"):
        decode(frame)


def test_parameters_in_any_order_are_read_and_written_in_the_standards() -> None:
    tag = encode_parameter(TAG)
    epc, antenna = tag[4:17], tag[17:20]
    body = b"\x00\xf0\x00\x14" + antenna + epc
    frame = b"\x04\x3d" + (10 + len(body)).to_bytes(4, "big") + bytes(4) + body
    message = decode(frame).message
    assert isinstance(message, m.ROAccessReport)
    (read,) = message.TagReportData
    assert read == p.TagReportData(TAG.EPCParameter, AntennaID=p.AntennaID(2))
    assert encode(message, message_id=0)[14:] == epc + antenna


def test_reserved_bits_are_ignored() -> None:
    frame = encode(m.SetReaderConfig(False), message_id=1)
    assert decode(frame[:-1] + b"\x7f").message == m.SetReaderConfig(False)


def test_reserved_values_survive() -> None:
    frame = encode(m.GetReaderCapabilities(0), message_id=1)[:-1] + b"\xc8"  # type: ignore[arg-type]
    message = decode(frame).message
    assert isinstance(message, m.GetReaderCapabilities)
    assert message.RequestedData == 200
    assert message.RequestedData.is_reserved
    assert encode(message, message_id=1) == frame


def test_text_that_is_not_utf_8_survives() -> None:
    frame = bytes.fromhex("041e 00000014 00000001 011f000a 0000 0002 fffe".replace(" ", ""))
    assert encode(decode(frame).message, message_id=1) == frame


def test_a_known_custom_parameter_of_another_shape_is_kept_as_bytes() -> None:
    raw = p.Custom(p.IMPINJ, p.ImpinjRFPhaseAngle.SUBTYPE, b"\x08\x00\x01")
    report = m.ROAccessReport((p.TagReportData(TAG.EPCParameter, Custom=(raw,)),))
    assert decode(encode(report, message_id=1)).message == report


def test_customs_after_operation_results_are_the_tags_own() -> None:
    read, vendors = p.C1G2ReadOpSpecResult(0, 1, ()), p.Custom(1, 1, b"")  # type: ignore[arg-type]
    tag = p.TagReportData(TAG.EPCParameter, AccessCommandOpSpecResult=(vendors, read), Custom=(vendors, vendors))
    report = m.ROAccessReport((tag,))
    assert decode(encode(report, message_id=1)).message == report


@pytest.mark.parametrize(
    "message",
    [
        m.DeleteROSpec(1 << 32),
        m.DeleteROSpec("1"),  # type: ignore[arg-type]
        m.DeleteROSpec(-1),
        m.CustomMessage(1, 1, 7),  # type: ignore[arg-type]
        m.ErrorMessage(p.LLRPStatus(StatusCode.M_Success, "x" * 70_000)),
        m.ErrorMessage(None),  # type: ignore[arg-type]
        m.AddROSpecResponse(TAG),  # type: ignore[arg-type]
        m.ReaderEventNotification(p.ReaderEventNotificationData(p.UTCTimestamp(1 << 64))),
        m.ROAccessReport((p.TagReportData(p.EPC_96(b"short")),)),
        m.ROAccessReport((p.TagReportData(p.EPCData(p.BitArray(9, b"\x00"))),)),
        m.SetReaderConfig(False, ReaderEventNotificationSpec=p.ReaderEventNotificationSpec(())),
        m.SetReaderConfig(False, KeepaliveSpec=p.KeepaliveSpec(KeepaliveTriggerType.Periodic, 2**32)),
        m.ROAccessReport((p.TagReportData(TAG.EPCParameter, Custom=(p.Custom(1, 1, bytes(40_000)),) * 2),)),
    ],
)
def test_what_does_not_fit_is_our_error(message: Message) -> None:
    with pytest.raises(EncodeError):
        encode(message, message_id=1)


def test_a_message_id_must_fit_too() -> None:
    with pytest.raises(EncodeError):
        encode(m.KeepAlive(), message_id=1 << 32)
