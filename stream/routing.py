"""Which place an edge batch concerns: one `PlaceSlice` for each place that it holds something of.

A zone gets the sightings of its own antennas. A portal gets those of its own antennas and of its neighbours' antennas
(evidence against strays), and the GPI events of its photo-eyes. A sighting may so reach several places. A weight goes
to the place of its scale. Other events are recorded by the host and decide nothing here.

The work per batch is one table look-up per row and, per place, one boolean mask. A batch whose rows all concern a
place is handed over as it is. A cut slice has dictionaries of its own, holding only what its rows use, so that it means
the same alone as beside the rest of its batch.
"""

from dataclasses import dataclass, replace
from itertools import compress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stream.model import EMPTY, DeviceEvent, DeviceEventKind, EdgeBatch, Sightings
from stream.operators.slices import PlaceSlice
from warehouse.site import AntennaRef, Site

EntryT = TypeVar("EntryT")
IndexT = TypeVar("IndexT", np.uint16, np.uint32)


@dataclass(frozen=True, slots=True)
class Routed:
    """One batch by place, and how many sightings came from antennas that the site file does not give this agent.

    `slices` has every place whose time the agent's batches count for, in site-file order; None is a heartbeat.
    """

    slices: dict[str, PlaceSlice | None]
    unknown: dict[AntennaRef, int]


class Router:
    """A site's antennas and photo-eyes, looked up. Routing one batch says nothing about the next."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._tables: dict[str, _Table] = {}

    def serves(self, agent: str, place: str) -> bool:
        """Whether this agent's time counts at a place: one of the place's readers is the agent's, or is anyone's."""
        return place in self._table(agent).places

    def recorder(self, agent: str) -> str | None:
        """The place that keeps all events of an agent's batches, whatever they concern; None for an unknown agent."""
        return next(iter(self._table(agent).places), None)

    def own_events(self, place: str, batch: EdgeBatch) -> tuple[DeviceEvent, ...]:
        """Those of a batch's events that a place's operators decide from, as `route` gives them."""
        table = self._table(batch.id.agent)
        return tuple(event for event in batch.events if place in table.concerned(event))

    def route(self, batch: EdgeBatch) -> Routed:
        """The slices of a batch."""
        table = self._table(batch.id.agent)
        sightings = batch.sightings
        watched = [table.watchers.get(antenna) for antenna in sightings.antennas]
        unknown: dict[AntennaRef, int] = {}
        if None in watched:
            counts = np.bincount(sightings.antenna, minlength=len(watched))
            unknown = {
                antenna: int(counts[i])
                for i, antenna in enumerate(sightings.antennas)
                if watched[i] is None and counts[i]
            }
        events: dict[str, list[DeviceEvent]] = {}
        for event in batch.events:
            for place in table.concerned(event):
                events.setdefault(place, []).append(event)
        slices: dict[str, PlaceSlice | None] = dict.fromkeys(table.places)
        for place in table.places:
            wanted = np.array([places is not None and place in places for places in watched], dtype=bool)
            rows = EMPTY
            if wanted.any():
                rows = sightings if wanted.all() else take(sightings, wanted[sightings.antenna])
            if len(rows) or place in events:
                slices[place] = PlaceSlice(batch.id, rows, tuple(events.get(place, ())))
        return Routed(slices, unknown)

    def _table(self, agent: str) -> "_Table":
        table = self._tables.get(agent)
        if table is None:
            table = self._tables[agent] = _table_of(self._site, agent)
        return table


def agents_at(site: Site, portal: str) -> set[str]:
    """The agents at a portal: those of its antennas' readers and of what its outputs are wired to."""
    place = site.portal(portal)
    wired = {place.stack_light.reader} if place.stack_light is not None else set()
    wired |= {place.interlock.device} if place.interlock is not None else set()
    agents = {
        reader.agent
        for reader in site.readers
        if reader.name in wired or any(antenna.place == portal for antenna in reader.antennas)
    } | {module.agent for module in site.io_modules if module.name in wired}
    return {agent or site.edge.agent for agent in agents}


def places_of(site: Site) -> tuple[str, ...]:
    """The places that decide anything: zones that antennas watch, and all portals."""
    return (*watched_zones(site), *(portal.name for portal in site.portals))


def watched_zones(site: Site) -> tuple[str, ...]:
    """The zones that antennas watch."""
    return tuple(zone.name for zone in site.zones if site.antennas_of(zone.name))


@dataclass(frozen=True, slots=True)
class _Table:
    """One agent's view of the site: places it serves, where antennas are heard, portals of eyes, places of scales."""

    places: tuple[str, ...]
    watchers: dict[AntennaRef, frozenset[str]]
    eyes: dict[tuple[str, int], tuple[str, ...]]
    scales: dict[str, str]

    def concerned(self, event: DeviceEvent) -> tuple[str, ...]:
        """The places an event is for."""
        if event.kind is DeviceEventKind.GPI and event.port is not None:
            return self.eyes.get((event.device, event.port), ())
        if event.kind is DeviceEventKind.WEIGHT and event.device in self.scales:
            return (self.scales[event.device],)
        return ()


def _table_of(site: Site, agent: str) -> _Table:
    readers = {reader.name for reader in site.readers if reader.agent in ("", agent)}
    heard_at: dict[str, set[str]] = {}
    for zone in site.zones:
        heard_at.setdefault(zone.name, set()).add(zone.name)
    for portal in site.portals:
        for place in (portal.name, *portal.neighbours):
            heard_at.setdefault(place, set()).add(portal.name)
    watchers = {
        AntennaRef(reader.name, antenna.port): frozenset(heard_at.get(antenna.place, ()))
        for reader in site.readers
        if reader.name in readers
        for antenna in reader.antennas
    }
    eyes: dict[tuple[str, int], tuple[str, ...]] = {}
    for portal in site.portals:
        for eye in portal.photo_eyes:
            if eye.reader in readers:
                eyes[eye.reader, eye.gpi] = (*eyes.get((eye.reader, eye.gpi), ()), portal.name)
    served = frozenset().union(*watchers.values(), *eyes.values())
    scales = {s.name: s.place for s in site.scales if s.agent in ("", agent) and s.place in served}
    return _Table(tuple(place for place in places_of(site) if place in served), watchers, eyes, scales)


def take(sightings: Sightings, mask: NDArray[np.bool_]) -> Sightings:
    """The rows where `mask` (shape (n,)) is true, with dictionaries that hold only what they use."""
    at = mask.nonzero()[0]
    if len(at) == len(mask):
        return sightings
    tags, tag = _compacted(sightings.tags, sightings.tag.take(at))
    antennas, antenna = _compacted(sightings.antennas, sightings.antenna.take(at))
    return replace(
        sightings,
        tags=tags,
        antennas=antennas,
        tag=tag,
        antenna=antenna,
        first_us=sightings.first_us.take(at),
        last_us=sightings.last_us.take(at),
        reads=sightings.reads.take(at),
        power_mw=sightings.power_mw.take(at),
        peak_dbm=sightings.peak_dbm.take(at),
        channel=sightings.channel.take(at),
        phase_rad=sightings.phase_rad.take(at),
        phase_slope_rad_s=sightings.phase_slope_rad_s.take(at),
        doppler_hz=sightings.doppler_hz.take(at),
    )


def _compacted(entries: tuple[EntryT, ...], index: NDArray[IndexT]) -> tuple[tuple[EntryT, ...], NDArray[IndexT]]:
    used = np.bincount(index, minlength=len(entries)) > 0
    renumbered = (used.cumsum() - 1).astype(index.dtype)
    return tuple(compress(entries, used.tolist())), renumbered.take(index)
