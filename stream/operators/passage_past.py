"""What a portal's own antennas heard before a load's approach, summed up by tag: made once for a window.

An open window is judged at every tick, and most of the rows a judgement looks at lie in the half minute before it.
They stay the same from tick to tick, so what features need of them is kept as sums: how often and how strongly a tag
was heard, in how many seconds, and where its phase stood on each antenna and channel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.operators.passage_sums import summed

FLOOR_DBM = -85.0
"""What a tag that is not heard counts as: weaker than anything a reader reads."""
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

    def renumbered(self, number_of: NDArray[np.int64]) -> "Phases":
        """Its tags numbered anew, without those that have no number (-1)."""
        tag = number_of[self.tag]
        kept = (tag >= 0).nonzero()[0]
        sums = self.size[kept], self.cos[kept], self.sin[kept]
        return Phases(tag[kept], self.antenna[kept], self.channel[kept], *sums)


NO_PHASES = Phases(*(np.empty(0, np.int64),) * 3, *(np.empty(0),) * 3)


@dataclass(frozen=True, slots=True)
class Past:
    """Of rows first read before `until_us`.

    `tags` are in rising order; `heard`, `dbm` (their sum), `seconds` and `mw` belong to them; `phases` name tags too.
    `since_us` is when any antenna, a neighbour's too, first heard each of `anywhere`.
    """

    until_us: int
    tags: NDArray[np.int64]
    heard: NDArray[np.float64]
    dbm: NDArray[np.float64]
    seconds: NDArray[np.float64]
    mw: NDArray[np.float64]
    phases: Phases
    anywhere: NDArray[np.int64]
    since_us: NDArray[np.int64]


def past_of(rows: NDArray[np.void], own: NDArray[np.bool_], until_us: int) -> Past:
    """Of the rows first read before `until_us`, own antennas' but for `since_us`; `own` by antenna id."""
    rows = rows.take((rows["first_us"] < until_us).nonzero()[0])
    anywhere, at = _numbered(rows["tag"])
    since_us = np.full(len(anywhere), until_us, np.int64)
    np.minimum.at(since_us, at, rows["first_us"])
    rows = rows.take(own[rows["antenna"]].nonzero()[0])
    tags, tag = _numbered(rows["tag"])
    count = len(tags)
    ago = (until_us - rows["first_us"]) // 1_000_000
    seconds = int(ago.max(initial=0)) + 1
    seen = np.bincount(tag * seconds + ago, minlength=count * seconds).reshape(count, seconds) > 0
    phases = phases_of(rows, tag)
    return Past(
        until_us,
        tags=tags,
        heard=np.bincount(tag, minlength=count).astype(np.float64),
        dbm=summed(tag, peaks(rows), count),
        seconds=seen.sum(axis=1).astype(np.float64),
        mw=summed(tag, read_power_mw(rows), count),
        phases=phases.renumbered(tags),
        anywhere=anywhere,
        since_us=since_us,
    )


def _numbered(tag: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The tags there are, in rising order, and for each row the number of its tag among them."""
    tags = np.bincount(tag).nonzero()[0]
    number_of = np.empty(int(tags.max(initial=-1)) + 1, np.int64)
    number_of[tags] = np.arange(len(tags))
    return tags, number_of.take(tag)


def phases_of(rows: NDArray[np.void], tag: NDArray[np.int64], before: Phases = NO_PHASES) -> Phases:
    """Of the rows with a phase, and those summed up before; `tag` numbers the rows' tags, one entry a group."""
    known = np.isfinite(rows["phase_rad"]).nonzero()[0]
    doubled = 2.0 * rows["phase_rad"][known].astype(np.float64)
    tag, antenna, channel = tag[known], rows["antenna"][known].astype(np.int64), rows["channel"][known]
    tags, antennas, channels = (
        1 + max(int(now.max(initial=-1)), int(earlier.max(initial=-1)))
        for now, earlier in ((tag, before.tag), (antenna, before.antenna), (channel, before.channel))
    )
    group = (tag * antennas + antenna) * channels + channel
    group_before = (before.tag * antennas + before.antenna) * channels + before.channel
    places, groups = tags * antennas * channels, None
    if places > DENSE_MAX:
        groups, both = np.unique(np.concatenate([group_before, group]), return_inverse=True)
        group_before, group, places = both[: len(before.tag)], both[len(before.tag) :], len(groups)
    size = np.bincount(group, minlength=places).astype(np.float64)
    cos, sin = summed(group, np.cos(doubled), places), summed(group, np.sin(doubled), places)
    for sums, earlier in ((size, before.size), (cos, before.cos), (sin, before.sin)):
        sums[group_before] += earlier
    if groups is None:
        groups = (size > 0.0).nonzero()[0]
        size, cos, sin = size[groups], cos[groups], sin[groups]
    owner, place = np.divmod(groups, max(antennas * channels, 1))
    return Phases(owner, *np.divmod(place, max(channels, 1)), size, cos, sin)


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
