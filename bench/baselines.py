"""What is done at doors today, on the same reads and the same windows as our decisions.

Windows are given (ours), so the baselines need no photo-eyes; a baseline only says which tags belong and which way.

- `photo_eye`: every tag read at the door in the window belongs; the way is the order of the eyes (Zebra's
  Directionality sample: first eye decides), or by first and last antenna side without eyes.
- `strongest_antenna`: a tag belongs to the door whose antenna heard it best in the window; way by the sides of the
  antennas that heard the load first and last.
- `rssi_threshold`: peak RSSI at the door above one threshold, the best one for the fitting scenarios.
- `edgex`: the mobility profile of EdgeX app-rfid-llrp-inventory (means of 20 RSSI, threshold 6 dB, slope -0.008 dB/ms,
  holdoff 500 ms), each door side one location: a tag that moved from one side to the other in the window belongs.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream.model import Passage, PassageTag, TagVerdict
from stream.recorded import RecordedReads
from warehouse.site import AntennaRef, Direction, Portal, Side, Site

MARGIN_US = 500_000
EDGEX_SAMPLES = 20
EDGEX_THRESHOLD_DB = 6.0
EDGEX_SLOPE_DB_MS = -0.008
EDGEX_HOLDOFF_MS = 500.0


@dataclass(frozen=True, slots=True)
class DoorReads:
    """One door's reads in one window, with everything the baselines look at. `own` marks the door's own antennas."""

    portal: Portal
    window: Passage
    tag: NDArray[np.uint32]
    time_us: NDArray[np.int64]
    rssi_dbm: NDArray[np.float32]
    own: NDArray[np.bool_]
    inside: NDArray[np.int8]
    eyes: tuple[Side, ...]


Baseline = Callable[[DoorReads], tuple[set[int], Direction]]


def door_reads(site: Site, reads: RecordedReads, window: Passage) -> DoorReads:
    """Cut one window out of a recording."""
    portal = site.portal(window.portal)
    low, high = np.searchsorted(reads.time_us, [window.opened_us - MARGIN_US, window.closed_us + MARGIN_US])
    part = slice(int(low), int(high))
    sign = {Side.INSIDE: 1, Side.OUTSIDE: -1, None: 0}
    own = np.zeros((len(reads.readers), 256), np.bool_)
    inside = np.zeros((len(reads.readers), 256), np.int8)
    for ref in site.antennas_of(portal.name):
        number = reads.readers.index(ref.reader)
        own[number, ref.port] = True
        antenna = site.antenna_at(ref)
        inside[number, ref.port] = sign[antenna.side if antenna else None]
    where = reads.reader[part], reads.antenna[part]
    eyes = tuple(
        eye.side
        for event in reads.events
        if window.opened_us - MARGIN_US <= event.at_us <= window.closed_us and event.state
        for eye in portal.photo_eyes
        if (eye.reader, eye.gpi) == (event.device, event.port)
    )
    return DoorReads(
        portal, window, reads.tag[part], reads.time_us[part], reads.rssi_dbm[part], own[where], inside[where], eyes
    )


def photo_eye(door: DoorReads) -> tuple[set[int], Direction]:
    """Everything read in the window."""
    way = (Direction.IN if door.eyes[0] is Side.OUTSIDE else Direction.OUT) if door.eyes else _first_and_last(door)
    return set(np.unique(door.tag[door.own]).tolist()), way


def strongest_antenna(door: DoorReads) -> tuple[set[int], Direction]:
    """Tags heard best by this door's antennas."""
    best: dict[int, tuple[float, bool]] = {}
    for tag, rssi, own in zip(door.tag.tolist(), door.rssi_dbm.tolist(), door.own.tolist(), strict=True):
        best[tag] = max(best.get(tag, (-1e9, False)), (rssi, own))
    return {tag for tag, (_, own) in best.items() if own}, _first_and_last(door)


