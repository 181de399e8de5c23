"""A site for a recording that comes without a site file: places from the recording, the command line and the truth.

Where an antenna is: `--place reader:port=name` first, else the recording's own place column, else the one door the
truth names, or the door the reader is named after, or the zone with the antenna's number. A place is a portal when the
truth has loads there (or nothing says otherwise), else a zone. All portals of one recording are neighbours: each may
hear the others' tags. A direction needs `--side` on antennas or `--eye`.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from stream.recorded import RecordedError, RecordedReads
from stream.recorded_truth import RecordedTruth
from warehouse.site import Antenna, AntennaRef, PhotoEye, Portal, Reader, Side, Site, Zone

ValueT = TypeVar("ValueT")
DOOR = "door"


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
    place_of = {ref: said.get(ref) or _guess(ref, refs, loads_at, zones_at) for ref in refs}
    side_of = _options(sides, reads, "--side", _side)
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


def _guess(ref: AntennaRef, refs: Sequence[AntennaRef], loads_at: set[str], zones_at: set[str]) -> str:
    # Stays beside loads are where goods were put, seldom watched by antennas: the doors come first.
    named = {place for place in (loads_at or zones_at) if place}
    if len(named) <= 1 and (loads_at or not zones_at):
        return next(iter(named), DOOR)
    if loads_at:
        likely = [place for place in named if ref.reader.startswith(place)]
    else:
        readers = {other.reader for other in refs}
        likely = [place for place in named if re.search(rf"(?<!\d){ref.port}$", place)] if len(readers) == 1 else []
    if len(likely) == 1:
        return likely[0]
    raise RecordedError(
        f"where is antenna {ref}? The truth names {', '.join(sorted(named))}: say --place {ref}=NAME, or give --site"
    )


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
