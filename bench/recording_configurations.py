"""The same recording as others would have made it: what their readers report, how many there are, what the site knows.

Recordings that people bring rarely have all that a simulated door has. Mostly a CSV of time, tag, antenna and whole dB:
nobody said which antenna is inside, no photo-eye is wired, the neighbour's reader wrote another file. `CONFIGURATIONS`
names what is measured (`bench.recordings`); `any_configuration` draws one for fitting.

Every change takes and gives (site, reads); truth stays as it is.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulators.physics.recording import LoadTruth
from stream.recorded import RecordedReads
from stream.recorded_truth import RecordedTruth, TrueLoad
from tagledger.recorded_site import with_true_windows
from warehouse.site import Antenna, AntennaRef, Direction, Side, Site

Case = tuple[Site, RecordedReads]
Change = Callable[[Site, RecordedReads, np.random.Generator], Case]
COLUMNS = ("time_us", "tag", "reader", "antenna", "rssi_dbm", "channel", "phase_rad", "doppler_hz")


def no_eyes(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """No photo-eye is wired."""
    return replace(site, portals=tuple(replace(portal, photo_eyes=()) for portal in site.portals)), reads


def no_sides(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """Nobody said which antennas are inside."""
    return _antennas(site, lambda ref, antenna: replace(antenna, side=None)), reads


def no_phase(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """Neither phase, nor Doppler, nor channel."""
    nothing = np.full(len(reads), np.nan, np.float32)
    return site, replace(reads, phase_rad=nothing, doppler_hz=nothing, channel=np.zeros_like(reads.channel))


def whole_db(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """RSSI in whole dB."""
    return site, replace(reads, rssi_dbm=np.round(reads.rssi_dbm))


def no_rssi(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """No RSSI."""
    return site, replace(reads, rssi_dbm=np.full_like(reads.rssi_dbm, np.nan))


def shifted(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """RSSI off by some dB, by antenna and altogether, and on a scale of its own: cables, readers, indices."""
    off_db = rng.normal(0.0, 5.0) + rng.normal(0.0, 2.5, (len(reads.readers), int(reads.antenna.max(initial=0)) + 1))
    scale, middle = rng.uniform(0.7, 1.1), np.nanmedian(reads.rssi_dbm) if len(reads) else 0.0
    made = middle + (reads.rssi_dbm - middle) * scale + off_db[reads.reader, reads.antenna]
    return site, replace(reads, rssi_dbm=made.astype(np.float32))


def thinned(share: float) -> Change:
    """A reader that reads less often: any read is there with this probability."""

    def change(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
        return site, _only(reads, rng.random(len(reads)) < share)

    return change


def once_a(period_s: float) -> Change:
    """Middleware that hands on at most one read of a tag and antenna in each such time."""

    def change(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
        period = reads.time_us // int(period_s * 1e6)
        keys = np.stack([reads.tag, reads.reader, reads.antenna, period]).astype(np.int64)
        _, first = np.unique(keys, axis=1, return_index=True)
        kept = np.zeros(len(reads), np.bool_)
        kept[first] = True
        return site, _only(reads, kept)

    return change


def one_antenna(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """One antenna a door, any of them."""
    return _keep(site, reads, {ref for door in _doors(site) for ref in [door[int(rng.integers(len(door)))]]})


def one_side(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """All antennas hang on one side of the door."""
    wanted = Side.INSIDE if rng.random() < 0.5 else Side.OUTSIDE
    kept = {ref for door in _doors(site) for ref in door if _side(site, ref) in (wanted, None)}
    return _keep(site, reads, kept | {door[0] for door in _doors(site) if not kept & set(door)})


def one_port(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """The antennas of a door are not told apart."""
    return _merged(site, reads, {ref: door[0] for door in _doors(site) for ref in door})


def both_sides(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """Antennas that hear both sides alike: an inner and an outer one as one port."""
    into: dict[AntennaRef, AntennaRef] = {}
    for door in _doors(site):
        sides = [[ref for ref in door if _side(site, ref) is side] for side in (Side.INSIDE, Side.OUTSIDE)]
        into |= {ref: sides[0][number % len(sides[0])] for number, ref in enumerate(sides[1]) if sides[0]}
    return _merged(site, reads, into)


def one_door(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
    """One door's reader alone: what neighbours hear is in another file."""
    door = site.portals[int(rng.integers(len(site.portals)))]
    alone = replace(site, portals=(replace(door, neighbours=()),))
    return _keep(alone, reads, set(site.antennas_of(door.name)))


def cut_to_loads(reads: RecordedReads, loads: Sequence[LoadTruth], rng: np.random.Generator) -> RecordedReads:
    """Only what was read while a load passed, give or take up to 3 s; half the time of the loads' tags alone."""
    margin_us, alone = int(rng.uniform(0.3, 3.0) * 1e6), rng.random() < 0.5
    kept = np.zeros(len(reads), np.bool_)
    number = {epc: at for at, epc in enumerate(reads.tags)}
    for load in loads:
        there = (reads.time_us >= load.start_us - margin_us) & (reads.time_us <= load.end_us + margin_us)
        if alone:
            there &= np.isin(reads.tag, [number[epc] for epc in load.epcs if epc in number])
        kept |= there
    return _only(reads, kept)