def rssi_threshold(threshold_dbm: float) -> Baseline:
    """Tags whose peak at the door reaches a threshold."""

    def decide(door: DoorReads) -> tuple[set[int], Direction]:
        strong = door.own & (door.rssi_dbm >= threshold_dbm)
        return set(np.unique(door.tag[strong]).tolist()), photo_eye(door)[1]

    return decide


def edgex(site: Site, reads: RecordedReads) -> Baseline:
    """Run the mobility profile over the whole recording, then pick the side changes of each window."""
    moves = edgex_moves(site, reads)

    def decide(door: DoorReads) -> tuple[set[int], Direction]:
        low, high = door.window.opened_us - MARGIN_US, door.window.closed_us + MARGIN_US
        mine = [
            (tag, after)
            for at_us, tag, before, after in moves
            if low <= at_us <= high and before[0] == after[0] == door.portal.name and before[1] != after[1]
        ]
        ways = [after[1] for _, after in mine]
        inward = sum(side == "inside" for side in ways)
        way = Direction.UNSURE if 2 * inward == len(ways) else Direction.IN if 2 * inward > len(ways) else Direction.OUT
        return {tag for tag, _ in mine}, way

    return decide


def edgex_moves(site: Site, reads: RecordedReads) -> list[tuple[int, int, tuple[str, str], tuple[str, str]]]:
    """(time, tag, from, to) of every move between (place, side) locations."""
    alias = {
        AntennaRef(reader.name, antenna.port): (antenna.place, antenna.side.value if antenna.side else "")
        for reader in site.readers
        for antenna in reader.antennas
    }
    where: dict[int, tuple[str, str]] = {}
    samples: dict[tuple[int, tuple[str, str]], deque[float]] = defaultdict(lambda: deque(maxlen=EDGEX_SAMPLES))
    last: dict[tuple[int, tuple[str, str]], int] = {}
    moves = []
    for at_us, tag, reader, port, rssi in zip(
        reads.time_us.tolist(),
        reads.tag.tolist(),
        reads.reader.tolist(),
        reads.antenna.tolist(),
        reads.rssi_dbm.tolist(),
        strict=True,
    ):
        location = alias.get(AntennaRef(reads.readers[reader], port))
        if location is None or np.isnan(rssi):
            continue
        key = (tag, location)
        samples[key].append(rssi)
        last[key] = at_us
        here = where.setdefault(tag, location)
        if here == location or len(samples[key]) < 2:
            continue
        lapse_ms = (at_us - last[tag, here]) / 1000.0
        weight = EDGEX_THRESHOLD_DB - EDGEX_SLOPE_DB_MS * EDGEX_HOLDOFF_MS
        offset = min(EDGEX_THRESHOLD_DB, EDGEX_SLOPE_DB_MS * lapse_ms + weight)
        if _mean(samples[key]) > _mean(samples[tag, here]) + offset:
            where[tag] = location
            moves.append((at_us, tag, here, location))
    return moves


def as_passages(site: Site, reads: RecordedReads, windows: Sequence[Passage], decide: Baseline) -> list[Passage]:
    """A baseline's answers in our words; windows in which it finds nothing are no passages."""
    out = []
    for window in windows:
        tags, direction = decide(door_reads(site, reads, window))
        if tags:
            said = tuple(
                PassageTag(reads.tags[tag], TagVerdict.BELONGS, 1.0, window.opened_us, window.closed_us, 1)
                for tag in sorted(tags)
            )
            out.append(replace(window, tags=said, direction=direction, evidence=None))
    return out


def _first_and_last(door: DoorReads) -> Direction:
    sided = np.flatnonzero(door.own & (door.inside != 0))
    if not len(sided):
        return Direction.UNSURE
    first, last = door.inside[sided[0]], door.inside[sided[-1]]
    if first == last:
        return Direction.UNSURE
    return Direction.IN if last > first else Direction.OUT


def _mean(values: deque[float]) -> float:
    return sum(values) / len(values)
