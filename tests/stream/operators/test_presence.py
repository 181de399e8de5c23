"""Presence: reports per interval, and arrival, movement and departure that do not flap."""

from dataclasses import replace

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.model import BatchId, Sightings
from stream.operators.presence import (
    PresenceOperator,
    PresenceParams,
    PresenceState,
    ZoneObserver,
    ZoneObserverState,
    ZoneReport,
    presence_key,
)
from stream.operators.slices import PlaceSlice
from tests.stream.operators.analytic_door import T0_US, sightings
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.site import AntennaRef, Zone

A = Zone("a", location="LOC-A", depart_after_s=20.0)
B = Zone("b", location="LOC-B", depart_after_s=20.0)
A2 = Zone("a2", location="LOC-A", depart_after_s=40.0)
PARAMS = PresenceParams(zones=(A, B, A2))
ANTENNA = AntennaRef("r1", 1)
SECOND = 1_000_000


def report(second: int, zone: str, dbm: float, epc: str = "E1") -> ZoneReport:
    return ZoneReport(epc, zone, T0_US + second * SECOND, dbm, 3)


def feed(reports: list[ZoneReport], end_s: int, state: PresenceState | None = None) -> list[LocationUpdate]:
    op = PresenceOperator("presence-0", PARAMS, state)
    out = []
    for second in range(end_s + 1):
        now_us = T0_US + second * SECOND
        out += op.on_batch(now_us, [each for each in reports if each.at_us == now_us])
    return out


