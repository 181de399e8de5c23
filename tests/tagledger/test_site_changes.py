"""What differs between two site files, and what of it can be taken over while the site runs."""

from dataclasses import replace

import pytest

from tagledger.site_changes import change, differences
from warehouse.site import Antenna, Effect, Interlock, Inventory, Portal, Reader, Side, SignalSettings, Site, Zone
from warehouse.site_settings import UplinkSettings

DOOR = Portal("door-1", "hall", "yard")
ONE = Reader("dock-1", "192.0.2.1", antennas=(Antenna(1, "door-1", Side.INSIDE, 30.0), Antenna(2, "door-1")))
TWO = Reader("dock-2", "192.0.2.2", antennas=(Antenna(1, "door-1"),))
SITE = Site("plant", (ONE, TWO), (Zone("hall"), Zone("yard")), (DOOR,))


def test_the_same_file_is_no_change() -> None:
    found = change(SITE, SITE)
    assert (found.site, found.differences, found.readers, found.portals, found.waiting) == (SITE, (), (), (), ())


def test_power_and_a_portals_setting_are_taken_over_and_named() -> None:
    louder = replace(ONE, antennas=(replace(ONE.antennas[0], power_dbm=27.5), ONE.antennas[1]))
    door = replace(DOOR, signal=SignalSettings(hold_s=8.0), effect=Effect.POST, interlock=Interlock("io", 1))
    new = replace(SITE, readers=(louder, TWO), portals=(door,))
    found = change(SITE, new)
    assert (found.site, found.readers, found.portals, found.waiting) == (new, ("dock-1",), ("door-1",), ())
    assert [str(difference) for difference in found.differences] == [
        "readers[dock-1].antennas[1].power_dbm: 30.0 → 27.5",
        "portals[door-1].effect: observe → post",
        "portals[door-1].interlock: new, {device = io, output = 1}",
        "portals[door-1].signal.hold_s: 4.0 → 8.0",
    ]


@pytest.mark.parametrize(
    "new",
    [
        replace(SITE, readers=(ONE,)),
        replace(SITE, readers=(ONE, TWO, replace(TWO, name="dock-3"))),
        replace(SITE, readers=(replace(ONE, antennas=(Antenna(1, "hall", None, 30.0), ONE.antennas[1])), TWO)),
        replace(SITE, readers=(replace(ONE, agent="other"), TWO)),
        replace(SITE, readers=(replace(ONE, inventory=Inventory(report_every_ms=500)), TWO)),
        replace(SITE, portals=(replace(DOOR, inside="yard", outside="hall"),)),
        replace(SITE, zones=(Zone("hall"), Zone("yard"), Zone("rack"))),
        replace(SITE, timezone="Asia/Shanghai"),
    ],
)
def test_what_decides_where_reads_belong_waits_for_a_restart(new: Site) -> None:
    found = change(SITE, new)
    assert found.site == SITE
    assert found.waiting == found.differences != ()


def test_what_waits_does_not_hold_up_what_does_not() -> None:
    moved = replace(TWO, host="192.0.2.9")
    found = change(SITE, replace(SITE, readers=(ONE, moved), timezone="Asia/Shanghai"))
    assert found.readers == ("dock-2",)
    assert found.site.readers == (ONE, moved)
    assert [difference.key for difference in found.waiting] == ["timezone"]


def test_secrets_are_not_shown() -> None:
    new = replace(SITE, uplink=UplinkSettings(password="hunter2"))
    (difference,) = differences(SITE, new)
    assert "hunter2" not in str(difference)
    assert difference.key == "uplink.password"
