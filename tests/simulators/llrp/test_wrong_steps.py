"""A client that takes every wrong step gets the standard's errors, and the reader goes on working."""

import pytest

from readers.llrp import enums as e
from readers.llrp import enums_c1g2 as g
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import UnknownMessage, encode
from readers.llrp.enums import StatusCode as S
from readers.llrp.messages_custom import ImpinjEnableExtensions
from readers.llrp.refusal import explain
from readers.llrp.wire import BitArray
from simulators.llrp.models import FX9600, LLRP_1_1, SPEEDWAY_R420
from tests.simulators.llrp.talk import ON_START_ROSPEC, Talk, aispec, report_spec, rospec, until_tags, use_1_1


def nested(status: p.LLRPStatus) -> list[tuple[int, S]]:
    """The ParameterErrors from the outside in, then the FieldError, as (number, code)."""
    found = []
    inner = status.ParameterError
    field = status.FieldError
    while inner is not None:
        found.append((inner.ParameterType, inner.ErrorCode))
        field = inner.FieldError or field
        inner = inner.ParameterError
    return found + ([(field.FieldNum, field.ErrorCode)] if field is not None else [])


@pytest.mark.parametrize("state", [e.ROSpecState.Inactive, e.ROSpecState.Active])
def test_an_rospec_is_added_disabled(state: e.ROSpecState) -> None:
    status = Talk().ask(m.AddROSpec(rospec(state=state))).LLRPStatus
    assert status.StatusCode == S.P_FieldError
    assert nested(status) == [(177, S.P_FieldError), (3, S.A_Invalid)]


def test_rospec_zero_means_all_and_cannot_be_added_or_started() -> None:
    talk = Talk()
    assert talk.code(m.AddROSpec(rospec(0))) == S.P_FieldError
    talk.ok(m.AddROSpec(rospec()), m.EnableROSpec(0))
    status = talk.ask(m.StartROSpec(0)).LLRPStatus
    assert status.StatusCode == S.M_FieldError
    assert nested(status) == [(1, S.A_Invalid)]


@pytest.mark.parametrize(
    "message",
    [m.DeleteROSpec(7), m.StartROSpec(7), m.StopROSpec(7), m.EnableROSpec(7), m.DisableROSpec(7)],
    ids=lambda message: type(message).__name__,
)
def test_an_rospec_nobody_added_is_an_invalid_field(message: m.Message) -> None:
    status = Talk().ask(message).LLRPStatus
    assert status.StatusCode == S.M_FieldError
    assert nested(status) == [(1, S.A_Invalid)]


@pytest.mark.parametrize("message", [m.DeleteROSpec(0), m.EnableROSpec(0), m.DisableROSpec(0), m.DeleteAccessSpec(0)])
def test_all_of_none_is_no_error(message: m.Message) -> None:
    assert Talk().code(message) == S.M_Success


def test_a_disabled_rospec_cannot_be_started_or_stopped() -> None:
    talk = Talk()
    talk.ok(m.AddROSpec(rospec(start=ON_START_ROSPEC)))
    assert talk.code(m.StartROSpec(1)) == S.M_FieldError
    assert talk.code(m.StopROSpec(1)) == S.M_FieldError
    talk.ok(m.EnableROSpec(1), m.StartROSpec(1), m.StartROSpec(1), m.StopROSpec(1))


def test_an_identifier_is_taken_once() -> None:
    talk = Talk()
    talk.ok(m.AddROSpec(rospec()))
    status = talk.ask(m.AddROSpec(rospec())).LLRPStatus
    assert nested(status) == [(177, S.P_FieldError), (1, S.A_Invalid)]


def test_a_reader_has_room_for_as_many_rospecs_as_it_says() -> None:
    talk = Talk(SPEEDWAY_R420)
    talk.ok(m.AddROSpec(rospec(1)))
    assert talk.code(m.AddROSpec(rospec(2))) == S.M_OverflowParameter


