"""A site for a recording that comes without a site file: places from the recording, the command line and the truth.

Where an antenna is: `--place reader:port=name` first, else the recording's own place column, else the one door the
truth names, or the place the reader or the antenna is named after, or the zone with the antenna's number; and last the
place whose goods, by the truth, it hears best (which is said: `assumptions`). A place is a portal when the truth has
loads there (or nothing says otherwise), else a zone. All portals of one recording are neighbours: each may hear the
others' tags. A direction needs `--side` on antennas, or antennas called inside and outside, or `--eye`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from stream.model import DeviceEvent, DeviceEventKind
from stream.recorded import RecordedError, RecordedReads
from stream.recorded_eyes import widened
from stream.recorded_truth import WHOLE, RecordedTruth
from warehouse.site import Antenna, AntennaRef, Direction, PhotoEye, Portal, Reader, Side, Site, Zone

ValueT = TypeVar("ValueT")
DOOR = "door"
TRUE_CLEAR_S = 0.05
TRUE_GPI = 1001
"""Inputs that no reader has: where the truth stands in for a photo-eye."""


def site_of(
    reads: RecordedReads,
    truth: RecordedTruth | None,
    places: Sequence[str] = (),
    sides: Sequence[str] = (),
    eyes: Sequence[str] = (),
) -> Site:
    """The site; RecordedError says which option is missing or wrong."""
    refs = sorted(
        {
            AntennaRef(reads.readers[code // 65_536], code % 65_536)
            for code in set((reads.reader.astype(int) * 65_536 + reads.antenna).tolist())
        }
    )
    said = {AntennaRef(reader, port): place for reader, port, place in reads.places}
    said |= _options(places, reads, "--place", str)
    loads_at = {load.portal for load in truth.loads} if truth else set()
    stays_at = {stay.zone for stay in truth.stays} if truth else set()
    zones_at = stays_at - loads_at
    names = {port: name for name, port in reads.antenna_names}
    heard = _Heard(reads, truth)
    place_of = {ref: said.get(ref) or _guess(ref, refs, loads_at, zones_at, names, heard) for ref in refs}
    unwatched = sorted((loads_at or zones_at) - set(place_of.values()) - {""})
    if heard.used and unwatched:
        raise RecordedError(
            f"where is antenna {heard.used[0]}? The truth also names {', '.join(unwatched)}, which no antenna seems to "
            f"watch: say --place {heard.used[0]}=NAME, or give --site"
        )
    side_of = {ref: side for ref in refs if (side := _side_in(names.get(ref.port, "")))}
    side_of |= _options(sides, reads, "--side", _side)
    portals = sorted(place for place in set(place_of.values()) if place not in zones_at)
    wired = _options(eyes, reads, "--eye", _side)
    photo_eyes = tuple(PhotoEye(ref.reader, ref.port, side) for ref, side in sorted(wired.items()))
    return Site(
        "recorded",
        readers=tuple(
            Reader(
                name,
                "127.0.0.1",
                antennas=tuple(
                    Antenna(ref.port, place_of[ref], side_of.get(ref)) for ref in refs if ref.reader == name
                ),
            )
            for name in reads.readers
        ),
        zones=tuple(Zone(name) for name in sorted(set(place_of.values()) & zones_at)),
        portals=tuple(
            Portal(
                name,
                "inside",
                "outside",
                neighbours=tuple(other for other in portals if other != name),
                photo_eyes=tuple(
                    eye
                    for eye in photo_eyes
                    if len(portals) == 1
                    or any(ref.reader == eye.reader and place == name for ref, place in place_of.items())
                ),
            )
            for name in portals
        ),
    )


def assumptions(site: Site, reads: RecordedReads, truth: RecordedTruth | None, placed: Sequence[str] = ()) -> list[str]:
    """What is taken for granted about the site, and what would make it better known: one sentence a line.

    `placed` are the options that said where antennas are, and on which side.
    """
    said = []
    kinds = {portal.name: "portal" for portal in site.portals} | {zone.name: "zone" for zone in site.zones}
    for name, kind in kinds.items():
        watching = sorted(site.antennas_of(name))
        if not watching:
            continue
        sides = {ref: antenna.side for ref in watching if (antenna := site.antenna_at(ref)) is not None}
        listed = ", ".join(f"{ref}{f' {side.value}' if (side := sides.get(ref)) else ''}" for ref in watching)
        said.append(f"{kind} {name}: antennas {listed}")
    silent = sorted(ref for ref in _options(placed, reads, "--place or --side", str) if site.antenna_at(ref) is None)
    if silent:
        said.append(f"nothing was read by {', '.join(map(str, silent))}, which --place or --side names")
    return said + _ways_unknown(site, truth) + _eyes_unheard(site, reads)


def _ways_unknown(site: Site, truth: RecordedTruth | None) -> list[str]:
    """Where neither antennas nor photo-eyes are on two sides."""
    unknown = [
        portal
        for portal in site.portals
        if len({eye.side for eye in portal.photo_eyes}) < 2
        and len({antenna.side for ref in site.antennas_of(portal.name) if (antenna := site.antenna_at(ref))} - {None})
        < 2
    ]
    refs = sorted(ref for portal in unknown for ref in site.antennas_of(portal.name))
    if not refs:
        return []
    ways = truth is not None and any(load.direction is not Direction.UNSURE for load in truth.loads)
    need = "the truth has directions, but " if ways else ""
    at = "" if len(unknown) == len(site.portals) else f" at {', '.join(portal.name for portal in unknown)}"
    if all(len(site.antennas_of(portal.name)) == 1 for portal in unknown):
        return [f"{need}no direction can be told{at} by one antenna without photo-eyes on two sides (--eye)"]
    return [f"{need}no direction can be told{at} without sides: --side {refs[0]}=inside, --side ...=outside"]


def _eyes_unheard(site: Site, reads: RecordedReads) -> list[str]:
    """Photo-eyes without events, and events of no photo-eye."""
    wired = {AntennaRef(eye.reader, eye.gpi) for portal in site.portals for eye in portal.photo_eyes}
    inputs = {AntennaRef(event.device, event.port) for event in reads.events if event.port is not None}
    said = [f"the recording has no event of the photo-eye at {ref}" for ref in sorted(wired - inputs)]
    if unused := sorted(inputs - wired):
        listed = ", ".join(map(str, unused))
        said.append(f"photo-eye events of {listed} are not used: --eye {unused[0]}=outside says where")
    return said


def with_margins(site: Site, reads: RecordedReads, margin_s: float) -> tuple[RecordedReads, list[str]]:
    """The recording with the windows of eyes on two sides widened (`recorded_eyes`), and what that means if it did.

    Those of eyes on one side are looked at wider anyway (`stream.operators.passage_cuts`).
    """
    events = reads.events
    for portal in site.portals:
        if len({eye.side for eye in portal.photo_eyes}) > 1:
            events = widened(events, portal.photo_eyes, round(margin_s * 1e6))
    if events == reads.events:
        return reads, []
    note = f"photo-eye windows are taken {margin_s:g} s wider on either side, where loads stand apart (--eye-margin)"
    return replace(reads, events=events), [note]


def with_true_windows(site: Site, reads: RecordedReads, truth: RecordedTruth) -> tuple[Site, RecordedReads, list[str]]:
    """The site and the recording as if a photo-eye at each portal had seen the truth's loads, and what that means."""
    portals, events = [], []
    for number, portal in enumerate(site.portals):
        refs = sorted(site.antennas_of(portal.name))
        loads = [load for load in truth.loads if load.portal in ("", portal.name) and load.start_us not in WHOLE]
        if portal.photo_eyes or not refs or not loads:
            portals.append(portal)
            continue
        eye = PhotoEye(refs[0].reader, TRUE_GPI + number, Side.INSIDE)
        portals.append(replace(portal, photo_eyes=(eye,), beams_clear_s=TRUE_CLEAR_S))
        for start_us, end_us in _united((load.start_us, load.end_us) for load in loads):
            for at_us, blocked in ((start_us, True), (end_us, False)):
                events.append(DeviceEvent(eye.reader, DeviceEventKind.GPI, at_us, port=eye.gpi, state=blocked))
    if not events:
        raise RecordedError("--windows-known: the truth has no windows of loads, or all doors have photo-eyes already")
    every = tuple(sorted((*reads.events, *events), key=lambda event: event.at_us))
    note = "when loads passed is taken from the truth, as a photo-eye would tell it: loads found are no finding"
    return replace(site, portals=tuple(portals)), replace(reads, events=every), [note]