def story(updates: list[LocationUpdate]) -> list[tuple[LocationEvent, str, int]]:
    return [(u.event, u.location, (u.at_us - T0_US) // SECOND) for u in updates]


def test_a_tag_arrives_on_its_second_report_and_departs_when_silent() -> None:
    said = story(feed([report(s, "a", -50.0) for s in range(1, 11)], 60))
    assert said == [(LocationEvent.ARRIVED, "LOC-A", 2), (LocationEvent.DEPARTED, "LOC-A", 50)]


def test_one_stray_read_is_no_arrival() -> None:
    assert feed([report(5, "a", -50.0)], 60) == []


def test_a_tag_moves_when_another_zone_stays_stronger() -> None:
    reports = [report(s, "a", -50.0) for s in range(1, 20)] + [report(s, "b", -50.0) for s in range(20, 60)]
    said = story(feed(reports, 60))
    assert [event for event, _, _ in said] == [LocationEvent.ARRIVED, LocationEvent.MOVED]
    assert said[1][1] == "LOC-B"
    assert 24 <= said[1][2] <= 60


def test_equal_strength_with_flicker_never_moves() -> None:
    rng = np.random.default_rng(5)
    reports = [
        report(s, zone, -55.0 + float(rng.normal(0, 5.0)))
        for s in range(1, 3600)
        for zone in ("a", "b")
        if rng.random() < 0.6
    ]
    moves = [u for u in feed(reports, 3600) if u.event is LocationEvent.MOVED]
    assert len(moves) <= 2


def test_a_zone_that_reads_more_often_is_not_nearer_for_that() -> None:
    """An antenna with few other tags reads a far one often; the near one, busy with a full shelf, rarely."""
    near = [replace(report(s, "a", -50.0), reads=1) for s in range(1, 60)]
    far = [replace(report(s, "b", -53.0 + 7.0), reads=5) for s in range(1, 60)]
    assert story(feed(near + far, 60))[0] == (LocationEvent.ARRIVED, "LOC-A", 2)


def test_without_strengths_a_tag_is_where_it_is_heard_in_more_intervals() -> None:
    often = [replace(report(s, "a", -120.0), reads=9) for s in range(1, 60)]
    seldom = [report(s, "b", -120.0) for s in range(1, 60, 3)]
    assert story(feed(often + seldom, 60))[0] == (LocationEvent.ARRIVED, "LOC-A", 2)


def test_zones_with_one_location_are_one_place() -> None:
    reports = [report(s, "a", -50.0) for s in range(1, 20)] + [report(s, "a2", -40.0) for s in range(20, 60)]
    assert [event for event, _, _ in story(feed(reports, 60))] == [LocationEvent.ARRIVED]


def test_update_ids_are_derived_and_do_not_depend_on_the_shard() -> None:
    reports = [report(s, "a", -50.0, epc) for s in range(1, 11) for epc in ("E1", "E2")]
    together = {u.update_id for u in feed(reports, 60)}
    alone = {u.update_id for epc in ("E1", "E2") for u in feed([r for r in reports if r.epc == epc], 60)}
    assert together == alone
    assert len(together) == 4


def test_a_tag_heard_rarely_departs_once_at_most() -> None:
    reports = [report(s, "b", -70.0) for second in range(1, 1200, 35) for s in (second, second + 1)]
    events = [event for event, _, _ in story(feed(reports, 1200))]
    assert events.count(LocationEvent.DEPARTED) == 1
    assert events[-1] is LocationEvent.ARRIVED


def test_a_tag_heard_rarely_departs_in_the_end() -> None:
    reports = [report(s, "b", -70.0) for second in range(1, 300, 15) for s in (second, second + 1)]
    assert story(feed(reports, 700))[-1][0] is LocationEvent.DEPARTED


def test_next_wakeup_is_the_earliest_departure() -> None:
    op = PresenceOperator("presence-0", PARAMS)
    assert op.next_wakeup() is None
    for second in (1, 2, 3, 4):
        op.on_batch(T0_US + second * SECOND, [report(second, "a", -50.0)])
    due = op.next_wakeup()
    assert due is not None
    assert op.on_wakeup(due - 1) == []
    assert [u.event for u in op.on_wakeup(due)] == [LocationEvent.DEPARTED]
    assert op.next_wakeup() is None


def test_tags_beyond_the_bound_are_counted() -> None:
    op = PresenceOperator("presence-0", replace(PARAMS, tags_max=2))
    op.on_batch(T0_US + SECOND, [report(1, "a", -50.0, f"E{i}") for i in range(5)])
    assert op.refused == 3


def test_the_departed_are_forgotten() -> None:
    op = PresenceOperator("presence-0", PARAMS)
    op.on_batch(T0_US + SECOND, [report(1, "a", -50.0, f"E{i}") for i in range(500)])
    op.on_wakeup(T0_US + 100 * SECOND)
    assert op.snapshot().epcs == []


def test_a_tag_always_has_the_same_shard() -> None:
    assert presence_key("E200") == presence_key("E200")
    assert len({presence_key(f"E{i:04X}") for i in range(1000)}) == 16


steps = st.lists(
    st.tuples(
        st.integers(1, 40), st.sampled_from(["a", "b", "a2"]), st.floats(-75, -40), st.sampled_from(["E1", "E2"])
    ),
    max_size=80,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps, cut=st.integers(0, 100))
def test_presence_cut_anywhere_says_the_same(steps: list[tuple[int, str, float, str]], cut: int) -> None:
    unique = {(s, zone, epc): report(s, zone, dbm, epc) for s, zone, dbm, epc in steps}
    reports = list(unique.values())
    op = PresenceOperator("presence-0", PARAMS)
    out = []
    for second in range(101):
        if second == cut:
            kept = msgspec.msgpack.encode(op.snapshot())
            op = PresenceOperator("presence-0", PARAMS, msgspec.msgpack.decode(kept, type=PresenceState))
        now_us = T0_US + second * SECOND
        out += op.on_batch(now_us, [each for each in reports if each.at_us == now_us])
    assert out == feed(reports, 100)


def piece(at_us: list[int], epc: str = "E1", dbm: float = -50.0, counter: int = 1) -> PlaceSlice:
    return PlaceSlice(BatchId("edge", "e1", counter), sightings([(at, epc, ANTENNA, dbm) for at in at_us]))


def test_a_zone_reports_a_tag_once_an_interval_with_its_power_summed() -> None:
    observer = ZoneObserver(A, frozenset({ANTENNA}), PARAMS)
    reports = observer.on_batch(T0_US + SECOND, [piece([T0_US + 100, T0_US + 200_000, T0_US + 900_000])])
    assert reports == [ZoneReport("E1", "a", T0_US + SECOND, -45.23, 3)]


def test_a_zone_waits_for_the_watermark_and_says_when() -> None:
    observer = ZoneObserver(A, frozenset({ANTENNA}), PARAMS)
    assert observer.on_batch(T0_US + 500_000, [piece([T0_US + 100])]) == []
    assert observer.next_wakeup() == T0_US + SECOND
    kept = msgspec.msgpack.encode(observer.snapshot())
    observer = ZoneObserver(A, frozenset({ANTENNA}), PARAMS, msgspec.msgpack.decode(kept, type=ZoneObserverState))
    assert len(observer.on_wakeup(T0_US + SECOND)) == 1
    assert observer.next_wakeup() is None


def test_a_zone_ignores_other_antennas_and_counts_late_reads() -> None:
    observer = ZoneObserver(A, frozenset({AntennaRef("r9", 9)}), PARAMS)
    assert observer.on_batch(T0_US + 2 * SECOND, [piece([T0_US])]) == []
    observer = ZoneObserver(A, frozenset({ANTENNA}), PARAMS)
    observer.on_batch(T0_US + 2 * SECOND, [])
    assert observer.on_batch(T0_US + 2 * SECOND, [piece([T0_US])]) == []
    assert observer.late_dropped == 1


def test_an_empty_slice_is_no_report() -> None:
    observer = ZoneObserver(A, frozenset({ANTENNA}), PARAMS)
    empty: Sightings = sightings([])
    assert observer.on_batch(T0_US + SECOND, [PlaceSlice(BatchId("edge", "e1", 1), empty)]) == []