def antenna(**parts: object) -> p.AntennaConfiguration:
    return p.AntennaConfiguration(1, **parts)  # type: ignore[arg-type]


def command(**parts: object) -> p.AntennaConfiguration:
    return antenna(AirProtocolInventoryCommandSettings=(p.C1G2InventoryCommand(False, **parts),))  # type: ignore[arg-type]


_TO_ANTENNA = [(177, S.P_ParameterError), (183, S.P_ParameterError), (186, S.P_ParameterError)]


@pytest.mark.parametrize(
    ("model", "configuration", "expected"),
    [
        (SPEEDWAY_R420, antenna(RFTransmitter=p.RFTransmitter(2, 0, 81)), [(224, S.P_FieldError), (1, S.A_Invalid)]),
        (SPEEDWAY_R420, antenna(RFTransmitter=p.RFTransmitter(1, 0, 82)), [(224, S.P_FieldError), (3, S.A_OutOfRange)]),
        (SPEEDWAY_R420, antenna(RFTransmitter=p.RFTransmitter(1, 0, 0)), [(224, S.P_FieldError), (3, S.A_OutOfRange)]),
        (FX9600, antenna(RFTransmitter=p.RFTransmitter(0, 0, 50)), [(224, S.P_FieldError), (2, S.A_OutOfRange)]),
        (FX9600, antenna(RFTransmitter=p.RFTransmitter(0, 5, 50)), [(224, S.P_FieldError), (2, S.A_OutOfRange)]),
        (
            SPEEDWAY_R420,
            command(C1G2RFControl=p.C1G2RFControl(5, 0)),
            [(330, S.P_ParameterError), (335, S.P_FieldError), (1, S.A_Invalid)],
        ),
        (
            SPEEDWAY_R420,
            command(
                C1G2Filter=(
                    p.C1G2Filter(
                        g.C1G2TruncateAction.Unspecified, p.C1G2TagInventoryMask(1, 32, BitArray.whole(b"\x30"))
                    ),
                )
                * 3
            ),
            [(330, S.P_ParameterError), (331, S.P_OverflowParameter)],
        ),
    ],
    ids=["hop table", "power index too high", "power index 0", "no channel", "channel", "mode index", "filters"],
)
def test_rf_settings_come_from_the_capability_tables(
    model: object, configuration: p.AntennaConfiguration, expected: list[tuple[int, S]]
) -> None:
    status = Talk(model).ask(m.AddROSpec(rospec(aispecs=(aispec(configuration=(configuration,)),)))).LLRPStatus
    inside = expected[0][0] in (224, 330)
    assert status.StatusCode == S.M_ParameterError
    assert nested(status) == [*_TO_ANTENNA, *([(222, S.P_ParameterError)] if inside else []), *expected]
    assert explain(status)


def test_an_antenna_the_reader_does_not_have_is_out_of_range() -> None:
    status = Talk(SPEEDWAY_R420).ask(m.AddROSpec(rospec(aispecs=(aispec(antennas=(5,)),)))).LLRPStatus
    assert nested(status) == [(177, S.P_ParameterError), (183, S.P_FieldError), (1, S.A_OutOfRange)]


def test_a_gpi_the_reader_does_not_have_is_out_of_range() -> None:
    start = p.ROSpecStartTrigger(e.ROSpecStartTriggerType.GPI, GPITriggerValue=p.GPITriggerValue(9, True, 0))
    status = Talk().ask(m.AddROSpec(rospec(start=start))).LLRPStatus
    assert nested(status)[-2:] == [(181, S.P_FieldError), (1, S.A_OutOfRange)]


def test_a_trigger_without_its_value_is_a_missing_parameter() -> None:
    periodic = p.ROSpecStartTrigger(e.ROSpecStartTriggerType.Periodic)
    assert nested(Talk().ask(m.AddROSpec(rospec(start=periodic))).LLRPStatus)[-1] == (180, S.P_MissingParameter)
    stop = p.AISpecStopTrigger(e.AISpecStopTriggerType.Tag_Observation, 0)
    status = Talk().ask(m.AddROSpec(rospec(aispecs=(aispec(stop=stop),)))).LLRPStatus
    assert nested(status)[-1] == (185, S.P_MissingParameter)


