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
    events: list[DeviceEvent], until_s: float, eyes: tuple[PhotoEye, ...] = EYES
) -> list[tuple[float, WindowEdge]]:
    tracker = WindowTracker(eyes, PARAMS, None)
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
    stuck = [outside(10.0, True), outside(50.0, False), outside(55.0, True), outside(56.0, False)]
    assert windows(stuck, 70.0) == [(10.0, 30.0), (55.0, 56.0)]


def test_other_inputs_and_repeated_levels_change_nothing() -> None:
    noise = [gpi(10.2, 7, True), outside(10.3, True), outside(11.2, False)]
    assert windows(sorted(THROUGH + noise, key=lambda event: event.at_us)) == [(10.0, 11.5)]
