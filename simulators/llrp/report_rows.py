"""Rows of tag reports: from singulations to TagReportData, with the accumulation the standard allows.

LLRP 1.0.1 §13.2.3 TagReportData: a reader may fold several observations of a tag into one report as long as the EPC,
the results of operations and every enabled identifier (ROSpecID, SpecIndex, InventoryParameterSpecID, AntennaID,
AccessSpecID) are the same. PeakRSSI is then the maximum, ChannelIndex the first, FirstSeen and LastSeen the first and
the last, TagSeenCount the number. Values of single observations (vendor phase, Doppler) forbid folding.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulators.llrp.radio import Singulations


@dataclass(frozen=True, slots=True)
class Origin:
    """What was running when the rows were heard."""

    rospec_id: int
    spec_index: int
    inventory_parameter_spec_id: int


@dataclass(frozen=True, slots=True)
class ReportRows:
    """n reports of one origin, one column each; times are the reader's own microseconds.

    `count` is TagSeenCount, saturating at 65,535. `results` holds, for the few rows an AccessSpec worked on, the
    AccessSpecID and the encoded operation results.
    """

    origin: Origin
    epc: NDArray[np.uint8]
    epc_bits: NDArray[np.uint16]
    antenna: NDArray[np.uint16]
    peak_rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    count: NDArray[np.uint16]
    phase_rad: NDArray[np.float32]
    doppler_hz: NDArray[np.float32]
    results: dict[int, tuple[int, bytes]]

    def __len__(self) -> int:
        return len(self.count)

    def part(self, start: int, stop: int) -> "ReportRows":
        """Rows `start` to `stop`."""
        rows = slice(start, stop)
        return replace(
            self,
            epc=self.epc[rows],
            epc_bits=self.epc_bits[rows],
            antenna=self.antenna[rows],
            peak_rssi_dbm=self.peak_rssi_dbm[rows],
            channel=self.channel[rows],
            first_us=self.first_us[rows],
            last_us=self.last_us[rows],
            count=self.count[rows],
            phase_rad=self.phase_rad[rows],
            doppler_hz=self.doppler_hz[rows],
            results={row - start: result for row, result in self.results.items() if start <= row < stop},
        )

    def without(self, left_out: set[int]) -> "ReportRows":
        """The other rows."""
        parts = []
        start = 0
        for row in (*sorted(left_out), len(self)):
            if row > start:
                parts.append(self.part(start, row))
            start = row + 1
        return joined(parts) if parts else self.part(0, 0)


def rows_of(
    reads: Singulations, origin: Origin, shift_us: int, results: dict[int, tuple[int, bytes]] | None = None
) -> ReportRows:
    """One row per singulation; `shift_us` turns plant time into the reader's time."""
    reader_us = reads.time_us + shift_us
    return ReportRows(
        origin=origin,
        epc=reads.epc,
        epc_bits=reads.epc_bits,
        antenna=reads.antenna,
        peak_rssi_dbm=reads.rssi_dbm,
        channel=reads.channel,
        first_us=reader_us,
        last_us=reader_us,
        count=np.ones(len(reads), np.uint16),
        phase_rad=reads.phase_rad,
        doppler_hz=reads.doppler_hz,
        results=results or {},
    )


def joined(parts: list[ReportRows]) -> ReportRows:
    """The rows of several parts of one origin, in order."""
    if len(parts) == 1:
        return parts[0]
    results: dict[int, tuple[int, bytes]] = {}
    start = 0
    for part in parts:
        results.update({start + row: result for row, result in part.results.items()})
        start += len(part)
    width = max(part.epc.shape[1] for part in parts)
    return ReportRows(
        origin=parts[0].origin,
        epc=np.concatenate([_widened(part.epc, width) for part in parts]),
        epc_bits=np.concatenate([part.epc_bits for part in parts]),
        antenna=np.concatenate([part.antenna for part in parts]),
        peak_rssi_dbm=np.concatenate([part.peak_rssi_dbm for part in parts]),
        channel=np.concatenate([part.channel for part in parts]),
        first_us=np.concatenate([part.first_us for part in parts]),
        last_us=np.concatenate([part.last_us for part in parts]),
        count=np.concatenate([part.count for part in parts]),
        phase_rad=np.concatenate([part.phase_rad for part in parts]),
        doppler_hz=np.concatenate([part.doppler_hz for part in parts]),
        results=results,
    )


def _widened(epc: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    if epc.shape[1] == width:
        return epc
    wide = np.zeros((len(epc), width), np.uint8)
    wide[:, : epc.shape[1]] = epc
    return wide


def identities(rows: ReportRows, *, by_antenna: bool) -> NDArray[np.intp]:
    """A small integer per row, equal exactly where two rows may be folded; numbered by first appearance.

    A row with operation results is only ever equal to itself.
    """
    width = rows.epc.shape[1]
    keys = np.zeros((len(rows), width + 8), np.uint8)
    keys[:, :width] = rows.epc
    keys[:, width : width + 2] = rows.epc_bits.astype(">u2").view(np.uint8).reshape(-1, 2)
    if by_antenna:
        keys[:, width + 2 : width + 4] = rows.antenna.astype(">u2").view(np.uint8).reshape(-1, 2)
    for row in rows.results:
        keys[row, width + 4 :] = np.frombuffer((row + 1).to_bytes(4, "big"), np.uint8)
    as_bytes = keys.view(f"S{width + 8}")[:, 0]
    _, first, inverse = np.unique(as_bytes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


def folded(rows: ReportRows, identity: NDArray[np.intp]) -> ReportRows:
    """One row per identity, in order of first appearance."""
    groups = int(identity.max()) + 1 if len(rows) else 0
    if groups == len(rows):
        return rows
    first = np.full(groups, len(rows), np.intp)
    np.minimum.at(first, identity, np.arange(len(rows)))
    peak = np.full(groups, -np.inf, np.float32)
    np.maximum.at(peak, identity, rows.peak_rssi_dbm)
    last_us = np.zeros(groups, np.int64)
    np.maximum.at(last_us, identity, rows.last_us)
    count = np.bincount(identity, weights=rows.count, minlength=groups)
    return replace(
        rows,
        epc=rows.epc[first],
        epc_bits=rows.epc_bits[first],
        antenna=rows.antenna[first],
        peak_rssi_dbm=peak,
        channel=rows.channel[first],
        first_us=rows.first_us[first],
        last_us=last_us,
        count=np.minimum(count, 0xFFFF).astype(np.uint16),
        phase_rad=rows.phase_rad[first],
        doppler_hz=rows.doppler_hz[first],
        results={int(identity[row]): result for row, result in rows.results.items()},
    )
