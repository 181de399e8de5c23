"""Report triggers, accumulation, content, held reports, polling, and the bounded memory for reports."""

from dataclasses import replace

import numpy as np
import pytest

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.messages_custom import ImpinjEnableExtensions
from simulators.llrp.models import LLRP_1_1, SPEEDWAY_R420
from simulators.llrp.outbox import UNSOLICITED_ID_MIN
from simulators.llrp.plant_clock import ReaderClock
from simulators.llrp.radio import TagMemory
from tests.simulators.llrp.talk import (
    EPCS,
    ON_START_ROSPEC,
    START_US,
    Talk,
    aispec,
    epc_of,
    for_ms,
    notify,
    report_spec,
    rospec,
    use_1_1,
)


def run(talk: Talk, report: p.ROReportSpec, *, ms: int = 300, cut: int | None = None) -> None:
    """Take inventory for so long; cut into AISpecs of `cut` ms."""
    parts = (aispec(stop=for_ms(cut or ms)),) * (ms // (cut or ms))
    talk.ok(m.AddROSpec(rospec(start=ON_START_ROSPEC, aispecs=parts, report=report)), m.EnableROSpec(1))
    talk.ok(m.StartROSpec(1))
    talk.wait(ms / 1000 + 0.05)


def counts(talk: Talk) -> list[list[int]]:
    return [[tag.TagSeenCount.TagCount for tag in report] for report in talk.reports()]


def test_n_of_one_reports_every_singulation() -> None:
    talk = Talk()
    run(talk, report_spec(1, 1))
    assert counts(talk) == [[1]] * 30


def test_n_tags_are_folded_while_they_wait() -> None:
    talk = Talk()
    run(talk, report_spec(1, 10))
    # The tenth different tag completes each report, so no tag has been seen twice by then.
    assert counts(talk) == [[1] * 10] * 3


def test_n_counts_reports_not_singulations() -> None:
    talk = Talk(epcs=EPCS[:3])
    run(talk, report_spec(1, 4))
    # Three tags never make four reports: all waits for the end of the AISpec.
    assert counts(talk) == [[10, 10, 10]]


@pytest.mark.parametrize(("trigger", "reports"), [(1, 3), (2, 1)], ids=["end of AISpec", "end of ROSpec"])
def test_n_of_zero_reports_at_the_end(trigger: int, reports: int) -> None:
    talk = Talk()
    run(talk, report_spec(trigger, 0), ms=300, cut=100)
    found = talk.reports()
    assert len(found) == reports
    assert sum(tag.TagSeenCount.TagCount for report in found for tag in report) == 30


@pytest.mark.parametrize(("trigger", "n"), [(5, 100), (6, 100), (3, 1), (4, 1)])
def test_1_1_reports_by_time(trigger: int, n: int) -> None:
    talk = use_1_1(Talk())
    run(talk, report_spec(trigger, n), ms=2_500)
    found = counts(talk)
    period_ms = n if trigger >= 5 else n * 1000
    assert len(found) == -(-2_500 // period_ms)
    assert sum(map(sum, found)) == 250


def test_trigger_none_reports_only_when_asked() -> None:
    talk = Talk()
    run(talk, report_spec(0, 0), ms=200)
    assert talk.reports() == []
    talk.send(m.GetReport())
    assert counts(talk) == [[2] * 10]
    talk.send(m.GetReport())
    assert talk.reports() == [()]


def test_folding_keeps_first_last_and_strongest() -> None:
    talk = Talk(epcs=EPCS[:1])
    run(talk, report_spec(1, 0, EnableChannelIndex=True), ms=100)
    ((tag,),) = talk.reports()
    assert tag.FirstSeenTimestampUTC.Microseconds == START_US
    assert tag.LastSeenTimestampUTC.Microseconds == START_US + 90_000
    assert tag.TagSeenCount.TagCount == 10
    assert tag.PeakRSSI.PeakRSSI == -49
    assert tag.ChannelIndex.ChannelIndex == START_US // 10_000 % 50 + 1


def test_tags_at_two_antennas_are_two_reports_unless_the_antenna_is_not_asked_for() -> None:
    for enabled, reports in ((True, 20), (False, 10)):
        talk = Talk()
        parts = (aispec(antennas=(1, 2), stop=for_ms(400)),)
        report = report_spec(1, 0, EnableAntennaID=enabled)
        talk.ok(m.AddROSpec(rospec(start=ON_START_ROSPEC, aispecs=parts, report=report)), m.EnableROSpec(1))
        talk.ok(m.StartROSpec(1))
        talk.wait(0.5)
        ((*tags,),) = talk.reports()
        assert len(tags) == reports


def test_a_reader_may_not_fold_at_all() -> None:
    talk = Talk(fold_reports=False)
    run(talk, report_spec(1, 0))
    assert counts(talk) == [[1] * 30]


def test_single_observations_are_not_folded() -> None:
    phase = p.ImpinjTagReportContentSelector(
        ImpinjEnableRFPhaseAngle=p.ImpinjEnableRFPhaseAngle(p.ImpinjFieldMode.Enabled),
        ImpinjEnablePeakRSSI=p.ImpinjEnablePeakRSSI(p.ImpinjFieldMode.Enabled),
        ImpinjEnableRFDopplerFrequency=p.ImpinjEnableRFDopplerFrequency(p.ImpinjFieldMode.Enabled),
    )
    talk = Talk(SPEEDWAY_R420)
    talk.ok(ImpinjEnableExtensions())
    run(talk, report_spec(1, 0, custom=(phase,)), ms=200)
    (report,) = talk.reports()
    assert [tag.TagSeenCount.TagCount for tag in report] == [1] * 20
    kinds = [type(custom) for custom in report[0].Custom]
    assert kinds == [p.ImpinjRFPhaseAngle, p.ImpinjPeakRSSI, p.ImpinjRFDopplerFrequency]
    first = report[0].Custom
    strongest_dbm = -50 + START_US // 10_000 % 3 * 0.5
    assert first[1] == p.ImpinjPeakRSSI(round(strongest_dbm * 100))


def test_every_field_can_be_asked_for_and_comes_in_the_standards_order() -> None:
    talk = Talk()
    everything = report_spec(
        1, 0, EnableROSpecID=True, EnableSpecIndex=True, EnableInventoryParameterSpecID=True, EnableChannelIndex=True,
        EnableAccessSpecID=True,
    )  # fmt: skip
    selector = everything.TagReportContentSelector
    memory = p.TagReportContentSelector(
        *(getattr(selector, name) for name in selector.__struct_fields__[:10]),
        AirProtocolEPCMemorySelector=(p.C1G2EPCMemorySelector(True, True),),
    )
    run(talk, p.ROReportSpec(everything.ROReportTrigger, 0, memory), ms=50)
    (report,) = talk.reports()
    tag = report[0]
    assert (tag.ROSpecID.ROSpecID, tag.SpecIndex.SpecIndex) == (1, 1)
    assert tag.InventoryParameterSpecID.InventoryParameterSpecID == 1
    assert tag.AccessSpecID.AccessSpecID == 0
    pc, crc = tag.AirProtocolTagData
    assert pc.PC_Bits == 6 << 11
    assert crc == p.C1G2_CRC(gen2_crc(pc.PC_Bits.to_bytes(2, "big") + epc_of(tag)))


def gen2_crc(data: bytes) -> int:
    """CRC-16 of Gen2 annex F, bit by bit."""
    crc = 0xFFFF
    for bit in "".join(f"{byte:08b}" for byte in data):
        crc = crc << 1 & 0xFFFF ^ (0x1021 if (crc >> 15) ^ int(bit) else 0)
    return crc ^ 0xFFFF


def test_epcs_of_any_length_keep_their_order() -> None:
    epcs = [EPCS[0], b"\xe2\x80" * 4, bytes(range(16)), EPCS[1]]
    talk = Talk(epcs=epcs)
    run(talk, report_spec(1, 0), ms=40)
    (report,) = talk.reports()
    assert sorted(epc_of(tag) for tag in report) == sorted(epcs)
    assert [tag.EPCParameter.EPC.bits for tag in report if isinstance(tag.EPCParameter, p.EPCData)] in (
        [64, 128], [128, 64],
    )  # fmt: skip


def test_impinj_readers_add_the_tid() -> None:
    tid = p.ImpinjTagReportContentSelector(
        ImpinjEnableSerializedTID=p.ImpinjEnableSerializedTID(p.ImpinjFieldMode.Enabled)
    )
    words = [0xE280, 0x1160, 0x6000, 0x0204, 0x0001, 0x0002]
    talk = Talk(SPEEDWAY_R420, memories={EPCS[0]: TagMemory({2: words})})
    talk.ok(ImpinjEnableExtensions())
    run(talk, report_spec(1, 0, custom=(tid,)), ms=100)
    (report,) = talk.reports()
    found = {epc_of(tag): tag.Custom for tag in report}
    assert found[EPCS[0]] == (p.ImpinjSerializedTID(tuple(words)),)
    assert found[EPCS[1]] == ()


def test_a_reader_without_utc_reports_uptime() -> None:
    talk = Talk(clock=ReaderClock(START_US - 5_000_000, has_utc=False))
    run(talk, report_spec(1, 0), ms=50)
    (report,) = talk.reports()
    assert report[0].FirstSeenTimestampUTC is None
    assert report[0].FirstSeenTimestampUptime.Microseconds == 5_000_000


def test_a_drifting_clock_stamps_reads_and_events_alike() -> None:
    talk = Talk(clock=ReaderClock(START_US, offset_us=7_000_000, drift_ppm=100), opened=False)
    talk.now_us += 1_000_000_000
    opening = talk.open()
    expected = talk.now_us + 7_000_000 + 100_000
    assert opening.ReaderEventNotificationData.Timestamp.Microseconds == expected
    run(talk, report_spec(1, 1), ms=50)
    assert abs(talk.reports()[0][0].FirstSeenTimestampUTC.Microseconds - expected) < 10_000


# Held reports


def hold() -> m.SetReaderConfig:
    return m.SetReaderConfig(False, EventsAndReports=p.EventsAndReports(True))


def test_reports_are_held_over_a_reconnect_until_they_are_asked_for() -> None:
    talk = Talk()
    talk.ok(hold(), m.AddROSpec(rospec()), m.EnableROSpec(1))
    talk.wait(0.1)
    before = len(talk.reports())
    talk.close()
    talk.wait(0.5)
    opening = talk.open()
    assert opening.ReaderEventNotificationData.ConnectionAttemptEvent is not None
    talk.wait(0.1)
    talk.ok(m.GetROSpecs())
    assert talk.reports() == []
    talk.send(m.EnableEventsAndReports())
    assert before + len(talk.reports()) == 70


def test_without_holding_they_follow_the_opening_event() -> None:
    talk = Talk()
    talk.ok(m.AddROSpec(rospec()), m.EnableROSpec(1))
    talk.close()
    talk.wait(0.2)
    talk.open()
    assert len(talk.reports()) == 20


def test_unsolicited_messages_cannot_be_mistaken_for_answers() -> None:
    talk = Talk()
    talk.ok(m.AddROSpec(rospec()), m.EnableROSpec(1))
    talk.wait(0.1)
    talk.machine.keepalive()
    identifiers = [frame.message_id for frame in talk.collect()]
    assert len(identifiers) == len(set(identifiers)) == 11
    assert min(identifiers) > UNSOLICITED_ID_MIN


# Memory


def test_a_full_memory_warns_then_loses_and_says_so_once() -> None:
    model = replace(LLRP_1_1, report_capacity_tags=50)
    talk = Talk(model)
    talk.ok(
        notify(e.NotificationEventType.Report_Buffer_Fill_Warning), hold(), m.AddROSpec(rospec()), m.EnableROSpec(1)
    )
    talk.wait(0.01)
    delivered = len(talk.reports())
    talk.close()
    talk.wait(1)
    talk.open()
    talk.send(m.EnableEventsAndReports())
    assert len(talk.reports()) == 50
    warning, overflow = talk.events()
    assert warning.ReportBufferLevelWarningEvent.ReportBufferPercentageFull == 80
    assert overflow.ReportBufferOverflowErrorEvent is not None
    assert delivered + 50 + talk.machine.outbox.lost_tags == 101
    talk.wait(0.1)
    assert len(talk.reports()) == 10
    assert talk.events() == []


def test_what_waits_for_its_trigger_is_bounded_too() -> None:
    talk = Talk(replace(LLRP_1_1, report_capacity_tags=50), fold_reports=False)
    talk.ok(m.AddROSpec(rospec(report=report_spec(0, 0))), m.EnableROSpec(1))
    talk.wait(1)
    (overflow,) = talk.events()
    assert overflow.ReportBufferOverflowErrorEvent is not None
    talk.send(m.GetReport())
    (report,) = talk.reports()
    assert len(report) == 50
    assert talk.machine.outbox.lost_tags == 50


def test_a_second_of_many_reads_in_one_step_is_reported_as_if_in_many() -> None:
    talk = use_1_1(Talk(reads_per_s=20_000))
    talk.ok(m.AddROSpec(rospec(report=report_spec(5, 100))), m.EnableROSpec(1))
    talk.now_us += 1_000_000
    talk.machine.advance(talk.now_us)
    found = counts(talk)
    assert len(found) == 10
    assert np.sum(found) == 20_000