def test_time_triggers_and_loops_are_new_in_1_1() -> None:
    timed = m.AddROSpec(rospec(report=report_spec(5, 100)))
    looped = m.AddROSpec(rospec(aispecs=(aispec(stop=until_tags(0, 3)), p.LoopSpec(2))))
    old = Talk(LLRP_1_1)
    assert nested(old.ask(timed).LLRPStatus) == [(177, S.P_ParameterError), (237, S.P_FieldError), (1, S.A_Invalid)]
    frame = bytearray(encode(looped, message_id=5, version=2))
    frame[0] = 1 << 2 | frame[0] & 3
    old.send(bytes(frame))
    assert old.next(m.AddROSpecResponse).LLRPStatus.StatusCode == S.M_ParameterError
    new = use_1_1(Talk(LLRP_1_1))
    new.ok(timed, m.DeleteROSpec(0), looped)


def test_two_inventory_specs_in_an_aispec_are_more_than_the_reader_takes() -> None:
    one = aispec()
    two = p.AISpec(one.AntennaIDs, one.AISpecStopTrigger, one.InventoryParameterSpec * 2)
    assert nested(Talk().ask(m.AddROSpec(rospec(aispecs=(two,)))).LLRPStatus)[-1] == (186, S.P_OverflowParameter)


# Impinj's extensions


def phase_report() -> p.ROReportSpec:
    return report_spec(
        1,
        1,
        custom=(
            p.ImpinjTagReportContentSelector(
                ImpinjEnableRFPhaseAngle=p.ImpinjEnableRFPhaseAngle(p.ImpinjFieldMode.Enabled)
            ),
        ),
    )


def test_vendor_parameters_need_their_extensions_enabled_first() -> None:
    talk = Talk(SPEEDWAY_R420)
    add = m.AddROSpec(rospec(report=phase_report()))
    assert nested(talk.ask(add).LLRPStatus)[-1] == (1023, S.P_UnexpectedParameter)
    talk.ok(ImpinjEnableExtensions(), add)


def test_another_makers_reader_knows_neither_the_message_nor_the_parameter() -> None:
    talk = Talk(FX9600)
    assert talk.ask(ImpinjEnableExtensions()).LLRPStatus.StatusCode == S.M_UnsupportedMessage
    add = m.AddROSpec(rospec(report=phase_report()))
    assert nested(talk.ask(add).LLRPStatus)[-1] == (1023, S.P_UnsupportedParameter)


def test_vendor_settings_of_another_maker_are_refused() -> None:
    config = m.SetReaderConfig(False, Custom=(p.ImpinjGPIDebounceConfiguration(1, 50),))
    Talk(SPEEDWAY_R420).ok(config)
    assert nested(Talk(FX9600).ask(config).LLRPStatus) == [(1023, S.P_UnsupportedParameter)]


# AccessSpecs


def access_spec(identifier: int = 1, **changes: object) -> p.AccessSpec:
    fields: dict[str, object] = {
        "AntennaID": 0,
        "ProtocolID": e.AirProtocols.EPCGlobalClass1Gen2,
        "CurrentState": e.AccessSpecState.Disabled,
        "ROSpecID": 0,
        "AccessSpecStopTrigger": p.AccessSpecStopTrigger(e.AccessSpecStopTriggerType.Null, 0),
        "AccessCommand": p.AccessCommand(
            p.C1G2TagSpec((p.C1G2TargetTag(1, True, 32, BitArray(0, b""), BitArray(0, b"")),)),
            (p.C1G2Read(1, 0, 3, 0, 2),),
        ),
        **changes,
    }
    return p.AccessSpec(identifier, **fields)  # type: ignore[arg-type]


