"""What differs between two site files, and what of it can be taken over while the site runs."""

from dataclasses import replace

import pytest

from tagledger.site_changes import change, differences
from warehouse.roads import FleetSettings, MapNode, RoadMap, Station, Vehicle
from warehouse.site import (
    Antenna,
    Effect,
    Interlock,
    Inventory,
    IoModule,
    Portal,
    Reader,
    Scale,
    Side,
    SignalSettings,
    Site,
    Zone,
)
from warehouse.site_settings import EdgeSettings, UplinkSettings

DOOR = Portal("door-1", "hall", "yard")
ONE = Reader("dock-1", "192.0.2.1", antennas=(Antenna(1, "door-1", Side.INSIDE, 30.0), Antenna(2, "door-1")))
TWO = Reader("dock-2", "192.0.2.2", antennas=(Antenna(1, "door-1"),))
SITE = Site("plant", (ONE, TWO), (Zone("hall"), Zone("yard")), (DOOR,))


def test_the_same_file_is_no_change() -> None:
    found = change(SITE, SITE)
    assert (found.before, found.site, found.differences, found.waiting) == (SITE, SITE, (), ())


def test_power_and_a_portals_setting_are_taken_over_and_named() -> None:
    louder = replace(ONE, antennas=(replace(ONE.antennas[0], power_dbm=27.5), ONE.antennas[1]))
    door = replace(DOOR, signal=SignalSettings(hold_s=8.0), effect=Effect.POST, interlock=Interlock("io", 1))
    new = replace(SITE, readers=(louder, TWO), portals=(door,))
    found = change(SITE, new)
    assert (found.site, found.waiting) == (new, ())
    assert [str(difference) for difference in found.differences] == [
        "readers[dock-1].antennas[1].power_dbm: 30.0 → 27.5",
        "portals[door-1].effect: observe → post",
        "portals[door-1].interlock: new, {device = io, output = 1}",
        "portals[door-1].signal.hold_s: 4.0 → 8.0",
    ]


PLANTS = [
    replace(SITE, readers=(ONE,)),
    replace(SITE, readers=(ONE, TWO, replace(TWO, name="dock-3"))),
    replace(SITE, readers=(replace(ONE, antennas=(Antenna(1, "hall", None, 30.0), ONE.antennas[1])), TWO)),
    replace(SITE, readers=(replace(ONE, agent="other"), TWO)),
    replace(SITE, readers=(replace(ONE, inventory=Inventory(report_every_ms=500)), TWO)),
    replace(SITE, portals=(replace(DOOR, inside="yard", outside="hall"),)),
    replace(SITE, zones=(Zone("hall"), Zone("yard"), Zone("rack"))),
    replace(SITE, scales=(Scale("scale-1", "192.0.2.3", "tuna-id551", place="door-1"),)),
    replace(SITE, io_modules=(IoModule("io-1", "192.0.2.4"),)),
    replace(SITE, roads=RoadMap((MapNode("n1", 0, 0),), (), (Station("dock", "n1", portal="door-1"),))),
]


@pytest.mark.parametrize("new", PLANTS)
def test_devices_and_places_are_taken_over(new: Site) -> None:
    found = change(SITE, new)
    assert (found.site, found.waiting) == (new, ())
    assert found.differences != ()


@pytest.mark.parametrize(
    "new",
    [
        replace(SITE, timezone="Asia/Shanghai"),
        replace(SITE, edge=EdgeSettings(agent="other")),
        replace(SITE, fleet=FleetSettings((Vehicle("agv-1", "acme", "1"),))),
    ],
)
def test_what_was_opened_at_the_start_waits_for_a_restart(new: Site) -> None:
    found = change(SITE, new)
    assert found.site == SITE
    assert found.waiting == found.differences != ()


def test_what_waits_does_not_hold_up_what_does_not() -> None:
    moved = replace(TWO, host="192.0.2.9")
    found = change(SITE, replace(SITE, readers=(ONE, moved), timezone="Asia/Shanghai"))
    assert found.site.readers == (ONE, moved)
    assert [difference.key for difference in found.waiting] == ["timezone"]


def test_secrets_are_not_shown() -> None:
    new = replace(SITE, uplink=UplinkSettings(password="hunter2"))
    (difference,) = differences(SITE, new)
    assert "hunter2" not in str(difference)
    assert difference.key == "uplink.password"
