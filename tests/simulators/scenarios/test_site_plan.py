"""Sites as built: antennas on their side, looking across, every reader and place named."""

from collections import Counter

import numpy as np
import pytest

from simulators.scenarios.site_plan import dock, hall
from simulators.scenarios.spec import Air, Layout
from warehouse.site import Side


@pytest.mark.parametrize("antennas", [2, 4, 8])
@pytest.mark.parametrize("readers", [1, 2])
def test_a_door_has_as_many_antennas_a_side_on_as_many_readers(antennas: int, readers: int) -> None:
    layout = Layout(doors=2, antennas_per_door=antennas, readers_per_door=readers)
    plan = dock(np.random.default_rng(1), "x", layout, Air())
    assert len(plan.readers) == 2 * readers
    for portal in plan.site.portals:
        sides = Counter(plan.site.antenna_at(ref).side for ref in plan.site.antennas_of(portal.name))  # type: ignore[union-attr]
        assert sides == {Side.INSIDE: antennas // 2, Side.OUTSIDE: antennas // 2}


def test_antennas_hang_on_the_side_they_are_said_to_and_look_across_and_away() -> None:
    plan = dock(np.random.default_rng(1), "x", Layout(doors=1), Air())
    (reader,) = plan.readers
    for mount in reader.mounts:
        antenna = next(antenna for antenna in plan.site.readers[0].antennas if antenna.port == mount.port)
        inside = antenna.side is Side.INSIDE
        assert (mount.y_m > 0) == inside
        assert (mount.boresight[1] > 0) == inside
        assert mount.boresight[0] * mount.x_m < 0


def test_light_barriers_are_wired_to_a_reader_of_their_door_or_absent() -> None:
    with_eyes = dock(np.random.default_rng(1), "x", Layout(readers_per_door=2), Air())
    for portal in with_eyes.site.portals:
        assert {eye.side for eye in portal.photo_eyes} == {Side.INSIDE, Side.OUTSIDE}
        assert all(eye.reader.startswith(portal.name) for eye in portal.photo_eyes)
    without = dock(np.random.default_rng(1), "x", Layout(photo_eyes=False), Air())
    assert without.beams == ()
    assert all(portal.photo_eyes == () for portal in without.site.portals)


def test_doors_know_their_neighbours() -> None:
    plan = dock(np.random.default_rng(1), "x", Layout(doors=3), Air())
    assert [portal.neighbours for portal in plan.site.portals] == [("door-2",), ("door-1", "door-3"), ("door-2",)]


def test_a_hall_has_a_ceiling_antenna_over_every_zone() -> None:
    plan = hall(np.random.default_rng(1), "x", Layout(zones=6), Air())
    assert [len(reader.mounts) for reader in plan.readers] == [4, 2]
    assert len(plan.site.zones) == len(plan.zone_x_m) == 6
    for zone in plan.site.zones:
        assert len(plan.site.antennas_of(zone.name)) == 1
    assert all(mount.boresight[2] < -0.95 for reader in plan.readers for mount in reader.mounts)


def test_another_number_of_antennas_is_refused() -> None:
    with pytest.raises(ValueError, match="2, 4 or 8"):
        dock(np.random.default_rng(1), "x", Layout(antennas_per_door=3), Air())
