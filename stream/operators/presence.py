"""Presence: which zone a tag is in, from how strongly each zone's antennas hear it. Two steps, two keys.

`ZoneObserver` (key: zone) condenses sightings to at most one `ZoneReport` a tag and report interval. `PresenceOperator`
(key: a shard of tags, `presence_key`) compares the zones. It keeps, per tag, the mean power of a read at up to
`CANDIDATES` places, summed over intervals and exponentially forgotten (time constant `tau_s`), so that a place which
stops hearing the tag fades by itself and multipath flicker averages out. A tag *arrives* after `arrive_s` of evidence,
and *moves* when one other place stayed ahead by `margin_db` until its lead, summed over time, reached `move_db_s`: a
clear lead convinces in seconds, a narrow one has to last. It *departs* when nobody heard it for its place's
`depart_after_s`; a tag that is always heard rarely, buried in a pallet, gets `patience_gaps` of its usual gaps, at most
`patience_most` times as long (as SMURF widens its window for tags with a low read rate).

One operator holds many tags in columns: an object, a timer and a snapshot for each of 10^5 tags would cost more than
the decision. What it says about a tag depends on that tag's reports alone, so a shard of one tag is as good as any.
Zones with the same ledger location are one place. Portals are not zones: what passed a portal is a passage's to say.

Bounds: `tags_max` tags a shard (reports of further ones are counted in `refused`), `CANDIDATES` places a tag (the
weakest gives way), and late reports (behind what was decided) count as of the time decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from stream.operators.slices import PlaceSlice
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.site import AntennaRef, Zone

PRESENCE_NAMESPACE = UUID("5f0f4ac2-6d7a-5a0e-8a55-3f4e6f5b7f21")
CANDIDATES = 4
SILENT_DBM = -119.0
"""What readers that tell no strength report is less: every interval they hear a tag in counts alike."""
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class PresenceParams:
    """Settings of both presence operators; `zones` are the site's, for their locations and departure times."""

    zones: tuple[Zone, ...] = ()
    report_s: float = 1.0
    tau_s: float = 15.0
    margin_db: float = 4.0
    move_db_s: float = 120.0
    arrive_s: float = 1.0
    patience_gaps: float = 6.0
    patience_most: float = 10.0
    tags_max: int = 1_000_000


@dataclass(frozen=True, slots=True)
class ZoneReport:
    """What one zone heard of one tag in one interval ending at `at_us`; `power_dbm` is the sum over its reads."""

    epc: str
    zone: str
    at_us: int
    power_dbm: float
    reads: int


def presence_key(epc: str, shards: int = 16) -> str:
    """The shard that keeps a tag."""
    return f"presence-{crc32(epc.encode()) % shards}"


@dataclass(slots=True)
class ZoneObserverState:
    """Sightings not yet reported, as columns; encodable by msgspec."""

    done_us: int
    tags: list[str]
    tag: bytes
    interval: bytes
    power_mw: bytes
    reads: bytes
    late_dropped: int


