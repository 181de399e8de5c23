"""From reads to Sightings: group by tag, antenna and window of reader time, and reduce each group. Columns throughout.

A window is `window_ms` of reader time, aligned to the epoch; a read belongs to the window of its `first_us`. `seal`
reduces the reads of windows that are over and keeps those of the current and the next one, so that one tag at one
antenna in one window is one Sighting. Reads further ahead are from a clock that is wrong and are not waited for. A late
read, one of a window sealed before, makes a further Sighting of that window: nothing is dropped.

What a Sighting says of its reads (a report that stands for k reads, TagSeenCount, counts k times):

- `reads` Σ k; `power_mw` Σ k·10^(rssi/10) over reads with RSSI; `peak_dbm` the highest RSSI.
- `channel` the one with most reads, the lowest of equals. Phase is compared within it only, because it jumps by an
  arbitrary amount from channel to channel.
- `phase_rad` is the circular mean. Many readers report phase with an ambiguity of π: when doubled phases agree better
  than the phases themselves, the mean is that of the doubled ones, halved, in [0, π); else it is in [0, 2π).
- `phase_slope_rad_s` is the least squares slope of the phase unwrapped modulo π (so a flip by π is no step; steps of
  π/2 and more alias), NaN with less than two phases at different times.
- `doppler_hz` the mean of what was reported.

Deterministic: rows depend on what each reader reported in which order, not on how readers interleaved or on how a
report was cut into batches. Sightings are ordered by `first_us`, equals by tag (order of appearance), antenna, window.
"""

import numpy as np
from numpy.typing import NDArray

from edge.grouping import dense, lengths_of, radix_order, starts_of, tag_ids
from edge.phase import phase_of_runs
from edge.read_rows import ReadRows, stacked
from readers.model import ReadBatch
from stream.model import EMPTY, Sightings
from warehouse.site import AntennaRef

_LN10_OVER_10 = np.log(10.0) / 10.0


class Reducer:
    """Collects ReadBatches and reduces them at each seal. Bounded by what arrives in two windows."""

    def __init__(self, window_ms: int) -> None:
        if window_ms < 1:
            raise ValueError(f"window_ms {window_ms} is below 1")
        self._window_us = window_ms * 1000
        self._batches: list[ReadBatch] = []

    @property
    def pending_reads(self) -> int:
        """Reads taken and not yet sealed."""
        return sum(map(len, self._batches))

    @property
    def oldest_us(self) -> int | None:
        """When the oldest read not yet sealed was first seen; None without any."""
        return min((int(batch.first_us.min()) for batch in self._batches), default=None)

    def add(self, batch: ReadBatch) -> None:
        """Take reads; the batch must not be changed afterwards."""
        if len(batch):
            self._batches.append(batch)

    def seal(self, until_us: int | None = None) -> Sightings:
        """Reduce all reads but those of the window `until_us` lies in and of the one after it; None: all reads."""
        due, self._batches = self._batches, []
        if until_us is not None:
            due, self._batches = self._split(due, until_us - until_us % self._window_us)
        return _reduce(stacked(due), self._window_us) if due else EMPTY

    def _split(self, batches: list[ReadBatch], bound_us: int) -> tuple[list[ReadBatch], list[ReadBatch]]:
        due: list[ReadBatch] = []
        waiting: list[ReadBatch] = []
        for batch in batches:
            waits = (batch.first_us >= bound_us) & (batch.first_us < bound_us + 2 * self._window_us)
            if not waits.any():
                due.append(batch)
            elif waits.all():
                waiting.append(batch)
            else:
                due.append(_rows_where(batch, ~waits))
                waiting.append(_rows_where(batch, waits))
        return due, waiting


def _rows_where(batch: ReadBatch, keep: NDArray[np.bool_]) -> ReadBatch:
    columns = (getattr(batch, name)[keep] for name in ReadBatch.__slots__[1:])
    return ReadBatch(batch.reader, *columns)


