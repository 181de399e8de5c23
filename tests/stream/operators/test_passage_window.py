"""Windows from photo-eyes, tick by tick."""

from stream.model import DeviceEvent, DeviceEventKind
from stream.operators.passage_window import WindowEdge, WindowParams, WindowTracker
from warehouse.site import PhotoEye, Side

S = 1_000_000
EYES = (PhotoEye("r1", 1, Side.OUTSIDE), PhotoEye("r1", 2, Side.INSIDE, blocked_state=False))
PARAMS = WindowParams(tick_us=S // 4, clear_s=1.0, between_s=5.0, open_max_s=20.0)


def gpi(at_s: float, port: int, state: bool) -> DeviceEvent:
    return DeviceEvent("r1", DeviceEventKind.GPI, int(at_s * S), port=port, state=state)


def outside(at_s: float, blocked: bool) -> DeviceEvent:
    return gpi(at_s, 1, blocked)


def inside(at_s: float, blocked: bool) -> DeviceEvent:
    return gpi(at_s, 2, not blocked)


def edges(
    events: list[DeviceEvent], until_s: float, eyes: tuple[PhotoEye, ...] = EYES, params: WindowParams = PARAMS
) -> list[tuple[float, WindowEdge]]:
    tracker = WindowTracker(eyes, params, None)
    out = []
    for end_us in range(S // 4, int(until_s * S) + 1, S // 4):
        for event in events:
            if end_us - S // 4 <= event.at_us < end_us:
                tracker.beam(event)
        out += [(end_us / S, edge) for edge in tracker.tick(end_us)]
    return out


def windows(
    events: list[DeviceEvent], until_s: float = 60.0, eyes: tuple[PhotoEye, ...] = EYES
) -> list[tuple[float, float]]:
    said = [edge for _, edge in edges(events, until_s, eyes)]
    return [(opened.at_us / S, closed.at_us / S) for opened, closed in zip(said[::2], said[1::2], strict=True)]


THROUGH = [outside(10.0, True), inside(10.5, True), outside(11.0, False), inside(11.5, False)]


def test_a_load_through_both_beams_is_one_window_from_break_to_clear() -> None:
    assert windows(THROUGH) == [(10.0, 11.5)]


def test_it_closes_when_the_beams_have_been_clear_for_a_second() -> None:
    assert [at for at, edge in edges(THROUGH, 60.0) if not edge.opened] == [12.5]


def test_flicker_shorter_than_that_keeps_it_open() -> None:
    assert windows([*THROUGH, outside(12.0, True), outside(12.3, False)]) == [(10.0, 12.3)]


def test_a_load_standing_between_the_beams_is_waited_for() -> None:
    events = [outside(10.0, True), outside(11.0, False), inside(14.0, True), inside(15.0, False)]
    assert windows(events) == [(10.0, 15.0)]


def test_a_beam_broken_once_by_someone_who_turned_back_closes_after_the_wait() -> None:
    assert windows([outside(10.0, True), outside(10.5, False)]) == [(10.0, 10.5)]
    assert [at for at, edge in edges([outside(10.0, True), outside(10.5, False)], 60.0) if not edge.opened] == [15.5]


def test_coming_back_out_completes_the_sequence() -> None:
    events = [outside(10.0, True), outside(11.0, False), outside(13.0, True), outside(14.0, False)]
    assert [at for at, edge in edges(events, 60.0) if not edge.opened] == [15.0]


def test_one_eye_does_not_wait_for_the_other() -> None:
    events = [outside(10.0, True), outside(10.5, False)]
    assert [at for at, edge in edges(events, 60.0, EYES[:1]) if not edge.opened] == [11.5]


def test_two_loads_with_a_clear_beam_between_are_two_windows() -> None:
    later = [outside(20.0, True), inside(20.5, True), outside(21.0, False), inside(21.5, False)]
    assert windows(THROUGH + later) == [(10.0, 11.5), (20.0, 21.5)]


def test_a_beam_stuck_broken_is_a_fault_and_ignored_until_it_clears() -> None:
    stuck = [outside(20.0, True), outside(60.0, False), outside(65.0, True), outside(66.0, False)]
    assert windows(THROUGH + stuck, 80.0) == [(10.0, 11.5), (20.0, 40.0), (65.0, 66.0)]


def test_other_inputs_and_repeated_levels_change_nothing() -> None:
    noise = [gpi(10.2, 7, True), outside(10.3, True), outside(11.2, False)]
    assert windows(sorted(THROUGH + noise, key=lambda event: event.at_us)) == [(10.0, 11.5)]


def past_a_blind_eye(*at_s: float) -> list[DeviceEvent]:
    """Loads of 1 s that only the outer beam sees."""
    return [event for at in at_s for event in (outside(at, True), outside(at + 1.0, False))]


def test_a_side_that_saw_nothing_of_three_loads_is_blind_and_windows_are_told_of_no_more() -> None:
    blind = past_a_blind_eye(20.0, 30.0, 40.0, 50.0, 60.0)
    assert windows(THROUGH + blind, 80.0) == [(10.0, 11.5), (20.0, 21.0), (30.0, 31.0), (40.0, 41.0)]


def test_one_that_never_saw_anything_is_blind_after_the_first() -> None:
    assert windows(past_a_blind_eye(10.0, 20.0, 30.0)) == [(10.0, 11.0)]


def test_when_it_sees_again_windows_are_told_of_at_once() -> None:
    events = [*past_a_blind_eye(10.0, 20.0), outside(50.0, True), inside(50.5, True)]
    events += [outside(51.0, False), inside(51.5, False)]
    said = edges(events, 70.0)
    assert [(at, edge.opened, edge.at_us / S) for at, edge in said[2:]] == [(50.75, True, 50.0), (52.5, False, 51.5)]


def test_two_loads_that_turned_round_blind_no_eye() -> None:
    back = past_a_blind_eye(20.0, 30.0)
    again = [outside(40.0, True), inside(40.5, True), outside(41.0, False), inside(41.5, False)]
    assert windows([*THROUGH, *back, *again]) == [(10.0, 11.5), (20.0, 21.0), (30.0, 31.0), (40.0, 41.5)]


BELT = WindowParams(tick_us=S // 4, clear_s=0.1, settle_s=1.25, open_max_s=20.0)


def on_a_belt(events: list[DeviceEvent]) -> list[tuple[float, WindowEdge]]:
    return edges(events, 30.0, EYES[:1], BELT)


def test_boxes_on_a_belt_are_windows_of_their_own_within_a_tick_too() -> None:
    box = [outside(10.0, True), outside(10.3, False), outside(10.42, True), outside(10.45, False)]
    said = [edge for _, edge in on_a_belt([*box, outside(10.56, True), outside(11.0, False)])]
    assert [edge.at_us / S for edge in said] == [10.0, 10.3, 10.42, 10.45, 10.56, 11.0]
    assert [edge.opened for edge in said] == [True, False] * 3


def test_a_box_is_given_time_to_be_heard_unless_the_next_is_here() -> None:
    alone = on_a_belt([outside(10.0, True), outside(10.5, False)])
    assert [at for at, edge in alone if not edge.opened] == [11.75]
    followed = on_a_belt([outside(10.0, True), outside(10.5, False), outside(11.1, True), outside(11.6, False)])
    assert [at for at, edge in followed if not edge.opened] == [11.25, 13.0]