class ZoneObserver:
    """Condenses the sightings of one zone. See `stream.operators.contract`."""

    def __init__(
        self,
        zone: Zone,
        antennas: frozenset[AntennaRef],
        params: PresenceParams,
        state: ZoneObserverState | None = None,
    ) -> None:
        self._zone = zone
        self._antennas = antennas
        self._interval_us = int(params.report_s * 1e6)
        self._done_us = state.done_us if state else 0
        self._tags: list[str] = list(state.tags) if state else []
        self._ids = {epc: index for index, epc in enumerate(self._tags)}
        self._tag = np.frombuffer(state.tag if state else b"", np.int32)
        self._interval = np.frombuffer(state.interval if state else b"", np.int64)
        self._power = np.frombuffer(state.power_mw if state else b"", np.float64)
        self._reads = np.frombuffer(state.reads if state else b"", np.int64)
        self.late_dropped = state.late_dropped if state else 0

    def on_batch(self, now_us: int, items: Sequence[PlaceSlice]) -> list[ZoneReport]:
        """Take slices; returns the reports of every interval the watermark has covered."""
        for piece in items:
            self._take(piece)
        return self.on_wakeup(now_us)

    def on_wakeup(self, now_us: int) -> list[ZoneReport]:
        """Report what is complete."""
        done_us = now_us - now_us % self._interval_us
        if done_us <= self._done_us:
            return []
        self._done_us = done_us
        if not len(self._tag):
            return []
        ripe = (self._interval + 1) * self._interval_us <= done_us
        if not ripe.any():
            return []
        key = self._interval[ripe] * len(self._tags) + self._tag[ripe]
        groups, inverse = np.unique(key, return_inverse=True)
        power = np.bincount(inverse, weights=self._power[ripe])
        reads = np.bincount(inverse, weights=self._reads[ripe]).astype(np.int64)
        dbm = 10.0 * np.log10(np.maximum(power, 1e-12))
        at = (groups // len(self._tags) + 1) * self._interval_us
        reports = [
            ZoneReport(self._tags[tag], self._zone.name, at_us, round(level, 2), count)
            for tag, at_us, level, count in zip(
                (groups % len(self._tags)).tolist(), at.tolist(), dbm.tolist(), reads.tolist(), strict=True
            )
        ]
        self._keep(~ripe)
        return reports

    def next_wakeup(self) -> int | None:
        """The end of the oldest interval with something to report."""
        return (int(self._interval.min()) + 1) * self._interval_us if len(self._interval) else None

    def snapshot(self) -> ZoneObserverState:
        """Everything needed to go on from here."""
        return ZoneObserverState(
            self._done_us,
            list(self._tags),
            self._tag.tobytes(),
            self._interval.tobytes(),
            self._power.tobytes(),
            self._reads.tobytes(),
            self.late_dropped,
        )

    def _take(self, piece: PlaceSlice) -> None:
        seen = piece.sightings
        ours = np.fromiter((ref in self._antennas for ref in seen.antennas), np.bool_, len(seen.antennas))
        if not len(seen) or not ours.any():
            return
        fresh = seen.first_us >= self._done_us
        keep = ours[seen.antenna] & fresh
        self.late_dropped += int((ours[seen.antenna] & ~fresh).sum())
        tag_map = np.fromiter((self._id(epc) for epc in seen.tags), np.int32, len(seen.tags))
        self._tag = np.concatenate([self._tag, tag_map[seen.tag[keep]]])
        self._interval = np.concatenate([self._interval, seen.first_us[keep] // self._interval_us])
        self._power = np.concatenate([self._power, np.nan_to_num(seen.power_mw[keep], nan=0.0)])
        self._reads = np.concatenate([self._reads, seen.reads[keep].astype(np.int64)])

    def _id(self, epc: str) -> int:
        index = self._ids.get(epc)
        if index is None:
            index = self._ids[epc] = len(self._tags)
            self._tags.append(epc)
        return index

    def _keep(self, mask: NDArray[np.bool_]) -> None:
        """Keep the rows still waiting, and only their tags."""
        ids, tag = np.unique(self._tag[mask], return_inverse=True)
        self._tags = [self._tags[index] for index in ids.tolist()]
        self._ids = {epc: index for index, epc in enumerate(self._tags)}
        self._tag = tag.astype(np.int32)
        self._interval, self._power, self._reads = self._interval[mask], self._power[mask], self._reads[mask]


TAG = np.dtype(
    [
        ("at_us", "<i8"),
        ("first_us", "<i8"),
        ("reads", "<i8"),
        ("here", "<i4"),
        ("rival", "<i4"),
        ("lead_db_s", "<f8"),
        ("place", "<i4", (CANDIDATES,)),
        ("mw", "<f8", (CANDIDATES,)),
        ("heard_us", "<i8"),
        ("gap_s", "<f8"),
    ]
)


@dataclass(slots=True)
class PresenceState:
    """The tags of one shard as columns; encodable by msgspec."""

    places: list[str]
    epcs: list[str]
    rows: bytes
    refused: int


class PresenceOperator:
    """Follows the tags of one shard. See `stream.operators.contract`."""

    def __init__(self, key: str, params: PresenceParams, state: PresenceState | None = None) -> None:
        self._key = key
        self._params = params
        self._location = {zone.name: zone.location_code for zone in params.zones}
        depart: dict[str, float] = {}
        for zone in params.zones:
            depart[zone.location_code] = max(depart.get(zone.location_code, 0.0), zone.depart_after_s)
        self._depart_after = depart
        self._places: list[str] = list(state.places) if state else []
        self._epcs: list[str] = list(state.epcs) if state else []
        self._ids = {epc: index for index, epc in enumerate(self._epcs)}
        self._rows: NDArray[np.void] = np.frombuffer(state.rows, TAG).copy() if state else np.empty(0, TAG)
        self._depart_us = np.empty(0, np.int64)
        self.refused = state.refused if state else 0
        self._place_depart()

    def on_batch(self, now_us: int, items: Sequence[ZoneReport]) -> list[LocationUpdate]:
        """Take reports; returns what changed, in order of time."""
        out: list[LocationUpdate] = []
        if items:
            at = np.fromiter((report.at_us for report in items), np.int64, len(items))
            tag = np.fromiter((self._id(report.epc) for report in items), np.int64, len(items))
            place = np.fromiter((self._place(report.zone) for report in items), np.int32, len(items))
            dbm = np.fromiter((report.power_dbm for report in items), np.float64, len(items))
            reads = np.fromiter((report.reads for report in items), np.int64, len(items))
            # A reader with fewer tags to read reads each more often: the mean read says more than the sum.
            mw = np.power(10.0, dbm / 10.0) / np.where(dbm > SILENT_DBM, reads, 1)
            known = tag >= 0
            for at_us in np.unique(at[known]).tolist():
                out += self._departures(at_us)
                step = known & (at == at_us)
                out += self._step(at_us, tag[step], place[step], mw[step], reads[step])
        return out + self.on_wakeup(now_us)

    def on_wakeup(self, now_us: int) -> list[LocationUpdate]:
        """Departures that are due; forgets the departed once they are the majority."""
        out = self._departures(now_us)
        gone = self._rows["heard_us"][: len(self._epcs)] == 0
        if len(gone) > 64 and gone.sum() * 2 > len(gone):
            kept = np.flatnonzero(~gone)
            self._rows = self._rows[kept]
            self._epcs = [self._epcs[index] for index in kept.tolist()]
            self._ids = {epc: index for index, epc in enumerate(self._epcs)}
        return out

    def next_wakeup(self) -> int | None:
        """The earliest departure, if nothing more is heard."""
        heard = self._rows["heard_us"] > 0
        if not heard.any():
            return None
        return int((self._rows["heard_us"] + self._patience_us())[heard].min()) + 1

    def snapshot(self) -> PresenceState:
        """Everything needed to go on from here."""
        return PresenceState(
            list(self._places), list(self._epcs), self._rows[: len(self._epcs)].tobytes(), self.refused
        )

    def _step(
        self,
        at_us: int,
        tag: NDArray[np.int64],
        place: NDArray[np.int32],
        mw: NDArray[np.float64],
        reads: NDArray[np.int64],
    ) -> list[LocationUpdate]:
        """Reports of one interval, and what they change."""
        params, rows = self._params, self._rows
        touched = np.unique(tag)
        fresh = touched[rows["heard_us"][touched] == 0]
        self._recall(fresh, at_us)
        rows["first_us"][fresh], rows["at_us"][fresh] = at_us, at_us
        rows["here"][fresh], rows["rival"][fresh], rows["reads"][fresh] = _NOWHERE, _NOWHERE, 0
        rows["place"][fresh], rows["mw"][fresh] = _NOWHERE, 0.0
        now = np.maximum(rows["at_us"][touched], at_us)
        lapse_s = np.minimum((now - rows["at_us"][touched]) / 1e6, 2.0 * params.report_s)
        gap_s = (now - rows["at_us"][touched]) / 1e6
        rows["gap_s"][touched] = np.maximum(gap_s, 0.97 * rows["gap_s"][touched])
        fade = np.exp(-(now - rows["at_us"][touched]) / (params.tau_s * 1e6))
        rows["mw"][touched] *= fade[:, None]
        rows["at_us"][touched] = now
        rows["heard_us"][touched] = now
        np.add.at(rows["reads"], tag, reads)
        gain = 1.0 - np.exp(-params.report_s / params.tau_s)
        waiting = np.arange(len(tag))
        while len(waiting):
            # One report a tag at a time: a tag heard by two zones in one interval takes two rounds.
            _, first = np.unique(tag[waiting], return_index=True)
            now_rows = waiting[first]
            who = tag[now_rows]
            same = rows["place"][who] == place[now_rows][:, None]
            slot = np.where(same.any(axis=1), same.argmax(axis=1), rows["mw"][who].argmin(axis=1))
            old = np.where(same.any(axis=1), rows["mw"][who, slot], 0.0)
            rows["place"][who, slot] = place[now_rows]
            rows["mw"][who, slot] = old + gain * mw[now_rows]
            waiting = np.delete(waiting, first)
        return self._decide(at_us, touched, lapse_s)

    def _recall(self, fresh: NDArray[np.int64], at_us: int) -> None:
        """A tag that departed and is heard again soon was only silent: its gap was that long."""
        rows = self._rows
        lapse_s = (at_us - rows["at_us"][fresh]) / 1e6
        soon = (rows["at_us"][fresh] > 0) & (lapse_s < self._params.patience_most * self._depart_us[-1] / 1e6)
        rows["gap_s"][fresh] = np.where(soon, np.maximum(lapse_s, rows["gap_s"][fresh]), 0.0)

    def _decide(self, at_us: int, touched: NDArray[np.int64], lapse_s: NDArray[np.float64]) -> list[LocationUpdate]:
        params, rows = self._params, self._rows
        level = np.where(rows["place"][touched] >= 0, rows["mw"][touched], -1.0)
        best_slot = level.argmax(axis=1)
        span = np.arange(len(touched))
        best, best_mw = rows["place"][touched, best_slot], level[span, best_slot]
        here = rows["here"][touched]
        at_here = rows["place"][touched] == here[:, None]
        here_mw = np.where(at_here & (here[:, None] >= 0), level, 0.0).max(axis=1)
        absent = here < 0
        ready = absent & (at_us - rows["first_us"][touched] >= params.arrive_s * 1e6)
        lead_db = 10.0 * np.log10((best_mw + 1e-15) / (here_mw + 1e-15))
        ahead = ~absent & (best != here) & (lead_db > params.margin_db)
        summed = np.where(rows["rival"][touched] == best, rows["lead_db_s"][touched], 0.0) + lead_db * lapse_s
        rows["rival"][touched] = np.where(ahead, best, _NOWHERE)
        rows["lead_db_s"][touched] = np.where(ahead, summed, 0.0)
        moved = ahead & (summed >= params.move_db_s)
        out: list[LocationUpdate] = []
        for index in np.flatnonzero(ready | moved).tolist():
            tag = int(touched[index])
            event = LocationEvent.ARRIVED if ready[index] else LocationEvent.MOVED
            rows["here"][tag], rows["rival"][tag] = best[index], _NOWHERE
            words = f"{10 * np.log10(best_mw[index] + 1e-15):.1f} dBm at {self._places[best[index]]}"
            if moved[index]:
                words += f", {10 * np.log10(here_mw[index] + 1e-15):.1f} dBm at {self._places[here[index]]}"
            else:
                words += f", {int(rows['reads'][tag])} reads"
            out.append(self._update(tag, event, int(best[index]), at_us, words))
        return out

    def _departures(self, now_us: int) -> list[LocationUpdate]:
        rows = self._rows
        due_us = rows["heard_us"] + self._patience_us()
        due = np.flatnonzero((rows["heard_us"] > 0) & (due_us < now_us))
        out = []
        for tag in due[np.argsort(due_us[due], kind="stable")].tolist():
            if rows["here"][tag] >= 0:
                silent_s = (int(due_us[tag]) - int(rows["heard_us"][tag])) / 1e6
                words = f"not heard for {silent_s:.0f} s"
                out.append(self._update(tag, LocationEvent.DEPARTED, int(rows["here"][tag]), int(due_us[tag]), words))
        rows["heard_us"][due], rows["here"][due] = 0, _NOWHERE
        return out

    def _update(self, tag: int, event: LocationEvent, place: int, at_us: int, evidence: str) -> LocationUpdate:
        epc, location = self._epcs[tag], self._places[place]
        update_id = uuid5(PRESENCE_NAMESPACE, f"{epc}/{event}/{location}/{at_us}")
        return LocationUpdate(update_id, epc, event, location, at_us, evidence)

    def _patience_us(self) -> NDArray[np.int64]:
        """How long each tag may be silent: its place's time, or the shortest of the site before it arrived."""
        here = self._rows["here"]
        least = np.where(here >= 0, self._depart_us[here], self._depart_us[-1])
        usual = self._params.patience_gaps * 1e6 * self._rows["gap_s"]
        return np.asarray(np.clip(usual, least, self._params.patience_most * least), np.int64)

    def _place_depart(self) -> None:
        known = [int(self._depart_after.get(place, 30.0) * 1e6) for place in self._places]
        shortest = int(min(self._depart_after.values(), default=30.0) * 1e6)
        self._depart_us = np.asarray([*known, shortest], np.int64)

    def _place(self, zone: str) -> int:
        location = self._location.get(zone, zone)
        try:
            return self._places.index(location)
        except ValueError:
            self._places.append(location)
            self._place_depart()
            return len(self._places) - 1

    def _id(self, epc: str) -> int:
        index = self._ids.get(epc)
        if index is None:
            if len(self._epcs) >= self._params.tags_max:
                self.refused += 1
                return -1
            index = self._ids[epc] = len(self._epcs)
            self._epcs.append(epc)
            if index >= len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros(max(64, index), TAG)])
        return index
