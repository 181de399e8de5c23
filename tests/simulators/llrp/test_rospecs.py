"""ROSpec life cycle: start and stop triggers, AISpecs one after another, loops, priorities, events."""

import pytest

from readers.llrp import enums as e
from readers.llrp import enums_c1g2 as g
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.wire import BitArray
from simulators.llrp.models import FX9600, LLRP_1_1
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
    until_tags,
    use_1_1,
)

ROSPEC_EVENTS = notify(e.NotificationEventType.ROSpec_Event)
AISPEC_EVENTS = notify(e.NotificationEventType.AISpec_Event)
START, END, PREEMPTED = e.ROSpecEventType


def state_of(talk: Talk, identifier: int = 1) -> e.ROSpecState:
    return next(one.CurrentState for one in talk.ask(m.GetROSpecs()).ROSpec if one.ROSpecID == identifier)


def rospec_events(talk: Talk) -> list[tuple[e.ROSpecEventType, int]]:
    events = [data.ROSpecEvent for data in talk.events()]
    return [(event.EventType, event.ROSpecID) for event in events if event is not None]


def test_an_rospec_goes_through_its_states() -> None:
    talk = Talk()
    talk.ok(ROSPEC_EVENTS, m.AddROSpec(rospec(start=ON_START_ROSPEC)))
    assert state_of(talk) == e.ROSpecState.Disabled
    talk.ok(m.EnableROSpec(1))
    assert state_of(talk) == e.ROSpecState.Inactive
    talk.ok(m.StartROSpec(1))
    assert state_of(talk) == e.ROSpecState.Active
    talk.wait(0.1)
    talk.ok(m.StopROSpec(1))
    assert state_of(talk) == e.ROSpecState.Inactive
    talk.ok(m.DisableROSpec(1))
    assert state_of(talk) == e.ROSpecState.Disabled
    assert rospec_events(talk) == [(START, 1), (END, 1)]
    talk.ok(m.DeleteROSpec(1))
    assert talk.ask(m.GetROSpecs()).ROSpec == ()


def test_get_rospecs_returns_what_was_added() -> None:
    talk = Talk()
    added = rospec(3, start=ON_START_ROSPEC)
    talk.ok(m.AddROSpec(added))
    assert talk.ask(m.GetROSpecs()).ROSpec == (added,)


def test_nothing_is_heard_before_the_start_and_after_the_stop() -> None:
    talk = Talk()
    talk.ok(m.AddROSpec(rospec(start=ON_START_ROSPEC)), m.EnableROSpec(1))
    talk.wait(0.5)
    assert talk.reports() == []
    talk.ok(m.StartROSpec(1))
    talk.wait(0.1)
    talk.ok(m.StopROSpec(1))
    assert len(talk.reports()) == 10
    talk.wait(0.5)
    assert talk.reports() == []


def test_an_immediate_start_waits_for_enable_and_a_stop_holds() -> None:
    talk = Talk()
    talk.ok(m.AddROSpec(rospec()))
    talk.wait(0.1)
    assert talk.reports() == []
    talk.ok(m.EnableROSpec(1))
    talk.wait(0.1)
    assert talk.reports()
    talk.ok(m.StopROSpec(1))
    talk.reports()
    talk.wait(0.5)
    assert talk.reports() == []
    talk.ok(m.DisableROSpec(1), m.EnableROSpec(1))
    talk.wait(0.1)
    assert talk.reports()


def test_a_duration_ends_the_rospec_and_an_immediate_one_starts_again() -> None:
    talk = Talk()
    stop = p.ROSpecStopTrigger(e.ROSpecStopTriggerType.Duration, 100)
    talk.ok(ROSPEC_EVENTS, m.AddROSpec(rospec(stop=stop)), m.EnableROSpec(1))
    talk.wait(0.3)
    assert rospec_events(talk)[:4] == [(START, 1), (END, 1), (START, 1), (END, 1)]


def test_a_started_rospec_with_a_duration_ends_once() -> None:
    talk = Talk()
    stop = p.ROSpecStopTrigger(e.ROSpecStopTriggerType.Duration, 100)
    talk.ok(ROSPEC_EVENTS, m.AddROSpec(rospec(start=ON_START_ROSPEC, stop=stop)), m.EnableROSpec(1), m.StartROSpec(1))
    talk.wait(1)
    assert rospec_events(talk) == [(START, 1), (END, 1)]
    assert len(talk.reports()) == 10


def test_without_a_stop_trigger_the_rospec_ends_with_its_last_aispec() -> None:
    talk = Talk()
    parts = (aispec(stop=for_ms(50)), aispec(antennas=(2,), stop=for_ms(50)))
    talk.ok(
        ROSPEC_EVENTS, AISPEC_EVENTS, m.AddROSpec(rospec(start=ON_START_ROSPEC, aispecs=parts)),
        m.EnableROSpec(1), m.StartROSpec(1),
    )  # fmt: skip
    talk.wait(0.5)
    antennas = [tag.AntennaID.AntennaID for (tag,) in talk.reports()]
    assert antennas == [1] * 5 + [2] * 5
    events = talk.events()
    assert [data.AISpecEvent.SpecIndex for data in events if data.AISpecEvent] == [1, 2]
    assert events[-1].ROSpecEvent is not None
    assert events[-1].Timestamp.Microseconds == START_US + 100_000


