"""Slot times against published singulation rates."""

from simulators.physics.parameters import DENSE, FAST, AirLink
from simulators.physics.timing import slot_times


def best_rate(link: AirLink) -> float:
    """Reads a second of framed ALOHA at its best load (frame as long as the tags are many), no pauses."""
    times = slot_times(link)
    return 1.0 / (times.success_s + times.empty_s + 0.718 * times.collision_s)


def test_the_dense_reader_mode_is_near_the_nominal_200_tags_a_second() -> None:
    # reference/algorithms.md: 200 tags/s nominal DRM (Zebra).
    assert 160.0 < best_rate(DENSE) < 240.0


def test_the_fastest_mode_is_within_the_published_700_to_1500_tags_a_second() -> None:
    # reference/algorithms.md: 700 to 1,500 tags/s for R700 and FX class readers.
    assert 700.0 < best_rate(FAST) < 1500.0


def test_an_empty_slot_is_cheaper_than_a_collision_and_that_than_a_read() -> None:
    for link in (DENSE, FAST):
        times = slot_times(link)
        assert 0.0 < times.empty_s < times.collision_s < times.success_s
