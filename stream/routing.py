"""Which place an edge batch concerns: one `PlaceSlice` for each place that it holds something of.

A zone gets the sightings of its own antennas. A portal gets those of its own antennas and of its neighbours' antennas
(evidence against strays), and the GPI events of its photo-eyes. A sighting may so reach several places. Other events
are recorded by the host and decide nothing here.

The work per batch is one table look-up per row and, per place, one boolean mask. A batch whose rows all concern a
place is handed over as it is. A cut slice has dictionaries of its own, holding only what its rows use, so that it means
the same alone as beside the rest of its batch.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stream.model import DeviceEvent, DeviceEventKind, EdgeBatch, Sightings
from stream.operators.slices import PlaceSlice
from warehouse.site import AntennaRef, Site

EntryT = TypeVar("EntryT")
IndexT = TypeVar("IndexT", np.uint16, np.uint32)


@dataclass(frozen=True, slots=True)
class Routed:
    """One batch by place, and how many sightings came from antennas that the site file does not name."""

    slices: dict[str, PlaceSlice]
    unknown: dict[AntennaRef, int]


class Router:
    """A site's antennas and photo-eyes, looked up. Immutable: routing one batch says nothing about the next."""

    def __init__(self, site: Site) -> None:
        self.places: tuple[str, ...] = tuple(z.name for z in site.zones) + tuple(p.name for p in site.portals)
        self._agents = {
            place: frozenset(reader.agent for reader in site.readers if any(a.place == place for a in reader.antennas))
            for place in self.places
        }
        self._watched: dict[AntennaRef, frozenset[str]] = {}
        watchers: dict[str, set[str]] = defaultdict(set)
        for zone in site.zones:
            watchers[zone.name].add(zone.name)
        for portal in site.portals:
            for place in (portal.name, *portal.neighbours):
                watchers[place].add(portal.name)
        for reader in site.readers:
            for antenna in reader.antennas:
                self._watched[AntennaRef(reader.name, antenna.port)] = frozenset(watchers.get(antenna.place, ()))
        self._eyes: dict[tuple[str, int], list[str]] = defaultdict(list)
        for portal in site.portals:
            for eye in portal.photo_eyes:
                self._eyes[eye.reader, eye.gpi].append(portal.name)

    def serves(self, agent: str, place: str) -> bool:
        """Whether this agent's time counts at a place: one of its readers is the agent's, or may be anyone's."""
        agents = self._agents[place]
        return not agents or "" in agents or agent in agents

    def route(self, batch: EdgeBatch) -> Routed:
        """The slices of a batch, places in site-file order."""
        sightings = batch.sightings
        known = [self._watched.get(antenna) for antenna in sightings.antennas]
        unknown: dict[AntennaRef, int] = {}
        if None in known:
            counts = np.bincount(sightings.antenna, minlength=len(known))
            unknown = {
                antenna: int(counts[i])
                for i, antenna in enumerate(sightings.antennas)
                if known[i] is None and counts[i]
            }
        events: dict[str, list[DeviceEvent]] = defaultdict(list)
        for event in batch.events:
            if event.kind is DeviceEventKind.GPI and event.port is not None:
                for portal in self._eyes.get((event.device, event.port), ()):
                    events[portal].append(event)
        slices: dict[str, PlaceSlice] = {}
        for place in self.places:
            wanted = np.array([places is not None and place in places for places in known], dtype=bool)
            if wanted.any():
                rows = sightings if wanted.all() else take(sightings, wanted[sightings.antenna])
            elif place in events:
                rows = EMPTY
            else:
                continue
            if len(rows) or place in events:
                slices[place] = PlaceSlice(batch.id, rows, tuple(events.get(place, ())))
        return Routed(slices, unknown)


def take(sightings: Sightings, mask: NDArray[np.bool_]) -> Sightings:
    """The rows where `mask` (shape (n,)) is true, with dictionaries that hold only what they use."""
    if mask.all():
        return sightings
    tags, tag = _compacted(sightings.tags, sightings.tag[mask])
    antennas, antenna = _compacted(sightings.antennas, sightings.antenna[mask])
    return replace(
        sightings,
        tags=tags,
        antennas=antennas,
        tag=tag,
        antenna=antenna,
        first_us=sightings.first_us[mask],
        last_us=sightings.last_us[mask],
        reads=sightings.reads[mask],
        power_mw=sightings.power_mw[mask],
        peak_dbm=sightings.peak_dbm[mask],
        channel=sightings.channel[mask],
        phase_rad=sightings.phase_rad[mask],
        phase_slope_rad_s=sightings.phase_slope_rad_s[mask],
        doppler_hz=sightings.doppler_hz[mask],
    )


def _compacted(entries: tuple[EntryT, ...], index: NDArray[IndexT]) -> tuple[tuple[EntryT, ...], NDArray[IndexT]]:
    used = np.zeros(len(entries), dtype=bool)
    used[index] = True
    kept = np.flatnonzero(used)
    renumbered = np.cumsum(used) - 1
    return tuple(entries[i] for i in kept), renumbered[index].astype(index.dtype)


EMPTY = Sightings(
    tags=(),
    antennas=(),
    tag=np.empty(0, np.uint32),
    antenna=np.empty(0, np.uint16),
    first_us=np.empty(0, np.int64),
    last_us=np.empty(0, np.int64),
    reads=np.empty(0, np.uint32),
    power_mw=np.empty(0, np.float64),
    peak_dbm=np.empty(0, np.float32),
    channel=np.empty(0, np.uint16),
    phase_rad=np.empty(0, np.float32),
    phase_slope_rad_s=np.empty(0, np.float32),
    doppler_hz=np.empty(0, np.float32),
)
"""No sightings."""
