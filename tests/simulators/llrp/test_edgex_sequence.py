"""The messages EdgeX's device service and inventory app send, in their order and with their identifiers from 0."""

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from simulators.llrp.models import LLRP_1_1, SPEEDWAY_R420
from simulators.llrp.outbox import UNSOLICITED_ID_MIN
from tests.simulators.llrp.talk import Talk, aispec, notify, report_spec, rospec

Wanted = e.GetReaderConfigRequestedData
Capability = e.GetReaderCapabilitiesRequestedData


def test_a_probe_asks_who_we_are_and_leaves() -> None:
    talk = Talk(SPEEDWAY_R420)
    identification = talk.ask(m.GetReaderConfig(0, Wanted.Identification, 0, 0))
    assert identification.Identification.ReaderID == bytes.fromhex("001625ffff1125d6")
    assert identification.AntennaProperties == ()
    general = talk.ask(m.GetReaderCapabilities(Capability.General_Device_Capabilities))
    assert general.GeneralDeviceCapabilities.DeviceManufacturerName == 25882
    assert general.RegulatoryCapabilities is None
    talk.ok(m.CloseConnection())
    assert talk.machine.closing


def test_a_session_negotiates_configures_and_takes_inventory() -> None:
    talk = Talk(LLRP_1_1)
    supported = talk.ask(m.GetSupportedVersion(), version=2)
    assert supported.SupportedVersion == 2
    assert talk.ask(m.SetProtocolVersion(2), version=2).LLRPStatus.StatusCode == e.StatusCode.M_Success
    talk.version = 2
    talk.ok(
        m.SetReaderConfig(False, KeepaliveSpec=p.KeepaliveSpec(e.KeepaliveTriggerType.Periodic, 30_000)),
        notify(e.NotificationEventType.ROSpec_Event, e.NotificationEventType.Antenna_Event),
    )
    everything = talk.ask(m.GetReaderCapabilities(Capability.All))
    assert None not in (
        everything.GeneralDeviceCapabilities, everything.LLRPCapabilities, everything.RegulatoryCapabilities,
        everything.RegulatoryCapabilities.UHFBandCapabilities, everything.AirProtocolLLRPCapabilities,
    )  # fmt: skip
    assert talk.ask(m.GetROSpecs()).ROSpec == ()
    assert talk.ask(m.GetAccessSpecs()).AccessSpec == ()
    talk.ok(m.DeleteROSpec(0), m.AddROSpec(rospec(aispecs=(aispec(antennas=(0,)),), report=report_spec(5, 500))))
    talk.ok(m.EnableROSpec(1))
    talk.wait(1.01)
    reports = [frame for frame in talk.collect() if isinstance(frame.message, m.ROAccessReport)]
    assert len(reports) == 2
    # EdgeX matches answers by identifier alone: no unsolicited message may carry one it has used or will use.
    assert all(frame.message_id >= UNSOLICITED_ID_MIN for frame in talk.unread)
    talk.ok(m.DisableROSpec(0), m.DeleteROSpec(0), m.CloseConnection())


def test_a_1_0_1_reader_answers_the_version_question_so_that_edgex_falls_back() -> None:
    talk = Talk(SPEEDWAY_R420)
    message_id = talk.send(m.GetSupportedVersion(), version=2)
    (answer,) = talk.collect()
    assert answer.message_id == message_id
    assert answer.version == 1
    assert isinstance(answer.message, m.ErrorMessage)
    assert answer.message.LLRPStatus.StatusCode == e.StatusCode.M_UnsupportedVersion
