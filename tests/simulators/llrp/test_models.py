"""The R420 model repeats a real R420 byte for byte; every model is consistent with itself."""

import pytest

from readers.llrp import messages as m
from readers.llrp.codec import decode_body, encode_body
from simulators.llrp.models import FX9600, LLRP_1_1, SPEEDWAY_R420, ReaderModel
from simulators.llrp.refusal import success
from tests.shared_data import shared_data
from tests.simulators.llrp.talk import Talk


def test_the_r420_answers_with_the_capability_bytes_of_a_real_one() -> None:
    captured = shared_data("llrp", "edgex-r420", "GetReaderCapabilitiesResponse-000.bytes").read_bytes()
    answer = Talk(SPEEDWAY_R420).ask(m.GetReaderCapabilities(0))
    assert encode_body(answer) == captured


def test_the_r420_starts_with_the_configuration_of_a_real_one() -> None:
    captured = shared_data("llrp", "edgex-r420", "GetReaderConfigResponse-000.bytes").read_bytes()
    real = decode_body(m.GetReaderConfigResponse.TYPE, captured)
    ours = Talk(SPEEDWAY_R420, connected_antennas=frozenset({1})).ask(m.GetReaderConfig(0, 0, 0, 0))
    assert isinstance(real, m.GetReaderConfigResponse)
    for name in (
        "LLRPStatus", "Identification", "AntennaProperties", "AntennaConfiguration", "ReaderEventNotificationSpec",
        "ROReportSpec", "KeepaliveSpec", "GPOWriteData", "EventsAndReports",
    ):  # fmt: skip
        assert getattr(ours, name) == getattr(real, name), name


@pytest.mark.parametrize("model", [SPEEDWAY_R420, FX9600, LLRP_1_1], ids=lambda model: model.name)
def test_capabilities_round_trip_and_are_complete(model: ReaderModel) -> None:
    answer = m.GetReaderCapabilitiesResponse(success(), model.general, model.llrp, model.regulatory, model.air_protocol)
    assert decode_body(answer.TYPE, encode_body(answer, version=2)) == answer
    assert model.default_mode in model.mode_identifiers
    assert model.hopping == bool(model.hop_table_ids) == (model.fixed_channels == 0)
    assert [entry.Index for entry in model.uhf.TransmitPowerLevelTableEntry] == list(
        range(1, model.power_index_max + 1)
    )


def test_capabilities_can_be_asked_for_in_parts() -> None:
    talk = Talk(FX9600)
    for requested, name in enumerate(
        ("GeneralDeviceCapabilities", "LLRPCapabilities", "RegulatoryCapabilities", "AirProtocolLLRPCapabilities"), 1
    ):
        answer = talk.ask(m.GetReaderCapabilities(requested))
        present = [part for part in answer.__struct_fields__[1:-1] if getattr(answer, part) is not None]
        assert present == [name]
