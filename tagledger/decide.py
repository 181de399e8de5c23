"""The operators over recorded reads, in memory: no broker, no database, the same decisions as at a site.

Reads are reduced by the edge's own reducer, cut into batches of one window each (agent `recorded`, epoch `1`), routed
like any edge's, and given to one operator a place. The watermark is the end of each window.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge.reduce import Reducer
from readers.model import ReadBatch
from stream.model import BatchId, DeviceEvent, EdgeBatch, Passage, Sightings, TagVerdict
from stream.operators.passage_model import Costs
from stream.operators.passages import PassageOperator, PassageParams
from stream.operators.presence import PresenceOperator, PresenceParams, ZoneObserver, ZoneReport
from stream.recorded import RecordedReads
from stream.routing import Router
from warehouse.loads import LocationUpdate
from warehouse.site import AntennaRef, Portal, Side, Site

AGENT, EPOCH = "recorded", "1"
TAIL_S = 5.0
"""Until a load that was in the door at the end is final. That a recording ends is no silence: a load is looked at again
(`PassageParams.hindsight_s`) only where most of what came after it was recorded."""
SILENCE_S = 60.0
LEAD_S = 5.0
"""Longer than operators take for getting to know what is there when they start."""
CUT_TO_LOAD = Costs(wrong_in=1.0)
"""In a recording cut to its load nearly everything read belongs."""


@dataclass(slots=True)
class Decided:
    """What the operators said; `final` is each passage's last word, `said` every revision with the watermark."""

    said: list[tuple[int, Passage]] = field(default_factory=list)
    updates: list[LocationUpdate] = field(default_factory=list)
    batches: int = 0

    @property
    def final(self) -> list[Passage]:
        last = {passage.passage_id: passage for _, passage in self.said if passage.final}
        return list(last.values())

    @property
    def found(self) -> bool:
        """Whether any tag was said to have gone through a door."""
        return any(tag.verdict is TagVerdict.BELONGS for passage in self.final for tag in passage.tags)


def reduce_reads(reads: RecordedReads, window_ms: int = 250) -> Sightings:
    """All reads as Sightings under the recording's own tag names, whatever they are made of."""
    reducer = Reducer(window_ms)
    serial = np.arange(len(reads.tags), dtype=">u4").view(np.uint8).reshape(-1, 4)
    for number, name in enumerate(reads.readers):
        of = reads.reader == number
        size = int(of.sum())
        reducer.add(
            ReadBatch(
                reader=name,
                epc=np.ascontiguousarray(serial[reads.tag[of]]),
                epc_bits=np.full(size, 32, np.uint16),
                antenna=reads.antenna[of],
                first_us=reads.time_us[of],
                last_us=reads.time_us[of] if reads.last_us is None else reads.last_us[of],
                rssi_dbm=reads.rssi_dbm[of],
                channel=reads.channel[of],
                phase_rad=reads.phase_rad[of],
                doppler_hz=reads.doppler_hz[of],
                count=np.ones(size, np.uint16) if reads.count is None else reads.count[of],
            )
        )
    seen = reducer.seal(None)
    names = tuple(reads.tags[int(text, 16)] for text in seen.tags)
    return _renamed(seen, names)