def _united(windows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Windows in order, those that overlap as one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(windows):
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(end, out[-1][1])
        else:
            out.append((start, end))
    return out


def whole(site: Site) -> Site:
    """The site with the zones on both sides of its portals, as a site file must name them."""
    named = {zone.name for zone in site.zones}
    sides = sorted({side for portal in site.portals for side in (portal.inside, portal.outside)} - named)
    return replace(site, zones=(*site.zones, *(Zone(side) for side in sides)))


class _Heard:
    """How strongly antennas hear what the truth says is at a place."""

    def __init__(self, reads: RecordedReads, truth: RecordedTruth | None) -> None:
        self._reads = reads
        there = [] if truth is None else [(load.portal, load.start_us, load.end_us, load.epcs) for load in truth.loads]
        there += [] if truth is None else [(stay.zone, stay.start_us, stay.end_us, (stay.epc,)) for stay in truth.stays]
        self._there = there
        self.used: list[AntennaRef] = []

    def best(self, ref: AntennaRef, places: set[str]) -> str | None:
        """The place whose goods this antenna hears best, of all power it hears of goods that are anywhere."""
        reads = self._reads
        mine = (reads.reader == reads.readers.index(ref.reader)) & (reads.antenna == ref.port)
        number = {epc: index for index, epc in enumerate(reads.tags)}
        level = np.nan_to_num(reads.rssi_dbm[mine].astype(np.float64), nan=-60.0)
        at, tag, power = reads.time_us[mine], reads.tag[mine], np.power(10.0, level / 20.0)
        total: dict[str, float] = {}
        for place, start, end, epcs in self._there:
            known = [number[epc] for epc in epcs if epc in number]
            if place in places and known:
                here = (at >= start) & (at <= end) & np.isin(tag, known)
                total[place] = total.get(place, 0.0) + float(power[here].sum())
        found = max(total, key=total.__getitem__, default=None)
        self.used.append(ref)
        return found if found is not None and total[found] > 0.0 else None


def _guess(
    ref: AntennaRef,
    refs: Sequence[AntennaRef],
    loads_at: set[str],
    zones_at: set[str],
    names: Mapping[int, str],
    heard: _Heard,
) -> str:
    # Stays beside loads are where goods were put, seldom watched by antennas: the doors come first.
    named = {place for place in (loads_at or zones_at) if place}
    if len(named) <= 1 and (loads_at or not zones_at):
        return next(iter(named), DOOR)
    readers = {other.reader for other in refs}
    called = names.get(ref.port, "")
    likely = [place for place in named if place.lower() == called.lower()]
    likely = likely or [place for place in named if ref.reader.lower().startswith(place.lower())]
    if not likely and not loads_at and len(readers) == 1:
        likely = [place for place in named if re.search(rf"(?<!\d){ref.port}$", place)]
    if len(likely) == 1:
        return likely[0]
    best = heard.best(ref, named)
    if best is not None:
        return best
    raise RecordedError(
        f"where is antenna {ref}? The truth names {', '.join(sorted(named))}: say --place {ref}=NAME, or give --site"
    )


def _side_in(name: str) -> Side | None:
    words = set(re.split(r"[^a-z]+", name.lower()))
    inside, outside = words & {"inside", "in", "inner", "indoor"}, words & {"outside", "out", "outer", "outdoor"}
    return (Side.INSIDE if inside else Side.OUTSIDE) if bool(inside) != bool(outside) else None


def _side(text: str) -> Side:
    try:
        return Side(text)
    except ValueError:
        raise RecordedError(f"{text!r} is neither inside nor outside") from None


def _options(
    options: Sequence[str], reads: RecordedReads, name: str, value_of: Callable[[str], ValueT]
) -> dict[AntennaRef, ValueT]:
    """`reader:port=value` options (`port=value` with one reader) by antenna."""
    out: dict[AntennaRef, ValueT] = {}
    for option in options:
        match = re.fullmatch(r"(?:(.+):)?(\d+)=(.+)", option)
        reader = (match.group(1) or (reads.readers[0] if len(reads.readers) == 1 else None)) if match else None
        if match is None or reader is None:
            raise RecordedError(f"{name} {option}: expected reader:port=value")
        if reader not in reads.readers:
            raise RecordedError(f"{name} {option}: no reader {reader}; there are {', '.join(reads.readers)}")
        out[AntennaRef(reader, int(match.group(2)))] = value_of(match.group(3))
    return out
