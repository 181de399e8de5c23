"""What a portal's own antennas heard before a load's approach, summed up by tag: made once for a window.

An open window is judged at every tick, and most of the rows a judgement looks at lie in the half minute before it.
They stay the same from tick to tick, so what features need of them is kept as sums: how often and how strongly a tag
was heard, in how many seconds, and where its phase stood on each antenna and channel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SILENT_DBM = -50.0
"""What a read without RSSI counts as: what a load's tag typically has, so that no strength speaks against it."""
DENSE_MAX = 4_194_304
"""Groups counted in one array with a place for each that might be; beyond it they are sorted."""


@dataclass(frozen=True, slots=True)
class Phases:
    """Sums by (tag, antenna, channel): how many reads' phases, and of their doubled angle (readers are ambiguous by π)
    the cosines and sines.
    """

    tag: NDArray[np.int64]
    antenna: NDArray[np.int64]
    channel: NDArray[np.int64]
    size: NDArray[np.float64]
    cos: NDArray[np.float64]
    sin: NDArray[np.float64]

    def at(self, mask: NDArray[np.bool_], tag: NDArray[np.int64]) -> "Phases":
        """Some of the groups, their tags numbered anew."""
        return Phases(tag, self.antenna[mask], self.channel[mask], self.size[mask], self.cos[mask], self.sin[mask])

    def joined(self, after: "Phases") -> "Phases":
        """The sums of both."""
        both = zip(self._columns(), after._columns(), strict=True)
        return _grouped(*(np.concatenate(pair) for pair in both))

    def _columns(self) -> tuple[NDArray[np.generic], ...]:
        return self.tag, self.antenna, self.channel, self.size, self.cos, self.sin


@dataclass(frozen=True, slots=True)
class Past:
    """Of rows first read before `until_us`.

    `tags` are in rising order; `heard`, `dbm` (their sum), `seconds` and `mw` belong to them; `phases` name tags too.
    """

    until_us: int
    tags: NDArray[np.int64]
    heard: NDArray[np.float64]
    dbm: NDArray[np.float64]
    seconds: NDArray[np.float64]
    mw: NDArray[np.float64]
    phases: Phases


def past_of(rows: NDArray[np.void], own: NDArray[np.bool_], until_us: int) -> Past:
    """Of the rows of own antennas first read before `until_us`; `own` by antenna id."""
    rows = rows.take(np.flatnonzero(own[rows["antenna"]] & (rows["first_us"] < until_us)))
    tags, tag = np.unique(rows["tag"], return_inverse=True)
    count = len(tags)
    seen = np.unique(tag.astype(np.int64) * 65_536 + (until_us - rows["first_us"]) // 1_000_000)
    phases = phases_of(rows, tag)
    return Past(
        until_us,
        tags=tags.astype(np.int64),
        heard=np.bincount(tag, minlength=count).astype(np.float64),
        dbm=summed(tag, peaks(rows), count),
        seconds=np.bincount(seen // 65_536, minlength=count).astype(np.float64),
        mw=summed(tag, read_power_mw(rows), count),
        phases=phases.at(np.full(len(phases.tag), True), tags[phases.tag].astype(np.int64)),
    )


def phases_of(rows: NDArray[np.void], tag: NDArray[np.int64]) -> Phases:
    """Of the rows with a phase; `tag` numbers the rows' tags."""
    known = np.flatnonzero(np.isfinite(rows["phase_rad"]))
    doubled = 2.0 * rows["phase_rad"][known].astype(np.float64)
    antenna, channel = rows["antenna"][known].astype(np.int64), rows["channel"][known].astype(np.int64)
    return _grouped(tag[known], antenna, channel, np.ones(len(known)), np.cos(doubled), np.sin(doubled))


def peaks(rows: NDArray[np.void]) -> NDArray[np.float64]:
    """dBm of each row's strongest read."""
    peak = rows["peak_dbm"].astype(np.float64)
    return np.where(np.isnan(peak), SILENT_DBM, peak)


def read_power_mw(rows: NDArray[np.void]) -> NDArray[np.float64]:
    """Power of each row's reads together. Without RSSI who is there is told, how strongly is not."""
    power, silent = rows["power_mw"].astype(np.float64), np.isnan(rows["peak_dbm"])
    if not np.isfinite(power).all():
        power = np.nan_to_num(power, nan=0.0)
    if silent.any():
        power[silent] = np.power(10.0, SILENT_DBM / 10.0) * rows["reads"][silent]
    return power


def summed(tag: NDArray[np.int64], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Sums by tag, shape (count,), added in the order of the rows."""
    return np.asarray(np.bincount(tag, weights=values, minlength=count), np.float64)


def _grouped(
    tag: NDArray[np.int64],
    antenna: NDArray[np.int64],
    channel: NDArray[np.int64],
    size: NDArray[np.float64],
    cos: NDArray[np.float64],
    sin: NDArray[np.float64],
) -> Phases:
    """One entry a group, in the order of tags."""
    if not len(tag):
        return Phases(tag, antenna, channel, size, cos, sin)
    antennas, channels = int(antenna.max()) + 1, int(channel.max()) + 1
    group = (tag * antennas + antenna) * channels + channel
    groups: NDArray[np.int64] | None = None
    if (int(tag.max()) + 1) * antennas * channels > DENSE_MAX:
        groups, group = np.unique(group, return_inverse=True)
    groups_max = int(group.max()) + 1
    size, cos, sin = (summed(group, values, groups_max) for values in (size, cos, sin))
    if groups is None:
        groups = np.flatnonzero(size)
        size, cos, sin = size[groups], cos[groups], sin[groups]
    owner, place = np.divmod(groups, antennas * channels)
    return Phases(owner, *np.divmod(place, channels), size, cos, sin)