def _reduce(rows: ReadRows, window_us: int) -> Sightings:
    tag, tag_row = tag_ids(rows.words)
    ports = int(rows.antenna.max()) + 1
    antenna, antenna_codes = dense(rows.reader * ports + rows.antenna, ports * len(rows.readers))
    window, windows = _numbered_windows(rows.first_us // window_us)
    channel, channels = dense(rows.channel.astype(np.int64), int(rows.channel.max()) + 1)
    order, run_group = _runs(tag, antenna, window, channel, (len(antenna_codes), windows, len(channels), len(tag_row)))

    # A run is one channel of one group; groups are consecutive runs.
    run_start, run_of_group_start, group_start = run_group
    count = rows.count[order].astype(np.int64)
    rssi = rows.rssi_dbm[order]
    unknown = np.isnan(rssi)
    power = np.exp(rssi.astype(np.float64) * _LN10_OVER_10) * count
    power[unknown] = 0.0
    first = np.minimum.reduceat(rows.first_us[order], group_start)
    run_reads = np.add.reduceat(count, run_start)
    best_run = _most_read(run_reads, run_of_group_start)
    doppler, phase = rows.doppler_hz[order], rows.phase_rad[order]
    mean, slope = phase_of_runs(phase, rows.first_us[order], run_start, best_run)

    base_us = int(first.min())
    span_us = int(first.max()) - base_us
    final = radix_order(first - base_us, span_us + 1)
    head = order[group_start]
    return Sightings(
        tags=_texts(rows.words, tag_row),
        antennas=tuple(AntennaRef(rows.readers[code // ports], code % ports) for code in antenna_codes.tolist()),
        tag=tag[head][final].astype(np.uint32),
        antenna=antenna[head][final].astype(np.uint16),
        first_us=first[final],
        last_us=np.maximum.reduceat(rows.last_us[order], group_start)[final],
        reads=np.add.reduceat(count, group_start)[final].astype(np.uint32),
        power_mw=np.add.reduceat(power, group_start)[final],
        peak_dbm=np.fmax.reduceat(rssi, group_start)[final],
        channel=rows.channel[order][run_start[best_run]][final],
        phase_rad=mean[final],
        phase_slope_rad_s=slope[final],
        doppler_hz=_mean(doppler, group_start)[final],
    )


def _numbered_windows(window: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    base, top = int(window.min()), int(window.max())
    if top - base < 65536:
        return window - base, top - base + 1
    distinct, number = np.unique(window, return_inverse=True)  # a clock gone wild: years between two windows
    return number.reshape(-1), len(distinct)


def _runs(
    tag: NDArray[np.int64],
    antenna: NDArray[np.int64],
    window: NDArray[np.int64],
    channel: NDArray[np.int64],
    sizes: tuple[int, int, int, int],
) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Rows in order of (tag, antenna, window, channel), and where runs, groups in runs, and groups in rows begin."""
    antennas, windows, channels, tags = sizes
    bound = tags * antennas * windows * channels
    if bound < 2**63:
        group = (tag * antennas + antenna) * windows + window
        key = group * channels + channel if channels > 1 else group
        order = radix_order(key, bound)
        run_start = starts_of(key[order])
        if channels == 1:
            return order, (run_start, np.arange(len(run_start)), run_start)
        in_runs = starts_of(group[order[run_start]])
        return order, (run_start, in_runs, run_start[in_runs])
    order = np.lexsort((channel, window, antenna, tag))
    new_group = np.zeros(len(order), np.bool_)
    for column in (tag, antenna, window):
        sorted_column = column[order]
        new_group[1:] |= sorted_column[1:] != sorted_column[:-1]
    group = np.cumsum(new_group)
    run_start = starts_of(group * channels + channel[order])
    in_runs = starts_of(group[run_start])
    return order, (run_start, in_runs, run_start[in_runs])


def _most_read(run_reads: NDArray[np.int64], group_start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each group its run with most reads, the first of equals."""
    if len(run_reads) == len(group_start):
        return group_start
    most = np.maximum.reduceat(run_reads, group_start)
    sizes = lengths_of(group_start, len(run_reads))
    candidates = np.flatnonzero(run_reads == np.repeat(most, sizes))
    group = np.repeat(np.arange(len(group_start)), sizes)[candidates]
    return candidates[starts_of(group)]


def _mean(values: NDArray[np.float32], start: NDArray[np.int64]) -> NDArray[np.float32]:
    known = ~np.isnan(values)
    if not known.any():
        return np.full(len(start), np.nan, np.float32)
    total = np.add.reduceat(np.where(known, values, np.float32(0)).astype(np.float64), start)
    number = np.add.reduceat(known.astype(np.int64), start)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan).astype(np.float32)


def _texts(words: NDArray[np.uint64], rows: NDArray[np.int64]) -> tuple[str, ...]:
    chosen = words[rows]
    lengths = chosen[:, -1]
    epcs = np.ascontiguousarray(chosen[:, :-1]).view(np.uint8)
    length = int(lengths[0])
    if (lengths == length).all() and length:
        text = np.ascontiguousarray(epcs[:, :length]).tobytes().hex().upper()
        step = 2 * length
        return tuple([text[at : at + step] for at in range(0, len(text), step)])
    return tuple(epc[:size].tobytes().hex().upper() for epc, size in zip(epcs, lengths.tolist(), strict=True))