def beam(loads: Sequence[LoadTruth]) -> Change:
    """One photo-eye across every lane, in its middle or off it, broken for as long as a box is long, or a pallet."""

    def change(site: Site, reads: RecordedReads, rng: np.random.Generator) -> Case:
        seen: list[TrueLoad] = []
        for portal in site.portals:
            windows = passing([load for load in loads if load.portal == portal.name])
            long, off = rng.uniform(0.25, 1.0), rng.normal(0.0, 0.15)
            middles = [(start_us + end_us) / 2 + off * (end_us - start_us) for start_us, end_us in windows]
            room = np.diff([-np.inf, *middles, np.inf])
            for number, (start_us, end_us) in enumerate(windows):
                half_us = min(long * (end_us - start_us) / 2, 0.4 * min(room[number], room[number + 1]))
                at_us = int(middles[number] - half_us), int(middles[number] + half_us)
                seen.append(TrueLoad(f"{portal.name}-{number}", portal.name, Direction.UNSURE, *at_us, ()))
        site, reads = no_eyes(site, replace(reads, events=()), rng)
        return with_true_windows(site, reads, RecordedTruth(tuple(seen), ()))[:2]

    return change


def passing(loads: Sequence[LoadTruth]) -> list[tuple[int, int]]:
    """When something passes, in order; loads abreast, or that meet, are one."""
    out: list[tuple[int, int]] = []
    for start_us, end_us in sorted((load.start_us, load.end_us) for load in loads):
        if out and start_us - out[-1][0] < 0.3 * (end_us - start_us):
            out[-1] = out[-1][0], max(end_us, out[-1][1])
        else:
            out.append((start_us, end_us))
    return out


CSV: tuple[Change, ...] = (no_eyes, no_sides, no_phase, whole_db)
CONFIGURATIONS: dict[str, tuple[Change, ...]] = {
    "as simulated": (),
    "no photo-eyes": (no_eyes,),
    "no told sides": (no_eyes, no_sides),
    "no RSSI": (no_rssi,),
    "a third of the reads": (thinned(1 / 3),),
    "one antenna": (no_eyes, one_antenna),
    "CSV": CSV,
    "CSV, one door's reader": (*CSV, one_door),
    "CSV, RSSI on another scale": (*CSV, shifted),
    "CSV, a third of the reads": (*CSV, thinned(1 / 3)),
    "CSV, one read a second": (*CSV, once_a(1.0)),
    "CSV, ports hear both sides": (both_sides, *CSV),
    "CSV, one antenna": (*CSV, one_antenna),
    "CSV, no RSSI": (*CSV, no_rssi),
}
"""The last ten are what people bring; `CSV` is time, tag, antenna and RSSI in whole dB."""


def configured(site: Site, reads: RecordedReads, changes: Iterable[Change], rng: np.random.Generator) -> Case:
    """One after another."""
    for change in changes:
        site, reads = change(site, reads, rng)
    return site, reads


def any_configuration(rng: np.random.Generator) -> tuple[Change, ...]:
    """What a recording may be like, each likely enough to be learned from."""
    changes: list[Change] = []
    aside: tuple[tuple[float, tuple[Change, ...]], ...] = (
        (0.4, (one_antenna, one_side, one_port, both_sides)),
        (0.25, (one_door,)),
        (0.7, (no_eyes,)),
        (0.7, (no_sides,)),
        (0.6, (no_phase,)),
        (0.3, (whole_db,)),
        (0.5, (no_rssi, shifted, shifted)),
        (0.5, (thinned(rng.uniform(0.08, 0.7)), thinned(rng.uniform(0.08, 0.7)), once_a(rng.uniform(0.3, 1.5)))),
    )
    for share, either in aside:
        if rng.random() < share:
            changes.append(either[int(rng.integers(len(either)))])
    return tuple(changes)


def _doors(site: Site) -> list[list[AntennaRef]]:
    return [sorted(refs) for portal in site.portals if (refs := site.antennas_of(portal.name))]


def _side(site: Site, ref: AntennaRef) -> Side | None:
    antenna = site.antenna_at(ref)
    return None if antenna is None else antenna.side


def _antennas(site: Site, change: Callable[[AntennaRef, Antenna], Antenna | None]) -> Site:
    def of(name: str, antennas: tuple[Antenna, ...]) -> tuple[Antenna, ...]:
        made = (change(AntennaRef(name, antenna.port), antenna) for antenna in antennas)
        return tuple(antenna for antenna in made if antenna is not None)

    return replace(site, readers=tuple(replace(each, antennas=of(each.name, each.antennas)) for each in site.readers))


def _keep(site: Site, reads: RecordedReads, kept: set[AntennaRef]) -> Case:
    """These antennas alone."""
    known = np.zeros((len(reads.readers), 65_536), np.bool_)
    for ref in kept:
        if ref.reader in reads.readers:
            known[reads.readers.index(ref.reader), ref.port] = True
    alone = _antennas(site, lambda ref, antenna: antenna if ref in kept else None)
    return alone, _only(reads, known[reads.reader, reads.antenna])


def _merged(site: Site, reads: RecordedReads, into: dict[AntennaRef, AntennaRef]) -> Case:
    """Reads of some antennas reported as others'; what takes reads of both sides is on neither."""
    numbers = {name: number for number, name in enumerate(reads.readers)}
    reader, antenna = reads.reader.copy(), reads.antenna.copy()
    for old, new in into.items():
        mine = (reads.reader == numbers[old.reader]) & (reads.antenna == old.port)
        reader[mine], antenna[mine] = numbers[new.reader], new.port
    gone = {old for old, new in into.items() if old != new}
    taking = {new for old, new in into.items() if old != new}

    def change(ref: AntennaRef, one: Antenna) -> Antenna | None:
        return None if ref in gone else replace(one, side=None) if ref in taking else one

    return _antennas(site, change), replace(reads, reader=reader, antenna=antenna)


def _only(reads: RecordedReads, kept: NDArray[np.bool_]) -> RecordedReads:
    return replace(reads, **{name: getattr(reads, name)[kept] for name in COLUMNS})