def test_a_periodic_start_keeps_its_beat() -> None:
    talk = Talk()
    start = p.ROSpecStartTrigger(e.ROSpecStartTriggerType.Periodic, p.PeriodicTriggerValue(100, 300))
    stop = p.ROSpecStopTrigger(e.ROSpecStopTriggerType.Duration, 50)
    talk.ok(ROSPEC_EVENTS, m.AddROSpec(rospec(start=start, stop=stop)), m.EnableROSpec(1))
    talk.wait(1)
    starts = [
        d.Timestamp.Microseconds - START_US for d in talk.events() if d.ROSpecEvent and not d.ROSpecEvent.EventType
    ]
    assert starts == [100_000, 400_000, 700_000, 1_000_000]


def test_a_periodic_start_can_count_from_a_utc_time() -> None:
    talk = Talk()
    timer = p.PeriodicTriggerValue(0, 0, p.UTCTimestamp(START_US + 250_000))
    start = p.ROSpecStartTrigger(e.ROSpecStartTriggerType.Periodic, timer)
    talk.ok(m.AddROSpec(rospec(start=start)), m.EnableROSpec(1))
    talk.wait(0.3)
    first = talk.reports()[0][0].FirstSeenTimestampUTC.Microseconds
    assert first >= START_US + 250_000


def enable_gpi(port: int) -> m.SetReaderConfig:
    return m.SetReaderConfig(False, GPIPortCurrentState=(p.GPIPortCurrentState(port, True, e.GPIPortState.Unknown),))


def test_a_gpi_starts_and_stops_and_its_event_comes_first() -> None:
    talk = Talk()
    high, low = p.GPITriggerValue(2, True, 0), p.GPITriggerValue(2, False, 0)
    start = p.ROSpecStartTrigger(e.ROSpecStartTriggerType.GPI, GPITriggerValue=high)
    stop = p.ROSpecStopTrigger(e.ROSpecStopTriggerType.GPI_With_Timeout, 0, low)
    talk.ok(
        notify(e.NotificationEventType.GPI_Event), ROSPEC_EVENTS, enable_gpi(2),
        m.AddROSpec(rospec(start=start, stop=stop)), m.EnableROSpec(1),
    )  # fmt: skip
    talk.wait(0.1)
    talk.machine.set_gpi(2, True, talk.now_us)
    talk.wait(0.1)
    talk.machine.set_gpi(2, False, talk.now_us)
    talk.wait(0.1)
    assert len(talk.reports()) == 10
    kinds = ["gpi" if data.GPIEvent else data.ROSpecEvent.EventType.name for data in talk.events()]
    assert kinds == ["gpi", "Start_Of_ROSpec", "gpi", "End_Of_ROSpec"]


def test_a_gpi_that_is_not_enabled_does_nothing() -> None:
    talk = Talk()
    talk.ok(notify(e.NotificationEventType.GPI_Event))
    talk.machine.set_gpi(1, True, talk.now_us)
    assert talk.events() == []
    state = talk.ask(m.GetReaderConfig(0, e.GetReaderConfigRequestedData.GPIPortCurrentState, 1, 0))
    assert state.GPIPortCurrentState == (p.GPIPortCurrentState(1, False, e.GPIPortState.High),)


@pytest.mark.parametrize(
    ("stop", "heard"),
    [
        (until_tags(0, 7), 7),
        (until_tags(0, 100, timeout_ms=120), 12),
        (until_tags(1, t_ms=55), 15),  # the tenth tag is new at 90 ms
        (until_tags(2, 10), 5),
    ],
    ids=["N tags", "timeout", "no new tag for T", "N attempts"],
)
def test_an_aispec_stops_on_what_it_has_seen(stop: p.AISpecStopTrigger, heard: int) -> None:
    talk = Talk()
    spec = rospec(start=ON_START_ROSPEC, aispecs=(aispec(stop=stop),), report=report_spec(1, 0))
    talk.ok(m.AddROSpec(spec), m.EnableROSpec(1), m.StartROSpec(1))
    talk.wait(2)
    (report,) = talk.reports()
    assert sum(tag.TagSeenCount.TagCount for tag in report) == heard


def test_1_1_stops_on_unique_tags() -> None:
    talk = use_1_1(Talk())
    spec = rospec(start=ON_START_ROSPEC, aispecs=(aispec(stop=until_tags(3, 4)),))
    talk.ok(m.AddROSpec(spec), m.EnableROSpec(1), m.StartROSpec(1))
    talk.wait(1)
    assert len({epc_of(tag) for (tag,) in talk.reports()}) == 4


