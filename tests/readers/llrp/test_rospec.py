"""From the site file and a reader's facts to what is asked of it."""

from dataclasses import replace

import pytest

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.facts import ReaderFacts, facts_of
from readers.llrp.rospec import Misconfigured, access_spec, polls, power_for, reader_config, rospec
from simulators.llrp.models import FX9600, LLRP_1_1, SPEEDWAY_R420, ReaderModel
from simulators.llrp.refusal import success
from simulators.llrp.settings import ReaderSettings
from warehouse.site import Antenna, Inventory, MemoryArea, Reader, TagFilter


def facts(model: ReaderModel, *, version: int = 1, extensions: bool = False) -> ReaderFacts:
    capabilities = m.GetReaderCapabilitiesResponse(
        success(), model.general, model.llrp, model.regulatory, model.air_protocol
    )
    configuration = ReaderSettings(model, frozenset(model.ports)).read(
        m.GetReaderConfig(0, e.GetReaderConfigRequestedData.All, 0, 0), version
    )
    assert isinstance(configuration, m.GetReaderConfigResponse)
    return facts_of(capabilities, configuration, version, extensions=extensions)


def reader(*powers_dbm: float | None, **inventory: object) -> Reader:
    antennas = tuple(Antenna(port, "door", power_dbm=dbm) for port, dbm in enumerate(powers_dbm, 1))
    return Reader("r1", "192.0.2.1", antennas=antennas, inventory=Inventory(**inventory))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted_dbm", "index", "dbm"),
    [(None, 81, 30.0), (30.0, 81, 30.0), (29.99, 80, 29.75), (10.1, 1, 10.0), (5.0, 1, 10.0), (99.0, 81, 30.0)],
)
def test_power_is_the_highest_that_does_not_exceed_the_configured(
    wanted_dbm: float | None, index: int, dbm: float
) -> None:
    power = power_for(facts(SPEEDWAY_R420), wanted_dbm)
    assert (power.index, power.dbm) == (index, dbm)


def test_a_reader_without_a_power_table_cannot_be_configured() -> None:
    with pytest.raises(Misconfigured):
        power_for(replace(facts(SPEEDWAY_R420), powers_dbm={}), 20)


def antennas_of(spec: p.ROSpec) -> tuple[p.AntennaConfiguration, ...]:
    (part,) = spec.SpecParameter
    assert isinstance(part, p.AISpec)
    return part.InventoryParameterSpec[0].AntennaConfiguration


def test_a_hopping_region_gets_its_hop_table_and_a_fixed_one_a_channel() -> None:
    hopping = antennas_of(rospec(reader(30, 25), facts(SPEEDWAY_R420)))
    assert [one.RFTransmitter for one in hopping] == [p.RFTransmitter(1, 0, 81), p.RFTransmitter(1, 0, 61)]
    fixed = antennas_of(rospec(reader(20.0), facts(FX9600)))
    assert fixed[0].RFTransmitter == p.RFTransmitter(0, 1, 101)


def test_the_readers_own_hop_table_wins_over_the_first_of_the_list() -> None:
    other = replace(
        facts(SPEEDWAY_R420),
        hop_table_ids=(1, 7),
        transmitters={1: p.RFTransmitter(7, 3, 1), 2: p.RFTransmitter(9, 0, 1)},
    )
    one, two = antennas_of(rospec(reader(30, 30), other))
    assert one.RFTransmitter == p.RFTransmitter(7, 3, 81)
    assert two.RFTransmitter == p.RFTransmitter(1, 0, 81)


def test_the_mode_is_an_identifier_of_the_table() -> None:
    def control(model: ReaderModel, **inventory: object) -> p.C1G2RFControl | None:
        (configuration,) = antennas_of(rospec(reader(20, **inventory), facts(model)))
        return configuration.AirProtocolInventoryCommandSettings[0].C1G2RFControl

    assert control(SPEEDWAY_R420, mode_identifier=1002) == p.C1G2RFControl(1002, 0)
    assert control(SPEEDWAY_R420) == p.C1G2RFControl(1000, 0)
    assert control(FX9600) is None
    with pytest.raises(Misconfigured, match="1005"):
        control(SPEEDWAY_R420, mode_identifier=5)