def test_an_accessspec_is_added_disabled_with_an_identifier_of_its_own() -> None:
    talk = Talk()
    active = access_spec(CurrentState=e.AccessSpecState.Active)
    assert talk.code(m.AddAccessSpec(active)) == S.P_FieldError
    assert talk.code(m.AddAccessSpec(access_spec(0))) == S.P_FieldError
    talk.ok(m.AddAccessSpec(access_spec()))
    assert nested(talk.ask(m.AddAccessSpec(access_spec())).LLRPStatus) == [(207, S.P_FieldError), (1, S.A_Invalid)]


@pytest.mark.parametrize("message", [m.DeleteAccessSpec(7), m.EnableAccessSpec(7), m.DisableAccessSpec(7)])
def test_an_accessspec_nobody_added_is_an_invalid_field(message: m.Message) -> None:
    assert nested(Talk().ask(message).LLRPStatus) == [(1, S.A_Invalid)]


def test_an_operation_the_reader_cannot_do_is_an_unsupported_parameter() -> None:
    erase = p.AccessCommand(access_spec().AccessCommand.AirProtocolTagSpec, (p.C1G2BlockErase(1, 0, 3, 0, 1),))
    status = Talk(SPEEDWAY_R420).ask(m.AddAccessSpec(access_spec(AccessCommand=erase))).LLRPStatus
    assert nested(status) == [(207, S.P_ParameterError), (209, S.P_ParameterError), (346, S.P_UnsupportedParameter)]


def test_an_accessspec_with_too_many_operations_overflows() -> None:
    reads = tuple(p.C1G2Read(number, 0, 3, 0, 1) for number in range(1, 10))
    many = p.AccessCommand(access_spec().AccessCommand.AirProtocolTagSpec, reads)
    assert nested(Talk().ask(m.AddAccessSpec(access_spec(AccessCommand=many))).LLRPStatus)[-1][1] == (
        S.P_OverflowParameter
    )


# Configuration


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (m.GetReaderConfig(9, e.GetReaderConfigRequestedData.AntennaProperties, 0, 0), 1),
        (m.GetReaderConfig(0, e.GetReaderConfigRequestedData(77), 0, 0), 2),
        (m.GetReaderConfig(0, e.GetReaderConfigRequestedData.GPIPortCurrentState, 9, 0), 3),
        (m.GetReaderConfig(0, e.GetReaderConfigRequestedData.GPOWriteData, 0, 9), 4),
    ],
)
def test_configuration_that_is_not_there(request_: m.GetReaderConfig, field: int) -> None:
    status = Talk().ask(request_).LLRPStatus
    assert status.StatusCode == S.M_FieldError
    assert status.FieldError.FieldNum == field


def test_a_refused_configuration_changes_nothing() -> None:
    talk = Talk()
    before = talk.ask(m.GetReaderConfig(0, 0, 0, 0))
    wrong = m.SetReaderConfig(
        False,
        KeepaliveSpec=p.KeepaliveSpec(e.KeepaliveTriggerType.Periodic, 1000),
        GPOWriteData=(p.GPOWriteData(1, True), p.GPOWriteData(9, True)),
    )
    assert nested(talk.ask(wrong).LLRPStatus) == [(219, S.P_FieldError), (1, S.A_OutOfRange)]
    assert talk.ask(m.GetReaderConfig(0, 0, 0, 0)) == before


def test_capabilities_that_do_not_exist() -> None:
    status = Talk().ask(m.GetReaderCapabilities(e.GetReaderCapabilitiesRequestedData(9))).LLRPStatus
    assert nested(status) == [(1, S.A_Invalid)]


# Messages


@pytest.mark.parametrize(
    "message", [m.KeepAlive(), m.ROAccessReport(), m.GetROSpecsResponse(p.LLRPStatus(S.M_Success, ""))]
)
def test_messages_only_readers_send_are_unsupported(message: m.Message) -> None:
    answer = Talk().ask(message)
    assert isinstance(answer, m.ErrorMessage)
    assert answer.LLRPStatus.StatusCode == S.M_UnsupportedMessage