def test_a_loop_repeats_its_specs_and_says_so() -> None:
    talk = use_1_1(Talk())
    spec = rospec(start=ON_START_ROSPEC, aispecs=(aispec(stop=for_ms(30)), p.LoopSpec(3)))
    talk.ok(notify(e.NotificationEventType.SpecLoop_Event), AISPEC_EVENTS, m.AddROSpec(spec))
    talk.ok(m.EnableROSpec(1), m.StartROSpec(1))
    talk.wait(1)
    events = talk.events()
    assert len([data for data in events if data.AISpecEvent]) == 3
    assert [data.SpecLoopEvent.LoopCount for data in events if data.SpecLoopEvent] == [1, 2]


def test_a_loop_left_from_1_1_is_not_told_to_a_1_0_1_client() -> None:
    talk = use_1_1(Talk())
    talk.ok(m.AddROSpec(rospec(1, aispecs=(aispec(stop=for_ms(30)), p.LoopSpec(3)))), m.AddROSpec(rospec(2)))
    talk.close()
    talk.open()
    assert [one.ROSpecID for one in talk.ask(m.GetROSpecs()).ROSpec] == [2]


def test_a_better_priority_preempts_and_a_worse_one_waits() -> None:
    talk = Talk(LLRP_1_1)
    talk.ok(
        ROSPEC_EVENTS,
        m.AddROSpec(rospec(1, priority=3, start=ON_START_ROSPEC)),
        m.AddROSpec(rospec(2, priority=1, start=ON_START_ROSPEC)),
        m.EnableROSpec(0), m.StartROSpec(1),
    )  # fmt: skip
    talk.wait(0.05)
    talk.ok(m.StartROSpec(2), m.StartROSpec(1))
    assert (state_of(talk, 1), state_of(talk, 2)) == (e.ROSpecState.Inactive, e.ROSpecState.Active)
    events = [data.ROSpecEvent for data in talk.events()]
    preemption = next(event for event in events if event.EventType == PREEMPTED)
    assert (preemption.ROSpecID, preemption.PreemptingROSpecID) == (1, 2)


def test_antenna_zero_drives_all_that_are_connected() -> None:
    talk = Talk(FX9600, connected_antennas=frozenset({1, 2, 5}))
    talk.ok(m.AddROSpec(rospec(aispecs=(aispec(antennas=(0,)),))), m.EnableROSpec(1))
    talk.wait(0.1)
    assert [drive.port for drive in talk.radio.last_drives] == [1, 2, 5]


def test_an_antenna_that_is_pulled_out_is_told_and_heard_no_more() -> None:
    talk = Talk()
    talk.ok(m.AddROSpec(rospec(aispecs=(aispec(antennas=(1, 2)),))), m.EnableROSpec(1))
    talk.wait(0.1)
    talk.machine.set_antenna(2, False, talk.now_us)
    talk.reports()
    talk.wait(0.2)
    assert {tag.AntennaID.AntennaID for (tag,) in talk.reports()} == {1}
    (event,) = [data.AntennaEvent for data in talk.events()]
    assert (event.EventType, event.AntennaID) == (e.AntennaEventType.Antenna_Disconnected, 2)
    properties = talk.ask(m.GetReaderConfig(2, e.GetReaderConfigRequestedData.AntennaProperties, 0, 0))
    assert not properties.AntennaProperties[0].AntennaConnected


def test_trouble_inside_the_reader_is_told() -> None:
    talk = Talk()
    talk.machine.raise_exception("too hot", talk.now_us)
    assert [data.ReaderExceptionEvent for data in talk.events()] == [p.ReaderExceptionEvent("too hot")]


def test_a_filter_leaves_other_tags_out() -> None:
    talk = Talk()
    wanted = p.C1G2Filter(
        g.C1G2TruncateAction.Unspecified,
        p.C1G2TagInventoryMask(1, 32 + 64, BitArray.whole(EPCS[3][8:])),
    )
    command = p.C1G2InventoryCommand(False, (wanted,))
    configuration = p.AntennaConfiguration(1, AirProtocolInventoryCommandSettings=(command,))
    talk.ok(m.AddROSpec(rospec(aispecs=(aispec(configuration=(configuration,)),))), m.EnableROSpec(1))
    talk.wait(0.5)
    assert {epc_of(tag) for (tag,) in talk.reports()} == {EPCS[3]}


def test_singulation_details_come_with_the_detailed_event() -> None:
    talk = Talk()
    talk.ok(notify(e.NotificationEventType.AISpec_Event_With_Details))
    talk.ok(m.AddROSpec(rospec(start=ON_START_ROSPEC, aispecs=(aispec(stop=for_ms(20)),))), m.EnableROSpec(1))
    talk.ok(m.StartROSpec(1))
    talk.wait(0.1)
    (event,) = [data.AISpecEvent for data in talk.events()]
    assert event.AirProtocolSingulationDetails is not None
