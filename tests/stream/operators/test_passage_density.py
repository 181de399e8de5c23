"""Windows from the rise and fall of tags, without photo-eyes."""

import math
from dataclasses import replace

import numpy as np

from stream.operators.passage_density import DensityParams, DensityState, DensityTracker

TICK_US = 250_000
LOAD = range(20)


def passing(tag: int, at_s: float, now_s: float) -> float:
    """Amplitude of a tag that passes at 1.2 m/s, 1 m from the antennas: -45 dBm at its best."""
    distance_m = math.hypot(1.0, 1.2 * (now_s - at_s - 0.02 * tag))
    return 0.0056 / distance_m**2


class Story:
    def __init__(self) -> None:
        self.tracker = DensityTracker(DensityParams(), TICK_US, 120.0, None)
        self.tracker.start(0)
        self.rng = np.random.default_rng(4)
        self.windows: list[tuple[float, float]] = []

    def run(
        self,
        until_s: float,
        loads: list[tuple[int, float]],
        parked: int = 0,
        beside: bool = False,
        cut: bool = False,
        rest: int = 1,
        scale: float = 1.0,
        glint_s: float | None = None,
        stays_s: float = 0.0,
    ) -> list[tuple[float, float]]:
        """Loads (first tag id, passing time) and `parked` tags; `beside`: the neighbours hear the loads better.

        A tag answers every `rest` ticks; all amplitudes are `scale` times what they are at full power.
        Half a second from `glint_s` on a reflection shows the second load (tags from 40 on) nearer than it ever comes.
        The first load (tags from 0 on) stays in the door for `stays_s`.
        """
        for tick in range(1, int(until_s * 4) + 1):
            now_s = tick / 4.0
            own = np.zeros(200)
            other = np.zeros(200)
            for first, at_s in loads:
                for tag in LOAD:
                    past_s = now_s - stays_s if first == 0 else now_s
                    seen_s = now_s if now_s < at_s else max(at_s, past_s)
                    value = passing(tag, at_s, seen_s) * self.rng.uniform(0.5, 1.5)
                    if value > 2e-4 and (tick + 3 * tag) % rest == 0:
                        own[first + tag] = value * (0.3 if beside else 1.0)
                        other[first + tag] = value * (1.0 if beside else 0.1)
            if glint_s is not None and glint_s <= now_s < glint_s + 0.5:
                own[40 : 40 + len(LOAD)] = 0.009
            own[180 : 180 + parked] = 0.001 * self.rng.uniform(0.0, 2.0, parked)
            heard = np.flatnonzero(own + other)
            if cut:
                self.tracker = DensityTracker(DensityParams(), TICK_US, 120.0, self.tracker.snapshot())
            for opened, closed in self.tracker.tick(
                tick * TICK_US, 200, heard, scale * own[heard], scale * other[heard]
            ):
                if closed is not None:
                    self.windows.append((opened / 1e6, closed / 1e6))
        return self.windows


def around(windows: list[tuple[float, float]], at_s: float) -> list[tuple[float, float]]:
    return [window for window in windows if window[0] <= at_s <= window[1]]


def test_a_load_is_one_window_that_holds_its_passing() -> None:
    windows = Story().run(30.0, [(0, 15.0)])
    assert len(windows) == 1
    assert around(windows, 15.2) == windows


def test_parked_goods_do_not_keep_it_open() -> None:
    windows = Story().run(40.0, [(0, 20.0)], parked=15)
    assert len(around(windows, 20.2)) == 1
    assert around(windows, 20.2)[0][1] < 25.0


def test_what_glints_while_another_load_leaves_opens_its_own_window_when_it_comes() -> None:
    windows = Story().run(40.0, [(0, 12.0), (40, 16.0)], glint_s=13.5)
    assert [len(around(windows, at_s)) for at_s in (12.2, 16.2)] == [1, 1]
    assert around(windows, 12.2) != around(windows, 16.2)


def test_a_load_that_leaves_only_when_the_next_is_there_ends_with_its_coming() -> None:
    windows = Story().run(40.0, [(0, 12.0), (40, 19.0)], stays_s=8.0)
    assert [len(around(windows, at_s)) for at_s in (12.2, 19.5)] == [1, 1]
    assert around(windows, 12.2) != around(windows, 19.5)


def test_two_loads_after_one_another_are_two_windows() -> None:
    windows = Story().run(40.0, [(0, 12.0), (40, 18.0)])
    assert len(around(windows, 12.2)) == len(around(windows, 18.2)) == 1
    assert around(windows, 12.2) != around(windows, 18.2)


def test_a_load_next_door_opens_nothing() -> None:
    assert Story().run(30.0, [(0, 15.0)], beside=True) == []


def test_what_is_there_at_the_start_opens_nothing() -> None:
    assert Story().run(20.0, [], parked=15) == []


def test_cut_at_every_tick_and_restored_the_windows_are_the_same() -> None:
    assert Story().run(40.0, [(0, 12.0), (40, 18.0)], 5, cut=True) == Story().run(40.0, [(0, 12.0), (40, 18.0)], 5)


def test_tags_that_rest_for_two_seconds_are_still_one_window() -> None:
    windows = Story().run(75.0, [(0, 12.0), (40, 30.0), (80, 48.0), (120, 66.0)], rest=8)
    assert around(windows, 66.2) == [window for window in windows if window[1] > 60.0]
    assert len(around(windows, 66.2)) == 1


def test_a_door_turned_down_comes_to_open() -> None:
    loads = [(20 * number, 12.0 + 12.0 * number) for number in range(9)]
    windows = Story().run(125.0, loads, scale=0.012)
    assert not around(windows, 12.2)
    assert len(around(windows, 108.2)) == 1


def test_a_state_of_before_paces_were_learned_is_taken() -> None:
    story = Story()
    story.run(20.0, [(0, 12.0)])
    old = replace(story.tracker.snapshot(), heard_s=b"", pace_s=DensityState().pace_s)
    story.tracker = DensityTracker(DensityParams(), TICK_US, 120.0, old)
    assert len(old.columns) == 6 * 200 * 8
    tag = np.array([3])
    assert story.tracker.tick(81 * TICK_US, 200, tag, np.array([1e-4]), np.zeros(1)) == []
