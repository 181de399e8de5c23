"""Doors and zones as built: where antennas hang, and the `Site` that says so.

A door's opening is 3 m wide. Antennas hang on its posts at 0.9 and 1.9 m, 0.8 m before and behind the wall, looking
across and turned 25° away from the wall, so that each side sees more of its own side. With two antennas there is one a
side; with eight both posts carry two heights on both sides.
"""

from dataclasses import dataclass

import numpy as np

from simulators.physics.antenna import Mount
from simulators.physics.parameters import DENSE, FAST, Session
from simulators.physics.parameters import Inventory as AirInventory
from simulators.physics.photo_eye import Beam
from simulators.physics.world import Opening
from simulators.scenarios.spec import Air, Layout
from warehouse.site import Antenna, Inventory, PhotoEye, Portal, Reader, Side, Site, Zone

OPENING_M = 3.0
TURN_RAD = np.radians(25.0)
EYE_FROM_WALL_M = 0.6
CEILING_M = 4.5
OUTSIDE_GPI, INSIDE_GPI = 1, 2


@dataclass(frozen=True, slots=True)
class ReaderPlan:
    """One reader: its antennas and how it takes inventory."""

    name: str
    mounts: tuple[Mount, ...]
    inventory: AirInventory


@dataclass(frozen=True, slots=True)
class WiredBeam:
    """A light barrier and the input it is wired to."""

    beam: Beam
    reader: str
    gpi: int


@dataclass(frozen=True, slots=True)
class SitePlan:
    """Everything fixed. `zone_x_m` are the middles of ceiling zones when there are any."""

    site: Site
    readers: tuple[ReaderPlan, ...]
    openings: tuple[Opening, ...]
    beams: tuple[WiredBeam, ...]
    zone_x_m: tuple[float, ...] = ()


def door_name(door: int) -> str:
    return f"door-{door + 1}"


def air_inventory(air: Air) -> AirInventory:
    """The radio's settings from the scenario's."""
    return AirInventory(Session(air.session), air.dual_target, link=FAST if air.fast else DENSE)


def _posts(count: int) -> list[tuple[Side, int, float]]:
    """(side, post −1 or 1, height) per antenna, ports in order."""
    inside, outside = Side.INSIDE, Side.OUTSIDE
    if count == 2:
        return [(inside, -1, 1.5), (outside, 1, 1.5)]
    if count == 4:
        return [(inside, -1, 0.9), (inside, 1, 1.9), (outside, -1, 1.9), (outside, 1, 0.9)]
    if count == 8:
        return [(side, post, z_m) for side in (inside, outside) for post in (-1, 1) for z_m in (0.8, 1.8)]
    raise ValueError(f"2, 4 or 8 antennas a door, not {count}")


def _mount(
    rng: np.random.Generator, port: int, x_m: float, post: tuple[Side, int, float], power_dbm: float, layout: Layout
) -> Mount:
    side, left_or_right, z_m = post
    sign = 1.0 if side is Side.INSIDE else -1.0
    toward = np.array([-left_or_right * np.cos(TURN_RAD), sign * np.sin(TURN_RAD)])
    azimuth = float(np.arctan2(-toward[0], toward[1])) + float(rng.normal(0.0, 0.06))
    return Mount(
        port,
        x_m + left_or_right * (layout.post_m + float(rng.normal(0.0, 0.05))),
        sign * (layout.from_wall_m + float(rng.normal(0.0, 0.1))),
        z_m + float(rng.normal(0.0, 0.08)),
        azimuth,
        float(rng.normal(0.05, 0.05)),
        power_dbm,
    )


def dock(rng: np.random.Generator, name: str, layout: Layout, air: Air) -> SitePlan:
    """A row of dock doors."""
    readers: list[ReaderPlan] = []
    site_readers: list[Reader] = []
    portals: list[Portal] = []
    beams: list[WiredBeam] = []
    openings = tuple(Opening(door * layout.spacing_m, OPENING_M) for door in range(layout.doors))
    for door in range(layout.doors):
        portal = door_name(door)
        posts = _posts(layout.antennas_per_door)
        if layout.readers_per_door == 1:
            groups = {portal: posts}
        else:
            groups = {
                f"{portal}{letter}": [post for post in posts if post[0] is side]
                for letter, side in (("a", Side.INSIDE), ("b", Side.OUTSIDE))
            }
        for reader, own in groups.items():
            power = round(float(rng.uniform(*layout.power_dbm)) * 4) / 4
            mounts = tuple(
                _mount(rng, port, openings[door].x_m, post, power, layout) for port, post in enumerate(own, start=1)
            )
            readers.append(ReaderPlan(reader, mounts, air_inventory(air)))
            antennas = tuple(
                Antenna(mount.port, portal, post[0], mount.power_dbm) for mount, post in zip(mounts, own, strict=True)
            )
            site_readers.append(Reader(reader, "127.0.0.1", antennas=antennas, inventory=Inventory(air.session)))
        wired = next(iter(groups))
        eyes: tuple[PhotoEye, ...] = ()
        if layout.photo_eyes:
            eyes = (PhotoEye(wired, OUTSIDE_GPI, Side.OUTSIDE), PhotoEye(wired, INSIDE_GPI, Side.INSIDE))
            beams.append(WiredBeam(Beam(openings[door], -EYE_FROM_WALL_M), wired, OUTSIDE_GPI))
            beams.append(WiredBeam(Beam(openings[door], EYE_FROM_WALL_M), wired, INSIDE_GPI))
        near = tuple(door_name(other) for other in (door - 1, door + 1) if 0 <= other < layout.doors)
        portals.append(Portal(portal, "inside", "yard", neighbours=near, photo_eyes=eyes))
    site = Site(name, tuple(site_readers), (Zone("inside"), Zone("yard")), tuple(portals))
    return SitePlan(site, tuple(readers), openings if layout.wall else (), tuple(beams))


def hall(rng: np.random.Generator, name: str, layout: Layout, air: Air) -> SitePlan:
    """Zones in a row, each under a ceiling antenna; one reader for every four."""
    zones = tuple(f"zone-{number + 1}" for number in range(layout.zones))
    middles = tuple(number * layout.zone_spacing_m for number in range(layout.zones))
    readers: list[ReaderPlan] = []
    site_readers: list[Reader] = []
    for first in range(0, layout.zones, 4):
        own = range(first, min(first + 4, layout.zones))
        reader = f"hall-{first // 4 + 1}"
        power = round(float(rng.uniform(*layout.power_dbm)) * 4) / 4
        mounts = tuple(
            Mount(port, middles[zone] + float(rng.normal(0.0, 0.2)), float(rng.normal(0.0, 0.2)), CEILING_M, 0.0,
                  float(np.pi / 2 + rng.normal(0.0, 0.05)), power)
            for port, zone in enumerate(own, start=1)
        )  # fmt: skip
        readers.append(ReaderPlan(reader, mounts, air_inventory(air)))
        antennas = tuple(Antenna(mount.port, zones[zone], None, power) for mount, zone in zip(mounts, own, strict=True))
        site_readers.append(Reader(reader, "127.0.0.1", antennas=antennas, inventory=Inventory(air.session)))
    site = Site(name, tuple(site_readers), tuple(Zone(zone) for zone in zones))
    return SitePlan(site, tuple(readers), (), (), middles)
