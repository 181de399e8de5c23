"""The operators of a site by key: the one place that names them. Hosts, graph and tests know only `Operators`."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from stream.model import Passage, Signal
from stream.operators.passages import PassageOperator, PassageParams, PassageState
from stream.operators.presence import (
    PresenceOperator,
    PresenceParams,
    PresenceState,
    ZoneObserver,
    ZoneObserverState,
    ZoneReport,
)
from stream.operators.signal import SignalOperator, SignalState
from stream.operators.slices import PlaceSlice
from stream.operators.weighing import WeighingOperator, WeighingState
from stream.supervised import Keyed
from warehouse.epc import decode
from warehouse.loads import Expectation, LocationUpdate, Weighing
from warehouse.site import SignalSettings, Site

SHARDS = 16
"""Shards of tags. Chosen once: stored states and keyed topics depend on it."""


@dataclass(frozen=True, slots=True)
class Operators:
    """How to make each operator: passages and signals by portal, observers by zone, scales by place, presence by
    shard of tags.
    """

    passages: Keyed[PlaceSlice, Passage]
    signals: Keyed[Passage | Expectation, Signal]
    zones: Keyed[PlaceSlice, ZoneReport]
    presence: Keyed[ZoneReport, LocationUpdate]
    weighings: Keyed[PlaceSlice | Passage, Weighing]
    shards: int = SHARDS


def gtin_of(epc: str) -> str | None:
    """The GTIN-14 of an SGTIN; None for every other scheme."""
    return decode(epc).gtin


@dataclass(frozen=True, slots=True)
class OperatorParams:
    """The settings of all operators; `item_of` maps an EPC to the item code documents use, or None.

    `signals` replaces what the site file says for each portal. `is_recording`: nobody stands at the doors to see
    provisional verdicts, so none are made, but where a scale waits for what is in its door.
    """

    item_of: Callable[[str], str | None] = gtin_of
    passages: PassageParams = field(default_factory=PassageParams)
    presence: PresenceParams = field(default_factory=PresenceParams)
    signals: SignalSettings | None = None
    is_recording: bool = False


def operators_of(site: Site, params: OperatorParams | None = None) -> Operators:
    """The operators of this site."""
    params = params or OperatorParams()
    sides = {
        ref: site_antenna.side
        for portal in site.portals
        for place in (portal.name, *portal.neighbours)
        for ref in site.antennas_of(place)
        if (site_antenna := site.antenna_at(ref)) is not None
    }
    presence = PresenceParams(
        **{name: getattr(params.presence, name) for name in PresenceParams.__slots__ if name != "zones"},
        zones=params.presence.zones or site.zones,
    )

    finals_only = replace(params.passages, provisional_every_s=None)
    weighed_at = {scale.place for scale in site.scales}

    def passages(key: str, state: PassageState | None) -> PassageOperator:
        asked = finals_only if params.is_recording and key not in weighed_at else params.passages
        return PassageOperator(site.portal(key), frozenset(site.antennas_of(key)), sides, asked, state)

    def signals(key: str, state: SignalState | None) -> SignalOperator:
        return SignalOperator(site.portal(key), params.item_of, params.signals, state)

    def zones(key: str, state: ZoneObserverState | None) -> ZoneObserver:
        return ZoneObserver(site.zone(key), frozenset(site.antennas_of(key)), presence, state)

    def shard(key: str, state: PresenceState | None) -> PresenceOperator:
        return PresenceOperator(key, presence, state)

    def weighings(key: str, state: WeighingState | None) -> WeighingOperator:
        scales = {scale.name: scale for scale in site.scales if scale.place == key}
        zone = next((zone for zone in site.zones if zone.name == key), None)
        return WeighingOperator(key, zone.location_code if zone else "", zone is None, scales, state)

    return Operators(
        passages=Keyed(passages, PassageState),
        signals=Keyed(signals, SignalState),
        zones=Keyed(zones, ZoneObserverState),
        presence=Keyed(shard, PresenceState),
        weighings=Keyed(weighings, WeighingState),
    )