def batches(
    seen: Sightings, events: Sequence[DeviceEvent], window_ms: int = 250, lead_s: float = 0.0
) -> Iterator[EdgeBatch]:
    """One batch a window of reader time, empty ones too, `lead_s` of silence ahead and `TAIL_S` of it at the end.

    Of a silence longer than `SILENCE_S` only the beginning is played, then one batch leads over it.
    """
    step = window_ms * 1000
    ordered = sorted(events, key=lambda event: event.at_us)
    event_us = np.array([event.at_us for event in ordered], np.int64)
    busy = np.unique(np.concatenate([seen.first_us, event_us]) // step)
    counter = 0
    behind = int(busy[0]) - int(lead_s * 1000 / window_ms) - 1 if len(busy) and lead_s else None
    for window in busy.tolist():
        gap_start = window if behind is None else behind + 1
        gap_end = min(window, gap_start + int(SILENCE_S * 1000 / window_ms))
        for at in (*range(gap_start, gap_end), *([window - 1] if gap_end < window else []), window):
            low, high = np.searchsorted(seen.first_us, [at * step, (at + 1) * step]).tolist()
            first, last = np.searchsorted(event_us, [at * step, (at + 1) * step]).tolist()
            end_us = (at + 1) * step
            counter += 1
            rows = _rows(seen, low, high)
            yield EdgeBatch(BatchId(AGENT, EPOCH, counter), end_us, end_us, rows, tuple(ordered[first:last]))
        behind = window
    for at in range((behind or 0) + 1, (behind or 0) + 1 + int(TAIL_S * 1000 / window_ms)):
        counter += 1
        end_us = (at + 1) * step
        yield EdgeBatch(BatchId(AGENT, EPOCH, counter), end_us, end_us, _rows(seen, 0, 0))


def decide(
    site: Site,
    reads: RecordedReads,
    passages: PassageParams | None = None,
    presence: PresenceParams | None = None,
    lead_s: float = 0.0,
) -> Decided:
    """Run every operator of the site over a recording, as if `lead_s` of silence had gone before."""
    passages = passages or PassageParams()
    presence = presence or PresenceParams(zones=site.zones)
    # A recording has one agent, whatever the site file says of who owns which reader.
    router = Router(replace(site, readers=tuple(replace(reader, agent="") for reader in site.readers)))
    doors = {portal.name: door_operator(site, portal, as_recorded(portal, reads, passages)) for portal in site.portals}
    zones = {
        zone.name: ZoneObserver(zone, frozenset(site.antennas_of(zone.name)), presence)
        for zone in site.zones
        if site.antennas_of(zone.name)
    }
    tags = PresenceOperator("recorded", presence)
    out = Decided()
    for batch in batches(reduce_reads(reads), reads.events, lead_s=lead_s):
        out.batches += 1
        slices = router.route(batch).slices
        now_us = batch.watermark_us
        for name, door in doors.items():
            piece = slices.get(name)
            out.said += [(now_us, said) for said in door.on_batch(now_us, [piece] if piece else [])]
        reports: list[ZoneReport] = []
        for name, zone in zones.items():
            piece = slices.get(name)
            reports += zone.on_batch(now_us, [piece] if piece else [])
        out.updates += tags.on_batch(now_us, reports)
    return out


def decide_recording(
    site: Site, reads: RecordedReads, passages: PassageParams | None = None
) -> tuple[Decided, list[str]]:
    """`decide`, and what was assumed about how the recording begins.

    What is there when a door's operator starts is taken for parked. Where nothing went through a door by that, the
    recording may have been cut to its load: then it is taken to begin in silence, if a load shows by that.
    """
    passages = passages or PassageParams()
    decided = decide(site, reads, passages)
    if not site.portals or decided.found:
        return decided, []
    again = decide(site, reads, replace(passages, bare_costs=CUT_TO_LOAD), lead_s=LEAD_S)
    if not again.found:
        return decided, []
    return again, ["no load by what came later: what is read at the beginning is taken for arriving, not for parked"]


def as_recorded(portal: Portal, reads: RecordedReads, params: PassageParams) -> PassageParams:
    """A portal's settings: photo-eyes that break at all in the recording are trusted before they first do."""
    wired = {(eye.reader, eye.gpi) for eye in portal.photo_eyes}
    seen = any((event.device, event.port) in wired for event in reads.events)
    return replace(params, trust_eyes_s=math.inf) if seen else params


def door_operator(site: Site, portal: Portal, params: PassageParams) -> PassageOperator:
    """A portal's operator as the site file describes it."""
    return PassageOperator(*door_parts(site, portal), params)


def door_parts(site: Site, portal: Portal) -> tuple[Portal, frozenset[AntennaRef], dict[AntennaRef, Side | None]]:
    """The portal, its antennas, and on which side those are whose side is told."""
    own = site.antennas_of(portal.name)
    sides = {ref: antenna.side for ref in own if (antenna := site.antenna_at(ref)) is not None}
    return portal, frozenset(own), sides


def _renamed(seen: Sightings, tags: tuple[str, ...]) -> Sightings:
    columns = {name: getattr(seen, name) for name in Sightings.__slots__ if name != "tags"}
    return Sightings(tags=tags, **columns)


def _rows(seen: Sightings, low: int, high: int) -> Sightings:
    """Rows [low, high) with dictionaries of what they use."""
    tag_ids, tag = np.unique(seen.tag[low:high], return_inverse=True)
    return Sightings(
        tags=tuple(seen.tags[index] for index in tag_ids.tolist()),
        antennas=seen.antennas,
        tag=tag.astype(np.uint32),
        **{
            name: getattr(seen, name)[low:high]
            for name in Sightings.__slots__
            if name not in ("tags", "antennas", "tag")
        },
    )
