"""The stream as one value-in, value-out object: batches and other log entries in, `Outputs` out.

    batch → Router → place (passages → signal | zone observer) → reports → tags (presence)

The embedded host runs a `Graph`. The Faust host spreads its parts over workers: the router where batches come in, a
`Place` by place, a `Tags` by shard. Both are told everything, time included, so the same inputs give the same outputs,
ids included: a passage's id derives from its portal and the batch that opened it, a location update's from its tag, a
dead letter's from its input.

Not thread-safe; bounded by its parts (`places`, `tags`, `watermark`, `supervised`).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from stream.batch_codec import decode_batch
from stream.model import EdgeBatch
from stream.operators.presence import ZoneReport
from stream.places import PASSAGES, SIGNAL, WEIGHING, ZONE, FailureKind, Outputs, Place, slice_of
from stream.posting import locations_of
from stream.routing import Router, places_of, watched_zones
from stream.snapshots import decode_state
from stream.supervised import Keyed
from stream.tags import Tags
from stream.topology import Operators
from warehouse.loads import Expectation
from warehouse.site import AntennaRef, Site

PLACE = "place"
TAGS = "tags"
CLOSE_US = 12_000_000
"""Time at the doors after the last batch there will be: a passage is final within 2 s, and looked at again at 9 s."""
GONE_US = 130_000_000
"""The same at a door that is no more: longer than a window stays open behind a beam that nobody reports free."""

States = Mapping[tuple[str, str], bytes]
"""Operator state by (node, key)."""


def place_of(name: str, site: Site, router: Router, operators: Operators, state: bytes | None = None) -> Place:
    """The place of that name; `router` is the site's. KeyError for one the site does not have.

    An agent that its clock waited for and that has no reader there any more is waited for no longer.
    """
    weighings = {WEIGHING: operators.weighings} if any(scale.place == name for scale in site.scales) else {}
    if any(portal.name == name for portal in site.portals):
        roles: dict[str, Keyed[Any, Any]] = {PASSAGES: operators.passages, SIGNAL: operators.signals, **weighings}
        place = Place(name, roles, state, lambda passage: locations_of(passage, site))
    else:
        place = Place(site.zone(name).name, {ZONE: operators.zones, **weighings}, state)
    place.clock.keep(agent for agent in place.clock.sources if router.serves(agent, name))
    return place


class Graph:
    """All operators of one site."""

    def __init__(self, site: Site, operators: Operators, states: States | None = None) -> None:
        states = states or {}
        self._site = site
        self._router = Router(site)
        self._watched = watched_zones(site)
        self._places = {
            name: place_of(name, site, self._router, operators, states.get((PLACE, name))) for name in places_of(site)
        }
        shards = {key: body for (node, key), body in states.items() if node == TAGS}
        self._tags = Tags(self._watched, operators.presence, operators.shards, shards)
        self.unknown: Counter[AntennaRef] = Counter()

    @property
    def places(self) -> Mapping[str, Place]:
        """Every place by name."""
        return self._places

    @property
    def now_us(self) -> int:
        """The youngest time of any place; 0 before the first batch."""
        return max((place.clock.now_us for place in self._places.values()), default=0)

    def on_batch(self, batch: EdgeBatch, out: Outputs) -> None:
        """One edge batch, in its agent's order. Tags are decided by `settle`."""
        routed = self._router.route(batch)
        self.unknown.update(routed.unknown)
        for name, piece in routed.slices.items():
            self._places[name].take(batch.id.agent, batch.watermark_us, piece, out)

    def settle(self, out: Outputs) -> None:
        """Hand the zones' reports and time to the tags. How often does not change what they decide."""
        reports: dict[str, list[ZoneReport]] = {}
        for report in out.reports:
            reports.setdefault(report.zone, []).append(report)
        out.reports.clear()
        for name in self._watched:
            place = self._places[name]
            if place.clock.now_us and place.clock.sources:
                self._tags.advance(name, place.clock.now_us, reports.get(name, ()))
            elif name in reports:
                self._tags.advance(name, place.clock.now_us, reports[name])
                self._tags.leave_out(name)
        self._tags.run(out)

    def leave_out(self, agent: str, out: Outputs) -> None:
        """Go on without a silent agent, wherever its time counts; it is back with its next batch."""
        for name, place in self._places.items():
            if self._router.serves(agent, name):
                place.leave_out(agent, out)
                if name in self._watched and not place.clock.sources:
                    self.settle(out)
                    self._tags.leave_out(name)
        self.settle(out)

    @property
    def is_busy(self) -> bool:
        """Whether a load is in a door, or has just left it."""
        return any(self._places[portal.name].is_busy for portal in self._site.portals)

    def pass_time(self, to_us: int, out: Outputs) -> None:
        """Nothing more will come: time goes on at the doors, so that loads still in them are over. Zones wait."""
        for portal in self._site.portals:
            self._places[portal.name].pass_time(to_us, out)

    def expect(self, expectation: Expectation, out: Outputs) -> None:
        """What open documents now expect at a portal; ignored for a portal this site does not have."""
        place = self._places.get(expectation.portal)
        if place is not None:
            place.expect(expectation, out)

    def reload(self, site: Site, operators: Operators, out: Outputs) -> None:
        """The site is set up otherwise from now on, as after a start with it: what is under way goes on. At a place
        that is no more, time goes on first, so that a load in it is over.

        Raises what an operator raises that cannot be made of what was kept; then nothing has changed.
        """
        router, watched, names = Router(site), watched_zones(site), places_of(site)
        same = {name for name in names if name in self._places and said_of(name, site) == said_of(name, self._site)}
        states = {name: place.snapshot() for name, place in self._places.items() if name not in same}
        places = {
            name: self._places[name] if name in same else place_of(name, site, router, operators, states.get(name))
            for name in names
        }
        for name in sorted(self._places.keys() - places.keys()):
            self._places[name].pass_time(self._places[name].clock.now_us + GONE_US, out)
        self.settle(out)
        if site.zones != self._site.zones:
            self._tags = self._tags.made_again(operators.presence)
        self._tags.keep(watched)
        self._site, self._router, self._watched, self._places = site, router, watched, places

    def redeliver(self, kind: FailureKind, key: str, body: bytes, out: Outputs) -> None:
        """A dead letter again, late as it is. ValueError for a kind or body that cannot be given again."""
        if kind is FailureKind.PLACE_SLICE:
            piece = slice_of(decode_batch(body))
            if piece is not None and key in self._places:
                self._places[key].redeliver(piece, out)
        elif kind is FailureKind.TAG_REPORT:
            self._tags.redeliver(decode_state(body, ZoneReport), out)
        else:
            raise ValueError(f"a dead letter of kind {kind} cannot be given to an operator again")

    def snapshot(self) -> dict[tuple[str, str], bytes]:
        """State by (node, key): all places, and the shards that changed since the last call."""
        states = {(PLACE, name): place.snapshot() for name, place in self._places.items()}
        states.update({(TAGS, key): body for key, body in self._tags.snapshot().items()})
        return states


def said_of(name: str, site: Site) -> tuple[object, ...]:
    """All that a site file says of what a place's operators decide from: the same, and they need not be made again."""
    portal = next((portal for portal in site.portals if portal.name == name), None)
    heard = (name, *portal.neighbours) if portal is not None else (name,)
    sides = {portal.inside, portal.outside} if portal is not None else {name}
    antennas = tuple((place, ref, site.antenna_at(ref)) for place in heard for ref in site.antennas_of(place))
    readers = {ref.reader for _, ref, _ in antennas} | {eye.reader for eye in (portal.photo_eyes if portal else ())}
    return (
        portal,
        tuple(zone for zone in site.zones if zone.name in sides),
        antennas,
        tuple((reader.name, reader.agent) for reader in site.readers if reader.name in readers),
        tuple(scale for scale in site.scales if scale.place == name),
    )
