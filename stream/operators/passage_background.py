"""What a portal always sees: for every tag, how much of recent time it was visible, and how strongly.

A pallet parked beside the door answers for minutes; a load answers for seconds. Per tag and second of reader time:
`level` is the share of recent seconds in which the portal's own antennas saw the tag, exponentially forgotten with
time constant `tau_s`; `level_dbm` the like mean of its strongest antenna. Both are brought up to date only when the
tag is seen, so silence costs nothing. (Keonn's calibration learns permanently visible tags for 120 s; this does so
all the time.)

Bound: three numbers a tag of the row buffer's dictionary.
"""

import math

import numpy as np
from numpy.typing import NDArray


class Background:
    """Visibility and strength of every tag of the dictionary."""

    def __init__(self, tau_s: float) -> None:
        self.tau_s = tau_s
        self.level: NDArray[np.float32] = np.empty(0, np.float32)
        self.level_dbm: NDArray[np.float32] = np.empty(0, np.float32)
        self.second: NDArray[np.int64] = np.empty(0, np.int64)

    @classmethod
    def restore(cls, tau_s: float, level: bytes, level_dbm: bytes, second: bytes) -> "Background":
        """The background a snapshot was taken of."""
        restored = cls(tau_s)
        restored.level = np.frombuffer(level, np.float32).copy()
        restored.level_dbm = np.frombuffer(level_dbm, np.float32).copy()
        restored.second = np.frombuffer(second, np.int64).copy()
        return restored

    def learn_seconds(self, tag_count: int, rows: NDArray[np.void]) -> None:
        """Rows (`passage_rows.ROW`) of whole seconds of reader time, second by second."""
        if not len(rows):
            return
        seconds, tags, peak_dbm = rows["first_us"] // 1_000_000, rows["tag"], rows["peak_dbm"]
        if seconds.min() == seconds.max():
            self.learn(tag_count, tags, peak_dbm, int(seconds[0]))
            return
        for second in np.unique(seconds).tolist():
            seen = seconds == second
            self.learn(tag_count, tags[seen], peak_dbm[seen], second)

    def learn(self, tag_count: int, tags: NDArray[np.int32], peak_dbm: NDArray[np.float32], second: int) -> None:
        """Tags seen (with repeats) in one whole second of reader time."""
        self._grow(tag_count)
        if not len(tags):
            return
        strongest = np.full(len(self.level), -np.inf, np.float32)
        np.maximum.at(strongest, tags, np.where(np.isnan(peak_dbm), np.float32(-90.0), peak_dbm))
        ids = np.bincount(tags, minlength=len(strongest)).nonzero()[0]
        strongest = strongest[ids]
        keep = math.exp(-1.0 / self.tau_s)
        gap = np.maximum(second - self.second[ids], 1)
        # A tag seen for the first time starts from zero: its gap is its age.
        level = self.level[ids] * np.power(keep, gap) + (1.0 - keep)
        fresh = np.isnan(self.level_dbm[ids])
        mean = np.where(fresh, strongest, self.level_dbm[ids])
        self.level[ids] = level
        self.level_dbm[ids] = mean + 0.2 * (strongest - mean)
        self.second[ids] = second

    def passed(self, tag_count: int, ids: NDArray[np.int64], then: bytes, second: int) -> None:
        """These tags came through: what was seen of them since `second`, when levels were `then`, is no background."""
        self._grow(tag_count)
        known = np.frombuffer(then, np.float32)
        self.level[ids] = 0.0
        self.level[ids[ids < len(known)]] = known[ids[ids < len(known)]]
        self.second[ids] = second

    def at(self, tag_count: int, second: int) -> NDArray[np.float32]:
        """`level` of every tag as of that second."""
        self._grow(tag_count)
        gap = np.maximum(second - self.second, 0)
        return (self.level * np.exp(-gap / self.tau_s)).astype(np.float32)

    def in_use(self, tag_count: int, second: int, forget_s: int) -> NDArray[np.bool_]:
        """Tags seen within the last `forget_s` seconds."""
        self._grow(tag_count)
        return (second - self.second) < forget_s

    def keep(self, ids: NDArray[np.int64]) -> None:
        """Renumber after the dictionary was rebuilt."""
        self.level, self.level_dbm, self.second = self.level[ids], self.level_dbm[ids], self.second[ids]

    def _grow(self, tag_count: int) -> None:
        missing = tag_count - len(self.level)
        if missing > 0:
            self.level = np.concatenate([self.level, np.zeros(missing, np.float32)])
            self.level_dbm = np.concatenate([self.level_dbm, np.full(missing, np.nan, np.float32)])
            self.second = np.concatenate([self.second, np.zeros(missing, np.int64)])
