"""The recent sightings of one portal as rows of one array: what windows, features and evidence are cut from.

Slices arrive with dictionaries of their own; here tags and antennas get small integers that hold for the life of the
buffer. Rows are kept in arrival order (nearly time order: an edge seals by watermark), and leave by age. Beside each
row stands the latest `first_us` so far, which never falls: a stretch of time is found by binary search, and then looked
through only as far as rows have ever come late.

Rows are picked by `take` and copied as bytes: numpy's other ways copy them field by field, twenty times slower.

Bounds: `rows_max` rows, the oldest go first and are counted in `dropped_rows`; the tag dictionary is rebuilt when it
holds more than `TAGS_SLACK` tags and more than twice those still in use.
"""

from collections.abc import Collection, Sequence
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from stream.model import BatchId, Sightings
from stream.operators.slices import PlaceSlice
from warehouse.site import AntennaRef

ROW = np.dtype(
    [
        ("tag", "<i4"),
        ("antenna", "<i4"),
        ("first_us", "<i8"),
        ("last_us", "<i8"),
        ("reads", "<i4"),
        ("power_mw", "<f8"),
        ("peak_dbm", "<f4"),
        ("channel", "<i4"),
        ("phase_rad", "<f4"),
        ("phase_slope_rad_s", "<f4"),
        ("doppler_hz", "<f4"),
        ("origin", "<i8"),
    ]
)
TAGS_SLACK = 4096
_BYTES = np.dtype((np.void, ROW.itemsize))