def test_a_message_type_nobody_knows_is_unsupported() -> None:
    answer = Talk().ask(UnknownMessage(999, b"\x01\x02"))
    assert isinstance(answer, m.ErrorMessage)
    assert answer.LLRPStatus.StatusCode == S.M_UnsupportedMessage


def test_a_vendor_message_nobody_knows_is_unsupported() -> None:
    assert Talk().ask(m.CustomMessage(4711, 1, b"")).LLRPStatus.StatusCode == S.M_UnsupportedMessage


def test_a_truncated_request_is_answered_in_its_own_response() -> None:
    talk = Talk()
    talk.send(bytes.fromhex("0415 0000000c 0000002a 0001".replace(" ", "")))
    frame = next(one for one in talk.collect() if isinstance(one.message, m.DeleteROSpecResponse))
    assert frame.message_id == 42
    assert frame.message.LLRPStatus.StatusCode == S.M_ParameterError
    assert talk.code(m.DeleteROSpec(0)) == S.M_Success


def test_an_unknown_parameter_inside_a_request_is_named() -> None:
    talk = Talk()
    frame = bytearray(encode(m.AddROSpec(rospec()), message_id=9))
    frame += bytes.fromhex("03e80004")
    frame[2:6] = len(frame).to_bytes(4, "big")
    talk.send(bytes(frame))
    status = talk.next(m.AddROSpecResponse).LLRPStatus
    assert status.StatusCode == S.M_UnknownParameter
    assert nested(status) == [(1000, S.P_UnknownParameter)]


def test_a_missing_parameter_deep_inside_a_request_is_named_with_the_way_to_it() -> None:
    talk = Talk()
    body = bytes.fromhex("00b1 000a 00000001 00 00")
    talk.send(b"\x04\x14" + (10 + len(body)).to_bytes(4, "big") + bytes(4) + body)
    status = talk.next(m.AddROSpecResponse).LLRPStatus
    assert status.StatusCode == S.M_ParameterError
    assert nested(status) == [(177, S.P_ParameterError), (178, S.P_MissingParameter)]


# Versions


def test_a_1_0_1_reader_does_not_know_1_1() -> None:
    talk = Talk(SPEEDWAY_R420)
    answer = talk.ask(m.GetSupportedVersion(), version=2)
    assert isinstance(answer, m.ErrorMessage)
    assert answer.LLRPStatus.StatusCode == S.M_UnsupportedVersion
    talk.ok(m.DeleteROSpec(0))


def test_a_1_1_reader_starts_with_1_0_1_and_settles_once() -> None:
    talk = Talk(LLRP_1_1)
    supported = talk.ask(m.GetSupportedVersion(), version=2)
    assert (supported.CurrentVersion, supported.SupportedVersion) == (1, 2)
    assert talk.ask(m.GetROSpecs(), version=2).LLRPStatus.StatusCode == S.M_UnsupportedVersion
    assert talk.ask(m.SetProtocolVersion(3), version=2).LLRPStatus.StatusCode == S.M_UnsupportedVersion
    use_1_1(talk)
    talk.ok(m.DeleteROSpec(0))
    assert talk.ask(m.GetROSpecs(), version=1).LLRPStatus.StatusCode == S.M_UnsupportedVersion
    assert talk.ask(m.SetProtocolVersion(1)).LLRPStatus.StatusCode == S.M_UnexpectedMessage


def test_the_version_question_is_asked_in_1_1() -> None:
    frame = bytearray(encode(m.GetSupportedVersion(), message_id=1, version=2))
    frame[0] = 1 << 2 | frame[0] & 3
    talk = Talk(LLRP_1_1)
    talk.send(bytes(frame))
    assert talk.next(m.ErrorMessage).LLRPStatus.StatusCode == S.M_UnsupportedMessage