def test_an_antenna_the_reader_lacks_is_said_plainly() -> None:
    with pytest.raises(Misconfigured, match=r"antennas 1 to 4, not \[5\]"):
        rospec(reader(*[30.0] * 5), facts(SPEEDWAY_R420))


@pytest.mark.parametrize(
    ("version", "inventory", "trigger", "n"),
    [
        (2, {}, 5, 100),
        (2, {"report_every_ms": 250}, 5, 250),
        (2, {"report_every_n_tags": 20}, 1, 20),
        (1, {}, 1, 1),
        (1, {"report_every_n_tags": 20}, 1, 20),
        (1, {"poll_ms": 50}, 0, 0),
    ],
)
def test_the_report_trigger_is_what_the_version_has(
    version: int, inventory: dict[str, int], trigger: int, n: int
) -> None:
    wanted = reader(30, **inventory)
    about = facts(LLRP_1_1, version=version)
    report = rospec(wanted, about).ROReportSpec
    assert report is not None
    assert (report.ROReportTrigger, report.N) == (trigger, n)
    assert polls(wanted.inventory, about) == (trigger == 0)


def test_impinj_extensions_are_asked_for_only_when_enabled() -> None:
    plain = rospec(reader(30, search_mode=1), facts(SPEEDWAY_R420))
    assert plain.ROReportSpec is not None
    assert plain.ROReportSpec.Custom == ()
    extended = rospec(reader(30, search_mode=1), facts(SPEEDWAY_R420, extensions=True))
    assert extended.ROReportSpec is not None
    (selector,) = extended.ROReportSpec.Custom
    assert isinstance(selector, p.ImpinjTagReportContentSelector)
    command = antennas_of(extended)[0].AirProtocolInventoryCommandSettings[0]
    assert command.Custom == (p.ImpinjInventorySearchMode(p.ImpinjInventorySearchType.Single_Target),)


def test_filters_session_and_population() -> None:
    wanted = reader(
        30, session=2, tag_population=200, filters=(TagFilter("3074"), TagFilter("e280", bank=2, pointer=0))
    )
    command = antennas_of(rospec(wanted, facts(SPEEDWAY_R420)))[0].AirProtocolInventoryCommandSettings[0]
    assert command.C1G2SingulationControl == p.C1G2SingulationControl(2, 200, 0)
    assert [(one.C1G2TagInventoryMask.MB, one.C1G2TagInventoryMask.Pointer) for one in command.C1G2Filter] == [
        (1, 32), (2, 0),
    ]  # fmt: skip
    with pytest.raises(Misconfigured, match="3 filters"):
        rospec(reader(30, filters=(TagFilter("30"),) * 3), facts(SPEEDWAY_R420))


def test_a_filter_that_is_no_hex_is_said_plainly() -> None:
    with pytest.raises(Misconfigured, match="'xyz' is not hexadecimal"):
        rospec(reader(30, filters=(TagFilter("xyz"),)), facts(SPEEDWAY_R420))


def test_memory_to_read_becomes_an_accessspec() -> None:
    assert access_spec(Inventory()) is None
    spec = access_spec(Inventory(memory=(MemoryArea(2, 0, 6), MemoryArea(3))))
    assert spec is not None
    assert spec.AccessCommand.AccessCommandOpSpec == (p.C1G2Read(1, 0, 2, 0, 6), p.C1G2Read(2, 0, 3, 0, 0))
    assert spec.AccessSpecStopTrigger.AccessSpecStopTrigger == e.AccessSpecStopTriggerType.Null


def test_the_reader_is_set_to_tell_hold_and_keep_alive() -> None:
    config = reader_config(replace(reader(30), keepalive_ms=3_000), facts(SPEEDWAY_R420))
    assert config.KeepaliveSpec == p.KeepaliveSpec(e.KeepaliveTriggerType.Periodic, 3_000)
    assert config.EventsAndReports == p.EventsAndReports(True)
    assert [state.GPIPortNum for state in config.GPIPortCurrentState] == [1, 2, 3, 4]
    assert config.ReaderEventNotificationSpec is not None
    asked = {state.EventType for state in config.ReaderEventNotificationSpec.EventNotificationState}
    assert e.NotificationEventType.AISpec_Event_With_Details not in asked
    assert e.NotificationEventType.Report_Buffer_Fill_Warning in asked
    without = reader_config(reader(30), replace(facts(SPEEDWAY_R420), can_hold=False))
    assert without.EventsAndReports is None