class PassageRows:
    """Rows of recent sightings, with the dictionaries of tags, antennas and batches they refer to."""

    def __init__(self, rows_max: int) -> None:
        self.rows_max = rows_max
        self.tags: list[str] = []
        self.antennas: list[AntennaRef] = []
        self.origins: dict[int, BatchId] = {}
        # Rows live in [start, end) of a larger array, so that appending costs the rows appended, not the buffer.
        self._space: NDArray[np.void] = np.empty(0, ROW)
        self._latest: NDArray[np.int64] = np.empty(0, np.int64)
        self._late_us = 0
        self._start = self._end = 0
        self.dropped_rows = 0
        self._tag_id: dict[str, int] = {}
        self._antenna_id: dict[AntennaRef, int] = {}
        self._next_origin = 0

    @classmethod
    def restore(
        cls,
        rows_max: int,
        tags: Sequence[str],
        antennas: Sequence[AntennaRef],
        origins: dict[int, BatchId],
        rows: bytes,
        next_origin: int,
    ) -> "PassageRows":
        """The buffer a snapshot was taken of."""
        restored = cls(rows_max)
        restored.tags = list(tags)
        restored._tag_id = {epc: index for index, epc in enumerate(restored.tags)}
        restored.antennas = list(antennas)
        restored._antenna_id = {ref: index for index, ref in enumerate(restored.antennas)}
        restored.origins = dict(origins)
        restored.rows = np.frombuffer(bytearray(rows), ROW)
        restored._next_origin = next_origin
        return restored

    @property
    def rows(self) -> NDArray[np.void]:
        """The rows held, in arrival order."""
        return self._space[self._start : self._end]

    @rows.setter
    def rows(self, rows: NDArray[np.void]) -> None:
        self._space, self._start, self._end = rows, 0, len(rows)
        self._latest, self._late_us = np.empty(len(rows), np.int64), 0
        self._place_in_time(0, rows["first_us"])

    @property
    def next_origin(self) -> int:
        return self._next_origin

    def append(self, piece: PlaceSlice) -> tuple[int, NDArray[np.void]]:
        """Take one slice; returns the serial number of its origin and the rows added."""
        serial = self._next_origin
        self._next_origin += 1
        self.origins[serial] = piece.origin
        seen = piece.sightings
        if not len(seen):
            return serial, self.rows[:0]
        known = list(map(self._tag_id.get, seen.tags))
        if None in known:
            known = [self._tag(epc) for epc in seen.tags]
        tag_map = np.array(known, np.int32)
        heard = list(map(self._antenna_id.get, seen.antennas))
        if None in heard:
            heard = [self._antenna(ref) for ref in seen.antennas]
        antenna_map = np.array(heard, np.int32)
        added = self._room(len(seen))
        added["tag"] = tag_map.take(seen.tag)
        added["antenna"] = antenna_map.take(seen.antenna)
        for name in ("first_us", "last_us", "reads", "power_mw", "peak_dbm", "channel"):
            added[name] = getattr(seen, name)
        for name in ("phase_rad", "phase_slope_rad_s", "doppler_hz"):
            added[name] = getattr(seen, name)
        added["origin"] = serial
        self._place_in_time(self._end - len(added), seen.first_us)
        excess = self._end - self._start - self.rows_max
        if excess > 0:
            self.dropped_rows += excess
            self._start += excess
        return serial, added

    def between(self, start_us: int, end_us: int) -> NDArray[np.void]:
        """Rows whose first read lies in [start, end), to be read at once and not kept."""
        latest = self._latest[self._start : self._end]
        rows = self.rows[np.searchsorted(latest, start_us) : np.searchsorted(latest, end_us + self._late_us)]
        first = rows["first_us"]
        wanted = (first >= start_us) & (first < end_us)
        if not wanted.any():
            return rows[:0]
        low, high = int(wanted.argmax()), len(wanted) - int(wanted[::-1].argmax())
        return rows[low:high] if wanted[low:high].all() else rows.take(wanted.nonzero()[0])

    def first_origin(self, start_us: int, end_us: int, own: NDArray[np.bool_]) -> BatchId:
        """The batch of the first own sighting in [start, end), else the last batch; `own` by antenna id."""
        rows = self.between(start_us, end_us)
        rows = rows.take(own[rows["antenna"]].nonzero()[0])
        serial = int(rows["origin"][np.argmin(rows["first_us"])]) if len(rows) else max(self.origins)
        return self.origins[serial]

    def known(self, epcs: Collection[str]) -> NDArray[np.int64]:
        """Numbers of those tags of which there are rows, in rising order."""
        return np.array(sorted(at for epc in epcs if (at := self._tag_id.get(epc)) is not None), np.int64)

    def first_from(self, start_us: int) -> int | None:
        """The earliest first read at or after a time; None when there is none."""
        first = self.rows["first_us"][np.searchsorted(self._latest[self._start : self._end], start_us) :]
        ahead = first[first >= start_us]
        return int(ahead.min()) if len(ahead) else None

    def forget_before(self, before_us: int) -> None:
        """Let go of rows older than `before_us`, and of batches nothing refers to."""
        until = int(np.searchsorted(self._latest[self._start : self._end], before_us + self._late_us))
        keep = self.rows["first_us"][:until] >= before_us
        gone = int(keep.argmax()) if keep.any() else until
        if keep[gone:].all():
            self._start += gone  # nearly always: rows are nearly in the order of time
        else:
            kept = np.concatenate([keep.nonzero()[0], np.arange(until, len(self.rows))])
            self.rows = self.rows.take(kept)
        oldest = int(self.rows["origin"][0]) if len(self.rows) else self._next_origin
        for serial in list(takewhile(lambda serial: serial < oldest, self.origins)):  # they were numbered as they came
            del self.origins[serial]

    def compact(self, in_use: NDArray[np.bool_]) -> NDArray[np.int64] | None:
        """Rebuild the tag dictionary when mostly dead; `in_use` marks ids others still hold. Returns ids kept."""
        if len(self.tags) <= TAGS_SLACK:
            return None
        used = in_use.copy()
        used[self.rows["tag"]] = True
        kept = np.flatnonzero(used)
        if len(kept) * 2 > len(self.tags):
            return None
        new_id = np.full(len(self.tags), -1, np.int32)
        new_id[kept] = np.arange(len(kept), dtype=np.int32)
        self.tags = [self.tags[index] for index in kept.tolist()]
        self._tag_id = {epc: index for index, epc in enumerate(self.tags)}
        self.rows["tag"] = new_id[self.rows["tag"]]
        return kept

    def sightings(self, rows: NDArray[np.void]) -> Sightings:
        """Rows as a Sightings value with its own dictionaries, ordered by first read."""
        rows = rows.take(np.argsort(rows["first_us"], kind="stable"))
        tag_ids, tag = np.unique(rows["tag"], return_inverse=True)
        antenna_ids, antenna = np.unique(rows["antenna"], return_inverse=True)
        return Sightings(
            tags=tuple(self.tags[index] for index in tag_ids.tolist()),
            antennas=tuple(self.antennas[index] for index in antenna_ids.tolist()),
            tag=tag.astype(np.uint32),
            antenna=antenna.astype(np.uint16),
            first_us=rows["first_us"].astype(np.int64),
            last_us=rows["last_us"].astype(np.int64),
            reads=rows["reads"].astype(np.uint32),
            power_mw=rows["power_mw"].astype(np.float64),
            peak_dbm=rows["peak_dbm"].astype(np.float32),
            channel=rows["channel"].astype(np.uint16),
            phase_rad=rows["phase_rad"].astype(np.float32),
            phase_slope_rad_s=rows["phase_slope_rad_s"].astype(np.float32),
            doppler_hz=rows["doppler_hz"].astype(np.float32),
        )

    def _room(self, count: int) -> NDArray[np.void]:
        """Space for that many more rows at the end: where rows have left when that is a third of it and more, else new,
        at most twice `rows_max` and the rows. Memory never written to before costs more than moving what is held.
        """
        if self._end + count > len(self._space):
            held, latest = self.rows, self._latest[self._start : self._end]
            if self._start < max(count, len(held) // 2):
                size = max(1024, 2 * (min(len(held), self.rows_max) + count))
                self._space, self._latest = np.empty(size, ROW), np.empty(size, np.int64)
            self._space[: len(held)].view(_BYTES)[:] = held.view(_BYTES)
            self._latest[: len(held)] = latest
            self._start, self._end = 0, len(held)
        self._end += count
        return self._space[self._end - count : self._end]

    def _place_in_time(self, at: int, first_us: NDArray[np.int64]) -> None:
        """Note the latest first read so far beside the rows from `at` on."""
        if not len(first_us):
            return
        latest = np.maximum.accumulate(first_us)
        if at > self._start:
            np.maximum(latest, self._latest[at - 1], out=latest)
        self._late_us = max(self._late_us, int((latest - first_us).max()))
        self._latest[at : at + len(latest)] = latest

    def _tag(self, epc: str) -> int:
        index = self._tag_id.get(epc)
        if index is None:
            index = self._tag_id[epc] = len(self.tags)
            self.tags.append(epc)
        return index

    def _antenna(self, ref: AntennaRef) -> int:
        index = self._antenna_id.get(ref)
        if index is None:
            index = self._antenna_id[ref] = len(self.antennas)
            self.antennas.append(ref)
        return index
