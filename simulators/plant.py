"""A seeded plant for demonstrations and end-to-end tests: three dock doors, a day's paper, and the truth about it.

Doors 4 m apart, one reader and four antennas each (two inside, two outside), a light barrier on both sides. Pallets of
tagged cartons with SSCC tags come and go by forklift and hand truck; some stop in the door, turn round, wait beside it
or go past along the wall; one is parked beside a door all day. Some are short, carry a carton too many, a wrong one or
unknown tags. Readers use the fastest mode, as one would at doors where pallets do not stop: in a dense-reader mode a
carton that passes in two seconds among fifty others is read ten times, in this one fifty times.

    plant = Plant(seed=7, duration_s=600.0)
    plant.site, plant.items, plant.opening, plant.documents      # to enter
    plant.radio("door-1"), plant.gpi_changes                     # to drive reader simulators
    plant.weighings                                              # to put on scale simulators
    plant.floor, plant.arrivals, plant.departures                # for vehicles, with `vehicles`
    plant.store                                                  # what people do away from the doors, with `annex`
    plant.truth                                                  # for the auditor
"""

import zlib
from dataclasses import replace

import numpy as np

from simulators.physics.parameters import Physics
from simulators.physics.photo_eye import level_changes
from simulators.physics.recording import GpiEvent
from simulators.physics.world import World
from simulators.plant_documents import OpeningUnit
from simulators.plant_radio import PlantRadio
from simulators.plant_roads import PlantFloor, floor_of
from simulators.plant_scales import plan as plan_weighings
from simulators.plant_schedule import INSIDE, Day, fill
from simulators.plant_store import ANNEX, Store, furnish, with_transfers
from simulators.scenarios.site_plan import dock
from simulators.scenarios.spec import Air, Layout
from warehouse.roads import FleetSettings, RoadMap
from warehouse.site import Direction

START_US = 1_767_600_000_000_000
"""2026-01-05T08:00:00Z."""
LEAST_S = 60.0
SCALES = 2
BINS_SPARE = 6
FETCHED_BEFORE_US = 3_000_000


class Plant:
    """One day of one plant. The same arguments make the same plant, reads included.

    duration_s: plant time; at least 60 s. Everything is over a few seconds before its end.
    """

    def __init__(
        self,
        seed: int,
        duration_s: float = 600.0,
        doors: int = 3,
        start_us: int = START_US,
        vehicles: int = 0,
        annex: bool = False,
    ) -> None:
        if duration_s < LEAST_S or doors < 1:
            raise ValueError(f"a plant needs at least {LEAST_S:.0f} s and one door, not {duration_s} s and {doors}")
        rng = np.random.default_rng([seed, zlib.crc32(b"plant")])
        self.seed = seed
        self.start_us = start_us
        self.end_us = start_us + round(duration_s * 1e6)
        self._physics = Physics()
        self._plan = dock(rng, "plant", Layout(doors=doors, power_dbm=(29.0, 30.0)), Air(fast=True))
        day = Day(rng, self._plan, self._physics.inlay, start_us, duration_s)
        self.truth = fill(day)
        self.inside = INSIDE
        self.floor = self._floor_of(vehicles)
        self.site = replace(self._plan.site, roads=self.floor.roads, fleet=self.floor.fleet)
        self.items = day.items
        self.opening = tuple(day.opening)
        self.store: Store | None = None
        if annex:
            self._furnish(day)
        self.documents = tuple(sorted(day.documents, key=lambda document: document.announced_us))
        self._world = World(tuple(day.bodies), self._plan.openings, duration_s)
        self._radio_seed = int(rng.integers(1 << 62))
        self.scale_doors = tuple(portal.name for portal in self.site.portals[:SCALES])
        self.weighings = tuple(plan_weighings(self.truth, self.items, self.scale_doors, self.end_us))
        """What stands on the scales behind the first doors, in order of time."""
        self.gpi_changes = self._light_barriers()
        """Level changes of all light barriers in plant time, in order; inputs are low at the start."""

    def _furnish(self, day: Day) -> None:
        """Send some pallets to an annex and from there, and put cartons on a store's shelves."""
        documents, loads = with_transfers(day.documents, self.truth.loads)
        store = furnish(self.items, day.cartons, documents, loads, self.start_us, self.end_us)
        day.documents = [*documents, *store.documents]
        self.opening += tuple(OpeningUnit(unit, ANNEX) for d in documents if d.source == ANNEX for unit in d.units)
        self.store = store
        self.truth = replace(
            self.truth, loads=loads, stock=(*self.truth.stock, *store.stock), transfers=store.transfers,
            count=store.count,
        )  # fmt: skip

    @property
    def arrivals(self) -> list[tuple[int, str, str]]:
        """When each pallet that comes in stands behind its door: time, node, SSCC. For a plant with vehicles."""
        inbound = [load for load in self.truth.loads if load.load.direction is Direction.IN]
        dock_of, sscc = self.floor.dock_of, self._sscc
        return [(load.load.end_us, dock_of[load.load.portal], sscc[load.load.epcs[0]]) for load in inbound]

    @property
    def departures(self) -> list[tuple[int, str]]:
        """When each pallet that goes out is fetched, SSCC."""
        outbound = [load for load in self.truth.loads if load.load.direction is Direction.OUT]
        sscc = self._sscc
        return [(load.load.start_us - FETCHED_BEFORE_US, sscc[load.load.epcs[0]]) for load in outbound]

    @property
    def _sscc(self) -> dict[str, str]:
        units = [unit for document in self.documents for unit in document.units]
        return {unit.epc: unit.sscc for unit in units}

    def _floor_of(self, vehicles: int) -> PlantFloor:
        if not vehicles:
            return PlantFloor(RoadMap(), FleetSettings(), (), {}, {})
        inbound = sum(load.load.direction is Direction.IN for load in self.truth.loads)
        openings = zip(self._plan.site.portals, self._plan.openings, strict=True)
        doors = tuple((portal.name, opening.x_m) for portal, opening in openings)
        return floor_of(doors, INSIDE, inbound + BINS_SPARE, vehicles)

    def radio(self, reader: str) -> PlantRadio:
        """What that reader's antennas hear, from the start of the day. KeyError for an unknown reader."""
        for number, plan in enumerate(self._plan.readers):
            if plan.name == reader:
                return PlantRadio(self._world, plan, self._physics, self.start_us, self._radio_seed + number)
        raise KeyError(reader)

    def _light_barriers(self) -> tuple[GpiEvent, ...]:
        events = [
            GpiEvent(self.start_us + round(at_s * 1e6), wired.reader, wired.gpi, state)
            for wired in self._plan.beams
            for at_s, state in level_changes(self._world, wired.beam, 0.0, self._world.duration_s)
        ]
        return tuple(sorted(events, key=lambda event: (event.time_us, event.reader, event.gpi)))
